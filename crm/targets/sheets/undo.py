"""An import by spreadsheet taken back whole, while nothing has come to depend on it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import (
    ColumnElement,
    and_,
    exists,
    func,
    or_,
    select,
)

from crm.accounts.imports import UNDOING, ImportRun, Undoing
from crm.accounts.models import User
from crm.core import audit, db
from crm.core.audit import AuditEntry
from crm.core.bulk import batched, changed_since, delete_rows, pointing_at, restore
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

    `accounts.imports.undo_run` calls it. Raises `Refused` naming what depends on it; nothing is
    changed then.
    """
    run = db.session.get_one(ImportRun, run_id)
    kept: dict[str, Any] = run.kept or {}
    _refuse_dependent(run, kept)
    restored = restore(kept.get("before"), _MODELS)
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
    for table, column in pointing_at(Target.__table__):
        if table.name not in ours:
            count(_called(table.name), table, column.in_(made))
    added = kept.get("added", {})
    for child, model, theirs in (
        (Term.__table__, Term, _theirs(Term, made, added.get("term"))),
        (ContactPoint.__table__, ContactPoint,
         _theirs(ContactPoint, made, added.get("contact_point"))),
    ):  # fmt: skip
        for table, column in pointing_at(child):
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


def _aliased(model: Any) -> Iterator[Any]:
    """The same columns under other names: a body may be another body's parent."""
    for table, column in pointing_at(model.__table__):
        yield table.alias().c[column.name]


def _called(table: str) -> str:
    return str(_CALLED.get(table) or table.replace("_", " "))


def _refuse_changed_since(kept: Mapping[str, Any]) -> None:
    """What the import changed must still be as it left it."""
    for table, number, name in changed_since(kept.get("before"), _MODELS):
        raise Refused(
            _("This import cannot be undone: what it changed was changed again since (%(what)s).",
              what=_where(table, number, name))
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


# Taking back


def _remove(run: ImportRun, kept: Mapping[str, Any]) -> int:
    made = select(Target.id).where(Target.import_id == run.id)
    on = kept.get("list") or {}
    if on:
        _take_off_list(on)
    added = kept.get("added", {})
    for child in (ContactPoint, Term, TargetIdentifier):
        delete_rows(child, _theirs(child, made, added.get(child.__tablename__)))
    delete_rows(TargetChange, TargetChange.import_id == run.id)
    removed = delete_rows(Target, Target.import_id == run.id)
    for model, pairs in ((Post, kept.get("posts", ())), (Body, kept.get("bodies", ()))):
        # A post or a body somebody else has come to use stays.
        unused = and_(*(~exists().where(column == model.id) for column in _aliased(model)))
        for pair in pairs:
            delete_rows(model, and_(model.id.between(*pair), unused))
    return removed


def _take_off_list(on: Mapping[str, Any]) -> None:
    for numbers in batched(on["added"], 500):
        delete_rows(
            TargetListItem,
            and_(TargetListItem.list_id == on["id"], TargetListItem.target_id.in_(numbers)),
        )
    if on["made"] and not db.session.scalar(
        select(func.count()).where(TargetListItem.list_id == on["id"])
    ):
        delete_rows(TargetList, TargetList.id == on["id"])


UNDOING[IMPORTER] = Undoing(undo_import, _l("targets"))
