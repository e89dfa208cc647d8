"""What is kept of months is what the scans say, whatever is written, and whenever it is kept."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, current_app
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, update

from crm.core import audit, db
from crm.core.access import Scope
from crm.members.models import Chapter
from crm.outreach import kept, kept_months
from crm.outreach.kept_months import KeptMonth, KeptStale, Monthly, add
from crm.outreach.models import Action, ActionChapter, ActionTarget, Outcome, action_ask
from crm.outreach.queries import ActionFilter
from crm.targets.models import Target
from crm.tasks import hours_everywhere
from crm.tasks.hours import Span
from tests.outreach.test_kept import emptied, steps, take
from tests.reports.test_any_campaign import deeds, write
from tests.reports.test_any_campaign import world as world

EVERYWHERE = Scope(True, frozenset())
DAYS = [None, date(2025, 12, 15), date(2026, 1, 1), date(2026, 2, 28), date(2026, 3, 9)]
more_steps = st.one_of(
    steps,
    st.tuples(st.just("ask"), st.integers(0, 4)),
    st.tuples(st.just("move"), st.integers(0, 4), st.sampled_from(DAYS[1:])),
    st.tuples(st.just("came"), st.integers(0, 4), st.sampled_from(DAYS[1:])),
    st.tuples(st.just("region"), st.integers(0, 4), st.sampled_from([None, "Africa"])),
    st.tuples(st.just("keep")),
)


def scans() -> list[Monthly]:
    found: dict[str, Monthly] = current_app.extensions["crm_kept_months"]
    return list(found.values())


def step_of_months(world: dict[str, Any], step: tuple[Any, ...]) -> None:
    verb, *more = step
    actions = list(db.session.scalars(select(Action.id).order_by(Action.id)))
    if verb == "keep":
        kept_months.fold(patience=float("inf"))
    elif verb == "region":
        place, region = more
        targets = world["targets"]
        whose = Target.id == targets[place % len(targets)]
        db.session.execute(update(Target).where(whose).values(region=region))
    elif more[0] >= len(actions):
        return
    elif verb == "came":
        of_it = select(ActionTarget.id).where(ActionTarget.action_id == actions[more[0]])
        came = update(Outcome).where(Outcome.action_target_id.in_(of_it))
        db.session.execute(came.values(received_on=more[1]))
    elif verb == "ask":
        asked = action_ask.c.action_id == actions[more[0]]
        db.session.execute(delete(action_ask).where(asked))
    else:
        # As the operation does it: the day of an action is on all its rows.
        for model, key in ((Action, Action.id), (ActionTarget, ActionTarget.action_id),
                           (ActionChapter, ActionChapter.action_id)):  # fmt: skip
            moved = update(model).where(key == actions[more[0]]).values(happened_on=more[1])
            db.session.execute(moved)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    done=st.lists(deeds(), min_size=1, max_size=5),
    taken=st.lists(more_steps, max_size=10),
    since=st.sampled_from(DAYS),
    until=st.sampled_from(DAYS),
)
def test_it_works(
    world: dict[str, Any], done: list[Any], taken: list[Any], since: Any, until: Any
) -> None:
    emptied()
    for deed in done:
        write(world, deed)
    for step in [("keep",), *taken]:
        if step[0] == "change" and "happened_on" in step[3]:
            continue
        with db.unit_of_work():
            if step[0] in ("keep", "region", "ask", "move", "came"):
                step_of_months(world, step)
            else:
                take(world, step)
            audit.record("take", "test", None, by=None)
    for monthly in scans():
        for asked in monthly.kept_for:
            for wanted in (asked, asked.with_(since=since, until=until)):
                told, scanned = monthly(wanted), monthly.scan(wanted)
                assert plain(told) == plain(scanned), (monthly.name, wanted, taken)
    same_hours(Span(since or date(1990, 1, 1), until or date(2026, 11, 28)))
    with db.unit_of_work():
        assert kept_months.wrong() == {}
        assert kept.wrong() == {}
        step_of_months(world, ("region", 0, None))
        audit.record("take", "test", None, by=None)


def plain(told: Any) -> dict[Any, list[Any]]:
    """Without what is nothing: a month may have said 0 of what another knows nothing of."""
    return {key: list(values) for key, values in told.items() if any(values) or len(key) > 1}


def same_hours(days: Span) -> None:
    chapters = list(db.session.scalars(select(Chapter.id)))
    assert hours_everywhere.hours(None, days, EVERYWHERE) == hours_everywhere.hours(
        chapters, days, EVERYWHERE
    )
    sums, found = (hours_everywhere.by_chapter(each, days) for each in (None, chapters))
    assert {key: each for key, each in sums.items() if each.minutes} == {
        key: each for key, each in found.items() if each.minutes
    }
    repeated, again = (
        hours_everywhere.repeated_by_chapters(each, days) for each in (None, chapters)
    )
    assert repeated == again


@pytest.fixture
def counted(any_app: Flask, world: dict[str, Any]) -> SimpleNamespace:
    """A scan that says how often it was asked, and of which days."""
    asked: list[tuple[Any, Any]] = []

    def scan(wanted: ActionFilter) -> kept_months.Told:
        asked.append((wanted.since, wanted.until))
        rows = db.session.scalar(select(func.count(Action.id)).where(*wanted.of_actions()))
        return {(): (rows,)}

    monthly = Monthly(name="test", scan=scan, joins=(add,))
    any_app.extensions["crm_kept_months"] = {"test": monthly}

    def act(on: date) -> None:
        letter = {
            "channel": "letter", "campaign": 0, "pieces": 9, "targets": {}, "members": {},
            "chapters": [], "on": on, "outcomes": [], "undone": False, "asks": [], "how": "rows",
        }  # fmt: skip
        write(world, letter)

    return SimpleNamespace(monthly=monthly, asked=asked, act=act)


def test_what_is_kept_is_not_scanned(counted: SimpleNamespace) -> None:
    for on in (date(2026, 1, 5), date(2026, 3, 9), date(2026, 3, 10)):
        counted.act(on)
    with db.unit_of_work():
        kept_months.fold()
    counted.asked.clear()
    assert counted.monthly(ActionFilter()) == {(): [3]}
    # Only what comes after the last month: nothing was done before the first.
    assert counted.asked == [(date(2026, 4, 1), None)]
    counted.asked.clear()
    counted.act(date(2026, 1, 20))
    assert counted.monthly(ActionFilter()) == {(): [4]}
    assert counted.asked == [(None, date(2026, 1, 31)), (date(2026, 4, 1), None)]
    counted.asked.clear()
    wanted = ActionFilter(since=date(2026, 1, 20), until=date(2026, 3, 9))
    assert counted.monthly(wanted) == {(): [2]}
    assert counted.asked == [
        (date(2026, 1, 20), date(2026, 1, 31)), (date(2026, 3, 1), date(2026, 3, 9)),
    ]  # fmt: skip
    counted.asked.clear()
    wanted = ActionFilter(channel="letter")
    counted.monthly(wanted)
    assert counted.asked == [(None, None)]


def test_what_takes_long_is_left_to_the_next_night(counted: SimpleNamespace) -> None:
    for on in (date(2026, 1, 5), date(2026, 3, 9)):
        counted.act(on)
    with db.unit_of_work():
        kept_months.fold(patience=-1)
    assert not db.session.scalar(select(func.count()).select_from(KeptMonth))
    assert counted.monthly(ActionFilter()) == {(): (2,)}
    with db.unit_of_work():
        kept_months.fold()
        # What does not hold is found, as long as nothing marks it.
        db.session.execute(update(KeptMonth).values(answer=[[7]]))
        assert kept_months.wrong() == {"kept_month": 3}
        db.session.execute(insert(KeptStale).values(month=None))
        assert counted.monthly(ActionFilter()) == {(): (2,)}
        kept_months.fold()
        assert kept_months.wrong() == {}
    with db.unit_of_work():
        kept_months.rebuild()
    assert not db.session.scalar(select(func.count()).select_from(KeptStale))


def test_a_program_that_counts_otherwise_reads_nothing_of_before(
    counted: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted.act(date(2026, 3, 9))
    with db.unit_of_work():
        kept_months.fold()
    for name in ("per_piece_names", "awaited_names"):
        with monkeypatch.context() as other:
            other.setattr(kept_months, name, lambda: ["telegram"])
            counted.asked.clear()
            counted.monthly(ActionFilter())
            assert counted.asked == [(None, None)], name
    counted.asked.clear()
    counted.monthly(ActionFilter())
    assert counted.asked == [(date(2026, 4, 1), None)]
