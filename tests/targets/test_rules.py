"""Names, seats and typed lines, without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.targets import rules
from crm.targets.rules import Candidate, candidate

CAPITO = candidate(
    1, "Shelley Moore Capito", given="Shelley", additional="Moore", family="Capito",
    area="WV", role="Senator", office="U.S. Senator for West Virginia (class 2)",
)  # fmt: skip
MOORE = candidate(
    2, "Riley M. Moore", given="Riley", additional="M.", family="Moore", area="WV",
    role="Representative",
)  # fmt: skip
GWEN = candidate(3, "Gwen Moore", given="Gwen", family="Moore", area="WI", role="Representative")
TIM = candidate(
    4, "Tim Moore", given="Timothy", nickname="Tim", family="Moore", role="Senator", area="NC"
)
LUJAN = candidate(5, "Ben Ray Luján", given="Ben", additional="Ray", family="Luján", area="NM")
NIUE = candidate(6, "Niue", codes=["NU", "NIU"])
GUINEA = candidate(7, "Guinea", codes=["GN"])
BISSAU = candidate(8, "Guinea-Bissau", codes=["GW"])
IVORY = candidate(9, "Côte d’Ivoire", nickname="Ivory Coast, Republic of Côte d'Ivoire")
ALL: list[Candidate] = [CAPITO, MOORE, GWEN, TIM, LUJAN, NIUE, GUINEA, BISSAU, IVORY]


@pytest.mark.parametrize(
    ("line", "name", "number"),
    [
        ("Capito 30", "Capito", 30),
        ("Sen. Shelley Moore Capito, 30", "Sen. Shelley Moore Capito", 30),
        ("Niue", "Niue", None),
        ("Niue: 12", "Niue", 12),
        ("Niue\t12", "Niue", 12),
        ("Niue x12", "Niue", 12),
        ("Niue 12x", "Niue", 12),
        ("12 × Niue", "Niue", 12),
        ("Capito, Shelley, 5", "Capito, Shelley", 5),
        ("  ", "", None),
        ("150", "150", None),
        ("Max 3", "Max", 3),
    ],
)
def test_it_works(line: str, name: str, number: int | None) -> None:
    assert rules.parse_line(line) == (name, number)


@pytest.mark.parametrize(
    ("line", "target_id"),
    [
        ("Capito 30", 1),
        ("Sen. Shelley Moore Capito, 30", 1),
        ("Capito, Shelley", 1),
        ("CAPITO", 1),
        ("shelley capito WV", 1),
        ("Capito West Virginia", 1),
        ("Rep. Riley Moore", 2),
        ("Senator Moore", 4),
        ("Hon. Tim Moore 4", 4),
        ("ben ray lujan", 5),
        ("Niue", 6),
        ("NU", 6),
        ("Guinea 3", 7),
        ("guinea bissau", 8),
        ("Ivory Coast", 9),
        ("Cote d'Ivoire", 9),
    ],
)
def test_sure(line: str, target_id: int) -> None:
    (match,) = rules.match_lines([line], ALL)
    assert (match.status, match.target_id) == ("sure", target_id)


@pytest.mark.parametrize(
    ("line", "among"),
    [
        ("Moore", {2, 3, 4}),
        ("Rep. Moore", {2, 3}),
        ("Capitto", {1}),
        ("Shelley", {1}),
        ("Guine", {7}),
        ("Moore WV", {1, 2}),
    ],
)
def test_what_could_be_several_or_is_only_near_is_offered(line: str, among: set[int]) -> None:
    (match,) = rules.match_lines([line], ALL)
    assert match.status == "unsure"
    assert {each.target_id for each in match.candidates} == among
    assert match.target_id is None


@pytest.mark.parametrize("line", ["Atlantis", "Sen.", "150", "?!"])
def test_none(line: str) -> None:
    (match,) = rules.match_lines([line], ALL)
    assert (match.status, match.candidates) == ("none", ())


def test_blank_lines_are_no_lines() -> None:
    assert rules.match_lines(["", "  ", ",;"], ALL) == []


@given(st.text(max_size=60))
def test_any_text_is_answered(line: str) -> None:
    for match in rules.match_lines([line], ALL):
        assert (match.status == "none") == (not match.candidates)
        assert match.status != "sure" or len(match.candidates) == 1


@given(
    st.sampled_from(ALL), st.integers(0, 999_999), st.sampled_from([" ", ", ", ": ", "\t", " x"])
)
def test_a_full_name_with_a_number_is_always_found(
    each: Candidate, number: int, between: str
) -> None:
    (match,) = rules.match_lines([f"{each.name}{between}{number}"], ALL)
    assert (match.target_id, match.number) == (each.target_id, number)


@pytest.mark.parametrize(
    ("area", "district", "label", "division"),
    [
        ("WV", 1, "U.S. Representative for West Virginia, district 1", "state:wv/cd:1"),
        ("AK", 0, "U.S. Representative for Alaska, at large", "state:ak"),
        ("GU", 0, "U.S. Delegate for Guam", "territory:gu"),
        ("DC", 0, "U.S. Delegate for the District of Columbia", "district:dc"),
        ("PR", 0, "Resident Commissioner of Puerto Rico", "territory:pr"),
        ("MT", -1, "U.S. Representative for Montana, district unknown", "state:mt"),
    ],
)
def test_house_seats(area: str, district: int, label: str, division: str) -> None:
    seat = rules.house_seat(area, district)
    assert (seat.label, seat.division) == (label, f"ocd-division/country:us/{division}")
    assert seat.key == f"us/house/{area}/{district}"


def test_senate_seat() -> None:
    seat = rules.senate_seat("WV", 2)
    assert seat.label == "U.S. Senator for West Virginia (class 2)"
    assert (seat.key, seat.division) == ("us/senate/WV/2", "ocd-division/country:us/state:wv")


def test_names() -> None:
    assert rules.full_name("Ann", "Lee", additional="B.", suffix="Jr.") == "Ann B. Lee Jr."
    assert rules.sort_name("Ann Núñez", "Ann", "Núñez") == "nunez ann"
    assert rules.sort_name("Côte d’Ivoire", None, None) == "cote d ivoire"
    assert rules.searchable("Ann Núñez", None, "WV") == " ann nunez wv "
