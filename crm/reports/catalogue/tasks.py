"""Tasks handed out, done, on time and overdue, of the chapters whose tasks the viewer may see."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import and_, case, func, select

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.access import Scope
from crm.core.charts import Chart, split
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row, Share
from crm.members.disclosure import NOBODY, Exit, Shown, disclose, user_names
from crm.members.models import Chapter
from crm.outreach.filters import NONE
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.queries import number_of
from crm.reports.rules import Reckoning
from crm.tasks.hours import local_day
from crm.tasks.models import Task
from crm.tasks.queries import TaskFilter, conditions
from crm.tasks.rules import OPEN, State

USES = frozenset({"campaign", "chapter", "since", "until", "target", "member"})
#: In a row's key: in the pool, which is nobody's yet.
POOL = "pool"
_EVERYWHERE = Scope(everywhere=True, chapter_ids=frozenset())


def _conditions(asked: Question, scope: Scope | None = None) -> list[Any]:
    """Which tasks: of the chapters the viewer sees, or of another scope."""
    wanted = asked.wanted
    return conditions(
        TaskFilter(
            state="all",
            chapter_ids=wanted.chapter_ids,
            member_id=wanted.member_id,
            campaign_id=wanted.campaign_id,
            target_id=wanted.target_id,
            since=wanted.since,
            until=wanted.until,
        ),
        asked.viewer.sees if scope is None else scope,
        asked.on,
    )


@dataclass
class _Sums:
    many: int = 0
    done: int = 0
    #: Of those done that had a day: by that day.
    dated: int = 0
    on_time: int = 0
    open: int = 0
    overdue: int = 0
    off: int = 0
    pieces: int = 0
    pieces_done: int = 0

    @property
    def cells(self) -> Row:
        """In the order of the columns."""
        return (
            self.many, self.done,
            Share(self.on_time, self.dated) if self.dated else None,
            self.open, self.overdue, self.off,
            Share(self.pieces_done, self.pieces) if self.pieces else None,
        )  # fmt: skip


def _sums(asked: Question, *what: Any) -> dict[tuple[Any, ...], _Sums]:
    """By columns of `Task`: two statements."""
    is_open = Task.state.in_(OPEN)
    is_off = Task.state == State.CANCELLED.value

    def counted(which: Any, value: Any = 1) -> Any:
        return func.coalesce(func.sum(case((which, value), else_=0)), 0)

    found: dict[tuple[Any, ...], _Sums] = {}
    for row in db.session.execute(
        select(
            *what,
            func.count(),
            counted(Task.state == State.COMPLETED.value),
            counted(is_open),
            counted(and_(is_open, Task.due_on.is_not(None), Task.due_on < asked.on)),
            counted(is_off),
            # What was called off is no longer to be done.
            counted(~is_off, Task.pieces),
            counted(~is_off, Task.done),
        )
        .where(*_conditions(asked))
        .group_by(*what)
    ):
        *key, many, done, open_, overdue, off, pieces, pieces_done = row
        found[tuple(key)] = _Sums(
            many=many, done=done, open=open_, overdue=overdue, off=off, pieces=pieces,
            pieces_done=pieces_done,
        )  # fmt: skip
    # The day of a moment is told by the campaign's own clock, which no two databases do alike.
    for *key, due_on, finished_at in db.session.execute(
        select(*what, Task.due_on, Task.finished_at).where(
            *_conditions(asked),
            Task.state == State.COMPLETED.value,
            Task.due_on.is_not(None),
            Task.finished_at.is_not(None),
        )
    ):
        sums = found[tuple(key)]
        sums.dated += 1
        sums.on_time += local_day(finished_at) <= due_on
    return found


def rows_by_chapter(asked: Question) -> Iterator[Row]:
    """One row a chapter, those with most tasks first."""
    sums = _sums(asked, Task.chapter_id)
    found = db.session.execute(
        select(Chapter.id, Chapter.name, Chapter.slug).where(Chapter.id.in_([k[0] for k in sums]))
    )
    known = {(row.id,): (row.name, row.slug) for row in found}
    for key in _ordered(sums, {key: name for key, (name, _slug) in known.items()}):
        yield known[key][0], *sums[key].cells, known[key][1]


def rows_by_leader(asked: Question) -> Iterator[Row]:
    """One row a person who handed them out, and one of what nobody answers for."""
    sums = _sums(asked, Task.leader_id)
    users = db.session.scalars(select(User).where(User.id.in_([k[0] for k in sums if k[0]]))).all()
    # Who reads is not always who asks: a report is mailed, frozen and made by a command, too. What
    # leaves without a reason tells as much as anybody may know.
    to = asked.viewer if asked.exit is Exit.PAGE or asked.viewer.exports_people else NOBODY
    names = {(id_,): name for id_, name in user_names(users, to=to).items()}
    for key in _ordered(sums, names):
        yield names.get(key, _("Nobody")), *sums[key].cells, str(key[0] or NONE)


def _ordered(sums: Mapping[tuple[Any, ...], _Sums], names: Mapping[Any, str]) -> list[Any]:
    """Most first; those without a name at the end."""
    return sorted(
        sums,
        key=lambda key: (key not in names, -sums[key].many, names.get(key, ""), str(key)),
    )


def rows_by_campaign(asked: Question) -> Iterator[Row]:
    """One row a campaign, and one of tasks of none."""
    sums = _sums(asked, Task.campaign_id)
    found = db.session.execute(
        select(Campaign.id, Campaign.name, Campaign.slug).where(
            Campaign.id.in_([key[0] for key in sums if key[0]])
        )
    )
    known = {(row.id,): (row.name, row.slug) for row in found}
    for key in _ordered(sums, {key: name for key, (name, _slug) in known.items()}):
        name, slug = known.get(key, (_("No campaign"), NONE))
        yield name, *sums[key].cells, slug


def rows_by_member(asked: Question) -> Iterator[Row]:
    """One row a member, as the viewer may know them, one of the pool, one of the leaders' own."""
    sums = _sums(asked, Task.member_id, Task.in_pool)
    ids = [member_id for member_id, _in_pool in sums if member_id is not None]
    shown: dict[int, Shown] = {}
    for some in db.batches(ids):
        shown |= disclose(some, to=asked.viewer, exit=asked.exit)
    names: dict[Any, str] = {
        key: shown[key[0]].name for key in sums if key[0] is not None and key[0] in shown
    }
    for key in _ordered(sums, names):
        member_id, in_pool = key
        if member_id is not None:
            yield names.get(key, _("A member")), *sums[key].cells, member_id
        elif in_pool:
            yield _("In the pool: nobody's yet"), *sums[key].cells, POOL
        else:
            yield _("The leaders' own"), *sums[key].cells, NONE


