"""The clock: each occurrence once, in the campaign's time zone, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.core import outbox, schedule
from crm.core.schedule import Daily, Every, Monthly, Schedule, Weekly, When

NEW_YORK = ZoneInfo("America/New_York")
RULES = [Every(15), Every(60), Daily(2, 30), Daily(0), Weekly(6, 2), Monthly(31, 3), Monthly(1, 0)]


@pytest.fixture
def clock(any_app: Flask) -> list[date]:
    """The days something daily at half past two was done, in New York."""
    any_app.config["BABEL_DEFAULT_TIMEZONE"] = "America/New_York"
    any_app.extensions["crm_schedules"].clear()
    done: list[date] = []
    schedule.add(any_app, Schedule("daily", "Daily", Daily(2, 30), done.append))
    return done


def tick(at: datetime) -> None:
    """A minute of a worker."""
    schedule.tick(at)
    outbox.drain()


def test_it_works(clock: list[date]) -> None:
    start = datetime(2026, 5, 1, 12, tzinfo=UTC)
    tick(start)
    assert clock == []
    for hours in range(0, 50):
        tick(start + timedelta(hours=hours))
    assert clock == [date(2026, 5, 2), date(2026, 5, 3)]
    # Nobody was there for a week: once, and not seven times.
    tick(start + timedelta(days=9))
    assert clock[2:] == [date(2026, 5, 10)]


@pytest.mark.parametrize("first", [date(2026, 3, 6), date(2026, 10, 30)])
def test_a_night_that_is_longer_or_shorter(clock: list[date], first: date) -> None:
    # On 8 March half past two is not, on 1 November it is there once, after two ones.
    start = datetime(first.year, first.month, first.day, 12, tzinfo=UTC)
    for minutes in range(0, 4 * 24 * 60, 30):
        tick(start + timedelta(minutes=minutes))
    days = [(start + timedelta(days=n)).date() for n in range(1, 5)]
    assert clock == days[: len(clock)]
    assert len(clock) >= 3


def test_a_clock_that_is_set_back(clock: list[date]) -> None:
    start = datetime(2026, 5, 1, 12, tzinfo=UTC)
    tick(start)
    tick(start + timedelta(days=1))
    tick(start + timedelta(days=1, hours=-1))
    tick(start + timedelta(days=1))
    assert clock == [date(2026, 5, 2)]
    # It was ten years ahead, and is right again.
    tick(start + timedelta(days=3650))
    tick(start + timedelta(days=2))
    assert len(clock) == 2
    tick(start + timedelta(days=3))
    assert clock[2:] == [date(2026, 5, 4)]


@settings(max_examples=300, deadline=None)
@given(
    minutes=st.integers(0, 6 * 366 * 24 * 60),
    rule=st.sampled_from(RULES),
)
def test_no_occurrence_goes_backwards(minutes: int, rule: When) -> None:
    at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    now = at.astimezone(NEW_YORK)
    last = rule.last(now)
    # By the same clock face, as Python compares within a zone, and as time passes.
    assert last.astimezone(UTC) <= at
    later = rule.last((at + timedelta(minutes=61)).astimezone(NEW_YORK))
    assert later.astimezone(UTC) >= last.astimezone(UTC)
    assert rule.last(last.astimezone(UTC).astimezone(NEW_YORK)).astimezone(UTC) == last.astimezone(
        UTC
    )
