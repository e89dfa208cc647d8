"""The work of one import in hand: ids by key, differences by target, rows written in bulk."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import delete, insert, update

from crm.core import db
from crm.targets.seen import Differences, Held
from crm.targets.sources.facts import Intake

#: A row as it is: its id and its values, in the order of the columns compared.
Row = tuple[int, tuple[Any, ...]]


@dataclass
class Work:
    """What the steps of an import share."""

    intake: Intake
    day: date
    run_id: int
    post_ids: dict[str, int] = field(default_factory=dict)
    body_ids: dict[str, int] = field(default_factory=dict)
    target_ids: dict[str, int] = field(default_factory=dict)
    #: What differs, by target; who does not differ is absent.
    differing: dict[int, Differences] = field(default_factory=dict)
    #: Those of the intake by id, for their key and name.
    listed: dict[int, tuple[str, str]] = field(default_factory=dict)
    left: dict[int, Held] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def of(self, target_id: int) -> Differences:
        """What differs of a target, to be added to."""
        if target_id not in self.differing:
            self.differing[target_id] = Differences(*self.listed.get(target_id, ("", "")))
        return self.differing[target_id]


def insert_rows(work: Work, model: Any, rows: list[dict[str, Any]]) -> None:
    """Insert in bulk."""
    if rows:
        db.session.execute(insert(model), rows)
        _count(work, model, len(rows))


def insert_for_ids(work: Work, model: Any, rows: list[dict[str, Any]]) -> list[int]:
    """Insert in bulk and give the ids in the order of the rows."""
    if not rows:
        return []
    statement = insert(model).returning(model.id, sort_by_parameter_order=True)
    _count(work, model, len(rows))
    return list(db.session.scalars(statement, rows))


def update_rows(work: Work, model: Any, rows: list[dict[str, Any]]) -> None:
    """Update in bulk by id; rows may set different columns: one statement for each set of them."""
    for same in _alike(rows):
        db.session.execute(update(model), same)
        _count(work, model, len(same))


def delete_rows(work: Work, model: Any, ids: Iterable[int]) -> None:
    """Delete in bulk by id."""
    gone = set(ids)
    if gone:
        db.session.execute(
            delete(model).where(model.id.in_(gone)),
            execution_options={"synchronize_session": False},
        )
        _count(work, model, len(gone))


def differing(columns: Sequence[str], row: Row, values: tuple[Any, ...]) -> dict[str, Any] | None:
    """The update that turns a row into `values`; None when it is so already."""
    number, present = row
    if present == values:
        return None
    return {"id": number, **dict(zip(columns, values, strict=True))}


def _alike(rows: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    return list(groups.values())


def _count(work: Work, model: Any, number: int) -> None:
    name = model.__tablename__
    work.rows[name] = work.rows.get(name, 0) + number
