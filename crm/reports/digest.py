"""What the weekly digest tells each role, in numbers and a few lines; nothing at all where there is
nothing to tell.

Members are named only as a message may name them (`Exit.MAIL`): by their first name, or not.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import dropwhile
from typing import Any

from flask_babel import format_date, ngettext
from flask_babel import gettext as _
from sqlalchemy import and_, case, func, select

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core import access, backups, db, links
from crm.core.access import Can, Role, Scope
from crm.core.charts import Chart
from crm.core.mail_models import MailFailure
from crm.core.outbox import Outgoing
from crm.core.outbox import State as Row
from crm.core.shell import number
from crm.mailings.models import Mailing, Piece
from crm.mailings.rules import State as PieceState
from crm.members import retention
from crm.members.disclosure import NOBODY, Exit, disclose
from crm.members.models import ChapterRole, Member
from crm.members.queries import in_scope
from crm.members.rules import school_year
from crm.outreach.models import Action, ActionChapter, ActionTarget, Outcome
from crm.outreach.plain import without_members
from crm.outreach.queries import ActionFilter
from crm.reports import front, front_numbers
from crm.reports.queries import awaited_pieces, tally, tally_of_whole
from crm.reports.rules import month_back
from crm.targets.models import Target
from crm.tasks.hours import Year, lines_of
from crm.tasks.mailed import line_of
from crm.tasks.models import Task
from crm.tasks.queries import open_of
from crm.tasks.rules import OPEN
from crm.treaties.models import TreatyEvent
from crm.treaties.queries import instrument
from crm.treaties.rules import KIND_LABELS

#: Lines a part lists.
LISTED = 6


@dataclass(frozen=True)
class Part:
    """A part of a digest: a heading, lines, perhaps a table, and where to go on."""

    heading: str
    lines: Sequence[str] = ()
    #: The head and the rows of a table.
    table: Sequence[Sequence[str]] = ()
    link: tuple[str, str] | None = None
    #: A drawing for whoever has something to read; alone it is no news.
    chart: Chart | None = None

    @property
    def charted(self) -> list[tuple[str, str]]:
        """The numbers of the drawing as a table: its first column and its last, from where it
        begins to be more than nothing."""
        if self.chart is None:
            return []
        rows = list(dropwhile(lambda row: not row[-1], self.chart.rows))
        first, last = self.chart.heads[0], self.chart.heads[-1]
        return [(first, last), *((str(row[0]), _written(row[-1])) for row in rows)]

    def __bool__(self) -> bool:
        return bool(self.lines or len(self.table) > 1)


def _written(cell: Any) -> str:
    return cell if isinstance(cell, str) else str(number(cell))


@dataclass(frozen=True)
class Week:
    """The seven days before a Monday."""

    on: date

    @property
    def first(self) -> date:
        """Its first day."""
        return self.on - timedelta(days=7)

    @property
    def last(self) -> date:
        """Its last day."""
        return self.on - timedelta(days=1)

    @property
    def start(self) -> Any:
        """The moment since which something was written down."""
        return db.now() - timedelta(days=7)


#: A newest backup that is older is news.
_OLD_BACKUP = timedelta(days=2)


@dataclass(frozen=True)
class Roles:
    """What somebody is where."""

    names: frozenset[Role] = field(default_factory=frozenset)

    @classmethod
    def of(cls, user: User) -> "Roles":
        """One statement."""
        found = db.session.scalars(select(ChapterRole.role).where(ChapterRole.user_id == user.id))
        return cls(frozenset(Role(each) for each in found))


def parts_for(user: User, week: Week) -> list[Part]:
    """What a user is told: by each role they hold, what only that role is told."""
    held = Roles.of(user).names
    found: list[Part] = []
    if Role.ADMINISTRATOR in held:
        found.append(of_administrator(week))
    if held & {Role.ADMINISTRATOR, Role.STAFF}:
        found += of_staff(week)
    elif Role.COORDINATOR in held:
        found += of_coordinator(access.scope(user, Can.LOG_OUTREACH), week)
    if held & {Role.COORDINATOR, Role.LEADER}:
        found += of_leader(user, week)
    found += of_member(user, _member_of(user), week)
    return [part for part in found if part]


def _member_of(user: User) -> Member | None:
    return db.session.scalar(
        select(Member).where(Member.user_id == user.id, Member.forgotten_at.is_(None)).limit(1)
    )


# A coordinator


def of_coordinator(scope: Scope, week: Week) -> list[Part]:
    """What was logged, what came back, what waits and what is due in their chapters."""
    chapters = None if scope.everywhere else scope.chapter_ids
    wanted = ActionFilter(since=week.first, until=week.last, chapter_ids=chapters)
    lines = []
    done = tally(wanted)
    if done.actions:
        lines.append(_("Logged: %(what)s.", what=done.told))
    if came := _answers(chapters, week):
        lines.append(ngettext("%(num)s answer came back.", "%(num)s answers came back.", came))
    if waits := _waiting(chapters):
        lines.append(
            ngettext(
                "%(num)s piece waits for an answer.", "%(num)s pieces wait for an answer.", waits
            )
        )
    late, soon = _due(in_scope(Task.chapter_id, scope), week)
    lines += _due_lines(late, soon)
    page = links.absolute("reports.index")
    return [
        Part(
            _("Your chapters"),
            lines,
            link=(_("Open the reports"), page),
            chart=_year(chapters, week),
        )
    ]


def _year(chapters: Collection[int] | None, week: Week) -> Chart | None:
    """The last twelve months by channel: one statement; nothing where nothing was done."""
    sums = front_numbers.months(month_back(week.last, front.MONTHS - 1), chapters)
    return front.by_channel(sums, week.last) if sums else None


def _of_chapters(chapters: Collection[int] | None) -> list[Any]:
    if chapters is None:
        return []
    there = select(ActionChapter.action_id).where(ActionChapter.chapter_id.in_(chapters))
    return [ActionTarget.action_id.in_(there)]


def _answers(chapters: Collection[int] | None, week: Week) -> int:
    found = (
        select(func.count(Outcome.id))
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .where(Outcome.received_on.between(week.first, week.last), *_of_chapters(chapters))
    )
    return int(db.session.scalar(found) or 0)


def _waiting(chapters: Collection[int] | None) -> int:
    found = select(awaited_pieces()).where(ActionTarget.awaiting, *_of_chapters(chapters))
    return int(db.session.scalar(found) or 0)


def _due(where: Any, week: Week) -> tuple[int, int]:
    late = func.count(case((Task.due_on < week.on, 1)))
    soon = func.count(case((Task.due_on.between(week.on, week.on + timedelta(days=6)), 1)))
    row = db.session.execute(select(late, soon).where(where, Task.state.in_(OPEN))).one()
    return int(row[0]), int(row[1])


def _due_lines(late: int, soon: int) -> list[str]:
    lines = []
    if late:
        lines.append(ngettext("%(num)s task is overdue.", "%(num)s tasks are overdue.", late))
    if soon:
        lines.append(
            ngettext("%(num)s task is due this week.", "%(num)s tasks are due this week.", soon)
        )
    return lines


# A leader


def of_leader(user: User, week: Week) -> list[Part]:
    """Their people's tasks, and their packs with what is to post."""
    # Of a chapter they lead no more its people are no longer told.
    here = in_scope(Task.chapter_id, access.scope(user, Can.LOG_OUTREACH))
    mine = and_(Task.leader_id == user.id, Task.member_id.is_not(None), here)
    lines = _due_lines(*_due(mine, week))
    asking = and_(mine, Task.help.is_not(None))
    late = open_of(and_(mine, Task.due_on < week.on) | asking, limit=LISTED)
    named = disclose([task.member_id for task in late if task.member_id], to=NOBODY, exit=Exit.MAIL)
    for task in late:
        name = named[task.member_id].name if task.member_id in named else ""
        wants = f" · {_('asks for help')}" if task.help else ""
        lines.append(f"{name}: {line_of(task, week.on)}{wants}")
    packs = _packs(user)
    board = links.absolute("tasks.index")
    return [
        Part(_("Your people's tasks"), lines, link=(_("Open the board"), board)),
        Part(_("Your packs"), packs),
    ]


