"""An import by spreadsheet taken back whole, while nothing has come to depend on it."""

import json
import zlib
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import (
    ColumnElement,
    Date,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from crm.accounts.imports import ImportRun
from crm.accounts.models import User
from crm.core import audit, db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.targets.models import (
    Body,
    ContactPoint,
    Post,
    Target,
    TargetChange,
    TargetIdentifier,
    TargetList,
    TargetListItem,
    Term,
)
from crm.targets.sheets.check import batched
from crm.targets.sheets.writing import IMPORTER

#: What the rows of other rooms' tables are called, where they hold an import back.
_CALLED = {
    "action_target": _l("logged outreach"),
    "campaign_target": _l("campaigns they are in"),
    "campaign_contact": _l("addresses a campaign chose"),
    "position": _l("positions recorded"),
    "outcome": _l("answers recorded"),
    "treaty_event": _l("events of the treaty ledger"),
    "treaty_attendance": _l("meetings attended"),
    "target_merge": _l("merges"),
    "target": _l("merges"),
    "target_not_the_same": _l("pairs said to be different"),
    "target_list_item": _l("lists they were put on"),
    "target_change": _l("changes by later imports"),
    "committee_seat": _l("committee seats"),
    "contact_point": _l("contact points kept by hand"),
    "term": _l("offices kept by hand"),
}
_MODELS: Mapping[str, Any] = {"target": Target, "term": Term, "contact_point": ContactPoint}


def undo_import(run_id: int, *, by: User | None) -> dict[str, int]:
    """Remove what the import made and bring back what it changed; returns how many of each.

    Raises `Refused` naming what depends on it; nothing is changed then.
    """
    db.take_turn("import")
    run = db.session.scalars(
        select(ImportRun).where(ImportRun.id == run_id).with_for_update()
    ).one()
    if run.undone_at is not None:
        raise Refused(_("This import was undone already."))
    if run.importer != IMPORTER or run.kept is None:
        raise Refused(_("Only an import from a spreadsheet can be undone."))
    kept: dict[str, Any] = run.kept
    _refuse_dependent(run, kept)
    restored = _restore(kept)
    removed = _remove(run, kept)
    run.undone_at, run.undone_by_id = db.now(), by.id if by is not None else None
    # What was kept for this is of no more use.
    run.kept = None
    db.session.flush()
    counts = {"removed": removed, "restored": restored}
    audit.record("undo_import", "import_run", run_id, by=by, changes={**counts, "file": run.source})
    db.session.expire_all()
    return counts


# What depends on it


def _refuse_dependent(run: ImportRun, kept: Mapping[str, Any]) -> None:
    made = select(Target.id).where(Target.import_id == run.id)
    held: dict[str, int] = {}

    def count(name: str, model: Any, *conditions: ColumnElement[bool]) -> None:
        statement = select(func.count()).select_from(model).where(*conditions)
        if number := db.session.scalar(statement):
            held[name] = held.get(name, 0) + number

    ours = {"target_identifier", "term", "contact_point", "target_list_item", "target_change"}
    for table, column in _pointing_at(Target.__table__):
        if table.name not in ours:
            count(_called(table.name), table, column.in_(made))
    added = kept.get("added", {})
    for child, model, theirs in (
        (Term.__table__, Term, _theirs(Term, made, added.get("term"))),
        (ContactPoint.__table__, ContactPoint,
         _theirs(ContactPoint, made, added.get("contact_point"))),
    ):  # fmt: skip
        for table, column in _pointing_at(child):
            count(_called(table.name), table, column.in_(select(model.id).where(theirs)))
    on = kept.get("list") or {}
    count(_called("target_list_item"), TargetListItem, TargetListItem.target_id.in_(made),
          TargetListItem.list_id != on.get("id", 0))  # fmt: skip
    count(_called("target_change"), TargetChange, TargetChange.import_id > run.id,
          or_(TargetChange.target_id.in_(made), TargetChange.target_id.in_(
              select(TargetChange.target_id).where(TargetChange.import_id == run.id))))  # fmt: skip
    count(_("changes by hand"), AuditEntry, AuditEntry.kind == "target",
          AuditEntry.record_id.in_(made), ~AuditEntry.verb.in_(("merge", "unmerge")))  # fmt: skip
    count(_called("contact_point"), ContactPoint, ContactPoint.target_id.in_(made),
          or_(ContactPoint.source.is_(None), ContactPoint.source != _source(run),
              ContactPoint.status != "good"))  # fmt: skip
    if held:
        told = ", ".join(f"{what} ({number})" for what, number in held.items())
        raise Refused(
            _("This import cannot be undone: %(what)s depend on it. Take these away first.",
              what=told)
        )  # fmt: skip
    _refuse_changed_since(kept)


def _source(run: ImportRun) -> Any:
    """What stands beside each contact point of this import."""
    return select(Target.source).where(Target.import_id == run.id).limit(1).scalar_subquery()


def _theirs(model: Any, made: Any, added: Sequence[Sequence[int]] | None) -> ColumnElement[bool]:
    """Rows of targets the import made, and those it added to others."""
    return or_(model.target_id.in_(made), *(model.id.between(*pair) for pair in added or ()))


def _pointing_at(aim: Any) -> Iterator[tuple[Table, Any]]:
    """Every column, of whatever room, that refers to a table's rows."""
    for table in db.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column.table is aim:
                yield table, key.parent


def _aliased(model: Any) -> Iterator[Any]:
    """The same columns under other names: a body may be another body's parent."""
    for table, column in _pointing_at(model.__table__):
        yield table.alias().c[column.name]


def _called(table: str) -> str:
    return str(_CALLED.get(table) or table.replace("_", " "))


def _refuse_changed_since(kept: Mapping[str, Any]) -> None:
    """What the import changed must still be as it left it."""
    for lines in batched(_before(kept), 500):
        for table, rows in _by_table(lines).items():
            present = _rows(table, rows)
            for number, changed in rows.items():
                row = present.get(number)
                for name, (_old, new) in changed.items():
                    if row is None or _plain(row[name]) != new:
                        raise Refused(
                            _("This import cannot be undone: what it changed was changed again "
                              "since (%(what)s).", what=_where(table, number, name))
                        )  # fmt: skip


def _where(table: str, number: int, name: str) -> str:
    model = _MODELS[table]
    owner = Target.id if table == "target" else model.target_id
    target = db.session.scalar(
        select(Target.name).where(
            Target.id == select(owner).where(model.id == number).scalar_subquery()
        )
    )
    return f"{target or '?'}: {name.replace('_', ' ')}"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _rows(table: str, wanted: Mapping[int, Any]) -> dict[int, Mapping[str, Any]]:
    columns = _MODELS[table].__table__
    found = db.session.execute(select(columns).where(columns.c.id.in_(wanted)))
    return {row.id: dict(row._mapping) for row in found}


def _by_table(lines: Sequence[tuple[str, int, Any]]) -> dict[str, dict[int, Any]]:
    tables: dict[str, dict[int, Any]] = {}
    for table, number, changed in lines:
        kept = tables.setdefault(table, {}).setdefault(number, {})
        for name, (old, new) in changed.items():
            kept[name] = [old, new]
    return tables


def _before(kept: Mapping[str, Any]) -> Iterator[tuple[str, int, Any]]:
    if not kept.get("before"):
        return
    unpacking = zlib.decompressobj()
    packed, rest = b64decode(kept["before"]), b""
    for at in range(0, len(packed), 1 << 14):
        *lines, rest = (rest + unpacking.decompress(packed[at : at + (1 << 14)])).split(b"\n")
        for line in lines:
            table, number, changed = json.loads(line)
            yield table, number, changed


# Taking back


def _restore(kept: Mapping[str, Any]) -> int:
    rows = 0
    for lines in batched(_before(kept), 500):
        for table, changed in _by_table(lines).items():
            model = _MODELS[table]
            groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
            for number, columns in changed.items():
                values = {name: _typed(model, name, old) for name, (old, _new) in columns.items()}
                groups.setdefault(tuple(values), []).append({"id": number, **values})
            for same in groups.values():
                db.session.execute(update(model), same)
            rows += len(changed)
    return rows


def _typed(model: Any, name: str, value: Any) -> Any:
    is_day = isinstance(model.__table__.c[name].type, Date)
    return date.fromisoformat(value) if is_day and value else value


def _remove(run: ImportRun, kept: Mapping[str, Any]) -> int:
    made = select(Target.id).where(Target.import_id == run.id)
    on = kept.get("list") or {}
    if on:
        _take_off_list(on)
    added = kept.get("added", {})
    for child in (ContactPoint, Term, TargetIdentifier):
        _delete(child, _theirs(child, made, added.get(child.__tablename__)))
    _delete(TargetChange, TargetChange.import_id == run.id)
    removed = _delete(Target, Target.import_id == run.id)
    for model, pairs in ((Post, kept.get("posts", ())), (Body, kept.get("bodies", ()))):
        # A post or a body somebody else has come to use stays.
        unused = and_(*(~exists().where(column == model.id) for column in _aliased(model)))
        for pair in pairs:
            _delete(model, and_(model.id.between(*pair), unused))
    return removed


def _delete(model: Any, condition: Any) -> int:
    done = db.session.execute(
        delete(model).where(condition), execution_options={"synchronize_session": False}
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def _take_off_list(on: Mapping[str, Any]) -> None:
    for numbers in batched(on["added"], 500):
        _delete(
            TargetListItem,
            and_(TargetListItem.list_id == on["id"], TargetListItem.target_id.in_(numbers)),
        )
    if on["made"] and not db.session.scalar(
        select(func.count()).where(TargetListItem.list_id == on["id"])
    ):
        _delete(TargetList, TargetList.id == on["id"])
