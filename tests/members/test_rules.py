"""What is true of members, chapters and roles."""

from datetime import date

import pytest
from flask import Flask

from crm.members import rules


@pytest.mark.parametrize(
    ("year", "today", "graduated"),
    [
        (2026, date(2026, 6, 30), False),
        (2026, date(2026, 7, 1), True),
        (2026, date(2025, 9, 1), False),
        (2027, date(2026, 12, 31), False),
        (2025, date(2026, 1, 1), True),
        (None, date(2026, 7, 1), False),
    ],
)
def test_it_works(year: int | None, today: date, graduated: bool) -> None:
    assert rules.has_graduated(year, today) is graduated


@pytest.mark.parametrize(
    ("left_on", "is_open"),
    [(None, True), (date(2026, 3, 2), True), (date(2026, 3, 1), False), (date(2020, 1, 1), False)],
)
def test_a_membership_lasts_until_its_last_day(left_on: date | None, is_open: bool) -> None:
    assert rules.is_open(left_on, date(2026, 3, 1)) is is_open


@pytest.mark.parametrize(
    ("given", "family", "key"),
    [
        ("Ana", "Núñez", "nunez ana"),
        ("Ana", None, "ana"),
        ("Mary-Jane", "O'Neil", "o neil mary jane"),
        ("Søren", "Đặng", "dang soren"),
    ],
)
def test_the_search_key_begins_with_the_family_name(
    given: str, family: str | None, key: str
) -> None:
    assert rules.search_key(given, family) == key


def test_a_long_name_makes_a_short_key() -> None:
    # One such character folds to eighteen.
    assert len(rules.search_key("\ufdfa" * 100, "\ufdfa" * 100)) <= 200


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ana \t María\n", "Ana María"),
        ("A\u202eanN\u202c", "AanN"),
        ("Nu\u0301n\u0303ez", "Núñez"),
        (None, ""),
    ],
)
def test_a_name_is_kept_without_what_cannot_be_seen(typed: str | None, kept: str) -> None:
    assert rules.clean_name(typed) == kept


@pytest.mark.parametrize("name", ["", "🙂", "...", "a" * 101, "A\x00b", "A\x07b"])
def test_what_is_no_name_is_told_so(app: Flask, name: str) -> None:
    assert rules.name_fault(name)


@pytest.mark.parametrize("name", ["Ana", "يوسف", "李", "Ana 🙂", "a" * 100])
def test_every_script_is_a_name(app: Flask, name: str) -> None:
    assert rules.name_fault(name) is None


@pytest.mark.parametrize(
    ("kind", "parent", "fits"),
    [
        ("school", "state", True),
        ("group", "school", True),
        ("state", "national", True),
        ("national", "school", False),
        ("state", "school", False),
        ("network", "national", False),
    ],
)
def test_a_wider_chapter_is_not_under_a_narrower(kind: str, parent: str, fits: bool) -> None:
    assert rules.fits_below(kind, parent) is fits
