"""Hours of service: what a member spent on outreach and on tasks in a school year, and what of it
a supervisor has signed for.

An action counts by the member's own minutes. A task counts by its minutes only where it logged no
outreach: what it logged counts already. Somebody signs for minutes; where they are others now, the
line says so and is unsigned until somebody signs for them anew.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, exists, func, select

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core import db
from crm.members.rules import school_year
from crm.members.year_end import last_day
from crm.outreach.channels import channels
from crm.outreach.models import Action, ActionChapter, ActionMember, ActionTarget
from crm.targets.models import Post, Target, Term
from crm.tasks.models import HoursSigned, Task, TaskAction

#: Targets named in a line.
_NAMED = 3
#: School years that can be asked for.
_EARLIEST, _LATEST = 1991, 2100


class Days:
    """Days on end: a school year, or any other period."""

    @property
    def first(self) -> date:
        """Its first day."""
        raise NotImplementedError

    @property
    def last(self) -> date:
        """Its last day."""
        raise NotImplementedError

    def holds(self, moment: Any) -> ColumnElement[bool]:
        """The condition that a column of moments lies in it, by the campaign's own clock."""
        zone = _zone()
        begins = datetime.combine(self.first, time(), zone).astimezone(UTC)
        ends = datetime.combine(self.last + timedelta(days=1), time(), zone).astimezone(UTC)
        condition: ColumnElement[bool] = (moment >= begins) & (moment < ends)
        return condition


@dataclass(frozen=True)
class Span(Days):
    """From one day to another, both included."""

    since: date
    until: date

    @property
    def first(self) -> date:
        """Its first day."""
        return self.since

    @property
    def last(self) -> date:
        """Its last day."""
        return self.until


@dataclass(frozen=True)
class Year(Days):
    """A school year, called by the year it ends in."""

    ends: int

    @property
    def first(self) -> date:
        """Its first day."""
        return last_day(self.ends - 1) + timedelta(days=1)

    @property
    def last(self) -> date:
        """Its last day."""
        return last_day(self.ends)

    @property
    def words(self) -> str:
        """`2026–27`."""
        return f"{self.ends - 1}–{self.ends % 100:02}"


def year_asked(text: str | None, *, today: date) -> Year:
    """The school year an address asks for; the present one for anything that is none."""
    is_year = text is not None and len(text) == 4 and text.isascii() and text.isdigit()
    if text is not None and is_year and _EARLIEST <= int(text) <= _LATEST:
        return Year(int(text))
    return Year(school_year(today))


class State(StrEnum):
    """How a line stands."""

    UNSIGNED = "unsigned"
    SIGNED = "signed"
    #: Signed for other minutes than there are now.
    CHANGED = "changed"
    #: Signed, and the outreach was undone or the member taken off it since.
    GONE = "gone"


@dataclass(frozen=True)
class Signature:
    """Who signed for how much, and when."""

    minutes: int
    at: datetime
    by: User | None


@dataclass(frozen=True)
class Line:
    """One thing a member spent time on."""

    #: `a12` for an action, `t12` for a task.
    key: str
    on: date
    what: str
    campaign: str
    targets: Sequence[str]
    #: How many more targets there were.
    more: int
    #: 0 for what is gone.
    minutes: int
    signature: Signature | None

    @property
    def state(self) -> State:
        """How it stands."""
        if self.signature is None:
            return State.UNSIGNED
        if not self.minutes:
            return State.GONE
        return State.SIGNED if self.signature.minutes == self.minutes else State.CHANGED

    @property
    def is_signed(self) -> bool:
        """Whether somebody signed for it as it is."""
        return self.state is State.SIGNED

    @property
    def to_whom(self) -> str:
        """The targets, the first few by name."""
        names = "; ".join(self.targets)
        if not self.more:
            return names
        return _("%(names)s and %(num)s more", names=names, num=self.more)


