"""Rows written by the thousand, past the mapper, and what is kept of them for the way back.

An import keeps which rows it added (`Ranges`) and what those were it changed (`Before`); an undo
asks whether they are still so, and who refers to them by now.
"""

import gc
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Date, Table, any_, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from crm.core import db

#: Rows looked up, or written, at once.
BATCH = 1000
#: Rows of the way back at once: the database takes only so many numbers in one statement.
_BACK = 500

Item = TypeVar("Item")
Progress = Callable[[int, int], None]
#: Table → number of the row → column → [before, after].
Changed = dict[str, dict[int, dict[str, list[Any]]]]


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Some at a time."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


@contextmanager
def by_the_thousand() -> Iterator[None]:
    """Let the search for garbage pass over what the program held before.

    It is made each time some hundred objects more are there, so that rows by the thousand have
    all of the program searched again and again: a third of the time. Where two jobs overlap, the
    end of the first lets all of it be searched, and no more.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


# Writing


def table_of(model: Any) -> Any:
    """Rows by the hundred thousand go past the mapper."""
    return model.__table__


def insert_rows(model: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows whose ids nobody needs."""
    if rows:
        db.session.execute(insert(table_of(model)), rows)


def inserted(model: Any, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert and give the ids in the order of the rows.

    The ids are taken first: having the database give each one back costs a statement a row.
    """
    if not rows:
        return []
    table = table_of(model)
    ids = _free_ids(table, len(rows))
    insert_rows(model, [{"id": number, **row} for number, row in zip(ids, rows, strict=True)])
    return ids


def _free_ids(table: Any, count: int) -> list[int]:
    """Ids nobody has: of the sequence; on SQLite, whose writer is alone, those behind the last."""
    if db.session.get_bind().dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(table.name, "id")
        drawn = select(func.nextval(sequence)).select_from(func.generate_series(1, count))
        return sorted(db.session.scalars(drawn))
    last = db.session.scalar(select(func.max(table.c.id))) or 0
    return list(range(last + 1, last + count + 1))


def update_rows(model: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Update by id: one statement for all rows that set the same columns."""
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    for same in groups.values():
        db.session.execute(update(model), same)


def delete_rows(model: Any, condition: Any) -> int:
    """Delete rows and say how many there were."""
    done = db.session.execute(
        delete(model).where(condition), execution_options={"synchronize_session": False}
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def insert_tuples(model: Any, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows given as tuples of the named columns, handed to the driver as they are.

    For rows by the ten thousand: a statement that is compiled takes longer over each than the
    database does. No default of a column is filled in.
    """
    if not rows:
        return
    db.note_write(model)
    connection = db.session.connection()
    table, dialect = table_of(model), connection.dialect
    typed = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
    if any(typed):
        columns = zip(*rows, strict=True)
        made = (
            _bound(process, column) if process else column
            for process, column in zip(typed, columns, strict=True)
        )
        rows = list(zip(*made, strict=True))
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({', '.join(names)}) "  # noqa: S608 - names of a model
        f"VALUES ({', '.join([mark] * len(names))})",
        rows,
    )


def _bound(process: Callable[[Any], Any], column: Sequence[Any]) -> Sequence[Any]:
    """A column as the driver takes it; a moment that is the same in all rows is made once."""
    first = column[0]
    if all(each is first for each in column):
        return [process(first)] * len(column)
    return [process(each) for each in column]


def free_ids(model: Any, count: int) -> Sequence[int]:
    """Ids for rows that are inserted next, by whoever holds the lock of a writer."""
    return _free_ids(table_of(model), count) if count else ()


def among(column: Any, values: Iterable[Any]) -> Any:
    """That a column is one of thousands of values: one parameter, however many they are."""
    found = list(values)
    if db.session.get_bind().dialect.name == "postgresql":
        return column == any_(bindparam(None, found, ARRAY(column.type), unique=True))
    given = func.json_each(json.dumps(found)).table_valued("value")
    return column.in_(select(given.c.value))


# What is kept for the way back


class Ranges:
    """Numbers, kept as first and last of those that follow each other."""

    def __init__(self) -> None:
        self.pairs: list[list[int]] = []

    def add(self, numbers: Sequence[int]) -> None:
        """Add numbers that were given out in rising order."""
        for number in numbers:
            if self.pairs and self.pairs[-1][1] == number - 1:
                self.pairs[-1][1] = number
            else:
                self.pairs.append([number, number])


class Before:
    """What rows were before they were changed, a line each, packed: an undo reads it again."""

    def __init__(self) -> None:
        self._packing = zlib.compressobj()
        self._packed = bytearray()
        self.lines = 0

    def add(self, table: str, number: int, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Note the columns of a row, from what to what."""
        changed = {name: [old[name], value] for name, value in new.items()}
        line = json.dumps([table, number, changed], ensure_ascii=False, default=str)
        self._packed += self._packing.compress(f"{line}\n".encode())
        self.lines += 1

    def text(self) -> str:
        """All of it, as JSON can hold it."""
        return b64encode(bytes(self._packed) + self._packing.flush()).decode()


# The way back


def pointing_at(aim: Any) -> Iterator[tuple[Table, Any]]:
    """Every column, of whatever room, that refers to a table's rows."""
    for table in db.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column.table is aim:
                yield table, key.parent


def changed_rows(packed: str | None) -> Iterator[Changed]:
    """What `Before` noted, some rows at a time."""
    for lines in batched(_lines(packed), _BACK):
        tables: Changed = {}
        for table, number, changed in lines:
            kept = tables.setdefault(table, {}).setdefault(number, {})
            for name, (old, new) in changed.items():
                kept[name] = [old, new]
        yield tables


def _lines(packed: str | None) -> Iterator[tuple[str, int, Any]]:
    if not packed:
        return
    unpacking = zlib.decompressobj()
    content, rest = b64decode(packed), b""
    for at in range(0, len(content), 1 << 14):
        *lines, rest = (rest + unpacking.decompress(content[at : at + (1 << 14)])).split(b"\n")
        for line in lines:
            table, number, changed = json.loads(line)
            yield table, number, changed


def changed_since(packed: str | None, models: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    """Table, row and column of what is no more as the import left it."""
    for tables in changed_rows(packed):
        for table, rows in tables.items():
            columns = models[table].__table__
            found = db.session.execute(select(columns).where(columns.c.id.in_(rows)))
            present = {row.id: row._mapping for row in found}
            for number, changed in rows.items():
                row = present.get(number)
                for name, (_old, new) in changed.items():
                    if row is None or _plain(row[name]) != new:
                        yield table, number, name


def restore(packed: str | None, models: Mapping[str, Any]) -> int:
    """Bring rows back to what they were; how many."""
    rows = 0
    for tables in changed_rows(packed):
        for table, changed in tables.items():
            model = models[table]
            update_rows(
                model,
                [
                    {"id": number}
                    | {name: _typed(model, name, old) for name, (old, _new) in columns.items()}
                    for number, columns in changed.items()
                ],
            )
            rows += len(changed)
    return rows


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _typed(model: Any, name: str, value: Any) -> Any:
    is_day = isinstance(model.__table__.c[name].type, Date)
    return date.fromisoformat(value) if is_day and value else value
