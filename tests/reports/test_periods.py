"""Named periods on any day: they hold the day they are of, and meet the one before."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.reports.periods import NAMES, Days, before, days_of, year_before

days = st.dates(date(2000, 1, 1), date(2099, 12, 31))
CALENDAR = [name for name in NAMES if name not in ("all", "last-12-months")]
ONE = timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "on", "first", "last"),
    [
        ("this-month", "2026-02-10", "2026-02-01", "2026-02-28"),
        ("last-month", "2026-01-31", "2025-12-01", "2025-12-31"),
        ("this-quarter", "2026-05-01", "2026-04-01", "2026-06-30"),
        ("last-quarter", "2026-02-01", "2025-10-01", "2025-12-31"),
        ("this-term", "2025-11-27", "2025-07-01", "2025-12-31"),
        ("last-term", "2025-11-27", "2025-01-01", "2025-06-30"),
        ("this-term", "2026-03-01", "2026-01-01", "2026-06-30"),
        ("last-term", "2026-03-01", "2025-07-01", "2025-12-31"),
        ("this-school-year", "2026-03-01", "2025-07-01", "2026-06-30"),
        ("last-school-year", "2026-03-01", "2024-07-01", "2025-06-30"),
        ("this-year", "2026-03-01", "2026-01-01", "2026-12-31"),
        ("last-year", "2026-03-01", "2025-01-01", "2025-12-31"),
        ("last-12-months", "2026-03-01", "2025-03-02", "2026-03-01"),
        ("last-12-months", "2024-02-29", "2023-03-01", "2024-02-29"),
        ("last-week", "2026-11-27", "2026-11-16", "2026-11-22"),
    ],
)
def test_a_name_means_these_days(name: str, on: str, first: str, last: str) -> None:
    told = Days(date.fromisoformat(first), date.fromisoformat(last))
    assert days_of(name, date.fromisoformat(on)) == told


def test_from_the_beginning_has_no_end() -> None:
    assert days_of("all", date(2026, 1, 1)) == Days(None, None)
    with pytest.raises(ValueError, match="both ends"):
        before("all", Days(None, None), date(2026, 1, 1))
    with pytest.raises(KeyError):
        days_of("this-fortnight", date(2026, 1, 1))


@given(st.sampled_from([*CALENDAR, "last-12-months"]), days)
def test_what_was_before_ends_the_day_before(name: str, on: date) -> None:
    now = days_of(name, on)
    then = before(name, now, on)
    assert (now.is_bounded, then.is_bounded) == (True, True)
    assert now.first
    assert now.last
    assert then.first
    assert then.last
    assert then.first <= then.last == now.first - ONE
    if name.startswith("this-"):
        assert now.first <= on <= now.last
        # What is the period before is what `last-` names.
        assert then == days_of(f"last-{name.removeprefix('this-')}", on)


@given(days, st.integers(0, 800))
def test_days_by_hand_are_compared_with_as_many(first: date, more: int) -> None:
    now = Days(first, first + timedelta(days=more))
    then = before(None, now, first)
    assert then.first
    assert then.last == first - ONE
    # Whole months are compared with whole months, and those differ by days.
    assert abs((then.last - then.first).days - more) <= 3


@given(st.sampled_from([*CALENDAR, "last-12-months"]), days)
def test_days_written_out_are_compared_with_what_their_name_is(name: str, on: date) -> None:
    now = days_of(name, on)
    if name == "last-12-months" and (on + ONE).day > 28:
        return
    assert before(None, now, on) == before(name, now, on)


@given(st.sampled_from(["this-month", "this-quarter", "this-term", "this-year"]), days)
def test_a_year_earlier_is_the_same_period_of_that_year(name: str, on: date) -> None:
    then = year_before(days_of(name, on))
    assert then == days_of(name, on.replace(year=on.year - 1, day=min(on.day, 28)))
