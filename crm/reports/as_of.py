"""What we would have said on an earlier day, from the record.

Reports know nothing of it. For one snapshot (`known`) temporary views of the same names hide the
tables from that one connection: what was entered later is not there, what was taken back later is,
and actions changed since are as the first revision after that day kept them. The views are gone
with the transaction. What nobody kept the past of is as it is today, and `told` says so.
"""

# ruff: noqa: S608 - views take no parameters; all that stands in them are names and days of ours

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app
from flask_babel import force_locale, get_locale
from flask_babel import gettext as _
from sqlalchemy import Connection, Table, column, func, select, table, text
from sqlalchemy.sql.expression import TableClause

from crm.campaigns.models import IndicatorValue, Position
from crm.core import db
from crm.core.audit import AuditEntry
from crm.core.i18n import day
from crm.members.queries import kept_ids as kept_members
from crm.outreach import kept as kept_sums
from crm.outreach.channels import awaited_names, channels
from crm.outreach.models import (
    Action,
    ActionChapter,
    ActionMember,
    ActionRevision,
    ActionTarget,
    Commitment,
    Outcome,
    action_ask,
)
from crm.outreach.operations import led_to_kept
from crm.targets.queries import kept_ids as kept_targets
from crm.tasks.models import HoursSigned, Task
from crm.treaties.models import TreatyAttendance, TreatyEvent, TreatyMeetingDate

#: Of a temporary table's name.
_PREFIX = "as_of_"
#: Actions whose past is read and written at once.
_AT_ONCE = 500
#: Ids of rows that are there no more begin here: below 0, so that they are nobody's.
_NOBODYS = -(2**31) + 1
#: In a session's `info`, while it tells of an earlier day.
_KEY = kept_sums.PAST


def told(on: date) -> str:
    """What a reader must know of an answer as of a day."""
    return _(
        "This is what the record said at the end of %(day)s. Names, offices, lists, chapters and "
        "days that tasks are due are those of today; what was merged since is one, and promises "
        "that were taken back or opened again since are told so. Numbers lead to the records as "
        "they are now.",
        day=day(on),
    )


def ends(on: date) -> datetime:
    """The moment the day is over where the application is."""
    zone = ZoneInfo(str(current_app.config["BABEL_DEFAULT_TIMEZONE"]))
    return datetime.combine(on + timedelta(days=1), time(), zone).astimezone(UTC)


def first_day() -> date | None:
    """The first day there is anything to tell of; None while nothing is recorded."""
    moments = [
        db.session.scalar(select(func.min(Action.logged_at))),
        db.session.scalar(select(AuditEntry.at).order_by(AuditEntry.id).limit(1)),
    ]
    known = [each for each in moments if each is not None]
    zone = ZoneInfo(str(current_app.config["BABEL_DEFAULT_TIMEZONE"]))
    return min(known).astimezone(zone).date() if known else None


def is_told() -> bool:
    """Whether the present session tells of an earlier day: totals that are kept do not hold."""
    return _KEY in db.session.info


@contextmanager
def known(app: Flask, on: date | None) -> Iterator[None]:
    """One snapshot to answer a report from: of now, or of what was known at the end of a day."""
    # The reader's language is known: within, it would be read anew with who they are.
    locale = get_locale()
    spoken = force_locale(locale) if locale else nullcontext()
    with db.apart(app, temporary=on is not None), spoken:
        if on is not None:
            hide_later(on)
        yield


def hide_later(on: date) -> None:
    """Let the present session, which is apart and may make what is temporary, know only the day."""
    connection = db.session.connection()
    past = _Past(connection, ends(on), on)
    past.hide()
    db.session.info[_KEY] = on


@dataclass(frozen=True)
class _Kept:
    """A table whose rows say themselves when they came and went."""

    table: Table
    #: The moment a row was entered.
    entered: str
    #: Columns that are empty while the moment in the key is after the day.
    undone: Mapping[str, Sequence[str]]


