"""What imports saw change, asked of the database."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from crm.accounts.imports import ImportRun
from crm.core import db
from crm.core.changes import Change
from crm.targets import rules
from crm.targets.models import Target, TargetChange, TargetIdentifier
from crm.targets.seen import change_of

#: Changes of one target that are read to choose the ones its page tells.
READ = 200
#: Scheme of the identifier that is the key in a changes file, by importer.
_SCHEMES = {"congress": "bioguide", "governments": "iso3166", "openstates": "openstates"}


def import_run(run_id: int) -> ImportRun:
    """One import of this room with who carried it out. Raises `NoResultFound`."""
    return db.session.scalars(
        select(ImportRun)
        .options(joinedload(ImportRun.by))
        .where(ImportRun.id == run_id, ImportRun.importer.in_(rules.IMPORTERS))
    ).one()


def changes_of_run(
    run_id: int, kind: str | None = None, target_id: int | None = None
) -> Select[Any]:
    """What an import saw change, as (TargetChange, target's name), in the order it was told."""
    statement: Any = (
        select(TargetChange, Target.name)
        .join(Target, Target.id == TargetChange.target_id)
        .where(TargetChange.import_id == run_id)
        .order_by(TargetChange.id)
    )
    if kind:
        statement = statement.where(TargetChange.kind == kind)
    if target_id:
        statement = statement.where(TargetChange.target_id == target_id)
    found: Select[Any] = statement
    return found


def kinds_of_run(run_id: int, target_id: int | None = None) -> dict[str, int]:
    """How many changes of each kind an import saw, in the order of `rules.CHANGES`."""
    statement = select(TargetChange.kind, func.count()).where(TargetChange.import_id == run_id)
    if target_id:
        statement = statement.where(TargetChange.target_id == target_id)
    rows = db.session.execute(statement.group_by(TargetChange.kind)).all()
    counted = {row[0]: row[1] for row in rows}
    return {kind: counted[kind] for kind in rules.CHANGES if kind in counted}


def lines_of_run(run: ImportRun, kind: str | None = None) -> Iterator[Change]:
    """The lines of an import's changes file, a few at a time."""
    statement = (
        changes_of_run(run.id, kind)
        .outerjoin(
            TargetIdentifier,
            (TargetIdentifier.target_id == Target.id)
            & (TargetIdentifier.scheme == _SCHEMES.get(run.importer, "")),
        )
        .add_columns(TargetIdentifier.identifier)
    )
    last = 0
    for change, name, key in db.session.execute(statement, execution_options={"yield_per": 500}):
        # Two that were merged may both be called something in a scheme.
        if change.id != last:
            yield change_of(change.kind, key or "", name, change.what, change.old, change.new)
        last = change.id


@dataclass(frozen=True)
class Latest:
    """What imports last saw change of one target: the first lines, and how many more by import."""

    lines: Sequence[TargetChange]
    #: (id of the import, the day it was seen, number of its lines that are left out)
    more: Sequence[tuple[int, date, int]]


def changes_of_target(target_id: int, limit: int) -> Latest:
    """The newest changes of a target, of one import those that matter most first: one statement."""
    rank = {kind: place for place, kind in enumerate(rules.CHANGES)}
    found = sorted(
        db.session.scalars(
            select(TargetChange)
            .where(TargetChange.target_id == target_id)
            .order_by(TargetChange.seen_on.desc(), TargetChange.id.desc())
            .limit(READ)
        ),
        key=lambda each: (-each.seen_on.toordinal(), -each.import_id, rank[each.kind], each.id),
    )
    more = Counter((each.import_id, each.seen_on) for each in found[limit:])
    return Latest(found[:limit], [(*run, number) for run, number in more.items()])