def _packs(user: User) -> list[str]:
    ready = func.count(case((Piece.state == PieceState.PREPARED, 1)))
    open_ = func.count(case((Piece.state == PieceState.TO_PREPARE, 1)))
    rows = db.session.execute(
        select(Mailing.name, ready, open_)
        .join(Piece, Piece.mailing_id == Mailing.id)
        .where(Mailing.made_by_id == user.id, Mailing.closed_at.is_(None))
        .group_by(Mailing.id, Mailing.name)
        .having(ready + open_ > 0)
        .order_by(Mailing.id.desc())
        .limit(LISTED)
    )
    return [
        _("%(pack)s: %(ready)s ready to post, %(open)s to prepare.", pack=name, ready=a, open=b)
        for name, a, b in rows
    ]


# Staff


def of_staff(week: Week) -> list[Part]:
    """Numbers by campaign, promises that were made, and what states did about treaties."""
    return [_by_campaign(week), _promises(week), _treaties(week)]


def _by_campaign(week: Week) -> Part:
    names = {
        campaign_id: title or name
        for campaign_id, title, name in db.session.execute(
            select(Campaign.id, Campaign.title, Campaign.name)
            .where(
                Campaign.id.in_(
                    select(Action.campaign_id).where(
                        Action.happened_on.between(week.first, week.last),
                        Action.undone_at.is_(None),
                    )
                )
            )
            .order_by(Campaign.name)
            .limit(LISTED * 2)
        )
    }
    table = [(_("Campaign"), _("This week"), _("In all"))]
    for campaign_id, name in names.items():
        this = tally_of_whole(
            ActionFilter(campaign_id=campaign_id, since=week.first, until=week.last)
        )
        whole = tally_of_whole(ActionFilter(campaign_id=campaign_id))
        table.append((name, str(this.total), str(whole.total)))
    page = links.absolute("reports.front")
    return Part(
        _("By campaign"), table=table, link=(_("Open the overview"), page), chart=_year(None, week)
    )