_SIMPLE = (
    _Kept(Position.__table__, "entered_at",  # type: ignore[arg-type]
          {"withdrawn_at": ("withdrawn_at", "withdrawn_by_id")}),
    _Kept(IndicatorValue.__table__, "entered_at",  # type: ignore[arg-type]
          {"withdrawn_at": ("withdrawn_at", "withdrawn_by_id")}),
    _Kept(TreatyEvent.__table__, "entered_at", {}),  # type: ignore[arg-type]
    _Kept(TreatyMeetingDate.__table__, "entered_at", {}),  # type: ignore[arg-type]
    _Kept(TreatyAttendance.__table__, "entered_at", {}),  # type: ignore[arg-type]
    _Kept(HoursSigned.__table__, "signed_at", {}),  # type: ignore[arg-type]
    _Kept(Commitment.__table__, "recorded_at",  # type: ignore[arg-type]
          {"settled_at": ("settled_at", "settled_by_id", "settled_on", "evidence")}),
)  # fmt: skip
#: Tables an action's rows lie in.
_OF_ACTIONS: tuple[Table, ...] = (
    Action.__table__,  # type: ignore[assignment]
    ActionTarget.__table__,  # type: ignore[assignment]
    ActionMember.__table__,  # type: ignore[assignment]
    ActionChapter.__table__,  # type: ignore[assignment]
    action_ask,
)


