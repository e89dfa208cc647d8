"""Two records that are one: every row moves to the one that is kept, and can be brought back.

The other keeps its row and `merged_into_id`. Which columns point to records of a table is asked of
the tables themselves. A plain update moves them, except where a unique constraint or a sum stands
in the way: those have a way of their own in `WAYS`, which each room fills for its tables when it is
loaded.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Table, select

from crm.core import db
from crm.core.errors import Refused
from crm.core.journal import Journal, references, same_in, take_back, uniques


@dataclass
class Merging:
    """A merge in hand."""

    kept_id: int
    merged_id: int
    #: The facts that are taken from the merged one.
    taken: frozenset[str] = frozenset()
    journal: Journal = field(default_factory=Journal)


#: Moves what a column points to from the merged record to the kept one.
Way = Callable[[Merging, Column[Any]], None]

#: `table.column` → the way of it, where that is no plain update.
WAYS: dict[str, Way] = {}
#: Tables that must be taken back exactly or not at all, with the sentence of the refusal.
EXACT: dict[str, Any] = {}
#: By the table of the records: called with the two ids once a merge was taken back.
AFTERWARDS: dict[str, list[Callable[[int, int], None]]] = defaultdict(list)


# Ways


def stay(_work: Merging, _column: Column[Any]) -> None:
    """What is told of the merged record remains told of it."""


def plain(work: Merging, column: Column[Any]) -> None:
    """Move rows by one update."""
    work.journal.move(column, work.merged_id, work.kept_id)


def fold(work: Merging, column: Column[Any]) -> None:
    """Move rows of which a record has one only; where the kept one has it already, that stays."""
    _fold(work, column, fills=False)


def fold_filling(work: Merging, column: Column[Any]) -> None:
    """As `fold`; what only the other's row says is said by the one that stays."""
    _fold(work, column, fills=True)


def _fold(work: Merging, column: Column[Any], *, fills: bool) -> None:
    table, journal = column.table, work.journal
    there = journal.rows(table, **{column.name: work.kept_id})
    for row in journal.rows(table, **{column.name: work.merged_id}):
        same = next(
            (
                found
                for others in uniques(column)
                if (found := same_in(there, row, others)) is not None
            ),
            None,
        )
        if same is None:
            journal.update(table, row, **{column.name: work.kept_id})
            continue
        if "id" in table.c:
            lead_to(journal, table, row["id"], same["id"])
        journal.delete(table, row)
        if fills:
            missing = (name for name, value in same.items() if value is None)
            journal.update(table, same, **{name: row[name] for name in missing})


def apart(work: Merging, column: Column[Any]) -> None:
    """Who is not the merged one is not the kept one: pairs `a_id < b_id`, both columns at once."""
    table, journal = column.table, work.journal
    rows = [
        *journal.rows(table, a_id=work.merged_id),
        *journal.rows(table, b_id=work.merged_id),
    ]
    for row in rows:
        other = row["b_id"] if row["a_id"] == work.merged_id else row["a_id"]
        if other == work.kept_id:
            continue
        a, b = sorted((other, work.kept_id))
        if not journal.rows(table, a_id=a, b_id=b):
            journal.insert(table, {**row, "a_id": a, "b_id": b})
        journal.delete(table, row)


def lead_to(journal: Journal, table: Table, old: int, new: int) -> None:
    """Let all that points to one row of a table point to another."""
    for column in references(table):
        journal.move(column, old, new)


def way_of(column: Column[Any]) -> Way:
    """How a column that points to records is moved. Raises LookupError where nobody said how."""
    key = f"{column.table.name}.{column.name}"
    if key in WAYS:
        return WAYS[key]
    if uniques(column):
        raise LookupError(f"{key} may be unique: register how it is merged in core.merging.WAYS")
    return plain


# There and back


def locked(table: Table, *ids: int) -> dict[int, int | None]:
    """Hold the records for this transaction; by id, what each was merged into."""
    rows = db.session.execute(
        select(table.c.id, table.c.merged_into_id)
        .where(table.c.id.in_(ids))
        .order_by(table.c.id)
        .with_for_update()
    )
    return {row.id: row.merged_into_id for row in rows}


def carry_over(table: Table, work: Merging) -> None:
    """Move all that points to the merged record to the kept one."""
    for column in references(table):
        way_of(column)(work, column)


def refuse_order(table: Table, done: Any, *, itself: str, another: str) -> None:
    """Refuse to take a merge back before a later one that builds on it, with these sentences.

    `itself`: the kept one was merged since. `another`: another was merged into it since.
    """
    if locked(table, done.kept_id, done.merged_id)[done.kept_id] is not None:
        raise Refused(itself)
    model = type(done)
    later = db.session.scalars(
        select(model.id).where(
            model.kept_id == done.kept_id, model.undone_at.is_(None), model.id > done.id
        )
    ).first()
    if later is not None:
        raise Refused(another)


def bring_back(table: Table, done: Any, *, by: Any) -> None:
    """Take back what a merge moved, and note on it that and by whom."""
    take_back(done.moved, exact=EXACT)
    for settle in AFTERWARDS[table.name]:
        settle(done.kept_id, done.merged_id)
    done.undone_at = db.now()
    done.undone_by_id = by.id if by is not None else None
    db.session.flush()