def _promises(week: Week) -> Part:
    rows = db.session.execute(
        select(Target.name, Outcome.received_on, Outcome.summary, ActionTarget.action_id)
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .join(Target, Target.id == ActionTarget.target_id)
        .where(
            Outcome.kind == "commitment",
            Outcome.received_on.between(week.on - timedelta(days=28), week.last),
        )
        .order_by(Outcome.received_on.desc(), Outcome.id.desc())
        .limit(LISTED)
    ).all()
    # A message lies in a mailbox: nobody who took part is named in it.
    plain = without_members({row.action_id for row in rows})
    return Part(
        _("Promised in the last four weeks"),
        [
            f"{name}, {format_date(day, 'medium')}"
            + (f": {_short(plain(summary))}" if summary else "")
            for name, day, summary, _action in rows
        ],
    )


def _treaties(week: Week) -> Part:
    rows = db.session.execute(
        select(Target.name, TreatyEvent.treaty, TreatyEvent.kind, TreatyEvent.happened_on)
        .join(Target, Target.id == TreatyEvent.target_id)
        .where(TreatyEvent.happened_on.between(week.first, week.on))
        .order_by(TreatyEvent.happened_on.desc(), TreatyEvent.id.desc())
        .limit(LISTED)
    )
    return Part(
        _("Treaties"),
        [
            f"{name}: {_of(kind, treaty)}, {format_date(day, 'medium')}"
            for name, treaty, kind, day in rows
        ],
    )