class _Past:
    """Makes the views of one day on one connection."""

    def __init__(self, connection: Connection, end: datetime, on: date):
        self.connection = connection
        self.on = on
        self.is_sqlite = connection.dialect.name == "sqlite"
        #: The schema the tables are in, and the one that comes before it.
        self.real = "main" if self.is_sqlite else str(connection.scalar(text(
            "SELECT quote_ident(current_schema())")))  # fmt: skip
        self.temp = "temp" if self.is_sqlite else "pg_temp"
        #: The moment as each database writes it; a view takes no parameters.
        self.end = (
            f"'{end:%Y-%m-%d %H:%M:%S}.000000'"
            if self.is_sqlite
            else f"TIMESTAMPTZ '{end:%Y-%m-%d %H:%M:%S}+00'"
        )

    def hide(self) -> None:
        """Everything, each view once what it reads is there."""
        self._changed()
        self._actions()
        self._outcomes()
        self._views_of_actions()
        for each in _SIMPLE:
            self._simple(each)
        self._tasks()
        if not self.is_sqlite:
            # Statements prepared for the tables would go on reading them.
            self._run("DISCARD PLANS")
            self._run("SET TRANSACTION READ ONLY")

    def _run(self, statement: str) -> None:
        self.connection.exec_driver_sql(statement)

    def _copy(self, of: Table) -> TableClause:
        """An empty temporary table like this one."""
        name = f"{_PREFIX}{of.name}"
        self._run(f"CREATE TEMP TABLE {name} AS SELECT * FROM {self.real}.{of.name} WHERE 1 = 0")
        return table(name, *(column(each.name, each.type) for each in of.columns))

    # Actions

    def _changed(self) -> None:
        """The actions that are not as they were: logged since, or changed since."""
        self._run(f"CREATE TEMP TABLE {_PREFIX}gone (id INTEGER PRIMARY KEY)")
        self._run(
            f"INSERT INTO {self.temp}.{_PREFIX}gone "
            f"SELECT id FROM {self.real}.action WHERE logged_at >= {self.end} "
            f"UNION SELECT action_id FROM {self.real}.action_revision WHERE at >= {self.end}"
        )

    def _actions(self) -> None:
        """Those changed since, from the first revision after the day: it kept what was before."""
        copies = {each.name: self._copy(each) for each in _OF_ACTIONS}
        numbers = count(_NOBODYS)
        for some in self._revisions():
            rows = _rows(some, numbers)
            for name, found in rows.items():
                for part in db.batches(found):
                    self.connection.execute(copies[name].insert(), list(part))
        for name, key in (
            ("action", "id"),
            ("action_target", "action_id"),
            ("action_member", "action_id"),
            ("action_chapter", "action_id"),
        ):
            self._run(f"CREATE INDEX {_PREFIX}{name}_key ON {_PREFIX}{name} ({key})")

    def _revisions(self) -> Iterator[Sequence[Any]]:
        end = self.end
        first = (
            select(func.min(ActionRevision.id))
            .where(text(f"action_revision.at >= {end}"))
            .group_by(ActionRevision.action_id)
        )
        last = 0
        while some := self.connection.execute(
            select(
                Action.id,
                Action.channel,
                Action.origin,
                Action.client_key,
                Action.logged_by_id,
                Action.logged_at,
                ActionRevision.verb,
                ActionRevision.snapshot,
            )
            .join(ActionRevision, ActionRevision.action_id == Action.id)
            .where(
                ActionRevision.id.in_(first), text(f"action.logged_at < {end}"), Action.id > last
            )
            .order_by(Action.id)
            .limit(_AT_ONCE)
        ).all():
            last = some[-1].id
            yield some

    def _views_of_actions(self) -> None:
        awaited = ", ".join(f"'{name}'" for name in awaited_names())
        answered = (
            f"(EXISTS (SELECT 1 FROM {self.real}.outcome o WHERE o.action_target_id = t.id "
            f"AND o.recorded_at < {self.end}) OR t.id IN (SELECT action_target_id "
            f"FROM {self.temp}.{_PREFIX}outcome))"
        )
        day = f"'{self.on.isoformat()}'"
        later = f"t.closed_on > {day}"
        waits = f"t.channel IN ({awaited}) AND (t.closed_on IS NULL OR {later}) AND NOT {answered}"
        of_targets = {
            "awaiting": f"CASE WHEN {waits} THEN {self._bool(True)} ELSE {self._bool(False)} END",
            "closed_on": f"CASE WHEN {later} THEN NULL ELSE t.closed_on END",
            "closed_why": f"CASE WHEN {later} THEN NULL ELSE t.closed_why END",
        }
        for of in _OF_ACTIONS:
            key = "id" if of.name == "action" else "action_id"
            here = f"t.{key} NOT IN (SELECT id FROM {self.temp}.{_PREFIX}gone)"
            changed = of_targets if of.name == "action_target" else {}
            self._view(of, changed, here, and_copy=True)

    def _bool(self, value: bool) -> str:
        return str(int(value)) if self.is_sqlite else str(value).upper()

    # What came back

    def _outcomes(self) -> None:
        """What was taken back since, at the target it came from: as it was, less its words."""
        outcome: Table = Outcome.__table__  # type: ignore[assignment]
        copy = self._copy(outcome)
        here = (
            f"SELECT w.id, w.kind, w.received_on, w.recorded_at, t.id AS row_id "
            f"FROM {self.real}.outcome_withdrawn w JOIN "
            f"(SELECT id, action_id, target_id FROM {self.real}.action_target "
            f"WHERE action_id NOT IN (SELECT id FROM {self.temp}.{_PREFIX}gone) "
            f"UNION ALL SELECT id, action_id, target_id FROM {self.temp}.{_PREFIX}action_target) t "
            "ON t.action_id = w.action_id AND t.target_id = w.target_id "
            f"WHERE w.recorded_at < {self.end} AND w.withdrawn_at >= {self.end}"
        )
        self._run(
            f"INSERT INTO {self.temp}.{copy.name} "
            "(id, kind, received_on, recorded_at, action_target_id) "
            f"SELECT -w.id, w.kind, w.received_on, w.recorded_at, w.row_id FROM ({here}) w"
        )
        self._view(outcome, {}, f"t.recorded_at < {self.end}", and_copy=True)

    # The rest

    def _simple(self, of: _Kept) -> None:
        changed = {
            name: f"CASE WHEN t.{moment} >= {self.end} THEN NULL ELSE t.{name} END"
            for moment, names in of.undone.items()
            for name in names
        }
        if of.table.name == "commitment":
            changed["state"] = f"CASE WHEN t.settled_at >= {self.end} THEN 'open' ELSE t.state END"
        self._view(of.table, changed, f"t.{of.entered} < {self.end}")

    def _tasks(self) -> None:
        """Tasks made by then; what was begun or finished later was not yet."""
        task: Table = Task.__table__  # type: ignore[assignment]
        later = f"t.finished_at >= {self.end}"
        begun = f"t.started_at < {self.end}"
        logged = (
            f"(SELECT COALESCE(SUM(a.pieces), 0) FROM {self.real}.task_action k "
            f"JOIN {self.temp}.action a ON a.id = k.action_id AND a.undone_at IS NULL "
            "WHERE k.task_id = t.id)"
        )
        undone = {
            name: f"CASE WHEN {later} THEN NULL ELSE t.{name} END"
            for name in ("finished_at", "minutes")
        }
        self._view(
            task,
            undone
            | {
                "started_at": f"CASE WHEN {begun} THEN t.started_at ELSE NULL END",
                "state": f"CASE WHEN {later} OR (t.finished_at IS NULL AND NOT COALESCE({begun}, "
                f"{self._bool(False)}) AND t.state = 'in-process') THEN CASE WHEN {begun} THEN "
                "'in-process' ELSE 'needs-action' END ELSE t.state END",
                "done": f"CASE WHEN {later} OR NOT COALESCE({begun}, {self._bool(False)}) THEN "
                f"CASE WHEN {logged} < t.pieces THEN {logged} ELSE t.pieces END ELSE t.done END",
            },
            f"t.made_at < {self.end}",
        )

    def _view(
        self, of: Table, changed: Mapping[str, str], where: str, *, and_copy: bool = False
    ) -> None:
        """A view that hides the table: its rows that were there, with some cells changed."""
        names = [each.name for each in of.columns]
        cells = ", ".join(
            f'{changed[name]} AS "{name}"' if name in changed else f't."{name}"' for name in names
        )
        statement = f"SELECT {cells} FROM {self.real}.{of.name} t WHERE {where}"
        if and_copy:
            statement += f" UNION ALL SELECT {cells} FROM {self.temp}.{_PREFIX}{of.name} t"
        self._run(f"CREATE TEMP VIEW {of.name} AS {statement}")


