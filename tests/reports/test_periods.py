"""Named periods on any day: they hold the day they are of, and meet the one before."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.reports.periods import NAMES, Days, as_far, before, days_of, goes_on, year_before

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
    # Whole months are compared with whole months, and those differ by days: by four where it is a
    # February more, and the leap one on the other side.
    assert abs((then.last - then.first).days - more) <= 4


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


@pytest.mark.parametrize(
    ("name", "compare", "on", "first", "last"),
    [
        # Three weeks of a term stand beside three weeks.
        ("this-term", "before", "2026-07-21", "2026-01-01", "2026-01-21"),
        ("this-term", "year", "2026-07-21", "2025-07-01", "2025-07-21"),
        ("this-school-year", "before", "2026-11-28", "2025-07-01", "2025-11-28"),
        ("this-year", "before", "2026-11-28", "2025-01-01", "2025-11-28"),
        ("this-quarter", "before", "2026-11-28", "2026-07-01", "2026-08-28"),
        # The first day beside the first day.
        ("this-month", "before", "2026-11-01", "2026-10-01", "2026-10-01"),
        # Never past its own end: February has no 30 days.
        ("this-month", "before", "2026-03-30", "2026-02-01", "2026-02-28"),
        ("this-month", "before", "2024-03-30", "2024-02-01", "2024-02-29"),
        # As many days in a leap year; a year earlier the same dates.
        ("this-school-year", "before", "2024-03-01", "2022-07-01", "2023-03-02"),
        ("this-year", "year", "2024-03-01", "2023-01-01", "2023-03-01"),
        ("this-year", "year", "2024-02-29", "2023-01-01", "2023-02-28"),
        ("this-year", "year", "2025-02-28", "2024-01-01", "2024-02-28"),
        # On its last day a period is whole, and so is what it is compared with.
        ("this-term", "before", "2026-12-31", "2026-01-01", "2026-06-30"),
        ("this-month", "before", "2026-03-31", "2026-02-01", "2026-02-28"),
        ("last-term", "before", "2026-11-28", "2025-07-01", "2025-12-31"),
        # Days by hand, up to one that is still to come, and not begun at all.
        (("2026-11-20", "2026-12-09"), "before", "2026-11-28", "2026-10-31", "2026-11-08"),
        (("2026-11-01", "2026-11-30"), "before", "2026-11-28", "2026-10-01", "2026-10-28"),
        (("2026-11-20", "2026-12-09"), "year", "2026-11-28", "2025-11-20", "2025-11-28"),
        (("2024-02-29", "2024-03-31"), "year", "2024-02-29", "2023-02-28", "2023-02-28"),
        (("2027-01-01", "2027-01-31"), "before", "2026-11-28", "2026-12-01", "2026-12-31"),
    ],
)
def test_what_is_not_over_is_compared_with_as_much_of_the_other(
    name: str | tuple[str, str], compare: str, on: str, first: str, last: str
) -> None:
    day = date.fromisoformat(on)
    named = name if isinstance(name, str) else None
    now = days_of(name, day) if isinstance(name, str) else Days(*map(date.fromisoformat, name))
    then = before(named, now, day) if compare == "before" else year_before(now)
    told = Days(date.fromisoformat(first), date.fromisoformat(last))
    assert as_far(then, now, day, compare) == told


@given(days, st.integers(0, 800), days, st.sampled_from(["before", "year"]))
def test_what_is_compared_is_never_more_than_there_is(
    first: date, more: int, on: date, compare: str
) -> None:
    now = Days(first, first + timedelta(days=more))
    whole = before(None, now, on) if compare == "before" else year_before(now)
    then = as_far(whole, now, on, compare)
    assert whole.first
    assert whole.last
    assert then.first == whole.first
    assert then.last
    assert whole.first <= then.last <= whole.last
    if not goes_on(now, on):
        assert then == whole
    else:
        # A year earlier a leap day may be between.
        assert (then.last - then.first).days <= (on - first).days + (compare == "year")