def _of(kind: str, treaty: str) -> str:
    return f"{KIND_LABELS.get(kind, kind)}, {instrument(treaty).short}"


def _short(text: str, most: int = 120) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


# A member


def of_member(user: User | None, member: Member | None, week: Week) -> list[Part]:
    """Their own tasks and hours."""
    own = []
    if member is not None:
        own.append(Task.member_id == member.id)
    if user is not None:
        own.append(and_(Task.leader_id == user.id, Task.member_id.is_(None), ~Task.in_pool))
    if not own:
        return []
    tasks = open_of(own[0] if len(own) == 1 else own[0] | own[1], limit=LISTED + 1)
    lines = [line_of(task, week.on) for task in tasks[:LISTED]]
    if len(tasks) > LISTED:
        lines.append(_("and more"))
    page = links.absolute("tasks.today")
    signs_in = user is not None and user.password_hash is not None
    found = [
        Part(_("Your tasks"), lines, link=(_("Open my tasks"), page) if signs_in else None),
    ]
    if member is not None:
        found.append(Part(_("Your hours"), _hours(member, week)))
    return found


def _hours(member: Member, week: Week) -> list[str]:
    minutes = sum(
        line.minutes or 0 for line in lines_of([member.id], Year(school_year(week.last)))[member.id]
    )
    if not minutes:
        return []
    hours = f"{minutes // 60}:{minutes % 60:02}"
    return [_("%(hours)s hours in this school year so far.", hours=hours)]


# Administrators


def of_administrator(week: Week) -> Part:
    """People, what could not be sent or done, addresses that are bad, and backups."""
    lines = []
    new, invited = db.session.execute(
        select(
            func.count(case((User.created_at >= week.start, 1))),
            func.count(case((User.password_hash.is_(None), 1))),
        ).where(User.active)
    ).one()
    if new:
        lines.append(
            ngettext("%(num)s person was invited.", "%(num)s people were invited.", int(new))
        )
    if invited:
        lines.append(
            ngettext(
                "%(num)s invitation is not accepted yet.",
                "%(num)s invitations are not accepted yet.",
                int(invited),
            )
        )
    dead = select(func.count()).where(Outgoing.state == Row.DEAD)
    if count := int(db.session.scalar(dead) or 0):
        lines.append(
            ngettext(
                "%(num)s message or job was given up and waits for somebody to look.",
                "%(num)s messages or jobs were given up and wait for somebody to look.",
                count,
            )
        )
    bad = select(func.count()).where(MailFailure.bad_since >= week.start)
    if count := int(db.session.scalar(bad) or 0):
        lines.append(
            ngettext(
                "Mail to %(num)s address came back.", "Mail to %(num)s addresses came back.", count
            )
        )
    if count := sum(
        count for _chapter, count in retention.waiting(Scope(True, frozenset()), week.on)
    ):
        lines.append(
            ngettext(
                "%(num)s member left so long ago that somebody should decide.",
                "%(num)s members left so long ago that somebody should decide.",
                count,
            )
        )
    lines += _backups(told=bool(lines))
    page = links.absolute("members.users")
    return Part(_("This installation"), lines, link=(_("Open the settings"), page))


def _backups(*, told: bool) -> list[str]:
    """What is wrong with backups; that all is well only beside other news."""
    newest = backups.newest()
    if newest is None:
        return [_("There is no backup: the command “crm backup” makes one.")]
    day = format_date(newest.moment.date(), "medium")
    if not newest.ok:
        return [_("The last backup failed; the newest is of %(day)s.", day=day)]
    if newest.moment < db.now() - _OLD_BACKUP:
        return [_("The newest backup is of %(day)s: none was made since.", day=day)]
    return [_("The newest backup is of %(day)s.", day=day)] if told else []