# What a revision kept, as rows


def _rows(revisions: Sequence[Any], numbers: Iterator[int]) -> dict[str, list[dict[str, Any]]]:
    """The rows of actions as they were, by table."""
    snapshots = {each.id: each.snapshot for each in revisions}
    targets = kept_targets(_all(snapshots.values(), "targets", "target_id"))
    members = kept_members(_all(snapshots.values(), "members", "member_id"))
    there = _row_ids(list(snapshots))
    rows: dict[str, list[dict[str, Any]]] = {each.name: [] for each in _OF_ACTIONS}
    for each in revisions:
        of_action = each._asdict()
        verb, snapshot = of_action.pop("verb"), of_action.pop("snapshot")
        snapshot = led_to_kept(snapshot, channels()[each.channel], targets, members)
        day_of = date.fromisoformat(snapshot["happened_on"])
        rows["action"].append(
            {
                **of_action,
                **{
                    name: snapshot[name]
                    for name in ("campaign_id", "place", "pieces", "unnamed", "people", "minutes",
                                 "note", "details")
                },
                "happened_on": day_of,
                "until": _day(snapshot["until"]),
                # What was brought back since was undone on the day: it has no rows then.
                "undone_at": each.logged_at if verb == "redo" else None,
            }
        )  # fmt: skip
        if verb == "redo":
            continue
        _parts(rows, each, snapshot, day_of, there, numbers)
    return rows


def _parts(
    rows: dict[str, list[dict[str, Any]]],
    each: Any,
    snapshot: Mapping[str, Any],
    day_of: date,
    there: Mapping[tuple[int, int], int],
    numbers: Iterator[int],
) -> None:
    rows["action_target"] += [
        {
            # Outcomes hang on it; one that is there no more had none that is.
            "id": there.get((each.id, row["target_id"])) or next(numbers),
            "action_id": each.id,
            "target_id": row["target_id"],
            "term_id": row["term_id"],
            "pieces": row["pieces"],
            "channel": each.channel,
            "campaign_id": snapshot["campaign_id"],
            "happened_on": day_of,
            "awaiting": bool(row.get("awaiting")),
            "asked": row.get("asked") or 0,
            "ask_on": _day(row.get("ask_on")),
            "said_on": _day(row.get("said_on")),
            "closed_on": _day(row.get("closed_on")),
            "closed_why": row.get("closed_why"),
            "went_to": row.get("went_to"),
        }
        for row in snapshot["targets"]
    ]
    rows["action_member"] += [
        {"id": next(numbers), "action_id": each.id, **row} for row in snapshot["members"]
    ]
    rows["action_chapter"] += [
        {"action_id": each.id, "chapter_id": chapter, "happened_on": day_of}
        for chapter in snapshot["chapters"]
    ]
    rows["action_ask"] += [{"action_id": each.id, "ask_id": ask} for ask in snapshot["asks"]]


def _row_ids(action_ids: Sequence[int]) -> dict[tuple[int, int], int]:
    found = db.session.connection().execute(
        select(ActionTarget.action_id, ActionTarget.target_id, ActionTarget.id).where(
            ActionTarget.action_id.in_(action_ids)
        )
    )
    return {(action_id, target_id): row_id for action_id, target_id, row_id in found}


def _all(snapshots: Iterable[Mapping[str, Any]], part: str, key: str) -> set[int]:
    return {row[key] for each in snapshots for row in each[part]}


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None
