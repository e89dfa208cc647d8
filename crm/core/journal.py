"""Row by row what a merge changed, kept as JSON, and the way back.

Values are kept as the tables have them, so that what is taken back is exactly what was there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Date,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    delete,
    insert,
    null,
    select,
    update,
)

from crm.core import db
from crm.core.errors import Refused

#: Ids in one statement.
_BATCH = 5000

Row = dict[str, Any]


def references(table: Table) -> list[Column[Any]]:
    """Every column of every table that points to this table's id, in a fixed order."""
    found = [
        column
        for other in db.metadata.sorted_tables
        for column in other.columns
        if any(key.column.table is table for key in column.foreign_keys)
    ]
    return sorted(found, key=lambda column: (column.table.name, column.name))


def uniques(column: Column[Any]) -> list[list[Column[Any]]]:
    """The other columns of each constraint that lets this column's value stand there once only."""
    table = column.table
    sets = [
        list(each.columns)
        for each in table.constraints
        if isinstance(each, UniqueConstraint | PrimaryKeyConstraint)
    ]
    sets += [list(each.columns) for each in table.indexes if each.unique]
    return [[other for other in each if other is not column] for each in sets if column in each]


class Journal:
    """Changes rows and writes down how they were."""

    def __init__(self) -> None:
        #: Every change, in its order.
        self.steps: list[dict[str, Any]] = []

    def rows(self, table: Table, **where: Any) -> list[Row]:
        """The rows of a table with these values, by key."""
        statement = select(table).where(*(table.c[name] == value for name, value in where.items()))
        found = db.session.execute(statement.order_by(*table.primary_key.columns))
        return [dict(row._mapping) for row in found]

    def move(self, column: Column[Any], old: int, new: int) -> None:
        """Let all rows that point to one row point to another; nothing else of them changes."""
        table = column.table
        if "id" not in table.c:
            for row in self.rows(table, **{column.name: old}):
                self.update(table, row, **{column.name: new})
            return
        ids = list(db.session.scalars(select(table.c.id).where(column == old).order_by(table.c.id)))
        if ids:
            db.session.execute(
                update(table).where(column == old).values({column.name: new}),
            )
            self.steps.append({"table": table.name, "column": column.name, "ids": ids,
                               "old": old, "new": new})  # fmt: skip

    def update(self, table: Table, row: Row, **values: Any) -> None:
        """Change a row; `row` is as it is."""
        old = {name: row[name] for name in values if row[name] != values[name]}
        if not old:
            return
        new = {name: values[name] for name in old}
        db.session.execute(update(table).where(*_is(table, row)).values(new))
        after = {**row, **new}
        self._note("update", table, after, old=old, new=new)
        row.update(new)

    def delete(self, table: Table, row: Row) -> None:
        """Take a row away; the way back brings it back whole."""
        # Nothing, and a JSON that says nothing, are read alike.
        none = [
            column.name
            for column in table.columns
            if isinstance(column.type, JSON)
            and db.session.scalar(select(column.is_(null())).where(*_is(table, row)))
        ]
        db.session.execute(delete(table).where(*_is(table, row)))
        self._note("delete", table, row, old=row)
        if none:
            self.steps[-1]["none"] = none

    def insert(self, table: Table, row: Row) -> None:
        """Add a row whose key is known."""
        db.session.execute(insert(table), [row])
        self._note("insert", table, row)

    def _note(
        self, verb: str, table: Table, row: Row, *, old: Row | None = None, new: Row | None = None
    ) -> None:
        key = {column.name: row[column.name] for column in table.primary_key.columns}
        step: dict[str, Any] = {"verb": verb, "table": table.name, "key": _plain(key)}
        if old is not None:
            step["old"] = _plain(old)
        if new is not None:
            step["new"] = _plain(new)
        self.steps.append(step)

    def as_json(self) -> dict[str, Any]:
        """What `take_back` reads."""
        return {"steps": self.steps}


def take_back(kept: Mapping[str, Any], *, exact: Mapping[str, Any]) -> None:
    """Undo what a journal kept, the last first.

    What changed since then stays as it is now: a row that is gone is not brought back, a value
    that is another now is newer. `exact` names the tables for which that would lose or double
    something, each with the sentence of the refusal.
    """
    for step in reversed(kept["steps"]):
        table = db.metadata.tables[step["table"]]
        if not _back(table, step) and table.name in exact:
            raise Refused(str(exact[table.name]))


def moved_ids(kept: Mapping[str, Any], column: Column[Any]) -> list[int]:
    """Ids of the rows that a journal moved by this column."""
    return [
        number
        for step in kept["steps"]
        if step["table"] == column.table.name and step.get("column") == column.name
        for number in step["ids"]
    ]


def _back(table: Table, step: Mapping[str, Any]) -> bool:
    """Take one step back; false where something of it changed since."""
    if "ids" in step:
        column = table.c[step["column"]]
        done = 0
        for first in range(0, len(step["ids"]), _BATCH):
            ids = step["ids"][first : first + _BATCH]
            result = db.session.execute(
                update(table)
                .where(table.c.id.in_(ids), column == step["new"])
                .values({column.name: step["old"]})
            )
            done += result.rowcount  # type: ignore[attr-defined]
        return done == len(step["ids"])
    key = _typed(table, step["key"])
    there = db.session.execute(select(table).where(*_is(table, key))).mappings().one_or_none()
    if step["verb"] == "delete":
        row = _typed(table, step["old"]) | dict.fromkeys(step.get("none", ()), null())
        if there is not None or not _may_stand(table, row):
            return False
        db.session.execute(insert(table), [row])
        return True
    if there is None:
        return False
    if step["verb"] == "insert":
        db.session.execute(delete(table).where(*_is(table, key)))
        return True
    old, new = _typed(table, step["old"]), _typed(table, step["new"])
    same = {name: value for name, value in old.items() if there[name] == new[name]}
    if same:
        db.session.execute(update(table).where(*_is(table, key)).values(same))
    return len(same) == len(old)


def _may_stand(table: Table, row: Row) -> bool:
    """Whether what a row points to is still there."""
    for column in table.columns:
        for key in column.foreign_keys:
            value = row[column.name]
            if value is None or key.column.table is table:
                continue
            if db.session.scalar(select(key.column).where(key.column == value)) is None:
                return False
    return True


def _is(table: Table, row: Row) -> Iterator[Any]:
    return (column == row[column.name] for column in table.primary_key.columns)


def _plain(row: Row) -> Row:
    return {
        name: value.isoformat() if isinstance(value, date | datetime) else value
        for name, value in row.items()
    }


def _typed(table: Table, row: Row) -> Row:
    return {name: _value(table.c[name], value) for name, value in row.items()}


def _value(column: Column[Any], value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if isinstance(column.type, Date):
        return date.fromisoformat(value)
    if isinstance(column.type, db.UTCDateTime):
        return datetime.fromisoformat(value)
    return value


def same_in(rows: Iterable[Row], wanted: Row, columns: Sequence[Column[Any]]) -> Row | None:
    """The first of the rows that has the same values in these columns."""
    for row in rows:
        if all(row[column.name] == wanted[column.name] for column in columns):
            return row
    return None
