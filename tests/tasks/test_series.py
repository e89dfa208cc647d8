"""Recurring tasks by the clock: the next one comes though the last was missed, and once."""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from crm.core import audit, db
from crm.members.models import Membership
from crm.tasks import series
from crm.tasks.models import Task
from crm.tasks.operations import Draft, add_tasks, cancel, follow, held
from crm.tasks.rules import OPEN, Repeats, State
from tests import make

MONDAY = date(2026, 5, 4)
_KEYS = iter(range(100_000))


@pytest.fixture
def there(any_app: Flask) -> SimpleNamespace:
    people = make.people()
    return SimpleNamespace(
        school=people.school_a.id, ana=make.member("Ana", "Brook", people.school_a).id
    )


def weekly(there: SimpleNamespace, **more: Any) -> int:
    with db.unit_of_work():
        values: dict[str, Any] = {
            "title": "Call the office", "chapter_id": there.school, "member_id": there.ana,
            "due_on": MONDAY, "repeats": Repeats.WEEKLY,
        }  # fmt: skip
        draft = Draft(**(values | more))
        return add_tasks([draft], by=None, today=MONDAY, client_key=f"series-{next(_KEYS)}")[0].id


def night(on: date) -> list[date | None]:
    with db.unit_of_work():
        return [task.due_on for task in series.go_on(on)]


def days(state: Any = OPEN) -> list[date | None]:
    db.rollback()
    return list(
        db.session.scalars(select(Task.due_on).where(Task.state.in_(state)).order_by(Task.due_on))
    )


def test_the_next_comes_though_the_last_was_missed(there: SimpleNamespace) -> None:
    weekly(there)
    assert night(MONDAY) == []
    assert night(MONDAY + timedelta(days=1)) == [MONDAY + timedelta(days=7)]
    assert night(MONDAY + timedelta(days=1)) == []
    assert days() == [MONDAY, MONDAY + timedelta(days=7)]
    next_one = db.session.scalars(select(Task).order_by(Task.id.desc())).first()
    assert next_one is not None
    assert next_one.member_id == there.ana
    assert next_one.repeats == Repeats.WEEKLY


def test_what_was_missed_for_long_is_not_made_up_for(there: SimpleNamespace) -> None:
    weekly(there)
    assert night(MONDAY + timedelta(days=30)) == [MONDAY + timedelta(days=35)]


def test_finishing_the_missed_one_makes_no_second(there: SimpleNamespace) -> None:
    first = weekly(there)
    night(MONDAY + timedelta(days=1))
    with db.unit_of_work():
        task = held(first)
        task.state = State.COMPLETED
        assert follow(task, today=MONDAY + timedelta(days=2)) == []
        audit.record("make", "test", None, by=None)
    assert days() == [MONDAY + timedelta(days=7)]


def test_three_open_ones_are_enough(there: SimpleNamespace) -> None:
    weekly(there)
    made = [night(MONDAY + timedelta(days=each)) for each in range(40)]
    assert len([each for each in made if each]) == series.MOST_OPEN - 1
    with db.unit_of_work():
        oldest = db.session.scalars(select(Task.id).order_by(Task.id).limit(1)).one()
        cancel([oldest], by=None, today=MONDAY + timedelta(days=41))
    assert night(MONDAY + timedelta(days=41)) != []


def test_it_ends(there: SimpleNamespace) -> None:
    weekly(there, repeats_until=MONDAY + timedelta(days=6))
    assert night(MONDAY + timedelta(days=1)) == []


def test_who_left_gets_nothing_more(there: SimpleNamespace) -> None:
    weekly(there)
    with db.unit_of_work():
        db.session.execute(update(Membership).values(left_on=MONDAY))
        audit.record("make", "test", None, by=None)
    assert night(MONDAY + timedelta(days=1)) == []


@given(
    repeats=st.sampled_from(list(Repeats)),
    start=st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    nights=st.lists(st.integers(0, 90), min_size=1, max_size=12),
    done=st.lists(st.booleans(), min_size=12, max_size=12),
)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_never_twice_for_one_day(
    there: SimpleNamespace, repeats: Repeats, start: date, nights: list[int], done: list[bool]
) -> None:
    with db.unit_of_work():
        db.session.execute(update(Task).values(first_id=None))
        db.session.execute(delete(Task))
        audit.record("make", "test", None, by=None)
    weekly(there, due_on=start, repeats=repeats)
    for each, finish in zip(sorted(nights), done, strict=False):
        on = start + timedelta(days=each)
        night(on)
        if finish:
            with db.unit_of_work():
                task = held(db.session.scalars(
                    select(Task.id).where(Task.state.in_(OPEN)).order_by(Task.id).limit(1)
                ).one())  # fmt: skip
                task.state = State.COMPLETED
                follow(task, today=on)
                audit.record("make", "test", None, by=None)
    found = days(list(State))
    assert len(found) == len(set(found))
    assert len(days()) <= series.MOST_OPEN