@dataclass(frozen=True)
class Sums:
    """Minutes, and how many of them somebody signed for."""

    minutes: int
    signed: int

    @property
    def unsigned(self) -> int:
        """What nobody signed for, or what has changed since."""
        return self.minutes - self.signed


def sums(lines: Iterable[Line]) -> Sums:
    """How lines add up."""
    listed = list(lines)
    return Sums(
        sum(each.minutes for each in listed), sum(each.minutes for each in listed if each.is_signed)
    )


def lines_of(
    member_ids: Collection[int], year: Year, *, chapter_ids: Collection[int] | None = None
) -> dict[int, list[Line]]:
    """What each member did in a school year, the first day first.

    With `chapter_ids` only in the work of these chapters, and nothing that is gone. Four
    statements for each five hundred members. Who did nothing has an empty list.
    """
    found: dict[int, list[Line]] = {}
    ids = sorted(set(member_ids))
    for some in db.batches(ids):
        found |= _lines(some, year, chapter_ids)
    return found


def _lines(
    ids: Sequence[int], year: Year, chapter_ids: Collection[int] | None
) -> dict[int, list[Line]]:
    signed = _signatures(ids, year)
    found: dict[int, dict[str, Line]] = {each: {} for each in ids}
    actions = _actions(ids, year, chapter_ids)
    named = _targets({row.id for row in actions})
    ways = channels()
    for row in actions:
        key, (targets, more) = f"a{row.id}", named.get(row.id, ((), 0))
        found[row.member_id][key] = Line(
            key, row.happened_on, ways[row.channel].count(row.pieces), row.title or row.name,
            targets, more, row.minutes, _signature(signed.get((row.member_id, key))),
        )  # fmt: skip
    for row in _tasks(ids, year, chapter_ids):
        key = f"t{row.id}"
        found[row.member_id][key] = Line(
            key, local_day(row.finished_at), row.title, row.campaign or "", (), 0, row.minutes,
            _signature(signed.get((row.member_id, key))),
        )  # fmt: skip
    for (member_id, key), row in signed.items():
        if chapter_ids is None and key not in found[member_id]:
            found[member_id][key] = _gone(key, row)
    return {
        each: sorted(theirs.values(), key=lambda line: (line.on, line.key[0], int(line.key[1:])))
        for each, theirs in found.items()
    }


def _actions(ids: Sequence[int], year: Year, chapter_ids: Collection[int] | None) -> Sequence[Any]:
    theirs = () if chapter_ids is None else (Action.id.in_(of_chapters(chapter_ids, year)),)
    return db.session.execute(
        select(
            Action.id, Action.channel, Action.happened_on, Campaign.name, Campaign.title,
            ActionMember.member_id, ActionMember.pieces, ActionMember.minutes,
        )
        .join(Action, Action.id == ActionMember.action_id)
        .join(Campaign, Campaign.id == Action.campaign_id)
        .where(ActionMember.member_id.in_(ids), *theirs, *of_action(year))
    ).all()  # fmt: skip


def of_chapters(chapter_ids: Collection[int], year: Days) -> Select[Any]:
    """Ids of the actions these chapters took part in, in a school year."""
    return select(ActionChapter.action_id).where(
        ActionChapter.chapter_id.in_(chapter_ids),
        ActionChapter.happened_on.between(year.first, year.last),
    )


def of_action(year: Days) -> tuple[ColumnElement[bool], ...]:
    """Conditions that a member's part in an action counts in a school year."""
    return (
        ActionMember.minutes > 0,
        Action.undone_at.is_(None),
        Action.happened_on.between(year.first, year.last),
    )


def of_task(year: Days) -> tuple[ColumnElement[bool], ...]:
    """Conditions that a member's task counts in a school year: it logged no outreach."""
    return (
        Task.state == "completed",
        Task.member_id.is_not(None),
        Task.minutes > 0,
        year.holds(Task.finished_at),
        ~exists().where(TaskAction.task_id == Task.id),
    )


