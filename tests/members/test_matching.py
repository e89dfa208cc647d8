"""Whom a typed name means, and what a pasted list says."""

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.core.text import fold
from crm.members.matching import (
    OFFERED,
    Candidate,
    Match,
    Reason,
    match_names,
    parse_roster,
    split_name,
)

ANA = Candidate(1, "Ana", "Núñez", "Alder")
JOHN = Candidate(2, "John", "Smith", "Alder")
JANE = Candidate(3, "Jane", "Smith", "Birch")
ALEX = Candidate(4, "Alexandra", "van der Berg", "Alder")
SAM = Candidate(5, "Sam", None, "Alder")
LIZ = Candidate(6, "Elizabeth", "Okafor", "Alder")
ALL = [ANA, JOHN, JANE, ALEX, SAM, LIZ]


def match(typed: str, *candidates: Candidate) -> Match:
    return match_names([typed], candidates or ALL)[0]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Ana Núñez", ANA),
        ("ana nunez", ANA),
        ("ANA  NÚÑEZ", ANA),
        ("Núñez, Ana", ANA),
        ("Nunez Ana", ANA),
        ("Alexandra van der Berg", ALEX),
        ("van der Berg, Alexandra", ALEX),
        ("sam", SAM),
    ],
)
def test_it_works(typed: str, meant: Candidate) -> None:
    assert match(typed).sure == meant


@pytest.mark.parametrize(
    ("typed", "offered", "reason"),
    [
        ("J. Smith", [JOHN, JANE], Reason.INITIAL),
        ("Smith, J", [JOHN, JANE], Reason.INITIAL),
        ("Ana N.", [ANA], Reason.INITIAL),
        ("Alex van der Berg", [ALEX], Reason.NICKNAME),
        ("Betsy Okafor", [LIZ], Reason.NICKNAME),
        ("Jon Smith", [JOHN], Reason.ALIKE),
        ("Ann Nunez", [ANA], Reason.ALIKE),
        ("Ana García Núñez", [ANA], Reason.PART),
        ("Ana", [ANA], Reason.GIVEN),
        ("Smith", [JOHN, JANE], Reason.GIVEN),
        ("Samuel", [SAM], Reason.GIVEN),
    ],
)
def test_the_unsure_is_offered_with_its_reason(
    typed: str, offered: list[Candidate], reason: Reason
) -> None:
    found = match(typed)
    assert found.is_unsure
    assert [each.candidate for each in found.unsure] == offered
    assert found.unsure[0].reason is reason


def test_two_of_the_same_name_are_never_chosen_between() -> None:
    found = match("ana nunez", ANA, Candidate(9, "Ana", "Nunez", "Birch"))
    assert found.sure is None
    assert [each.candidate.id for each in found.unsure] == [1, 9]
    assert {each.reason for each in found.unsure} == {Reason.EXACT}


def test_a_name_and_its_mirror_are_asked_about() -> None:
    found = match(
        "James Thomas", Candidate(1, "James", "Thomas", ""), Candidate(2, "Thomas", "James", "")
    )
    assert found.sure is None
    assert len(found.unsure) == 2


def test_a_first_name_alone_is_not_sure_while_others_have_it() -> None:
    found = match("Ana", Candidate(7, "Ana", None, "Alder"), ANA)
    assert found.sure is None
    assert [each.candidate.id for each in found.unsure] == [7, 1]


def test_the_new_is_split_for_the_form() -> None:
    found = match("Haddad, Omar")
    assert found.is_new
    assert (found.given_name, found.family_name) == ("Omar", "Haddad")


@pytest.mark.parametrize(
    ("typed", "given_name", "family_name"),
    [
        ("Omar", "Omar", None),
        ("Omar Haddad", "Omar", "Haddad"),
        ("Mary Jane Watson", "Mary Jane", "Watson"),
        ("Ludwig van der Berg", "Ludwig", "van der Berg"),
        ("John Smith Jr.", "John", "Smith Jr."),
        ("Smith, Jr.", "Smith", "Jr."),
        ("Núñez García, Ana María", "Ana María", "Núñez García"),
        (", Ana", "Ana", None),
        ("", "", None),
    ],
)
def test_names_are_split(typed: str, given_name: str, family_name: str | None) -> None:
    assert split_name(typed) == (given_name, family_name)


def test_two_lines_for_one_member_are_reported() -> None:
    found = match_names(["Ana Núñez", "John Smith", "nunez, ana", "New Face", "face new"], ALL)
    assert [each.repeats for each in found] == [None, None, 0, None, 3]


def test_at_most_five_are_offered() -> None:
    many = [Candidate(number, "Ana", "Núñez", f"School {number}") for number in range(1, 20)]
    assert len(match("Ana Núñez", *many).unsure) == OFFERED


def test_nothing_means_nobody() -> None:
    assert match("  ").is_new
    assert match_names([], ALL) == []
    assert match("Ana Núñez", Candidate(1, "🙂", None, "")).is_new


# Whatever is typed

