"""What can be done with the ledger: enter an event, correct one, take one back, bring tables in.

Nothing in it is changed or deleted: a correction and a retraction are rows of their own.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import insert

from crm.accounts.imports import ImportRun
from crm.accounts.models import User
from crm.core import audit, db
from crm.core.changes import Change
from crm.core.errors import Refused
from crm.targets import operations as targets
from crm.targets.rules import is_link
from crm.treaties import intake, order, queries, reference, sources
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.models import TreatyEvent
from crm.treaties.rules import CONSENTS, Event, entry_into_force

#: The importer's name in `import_run`.
IMPORTER = "treaties"
#: Characters of a source, and of a note.
MOST_SOURCE, MOST_NOTE = 500, 2000


# By hand


def add_event(
    *,
    treaty: str,
    target_id: int,
    kind: str,
    happened_on: date,
    source: str,
    day_known: bool = True,
    until: date | None = None,
    article: str | None = None,
    year: int | None = None,
    link: str | None = None,
    note: str | None = None,
    by: User | None,
    today: date,
) -> TreatyEvent:
    """Enter what a state did. Raises `Refused`, by field, for what the treaty rules out."""
    state, history = _history(treaty, target_id)
    values = _checked(kind, happened_on, source, day_known, until, article, year, link, note)
    _refuse_faults(treaty, history, [*history, _as_event(treaty, state, values)], today)
    row = TreatyEvent(treaty=treaty, target_id=target_id, entered_by_id=_id(by), **values)
    db.session.add(row)
    db.session.flush()
    audit.record(
        "add_event", "treaty_event", row.id, by=by,
        changes={"treaty": treaty, "state": state, **values},
    )  # fmt: skip
    return row


def correct_event(
    event: TreatyEvent,
    *,
    kind: str,
    happened_on: date,
    source: str,
    day_known: bool = True,
    until: date | None = None,
    article: str | None = None,
    year: int | None = None,
    link: str | None = None,
    note: str | None = None,
    by: User | None,
    today: date,
) -> TreatyEvent:
    """Replace an entry by a new one. Raises `Refused`, also when it was replaced already.

    Where an entry into force was reckoned from a deposit that moves, it moves with it.
    """
    treaty = event.treaty
    state, history = _history(treaty, event.target_id)
    old = _held(event, history)
    values = _checked(kind, happened_on, source, day_known, until, article, year, link, note)
    changed = audit.difference(event, values)
    if not changed:
        raise Refused(_("Nothing is different."))
    new = _as_event(treaty, state, values)
    after = [*(each for each in history if each is not old), new]
    follower = None
    if old.kind in CONSENTS and new.kind in CONSENTS:
        follower = intake.following(old, new, history)
    if follower is not None:
        moved = follower._replace(on=entry_into_force(new.on, INSTRUMENTS[treaty]))
        after = [*(each for each in after if each is not follower), moved]
    _refuse_faults(treaty, history, after, today)
    row = TreatyEvent(
        treaty=treaty, target_id=event.target_id, corrects_id=event.id, entered_by_id=_id(by),
        **values,
    )  # fmt: skip
    db.session.add(row)
    if follower is not None:
        db.session.add(_moved(follower, moved.on, event.target_id, by))
    db.session.flush()
    audit.record(
        "correct_event", "treaty_event", row.id, by=by, changes={"corrects": event.id, **changed}
    )
    return row


def retract_event(event: TreatyEvent, *, reason: str, by: User | None, today: date) -> TreatyEvent:
    """Take back an entry that should never have been made. Raises `Refused`."""
    treaty = event.treaty
    state, history = _history(treaty, event.target_id)
    old = _held(event, history)
    values = _checked(old.kind, today, reason, True, None, None, None, None, None, field="reason")
    gone = [old]
    if old.kind in CONSENTS and old.day_known:
        reckoned = entry_into_force(old.on, INSTRUMENTS[treaty])
        gone += [
            each for each in history if each.kind == "entry_into_force" and each.on == reckoned
        ]
    left = [each for each in history if each not in gone]
    _refuse_faults(treaty, history, left, today)
    rows = [
        TreatyEvent(
            treaty=treaty, target_id=event.target_id, kind="retraction", happened_on=today,
            source=values["source"], corrects_id=each.id, entered_by_id=_id(by),
        )
        for each in gone
    ]  # fmt: skip
    db.session.add_all(rows)
    db.session.flush()
    audit.record(
        "retract_event", "treaty_event", rows[0].id, by=by,
        changes={"retracts": [each.id for each in gone], "state": state, "reason": reason},
    )  # fmt: skip
    return rows[0]


def _history(treaty: str, target_id: int) -> tuple[str, list[Event]]:
    if treaty not in INSTRUMENTS:
        raise Refused(_("Choose a treaty."), field="treaty")
    # Of two that enter the same at once the second finds what the first has written.
    db.take_turn(IMPORTER)
    state = queries.code_of(target_id)
    if state is None:
        raise Refused(_("Choose one of the 197 states."), field="target")
    known = queries.events(treaty, target_id=target_id)
    return state, known


def _held(event: TreatyEvent, history: list[Event]) -> Event:
    for each in history:
        if each.id == event.id:
            return each
    raise Refused(_("This entry was replaced or taken back already. Reload the page."))


def _checked(
    kind: str, happened_on: date, source: str, day_known: bool, until: date | None,
    article: str | None, year: int | None, link: str | None, note: str | None,
    *, field: str = "source",
) -> dict[str, Any]:  # fmt: skip
    source = source.strip()
    if not source:
        raise Refused(_("Say who says so."), field=field)
    if len(source) > MOST_SOURCE or len(note or "") > MOST_NOTE:
        raise Refused(_("That is too long."), field=field if len(source) > MOST_SOURCE else "note")
    if link and not is_link(link):
        raise Refused(_("Give an address that begins with https://"), field="link")
    # What a kind has no use for is not kept.
    return {
        "kind": kind,
        "happened_on": happened_on,
        "day_known": day_known,
        "until": until if kind in order.EXTENSIONS else None,
        "article": article or None if kind in order.OF_ARTICLE else None,
        "year": year if kind == "report_submitted" else None,
        "source": source,
        "link": link or None,
        "note": note or None,
    }


def _as_event(treaty: str, state: str, values: dict[str, Any]) -> Event:
    return Event(
        order.NEW, treaty, state, values["kind"], values["happened_on"], values["day_known"],
        values["until"], values["article"], values["year"], values["source"],
    )  # fmt: skip


def _refuse_faults(treaty: str, before: list[Event], after: list[Event], today: date) -> None:
    instrument = INSTRUMENTS[treaty]
    known = {fault.event.id for fault in order.faults(instrument, before, today)}
    for fault in order.faults(instrument, after, today):
        if fault.event.id == order.NEW:
            raise Refused(fault.message, field=fault.field)
        if fault.event.id not in known:
            raise Refused(
                _("The ledger also has, on %(day)s: %(kind)s. With this, that could not be: "
                  "%(why)s", day=fault.event.on.isoformat(),
                  kind=fault.event.kind.replace("_", " "), why=fault.message),
                field="happened_on",
            )  # fmt: skip


def _moved(old: Event, on: date, target_id: int, by: User | None) -> TreatyEvent:
    return TreatyEvent(
        treaty=old.treaty, target_id=target_id, kind=old.kind, happened_on=on,
        source=reference.RECKONED, corrects_id=old.id, entered_by_id=_id(by),
    )  # fmt: skip


def _id(by: User | None) -> int | None:
    return by.id if by is not None else None


# Tables


@dataclass(frozen=True)
class Imported:
    """What an import did, or would do."""

    counts: dict[str, int]
    changes: list[Change]
    warnings: list[str]

    def __str__(self) -> str:
        told = ", ".join(f"{number} {word}" for word, number in self.counts.items())
        return f"{IMPORTER}: {told}"


def load_reference(*, by: User | None) -> int:
    """Fill an empty ledger with what is shipped; gives the number of events entered.

    Loads the governments first where there are none. A ledger that holds anything stays as it is.
    """
    db.take_turn(IMPORTER)
    if not queries.is_empty():
        return 0
    return import_treaties(None, by=by, today=date.min).counts["added"]


def import_treaties(place: str | None, *, by: User | None, today: date) -> Imported:
    """Bring in what a file, a folder or (without one) the shipped table has that is new.

    A state's event on another day is a correction. Raises `Refused` by file, row and field; then
    nothing was written. A second import of the same changes nothing.
    """
    ids = queries.state_ids()
    if not ids:
        targets.import_governments(by=by)
        ids = queries.state_ids()
    if place is None:
        rows, origin = _shipped(ids), reference.NAME
        # The table was made on a day, whatever the clock says.
        today = max(today, max(row.on for row in rows if row.on))
    else:
        table = sources.read(place, ids)
        rows, origin = table.rows, table.origin
    db.take_turn(IMPORTER)
    ledger = queries.events()
    said = _("%(place)s, imported on %(day)s", place=origin[-400:], day=today.isoformat())
    plan = intake.plan(rows, ledger, queries.replaced(), today, said)
    sources.refuse(intake.wrong(plan, ledger, today))
    names = {state.iso3: state.name for state in queries.states()}
    run = ImportRun(importer=IMPORTER, source=origin[:500], by_id=_id(by), counts=plan.counts)
    db.session.add(run)
    db.session.flush()
    if plan.steps:
        db.session.execute(
            insert(TreatyEvent), [_row(step, ids, run.id, by) for step in plan.steps]
        )
    audit.record(
        "import_treaties", "import_run", run.id, by=by,
        changes={**plan.counts, "source": run.source},
    )  # fmt: skip
    return Imported(plan.counts, plan.changes(names), intake.doubtful(plan, ledger))


def _shipped(ids: dict[str, int]) -> list[sources.Row]:
    return [
        sources.Row(
            "events.csv", number, "date", row.treaty, row.state, row.kind, row.on,
            day_known=row.day_known, source=row.source, note=row.note,
        )
        for number, row in enumerate(reference.rows(), start=2)
        if row.state in ids
    ]  # fmt: skip


def _row(step: intake.Step, ids: dict[str, int], run_id: int, by: User | None) -> dict[str, Any]:
    event = step.event
    return {
        "treaty": event.treaty,
        "target_id": ids[event.state],
        "kind": event.kind,
        "happened_on": event.on,
        "day_known": event.day_known,
        "until": event.until,
        "article": event.article,
        "year": event.year,
        "source": event.source,
        "note": step.note,
        "corrects_id": step.corrects.id if step.corrects else None,
        "import_id": run_id,
        "entered_by_id": _id(by),
    }