def _tasks(ids: Sequence[int], year: Year, chapter_ids: Collection[int] | None) -> Sequence[Any]:
    theirs = () if chapter_ids is None else (Task.chapter_id.in_(chapter_ids),)
    return db.session.execute(
        select(
            Task.id, Task.member_id, Task.title, Task.minutes, Task.finished_at,
            func.coalesce(Campaign.title, Campaign.name).label("campaign"),
        )
        .outerjoin(Campaign, Campaign.id == Task.campaign_id)
        .where(Task.member_id.in_(ids), *theirs, *of_task(year))
    ).all()  # fmt: skip


def _targets(action_ids: Collection[int]) -> dict[int, tuple[list[str], int]]:
    """The first few targets of each action with the office of that day, and how many more."""
    found: dict[int, tuple[list[str], int]] = {}
    ids = sorted(action_ids)
    for some in db.batches(ids):
        ranked = (
            select(
                ActionTarget.action_id,
                Target.name,
                Post.label,
                func.row_number()
                .over(partition_by=ActionTarget.action_id, order_by=(Target.sort_name, Target.id))
                .label("place"),
                func.count().over(partition_by=ActionTarget.action_id).label("all_of_them"),
            )
            .join(Target, Target.id == ActionTarget.target_id)
            .outerjoin(Term, Term.id == ActionTarget.term_id)
            .outerjoin(Post, Post.id == Term.post_id)
            .where(ActionTarget.action_id.in_(some))
            .subquery()
        )
        rows = db.session.execute(
            select(ranked).where(ranked.c.place <= _NAMED).order_by(ranked.c.place)
        )
        for row in rows:
            names, _more = found.setdefault(row.action_id, ([], max(0, row.all_of_them - _NAMED)))
            names.append(f"{row.name}, {row.label}" if row.label else row.name)
    return found


def _signatures(ids: Sequence[int], year: Year) -> Mapping[tuple[int, str], Any]:
    rows = db.session.execute(
        select(HoursSigned, User, Action, Task)
        .outerjoin(User, User.id == HoursSigned.signed_by_id)
        .outerjoin(Action, Action.id == HoursSigned.action_id)
        .outerjoin(Task, Task.id == HoursSigned.task_id)
        .where(HoursSigned.member_id.in_(ids))
    )
    return {
        (row.HoursSigned.member_id, key_of(row.HoursSigned)): row
        for row in rows
        if year.first <= _day_of(row) <= year.last
    }


def key_of(row: HoursSigned) -> str:
    """The key of the line it signs."""
    return f"a{row.action_id}" if row.action_id is not None else f"t{row.task_id}"


def _day_of(row: Any) -> date:
    if row.Action is not None:
        day: date = row.Action.happened_on
        return day
    return local_day(row.Task.finished_at or row.HoursSigned.signed_at)


def _signature(row: Any) -> Signature | None:
    if row is None:
        return None
    return Signature(row.HoursSigned.minutes, row.HoursSigned.signed_at, row.User)


def _gone(key: str, row: Any) -> Line:
    what = row.Task.title if row.Task is not None else channels()[row.Action.channel].label
    return Line(key, _day_of(row), str(what), "", (), 0, 0, _signature(row))


def unmeasured(member_id: int, year: Year) -> int:
    """In how many actions of a year they took part of which nobody wrote down the time."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(ActionMember)
            .join(Action, Action.id == ActionMember.action_id)
            .where(
                ActionMember.member_id == member_id,
                ActionMember.minutes.is_(None),
                Action.happened_on.between(year.first, year.last),
            )
        )
        or 0
    )


def local_day(moment: datetime) -> date:
    """The day of a moment by the campaign's own clock: whoever reads it, it is the same."""
    return moment.astimezone(_zone()).date()


def _zone() -> ZoneInfo:
    return ZoneInfo(str(current_app.config["BABEL_DEFAULT_TIMEZONE"]))
