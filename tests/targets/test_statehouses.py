"""What the states call their chambers, seats and offices."""

import pytest

from crm.targets import statehouses
from crm.targets.rules import STATES


@pytest.mark.parametrize(
    ("area", "kind", "name", "role"),
    [
        ("WV", "upper", "West Virginia Senate", "Senator"),
        ("WV", "lower", "West Virginia House of Delegates", "Delegate"),
        ("VA", "lower", "Virginia House of Delegates", "Delegate"),
        ("CO", "lower", "Colorado House of Representatives", "Representative"),
        ("CA", "lower", "California State Assembly", "Assembly Member"),
        ("WI", "lower", "Wisconsin State Assembly", "Representative"),
        ("NE", "legislature", "Nebraska Legislature", "Senator"),
        ("DC", "legislature", "Council of the District of Columbia", "Councilmember"),
        ("MA", "legislature", "Massachusetts General Court", "Senator"),
    ],
)
def test_chambers(area: str, kind: str, name: str, role: str) -> None:
    found = statehouses.chamber(area, kind)
    assert (found.key, found.name, found.role) == (f"us-{area.lower()}/{kind}", name, role)


def test_every_state_has_its_chambers() -> None:
    one = {area for area in STATES if len(statehouses.chambers(area)) == 1}
    assert one == {"NE", "DC", "GU", "VI"}
    keys = [each.key for area in STATES for each in statehouses.chambers(area)]
    assert len(keys) == len(set(keys)) == 2 * len(STATES) - 4


@pytest.mark.parametrize(
    ("area", "kind", "district", "label", "division"),
    [
        ("WV", "upper", "1", "West Virginia State Senator, district 1",
         "ocd-division/country:us/state:wv/sldu:1"),
        ("WV", "lower", "14B", "West Virginia Delegate, district 14B",
         "ocd-division/country:us/state:wv/sldl:14b"),
        ("MA", "upper", "Barnstable, Dukes and Nantucket",
         "Massachusetts State Senator for Barnstable, Dukes and Nantucket",
         "ocd-division/country:us/state:ma/sldu:barnstable_dukes_and_nantucket"),
        ("MA", "lower", "3rd Worcester",
         "Massachusetts State Representative, district 3rd Worcester",
         "ocd-division/country:us/state:ma/sldl:3rd_worcester"),
        ("DC", "legislature", "Ward 3", "District of Columbia Councilmember, ward 3",
         "ocd-division/country:us/district:dc/ward:3"),
        ("DC", "legislature", "At-Large", "District of Columbia Councilmember, at large",
         "ocd-division/country:us/district:dc"),
        ("PR", "upper", "At-Large", "Puerto Rico State Senator, at large",
         "ocd-division/country:us/territory:pr"),
    ],
)  # fmt: skip
def test_seats(area: str, kind: str, district: str, label: str, division: str) -> None:
    seat = statehouses.seat(area, kind, district)
    assert (seat.label, seat.division, seat.district) == (label, division, district)
    assert seat.key == f"us-{area.lower()}/{kind}/{district}"


@pytest.mark.parametrize(
    ("kind", "place", "label", "key"),
    [
        ("governor", None, "Governor of West Virginia", "us-wv/executive/governor"),
        ("lt_governor", None, "Lieutenant Governor of West Virginia",
         "us-wv/executive/lt_governor"),
        ("secretary of state", None, "Secretary of State of West Virginia",
         "us-wv/executive/secretary of state"),
        ("mayor", "place:elm_town", "Mayor of Elm Town, WV",
         "us-wv/local/place:elm_town/mayor"),
    ],
)  # fmt: skip
def test_offices(kind: str, place: str | None, label: str, key: str) -> None:
    office = statehouses.office("WV", kind, place)
    assert (office.label, office.key, office.district) == (label, key, None)


def test_how_a_letter_begins() -> None:
    assert statehouses.salutation("Delegate", "Elm") == "Delegate Elm"
    assert statehouses.salutation("Secretary of State", "Elm") == "Secretary Elm"
