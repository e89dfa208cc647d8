"""The board: tasks of the chapters one leads, by state or as a list; many changed at once."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from sqlalchemy import Select, select

from crm.campaigns.models import Campaign
from crm.core import access, db, reads
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import parse_id
from crm.core.i18n import day as day_told
from crm.core.i18n import timezone_name, today
from crm.core.icons import icon
from crm.core.paging import page_number, page_of
from crm.core.shell import number
from crm.core.streams import stream
from crm.core.tables import FORMATS, Column, Kind, Row, Table
from crm.core.text import fold
from crm.members import queries as members
from crm.members.disclosure import Exit, Viewer, disclose
from crm.members.models import Chapter, Member
from crm.members.queries import MemberFilter
from crm.outreach.channels import channels
from crm.tasks import operations, queries, rules
from crm.tasks.forms import ManyForm
from crm.tasks.models import Task
from crm.tasks.queries import NOBODY, TaskFilter
from crm.tasks.rules import Due, State
from crm.tasks.views import blueprint

#: What an address says for no leader, no campaign, no member.
NONE = "none"
#: Tasks a column shows; the list has all.
IN_COLUMN = 15
#: Members that are offered to tick.
MOST_MEMBERS = 100
#: Tasks one form changes.
MOST_AT_ONCE = 500

STATES = {
    "open": _l("Open"),
    State.NEEDS_ACTION.value: _l("To do"),
    State.IN_PROCESS.value: _l("At it"),
    State.COMPLETED.value: _l("Done"),
    State.CANCELLED.value: _l("Called off"),
    "all": _l("All"),
}
DUES = {
    Due.OVERDUE.value: _l("Overdue"),
    Due.TODAY.value: _l("Today"),
    Due.WEEK.value: _l("Within a week"),
    Due.LATER.value: _l("Later"),
    Due.NONE.value: _l("No day"),
}
ONLY = {
    "help": _l("Help is asked for"),
    "unanswered": _l("No answer for three weeks"),
    "pool": _l("In the pool"),
    "left": _l("Nobody's: they left"),
    "dated": _l("With a day"),
}
_COLUMNS = (State.NEEDS_ACTION, State.IN_PROCESS, State.COMPLETED)


@dataclass
class Asked:
    """The filter of an address: what was meant, what was given, what cannot be read."""

    wanted: TaskFilter = field(default_factory=TaskFilter)
    given: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    chapters: Sequence[Chapter] = ()


def parse(args: Mapping[str, str], chapters: Sequence[Chapter]) -> Asked:
    """Read the filter; what nobody knows is said and left out."""
    asked = Asked(chapters=chapters)
    values: dict[str, Any] = {}

    def choose(name: str, known: Collection[str], key: str | None = None) -> None:
        word = args.get(name, "")
        if word in known:
            values[key or name], asked.given[name] = word, word
        elif word:
            asked.problems.append(_("There is no such choice: %(word)s.", word=word[:40]))

    choose("state", STATES)
    choose("due", DUES)
    choose("only", ONLY)
    for name in ("since", "until"):
        if typed := args.get(name):
            try:
                values[name] = date.fromisoformat(typed)
                asked.given[name] = typed
            except ValueError:
                asked.problems.append(_("“%(value)s” is not a date.", value=typed[:40]))
    for name in ("member", "leader", "target"):
        if args.get(name) == NONE and name != "target":
            values[f"{name}_id"], asked.given[name] = NOBODY, NONE
        elif args.get(name):
            values[f"{name}_id"] = parse_id(args.get(name)) or 0
            asked.given[name] = str(values[f"{name}_id"])
    if slug := args.get("campaign"):
        plain = slug.replace("\x00", "")
        found = db.session.scalar(select(Campaign.id).where(Campaign.slug == plain))
        values["campaign_id"] = NOBODY if plain == NONE else found or 0
        asked.given["campaign"] = plain
    if slug := args.get("chapter"):
        chosen = next((each for each in chapters if each.slug == slug), None)
        if chosen is None:
            asked.problems.append(_("There is no such choice: %(word)s.", word=slug[:40]))
        else:
            asked.given["chapter"] = slug
            alone = args.get("itself") == "1"
            if alone:
                asked.given["itself"] = "1"
            values["chapter_ids"] = frozenset(
                each.id
                for each in chapters
                if (each.id == chosen.id if alone else each.path.startswith(chosen.path))
            )
    asked.wanted = TaskFilter(**values)
    return asked


@dataclass(frozen=True, slots=True)
class Card:
    """A task on the board. `task` is a row with some of its columns, which is quick to read."""

    task: Any
    due: Due
    due_words: str
    #: Who does it; empty for the leader.
    who: str
    #: How many pieces, and how many of them are done; and the same where no heading says of what.
    counted: str
    told: str
    is_open: bool
    is_overdue: bool
    is_unanswered: bool
    is_undone: bool
    has_left: bool
    #: Whether anything of it is to be marked.
    stands_out: bool


def _asked() -> Asked:
    scope = access.scope(current_user, Can.ASSIGN_TASKS)
    return parse(request.args, members.chapters_in(scope))


@blueprint.get("/tasks")
@requires(Can.ASSIGN_TASKS)
def index() -> Any:
    """Tasks of my chapters."""
    return _board(_asked(), ManyForm(formdata=None))


def _board(asked: Asked, form: ManyForm, ticked: Collection[int] = ()) -> Any:
    scope, day = access.scope(current_user, Can.ASSIGN_TASKS), today()
    as_list = request.args.get("view") == "list" or asked.given.get("state") not in (None, "open")
    page = None
    columns: list[tuple[str, Any, int, list[Card]]] = []
    counts = queries.counts(asked.wanted, scope, today=day)
    if as_list:
        page = page_of(
            _light(queries.tasks(asked.wanted, scope, today=day)),
            number=page_number(),
            scalars=False,
        )
        found = list(page.rows)
    else:
        parts = [
            db.session.execute(
                _light(
                    queries.tasks(
                        TaskFilter(**{**vars(asked.wanted), "state": state.value}), scope, today=day
                    )
                ).limit(IN_COLUMN)
            ).all()
            if counts.get(state.value)
            else ()
            for state in _COLUMNS
        ]
        found = [task for part in parts for task in part]
    people, too_many = _people(asked, scope)
    cards, leaders = _cards(found, people), _leaders(scope)
    campaigns = queries.campaign_choices(scope)
    if not as_list:
        columns = [
            (
                state.value,
                STATES[state.value],
                counts.get(state.value, 0),
                [card for card in cards if card.task.state == state.value],
            )
            for state in _COLUMNS
        ]
    return render_template(
        "tasks/board.html",
        asked=asked,
        form=form,
        ticked=ticked,
        columns=columns,
        cards=cards,
        page=page,
        counts=counts,
        as_list=as_list,
        states=STATES,
        dues=DUES,
        only=ONLY,
        people=sorted(people.items(), key=lambda pair: fold(pair[1])),
        too_many=too_many,
        campaigns=[(slug, name) for _id, slug, name in campaigns],
        campaign_names={number: name for number, _slug, name in campaigns},
        chapter_names={each.id: each.name for each in asked.chapters},
        leaders=leaders,
        leaders_by_id=dict(leaders),
        days={each: day_told(each) for each in {task.due_on for task in found}},
        icons={name: icon(channel.icon) for name, channel in channels().items()},
        words=_words(),
    ), (form.status if form.is_submitted() else 200)


def _words() -> dict[str, str]:
    """What rows say, each made once: a board is looked at often."""
    return {
        "tick": _("Tick:"),
        "left": _("nobody's: they left"),
        "help": _("help asked for"),
        "unanswered": _("no answer yet"),
        "undone": _("its outreach was undone"),
        "pool": _("The pool"),
        "leader": _("A leader"),
    }


def _light(found: Select[Any]) -> Any:
    return found.with_only_columns(
        Task.id, Task.title, Task.chapter_id, Task.campaign_id, Task.channel, Task.member_id,
        Task.in_pool, Task.leader_id, Task.due_on, Task.state, Task.pieces, Task.done, Task.help,
    )  # fmt: skip


def _people(asked: Asked, scope: access.Scope) -> tuple[dict[int, str], bool]:
    """Members of the chosen chapter, or of all, to filter by and to give tasks to."""
    sees = access.scope(current_user, Can.SEE_MEMBERS).within(scope)
    wanted = MemberFilter(chapter_ids=asked.wanted.chapter_ids)
    ids = db.session.scalars(
        members.members(wanted, sees, today=today())
        .with_only_columns(Member.id)
        .limit(MOST_MEMBERS + 1)
    ).all()
    too_many = len(ids) > MOST_MEMBERS
    shown = [] if too_many else list(ids)
    if asked.wanted.member_id and asked.wanted.member_id not in shown:
        shown.append(asked.wanted.member_id)
    told = disclose(shown, to=Viewer.of(current_user), exit=Exit.PAGE)
    return {each: told[each].name for each in shown if each in told}, too_many


def _cards(found: Sequence[Any], people: Mapping[int, str]) -> list[Card]:
    today_ = today()
    flags = queries.flags([task.id for task in found], today=today_)
    missing = {t.member_id for t in found if t.member_id and t.member_id not in people}
    more = disclose(missing, to=Viewer.of(current_user), exit=Exit.PAGE) if missing else {}
    names = {**people, **{each: shown.name for each, shown in more.items()}}
    of, to_do, done = _("of"), _("to do"), _("done")
    # A day stands on many tasks, and its words take longer than the day.
    near = {
        day: (rules.due_of(day, today_), rules.due_words(day, today_))
        for day in {task.due_on for task in found}
    }
    return [_card(task, near[task.due_on], names, (of, to_do, done), flags) for task in found]


def _card(
    task: Any,
    near: tuple[Due, str],
    names: Mapping[int, str],
    said: tuple[str, str, str],
    flags: queries.Flags,
) -> Card:
    due, words = near
    of, to_do, done = said
    is_open = task.state in rules.OPEN
    counted = _counted(task, of)
    marks = task.id in flags.unanswered, task.id in flags.undone, task.id in flags.left
    return Card(
        task,
        due,
        words,
        names.get(task.member_id or 0, ""),
        counted,
        f"{counted} {to_do if is_open and not task.done else done}" if counted else "",
        is_open,
        is_open and due is Due.OVERDUE,
        *marks,
        any(marks) or bool(task.help) or (is_open and due in (Due.OVERDUE, Due.TODAY)),
    )


def _counted(task: Any, of: str) -> str:
    if not task.pieces:
        return ""
    is_begun = task.done and task.state in rules.OPEN
    return f"{number(task.done)} {of} {number(task.pieces)}" if is_begun else number(task.pieces)


def _leaders(scope: access.Scope) -> list[tuple[int, str]]:
    names = members.user_names(queries.leader_ids(scope), to=Viewer.of(current_user))
    return sorted(names.items(), key=lambda pair: pair[1])


# Many at once


@blueprint.post("/tasks/many")
@requires(Can.ASSIGN_TASKS)
def many() -> Any:
    """Do one thing with all that are ticked: all of it or nothing."""
    form = ManyForm()
    ids = [each for each in map(parse_id, request.form.getlist("task")) if each is not None]
    told = form.carry(lambda: _many(ids[: MOST_AT_ONCE + 1], form))
    if told is None:
        return _board(_asked(), form, ids)
    flash(told, "success")
    given: dict[str, Any] = request.args.to_dict()
    return redirect(url_for(".index", **given), 303)


def _many(ids: Sequence[int], form: ManyForm) -> str:
    if not ids:
        raise Refused(_("Tick the tasks first."))
    if len(ids) > MOST_AT_ONCE:
        raise Refused(_("At most %(most)s tasks at once.", most=MOST_AT_ONCE))
    by: Any = current_user
    steps: dict[str, Callable[[], int]] = {
        "give": lambda: operations.assign(ids, to=form.to.data or [], by=by, today=today()),
        "pool": lambda: operations.assign(ids, in_pool=True, by=by, today=today()),
        "mine": lambda: operations.assign(ids, leader_id=by.id, by=by, today=today()),
        "move": lambda: operations.move(ids, due_on=form.due_on.data, by=by),
        "cancel": lambda: operations.cancel(
            ids,
            by=by,
            reason=form.reason.data or None,
            today=today(),
            whole_series=form.whole_series.data,
        ),
    }
    if form.do.data not in steps:
        raise Refused(_("Choose one of the list."))
    changed = steps[form.do.data]()
    return ngettext("%(num)s task changed.", "%(num)s tasks changed.", changed)


# As a file

_TABLE = (
    Column("task", _l("Task"), width=36),
    Column("state", _l("State"), width=12),
    Column("due", _l("Due"), Kind.DATE, 12),
    Column("member", _l("Member"), width=14),
    Column("chapter", _l("Chapter"), width=26),
    Column("campaign", _l("Campaign"), width=26),
    Column("channel", _l("Channel"), width=14),
    Column("pieces", _l("Pieces"), Kind.NUMBER, 8),
    Column("done", _l("Pieces done"), Kind.NUMBER, 12),
    Column("minutes", _l("Minutes"), Kind.NUMBER, 9),
    Column("finished", _l("Finished"), Kind.DATE, 12),
)


@blueprint.get("/tasks.<any(csv, xlsx, json):format>")
@requires(Can.EXPORT_REPORTS)
def download(format: str) -> Any:
    """The board as a file: members are pseudonyms there."""
    scope = access.scope(current_user, Can.ASSIGN_TASKS).within(
        access.scope(current_user, Can.EXPORT_REPORTS)
    )
    chapters = members.chapters_in(scope)
    asked = parse(request.args, chapters)
    if asked.problems:
        return _board(_asked(), ManyForm(formdata=None))[0], 422
    reads.note("chapter", [each.id for each in chapters], "export")
    names = {each.id: each.name for each in chapters}
    made_at, made_by = datetime.now(ZoneInfo(timezone_name())), current_user.name
    viewer, day = Viewer(sees=scope), today()

    def table() -> Table:
        return Table(
            name="tasks",
            title=_("Tasks"),
            columns=_TABLE,
            rows=_rows(queries.tasks(asked.wanted, scope, today=day), viewer, names),
            facts=[(name, value) for name, value in asked.given.items()],
            made_at=made_at,
            made_by=made_by,
        )

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    pieces = stream(app, table, format=format, locale=str(get_locale()))
    response = Response(pieces, mimetype=FORMATS[format].mimetype)
    name = f"tasks-{day.isoformat()}.{format}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _rows(found: Select[Task], viewer: Viewer, chapters: Mapping[int, str]) -> Any:
    campaigns = {row[0]: row[1] for row in db.session.execute(select(Campaign.id, Campaign.name))}
    ways = channels()
    for part in db.session.scalars(found.execution_options(yield_per=500)).partitions():
        ids = [task.member_id for task in part if task.member_id is not None]
        shown = disclose(ids, to=viewer, exit=Exit.EXPORT)
        for task in part:
            row: Row = (
                task.title,
                str(STATES[task.state]),
                task.due_on,
                shown[task.member_id].name if task.member_id in shown else "",
                chapters.get(task.chapter_id, ""),
                campaigns.get(task.campaign_id or 0, ""),
                str(ways[task.channel].label) if task.channel in ways else "",
                task.pieces,
                task.done,
                task.minutes,
                task.finished_at.date() if task.finished_at else None,
            )
            yield row