def named(asked: Question) -> Iterator[int]:
    """The members whose row says who they are."""
    ids = [key[0] for key in _sums(asked, Task.member_id) if key[0] is not None]
    for some in db.batches(ids):
        for each in disclose(some, to=asked.viewer, exit=asked.exit).values():
            if each.is_named:
                yield each.member_id


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """Every task has one chapter, one leader or none, one member or none."""
    total = number_of(select(func.count()).select_from(Task).where(*_conditions(asked)))
    sums = _sums(asked, Task.in_pool).values()
    done, open_, overdue, off = (
        sum(getattr(each, name) for each in sums) for name in ("done", "open", "overdue", "off")
    )
    said = [
        _(
            "%(total)s: %(done)s done, %(open)s open, of which %(overdue)s overdue, %(off)s "
            "called off. Each is counted once.",
            total=ngettext("%(many)s task was handed out", "%(many)s tasks were handed out",
                           total, many=number(total)),
            done=number(done), open=number(open_), overdue=number(overdue), off=number(off),
        )
    ]  # fmt: skip
    if asked.wanted.since or asked.wanted.until:
        said.append(_("A task without a day is in no period."))
    return Reckoning(Reconciliation(rows_total, 0, 0, total), said)


def limits(asked: Question) -> list[str]:
    """How many tasks of other chapters there are that the viewer does not see."""
    if asked.viewer.sees.everywhere:
        return []
    every = number_of(
        select(func.count()).select_from(Task).where(*_conditions(asked, _EVERYWHERE))
    )
    seen = number_of(select(func.count()).select_from(Task).where(*_conditions(asked)))
    if every == seen:
        return []
    return [
        ngettext(
            "%(many)s task of chapters whose members you do not see is left out.",
            "%(many)s tasks of chapters whose members you do not see are left out.",
            every - seen,
            many=number(every - seen),
        )
    ]


CHART_TITLE = _l("Done, open and overdue")