words = st.text("abcdeñéøİß -'.李", min_size=1, max_size=8)
people = st.lists(
    st.builds(Candidate, st.integers(1, 30), words, st.none() | words, st.just("Alder")),
    max_size=12,
    unique_by=lambda each: each.id,
)
many = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@many
@given(st.lists(st.text(max_size=30), max_size=6), people)
def test_every_line_gets_exactly_one_answer(lines: list[str], candidates: list[Candidate]) -> None:
    found = match_names(lines, candidates)
    assert [each.typed for each in found] == lines
    for each in found:
        assert [each.is_sure, each.is_unsure, each.is_new].count(True) == 1
        assert len(each.unsure) <= OFFERED
        ids = [possible.candidate.id for possible in each.unsure]
        assert len(ids) == len(set(ids))


@many
@given(people, st.data())
def test_who_is_sure_has_that_name_and_nobody_else(
    candidates: list[Candidate], data: st.DataObject
) -> None:
    typed = data.draw(
        st.sampled_from(
            [f"{each.given_name} {each.family_name or ''}" for each in candidates] or ["nobody"]
        )
    )
    found = match_names([typed.upper()], candidates)[0]
    same = [
        each
        for each in candidates
        if fold(typed.upper())
        in (
            fold(f"{each.given_name} {each.family_name or ''}"),
            fold(f"{each.family_name or ''} {each.given_name}"),
        )
    ]
    if found.sure:
        assert same == [found.sure]
    elif fold(typed):
        assert len(same) != 1 or " " not in fold(typed)


@many
@given(st.text(max_size=30), people, st.randoms())
def test_the_order_of_the_members_does_not_matter(
    typed: str, candidates: list[Candidate], random: object
) -> None:
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert match_names([typed], candidates) == match_names([typed], shuffled)


# Rosters


@pytest.mark.parametrize(
    ("line", "name", "count"),
    [
        ("Ana Núñez", "Ana Núñez", None),
        ("Ana Núñez 5", "Ana Núñez", 5),
        ("Ana Núñez, 5", "Ana Núñez", 5),
        ("Ana Núñez\t5", "Ana Núñez", 5),
        ("5 x Ana Núñez", "Ana Núñez", 5),
        ("5x Ana Núñez", "Ana Núñez", 5),
        ("5 Ana Núñez", "Ana Núñez", 5),
        ("Núñez, Ana; 5", "Núñez, Ana", 5),
        ("Núñez, Ana, 5", "Núñez, Ana", 5),
        ('"Núñez, Ana",5', "Núñez, Ana", 5),
        ("Ana\tNúñez\t5", "Ana Núñez", 5),
        ("Ana Núñez x5", "Ana Núñez", 5),
        ("Ana Núñez × 5", "Ana Núñez", 5),
        ("Ana Núñez (5)", "Ana Núñez", 5),
        ("Ana Núñez: 5", "Ana Núñez", 5),
        ("Ana Núñez - 5", "Ana Núñez", 5),
        ("Ana Núñez – 5", "Ana Núñez", 5),
        ("1. Ana Núñez", "Ana Núñez", None),
        ("12) Ana Núñez 5", "Ana Núñez", 5),
        ("• Ana Núñez 5", "Ana Núñez", 5),
        ("Max 5", "Max", 5),
        ("Alex", "Alex", None),
        ("يوسف ٥", "يوسف", 5),
    ],
)
def test_a_roster_line_is_understood(app: Flask, line: str, name: str, count: int | None) -> None:
    (found,) = parse_roster(line)
    assert (found.name, found.count, found.error) == (name, count, None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("12", "no name"),
        ("🙂 4", "no name"),
        ("3 Ana 5", "one whole number"),
        ("Ana 2.5", "one whole number"),
        ("Ana -5", "one whole number"),
        ("Ana7", "one whole number"),
        ("Ana 0", "from 1 to"),
        ("Ana 10001", "from 1 to"),
        ("Ana " + "9" * 300, "from 1 to"),
        ("a" * 150 + " 3", "at most 100"),
        ("a" * 5000, "too long"),
    ],
)
def test_a_roster_line_that_is_off_says_why(app: Flask, line: str, words: str) -> None:
    _blank, _first, found = [None, *parse_roster(f"Ana 1\n\n{line}")]
    assert found.number == 3
    assert "Line 3:" in str(found.error)
    assert words in str(found.error)
    assert found.count is None


def test_line_numbers_are_those_of_the_text(app: Flask) -> None:
    assert [each.number for each in parse_roster("A\r\n\r\n  \nB\rC\n")] == [1, 4, 5]


@many
@given(st.text('Añ x×5٥-–,;:.\t\n()"0', max_size=60))
def test_any_text_is_read(app: Flask, text: str) -> None:
    for line in parse_roster(text):
        assert line.error or (line.name and (line.count is None or line.count >= 1))


def test_a_hostile_line_takes_no_time(app: Flask) -> None:
    for part in (" x", ", ", " - ", "1. ", "5 x "):
        assert len(parse_roster(part * 2000)) == 1
        assert len(parse_roster(part * 60)) == 1
