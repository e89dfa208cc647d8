"""What we would have said on an earlier day: told later, it is exactly what was said then."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from crm.campaigns.models import Ask, Position
from crm.core import audit, db
from crm.core.access import Scope
from crm.core.errors import Refused
from crm.members.disclosure import Viewer
from crm.outreach import kept as outreach_kept
from crm.outreach import operations
from crm.outreach.models import (
    Action,
    ActionRevision,
    ActionTarget,
    Commitment,
    Outcome,
    OutcomeWithdrawn,
)
from crm.outreach.queries import ActionFilter
from crm.reports.as_of import ends, first_day, is_told, known
from crm.reports.catalogue import Question, Report, reports, totals
from crm.reports.forms import parse
from crm.tasks.models import HoursSigned, Task
from tests import make
from tests.members.test_queries import statements
from tests.reports.conftest import ids

EVERYWHERE = Viewer(sees=Scope(everywhere=True, chapter_ids=frozenset()), exports_people=True)
#: The days of the story; the clock of whoever runs this is later than all of them.
FIRST = date(2025, 3, 1)
_keys = count(1)

#: Moments that are written by operations, and so are moved to the day of the story.
MOMENTS = (
    (Action, "logged_at"),
    (Action, "undone_at"),
    (ActionRevision, "at"),
    (Outcome, "recorded_at"),
    (OutcomeWithdrawn, "recorded_at"),
    (OutcomeWithdrawn, "withdrawn_at"),
    (Position, "entered_at"),
    (Position, "withdrawn_at"),
)


@contextmanager
def on_the(day: date) -> Iterator[None]:
    """What is done within is done at noon of the day."""
    with db.unit_of_work():
        yield
        audit.record("make", "test", None, by=None)
        db.session.flush()
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        for model, column in MOMENTS:
            moment = getattr(model, column)
            db.session.execute(
                update(model).where(moment > ends(day + timedelta(days=1))).values({column: noon})
            )


def said(app: Flask, on: date, *, as_of: date | None = None) -> dict[str, str]:
    """All that every report says on a day, or as of it."""
    with known(app, as_of):
        return {name: _said(each, on, as_of) for name, each in reports().items()}


def _said(report: Report, on: date, as_of: date | None) -> str:
    asked = Question(wanted=ActionFilter(), viewer=EVERYWHERE, on=on, as_of=as_of)
    rows = list(report.rows(asked))
    reckoning = report.reckon(asked, sum(row[report.place(report.counts)] for row in rows))
    if report.streamed:
        # Lines of one action have no order of their own that a revision would keep.
        rows.sort(key=repr)
    return repr((rows, totals(report, rows, reckoning), str(reckoning), reckoning.sums.holds))


class Story:
    """Random work of some days, with what every report said at the end of each."""

    def __init__(self, app: Flask, world: dict[str, Any], steps: list[tuple[int, int, int, bool]]):
        self.app = app
        self.chapters, self.members = world["chapters"], world["members"]
        self.targets, self.campaign = world["targets"], world["campaign"]
        self.told: dict[date, dict[str, str]] = {}
        day = FIRST
        for verb, which, number, next_day in steps:
            self.one(verb, which, number, day)
            if next_day:
                self.remember(day)
                day += timedelta(days=1)
        self.remember(day)

    def remember(self, day: date) -> None:
        self.told[day] = said(self.app, day)

    def given(self, number: int, channel: str, day: date) -> dict[str, Any]:
        per_piece = channel == "postcard"
        targets = self.targets[: 1 + number % 3]
        members = self.members[: number % 4]
        pieces = len(targets) * 2 + number
        return {
            "campaign_id": self.campaign,
            "happened_on": day - timedelta(days=number % 5),
            "pieces": pieces if per_piece else 1,
            "targets": {
                each: 2 + (number if place == 0 else 0) if per_piece else 1
                for place, each in enumerate(targets)
            },
            "members": dict.fromkeys(members, 1),
            "chapter_ids": self.chapters[: 1 + number % 2],
        }

    def one(self, verb: int, which: int, number: int, day: date) -> None:
        actions = db.session.scalars(select(Action.id).order_by(Action.id)).all()
        action_id = actions[which % len(actions)] if actions else None
        try:
            with on_the(day):
                if action_id is None or verb == 0:
                    channel = ("postcard", "meeting")[number % 2]
                    operations.log_action(
                        channel=channel, client_key=f"story-{next(_keys)}", by=None, today=day,
                        **self.given(number, channel, day),
                    )  # fmt: skip
                    return
                action = db.session.get_one(Action, action_id)
                if verb == 1:
                    operations.correct_action(
                        action, reason=None, by=None, today=day,
                        **self.given(number, action.channel, day),
                    )  # fmt: skip
                elif verb == 2:
                    operations.undo_action(action, by=None)
                elif verb == 3:
                    operations.redo_action(action, by=None)
                elif verb == 4:
                    self.answered(action_id, number, day)
                elif verb == 5:
                    self.withdrawn(action_id, number)
                else:
                    self.closed(action_id, day)
        except Refused:
            # What cannot be done is no part of the story.
            db.rollback()

    def answered(self, action_id: int, number: int, day: date) -> None:
        rows = _rows_of(action_id)
        if rows:
            operations.record_outcome(
                action_target_id=rows[number % len(rows)],
                kind=("substantive_reply", "acknowledgement", "returned")[number % 3],
                received_on=day, by=None, today=day,
            )  # fmt: skip

    def withdrawn(self, action_id: int, number: int) -> None:
        found = db.session.scalars(
            select(Outcome)
            .where(Outcome.action_target_id.in_(_rows_of(action_id)))
            .order_by(Outcome.id)
        ).all()
        if found:
            operations.withdraw_outcome(found[number % len(found)], by=None)

    def closed(self, action_id: int, day: date) -> None:
        db.session.execute(
            update(ActionTarget)
            .where(ActionTarget.action_id == action_id, ActionTarget.awaiting.is_(True))
            .values(awaiting=False, closed_on=day, closed_why="no answer")
        )


def _rows_of(action_id: int) -> list[int]:
    return list(
        db.session.scalars(
            select(ActionTarget.id)
            .where(ActionTarget.action_id == action_id)
            .order_by(ActionTarget.id)
        )
    )


steps = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 5), st.integers(0, 11), st.booleans()),
    min_size=4,
    max_size=10,
)


@pytest.fixture
def world(any_app: Flask) -> dict[str, Any]:
    state = make.chapter("State Campaign", kind="state")
    return {
        "chapters": ids(state, make.chapter("Alder High", state)),
        "members": ids(*(make.member("Nora", f"N{n}", state) for n in range(3))),
        "targets": ids(
            make.legislator("Ann", "Alpha"), *(make.target(f"Land {n}") for n in (1, 2))
        ),
        "campaign": make.campaign().id,
    }


def tells(app: Flask, world: dict[str, Any], steps: list[Any]) -> None:
    """That what is told later of each day is what was told on it."""
    _begin_anew()
    story = Story(app, world, steps)
    for day, told in story.told.items():
        later = said(app, day, as_of=day)
        for name in told:
            assert later[name] == told[name], (name, day)


@settings(
    max_examples=2, deadline=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(steps=steps)
def test_told_later_it_is_what_was_said(
    any_app: Flask, world: dict[str, Any], steps: list[Any]
) -> None:
    tells(any_app, world, steps)


#: Each step once on a day of its own, and what comes back of it taken back.
EACH = [
    (0, 0, 4, False), (0, 0, 5, True), (4, 0, 0, False), (6, 1, 0, True), (5, 0, 0, False),
    (1, 0, 2, True), (2, 0, 0, True), (3, 0, 0, False), (4, 0, 1, False),
]  # fmt: skip


def test_each_step_is_told_of_its_day(any_app: Flask, world: dict[str, Any]) -> None:
    tells(any_app, world, EACH)


def test_nothing_of_it_stays_behind(any_app: Flask, world: dict[str, Any]) -> None:
    """Nor do statements that were prepared before or within it read the wrong rows after it."""
    story = Story(any_app, world, EACH[:3])
    report, last = reports()["activity-by-target"], FIRST + timedelta(days=5)

    def one(on: date, as_of: date | None = None) -> str:
        with known(any_app, as_of):
            return _said(report, on, as_of)

    now = one(last)
    for _again in range(8):
        assert one(FIRST, FIRST) == story.told[FIRST][report.name]
        assert one(last) == now
    assert now != story.told[FIRST][report.name]
    with db.apart(any_app):
        assert not is_told()
        temporary = (
            "SELECT count(*) FROM temp.sqlite_master"
            if any_app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite")
            else "SELECT count(*) FROM pg_class WHERE relpersistence = 't' OR relname LIKE 'as_of%'"
        )
        assert db.session.scalar(text(temporary)) == 0


def test_sums_that_are_kept_are_of_today(any_app: Flask, world: dict[str, Any]) -> None:
    """They know nothing of an earlier day: told of one, every report counts what was logged."""
    wanted = ActionFilter()
    assert outreach_kept.knows_done(wanted)
    assert outreach_kept.knows_reach(wanted)
    with known(any_app, FIRST), statements() as seen:
        assert not outreach_kept.knows_done(wanted)
        assert not outreach_kept.knows_reach(wanted)
        for each in reports().values():
            for way in (each.ways or {"": each}).values():
                _said(way, FIRST, FIRST)
    assert len(seen) > len(reports())
    assert [each for each in seen if "kept_" in each] == []


def test_it_changes_nothing_that_lasts(any_app: Flask, world: dict[str, Any]) -> None:
    with known(any_app, FIRST):
        assert is_told()
        if db.session.get_bind().dialect.name == "postgresql":
            with pytest.raises(DBAPIError, match="read-only"):
                db.session.connection().exec_driver_sql("DELETE FROM public.action")


def test_a_day_before_the_record_or_to_come_is_refused_in_words(
    app: Flask,
) -> None:
    make.campaign()
    report = reports()["activity-by-target"]
    begins = first_day()
    assert begins is not None
    assert parse({"as_of": begins.isoformat()}, report).problems == []
    [early] = parse({"as_of": "1999-01-01"}, report).problems
    [late] = parse({"as_of": "2999-01-01"}, report).problems
    [none] = parse({"as_of": "yesterday"}, report).problems
    assert early.startswith("The record begins on")
    assert late.startswith("Nothing is known yet of Jan 1, 2999")
    assert none == "“yesterday” is not a date such as 2026-03-31."


def test_the_day_ends_at_midnight_where_the_application_is(app: Flask) -> None:
    app.config["BABEL_DEFAULT_TIMEZONE"] = "America/New_York"
    assert ends(date(2025, 3, 8)) == datetime(2025, 3, 9, 5, tzinfo=UTC)
    # The clock went forward that day.
    assert ends(date(2025, 3, 9)) == datetime(2025, 3, 10, 4, tzinfo=UTC)


def _begin_anew() -> None:
    """A property is tried several times on one database."""
    with db.unit_of_work():
        for name in ("outcome_withdrawn", "outcome", "action_revision", "action_target",
                     "action_member", "action_chapter", "action_ask", "action"):  # fmt: skip
            db.session.execute(text(f"DELETE FROM {name}"))
        audit.record("make", "test", None, by=None)


def test_what_says_itself_when_it_came_and_went(any_app: Flask, world: dict[str, Any]) -> None:
    """Positions, promises, tasks and hours, each on its day."""
    days = [FIRST + timedelta(days=after) for after in range(4)]
    noon = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in days]
    target, member = world["targets"][0], world["members"][0]
    ask = make.kept(Ask(campaign_id=world["campaign"], text="Join")).id
    task = make.kept(
        Task(title="Write", chapter_id=world["chapters"][0], made_at=noon[0], due_on=days[3],
             state="completed", started_at=noon[1], finished_at=noon[2], minutes=60, pieces=0)
    ).id  # fmt: skip
    make.kept(
        Position(target_id=target, ask_id=ask, seen_on=days[0], support=1, confidence="high",
                 entered_at=noon[0], withdrawn_at=noon[2]),
        Commitment(target_id=target, text="Will sign", made_on=days[0], recorded_at=noon[0],
                   state="kept", settled_on=days[2], settled_at=noon[2]),
        HoursSigned(member_id=member, task_id=task, minutes=60, signed_at=noon[2]),
    )  # fmt: skip
    found = []
    for day in days:
        with known(any_app, day):
            position = db.session.scalars(select(Position)).one()
            promise = db.session.scalars(select(Commitment)).one()
            doing = db.session.scalars(select(Task)).one()
            signed = len(db.session.scalars(select(HoursSigned)).all())
            found.append((position.withdrawn_at is None, promise.state, doing.state,
                          doing.minutes, signed))  # fmt: skip
    assert found == [
        (True, "open", "needs-action", None, 0),
        (True, "open", "in-process", None, 0),
        (False, "kept", "completed", 60, 1),
        (False, "kept", "completed", 60, 1),
    ]
    with known(any_app, FIRST - timedelta(days=1)):
        for model in (Position, Commitment, Task, HoursSigned):
            assert db.session.scalars(select(model)).all() == []