def chart(shown: Sequence[Row]) -> Chart:
    """How the tasks of those with most of them stand."""
    most = sorted(shown, key=lambda row: -row[1])[:8]
    return split(
        CHART_TITLE,
        [row[0] for row in most],
        [
            (_("Done"), [row[2] for row in most]),
            (_("Open"), [row[4] - row[5] for row in most]),
            (_("Overdue"), [row[5] for row in most]),
            (_("Called off"), [row[6] for row in most]),
        ],
    )


#: What the board is asked for by each column.
_STATES: Mapping[str, Mapping[str, str]] = {
    "many": {"state": "all"},
    "done": {"state": "completed"},
    "on_time": {"state": "completed", "only": "dated"},
    "open": {"state": "open"},
    "overdue": {"state": "open", "due": "overdue"},
    "off": {"state": "cancelled"},
    "pieces": {"state": "all"},
}


def _leads(
    name: str,
) -> Callable[[str, Row | None, Mapping[str, str]], tuple[str, dict[str, Any]] | None]:
    """To the board, narrowed by what a row is about."""

    def leads(
        column: str, row: Row | None, given: Mapping[str, str]
    ) -> tuple[str, dict[str, Any]] | None:
        if column not in _STATES:
            return None
        values: dict[str, Any] = {key: value for key, value in given.items() if key in USES}
        values |= {"view": "list", **_STATES[column]}
        if row is None:
            return "tasks.index", values
        if row[-1] == POOL:
            values["only"] = "pool"
        else:
            values[name] = row[-1]
        if name == "chapter":
            values["itself"] = "1"
        return "tasks.index", values

    return leads


_COUNTED = (
    Column("many", _l("Handed out"), Kind.NUMBER, 10),
    Column("done", _l("Done"), Kind.NUMBER, 10),
    Column("on_time", _l("On time"), Kind.SHARE, 20),
    Column("open", _l("Open"), Kind.NUMBER, 10),
    Column("overdue", _l("Overdue"), Kind.NUMBER, 10),
    Column("off", _l("Called off"), Kind.NUMBER, 10),
    Column("pieces", _l("Pieces done"), Kind.SHARE, 20),
)

BY_CHAPTER = Report(
    name="tasks",
    about=_l("Chapter"),
    order=77,
    icon="check2-square",
    title=_l("Tasks"),
    description=_l(
        "What was handed out and what became of it. A period is of the days they are due; on time "
        "is of those done that had a day."
    ),
    columns=(Column("chapter", _l("Chapter"), width=36), *_COUNTED),
    rows=rows_by_chapter,
    nothing=_l("There is no task here that you may see"),
    reckon=reckon,
    counts="many",
    limits=limits,
    chart=chart,
    chart_title=CHART_TITLE,
    leads=_leads("chapter"),
    uses=USES,
    compares=("many", "done", "on_time"),
    counts_ahead=True,
)

BY_LEADER = replace(
    BY_CHAPTER,
    about=_l("Who handed them out"),
    title=_l("Tasks by who handed them out"),
    columns=(Column("leader", _l("Handed out by"), width=28), *_COUNTED),
    rows=rows_by_leader,
    leads=_leads("leader"),
)

BY_CAMPAIGN = replace(
    BY_CHAPTER,
    about=_l("Campaign"),
    title=_l("Tasks by campaign"),
    columns=(Column("campaign", _l("Campaign"), width=36), *_COUNTED),
    rows=rows_by_campaign,
    record=lambda row: ("campaigns.page", {"slug": row[-1]}) if row[-1] != NONE else None,
    leads=_leads("campaign"),
)

BY_MEMBER = replace(
    BY_CHAPTER,
    about=_l("Member"),
    title=_l("Tasks by member"),
    description=_l(
        "What each member was given and what became of it. A download gives numbers in place of "
        "names."
    ),
    columns=(Column("member", _l("Member"), width=28), *_COUNTED),
    rows=rows_by_member,
    record=lambda row: (
        ("members.page", {"member_id": row[-1]}) if isinstance(row[-1], int) else None
    ),
    leads=_leads("member"),
    shows_people=True,
    named=named,
)

REPORT = replace(
    BY_CHAPTER,
    ways={
        "chapter": BY_CHAPTER,
        "leader": BY_LEADER,
        "campaign": BY_CAMPAIGN,
        "member": BY_MEMBER,
    },
)
