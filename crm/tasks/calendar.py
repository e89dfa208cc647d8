"""Tasks as a calendar: what a program reads behind a secret link.

A feed leaves the application and lies in somebody else's, so it says little: what is to be done and
until when, for whom by first name, and an address that asks to sign in. No note, no help that was
asked for, nobody's address. Each task is a VTODO; while it is open and has a day it is also an
event of a whole day, since some calendars show no VTODO.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from icalendar import Calendar, Component, Event, Todo, vDuration
from sqlalchemy import ColumnElement, func, or_, select

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core import access, db, links
from crm.core.access import Can
from crm.core.links import digest
from crm.members import keys
from crm.members.disclosure import NOBODY, Exit, disclose
from crm.members.queries import in_scope
from crm.tasks.models import CalendarFeed, Task
from crm.tasks.rules import OPEN, State

#: How long a task stays in the calendar once it is done or called off.
KEPT = timedelta(days=30)
#: How often a program may ask anew, and how many tasks it gets.
REFRESH = timedelta(hours=4)
MOST = 2_000
_STATUS = {
    State.NEEDS_ACTION: "NEEDS-ACTION",
    State.IN_PROCESS: "IN-PROCESS",
    State.COMPLETED: "COMPLETED",
    State.CANCELLED: "CANCELLED",
}


@dataclass(frozen=True)
class Entry:
    """What a calendar is told of a task."""

    id: int
    uid: str
    title: str
    campaign: str | None
    state: State
    due_on: date | None
    pieces: int
    done: int
    made_at: datetime
    changed_at: datetime
    finished_at: datetime | None
    #: Whose it is, by first name; empty where it is the reader's own or nobody's.
    whose: str

    @property
    def summary(self) -> str:
        """`Ana: Write five postcards`."""
        if not self.whose:
            return self.title
        return _("%(name)s: %(task)s", name=self.whose, task=self.title)


def feed_of(user_id: int) -> CalendarFeed | None:
    """The link of a user that works."""
    return db.session.scalars(
        select(CalendarFeed)
        .where(CalendarFeed.user_id == user_id, CalendarFeed.revoked_at.is_(None))
        .order_by(CalendarFeed.id.desc())
        .limit(1)
    ).one_or_none()


def opens(token: str) -> User | None:
    """Whose calendar a link opens; None for one that is revoked, or whose user may do nothing."""
    user = db.session.scalars(
        select(User)
        .join(CalendarFeed, CalendarFeed.user_id == User.id)
        .where(
            CalendarFeed.token_hash == digest(token),
            CalendarFeed.revoked_at.is_(None),
            User.active,
        )
    ).one_or_none()
    return user if user is not None and access.may(user, Can.DO_TASKS) else None


def entries(user: User, *, now: datetime) -> list[Entry]:
    """The tasks of the member a user is, and those the user answers for, the first due first."""
    mine = keys.of_user(user.id)
    leads = access.scope(user, Can.ASSIGN_TASKS)
    theirs: list[ColumnElement[bool]] = [
        (Task.leader_id == user.id) & in_scope(Task.chapter_id, leads)
    ]
    if mine is not None:
        theirs.append(Task.member_id == mine.id)
    rows = db.session.execute(
        select(Task, func.coalesce(Campaign.title, Campaign.name))
        .outerjoin(Campaign, Campaign.id == Task.campaign_id)
        .where(or_(*theirs), or_(Task.state.in_(OPEN), Task.finished_at >= now - KEPT))
        .order_by(Task.due_on.is_(None), Task.due_on, Task.id)
        .limit(MOST)
    ).all()
    others = {
        task.member_id
        for task, _campaign in rows
        if task.member_id is not None and (mine is None or task.member_id != mine.id)
    }
    shown = disclose(others, to=NOBODY, exit=Exit.CALENDAR) if others else {}
    return [
        Entry(
            id=task.id,
            uid=task.uid,
            title=task.title,
            campaign=campaign,
            state=State(task.state),
            due_on=task.due_on,
            pieces=task.pieces,
            done=task.done,
            made_at=task.made_at,
            changed_at=max(filter(None, (task.made_at, task.started_at, task.finished_at))),
            finished_at=task.finished_at,
            whose=shown[task.member_id].name if task.member_id in shown else "",
        )
        for task, campaign in rows
    ]


def written(found: Sequence[Entry], *, name: str, now: datetime) -> bytes:
    """The calendar as a program reads it."""
    calendar = Calendar()
    calendar.add("prodid", "-//Campaign outreach//Tasks//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    refresh = vDuration(REFRESH)
    refresh.params["VALUE"] = "DURATION"
    calendar.add("refresh-interval", refresh)
    calendar.add("x-published-ttl", vDuration(REFRESH))
    for each in found:
        calendar.add_component(_todo(each, now))
        if each.due_on is not None and each.state in OPEN:
            calendar.add_component(_event(each, each.due_on, now))
    return calendar.to_ical()


def _todo(each: Entry, now: datetime) -> Todo:
    todo = Todo()
    _common(todo, each, each.uid, now)
    todo.add("status", _STATUS[each.state])
    todo.add("created", each.made_at)
    if each.due_on is not None:
        todo.add("due", each.due_on)
    if (percent := _percent(each)) is not None:
        todo.add("percent-complete", percent)
    if each.state is State.COMPLETED and each.finished_at is not None:
        todo.add("completed", each.finished_at)
    return todo


def _event(each: Entry, due_on: date, now: datetime) -> Event:
    event = Event()
    _common(event, each, f"{each.uid}-due", now)
    event.add("dtstart", due_on)
    event.add("dtend", due_on + timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    return event


def _common(part: Component, each: Entry, uid: str, now: datetime) -> None:
    part.add("uid", uid)
    part.add("dtstamp", now)
    part.add("last-modified", each.changed_at)
    part.add("summary", _one_line(each.summary))
    if each.campaign:
        part.add("categories", [_one_line(each.campaign)])
    part.add("url", links.absolute("tasks.page", task_id=each.id))


def _percent(each: Entry) -> int | None:
    if each.state is State.COMPLETED:
        return 100
    return each.done * 100 // each.pieces if each.pieces else None


def _one_line(words: str) -> str:
    """A text as a calendar shows it: no breaks, nothing that cannot be printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in words).split())


def facts(feed: CalendarFeed | None) -> dict[str, Any]:
    """What the page says of a link."""
    return {"feed": feed, "days": KEPT.days}
