"""Who belonged to which bloc, and what texts of the campaign said of blocs on their days."""

from datetime import date

import pytest

from crm.targets.sources import governments
from crm.treaties import blocs, reference, rules
from crm.treaties.instruments import CCM, MBT, Instrument
from crm.treaties.rules import Event, Status

STATES = {dict(each.identifiers)["iso3166-alpha3"] for each in governments.read().targets}
AMERICAS = {
    dict(each.identifiers)["iso3166-alpha3"]
    for each in governments.read().targets
    if each.columns["region"] == "Americas"
}


def not_party(treaty: Instrument, on: date) -> set[str]:
    events = [
        Event(0, row.treaty, row.state, row.kind, row.on)
        for row in reference.rows()
        if row.treaty == treaty.key
    ]
    found = rules.standings(treaty, on, events, STATES)
    return {state for state, each in found.items() if each.status is not Status.PARTY}


def test_it_works() -> None:
    day = date(2022, 6, 21)
    outside = not_party(MBT, day)
    assert len(outside) == 33
    assert outside & blocs.members("eu", day) == set()
    assert outside & blocs.members("nato", day) == {"USA"}
    assert outside & blocs.members("oas", day) == outside & AMERICAS == {"USA", "CUB"}


def test_the_pacific_in_2020() -> None:
    day = date(2020, 11, 25)
    forum = blocs.members("pif", day)
    outside = not_party(CCM, day)
    assert forum - outside == {"AUS", "NZL", "COK", "FJI", "NRU", "NIU", "PLW", "WSM"}
    assert forum & outside == {"KIR", "MHL", "FSM", "PNG", "SLB", "TON", "TUV", "VUT"}


@pytest.mark.parametrize(
    ("bloc", "on", "number"),
    [
        ("eu", date(2003, 12, 31), 15),
        ("eu", date(2020, 1, 31), 28),
        ("eu", date(2020, 2, 1), 27),
        ("nato", date(1997, 12, 3), 16),
        ("nato", date(2023, 4, 3), 30),
        ("nato", date(2023, 4, 4), 31),
        ("nato", date(2024, 3, 7), 32),
        ("pif", date(2022, 7, 9), 16),
        ("pif", date(2022, 7, 10), 15),
        ("pif", date(2023, 2, 24), 16),
        ("au", date(2011, 7, 26), 52),
        ("au", date(2011, 7, 27), 53),
        ("au", date(2017, 1, 31), 54),
        ("oas", date(2023, 11, 18), 35),
        ("oas", date(2023, 11, 19), 34),
        ("asean", date(1997, 12, 3), 9),
        ("asean", date(2025, 10, 25), 10),
        ("asean", date(2025, 10, 26), 11),
    ],
)
def test_members_on_a_day(bloc: str, on: date, number: int) -> None:
    assert len(blocs.members(bloc, on)) == number


def test_the_table_holds_together() -> None:
    for each in blocs.memberships():
        assert each.state in STATES
        assert each.bloc in blocs.BLOCS
        assert each.source
        assert each.left_on is None or each.joined_on <= each.left_on
        assert each.day_known or each.joined_on < MBT.opened_on
    stays = [(each.bloc, each.state) for each in blocs.memberships() if each.left_on is None]
    assert len(stays) == len(set(stays))


def test_the_blocs_of_a_state() -> None:
    assert [each.key for each in blocs.blocs_of("FIN", date(2023, 4, 3))] == ["eu"]
    assert [each.key for each in blocs.blocs_of("FIN", date(2023, 4, 4))] == ["eu", "nato"]
    with pytest.raises(KeyError):
        blocs.members("moon", date(2023, 4, 4))
