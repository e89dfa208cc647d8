"""All tables of a database as lines of JSON, and back: what backup, export and move stand on.

A row is one object: the columns of its key first, the others by name; a column that is NULL is not
named. Days are `2026-05-01`, moments `2026-05-01T12:00:00.000000Z`, bytes base64; JSON is itself.
A table's rows lie in the order of its key, so that the same rows give the same bytes on SQLite and
on PostgreSQL, and one hash says whether a table is whole.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from typing import Any

import psycopg
from sqlalchemy import (
    Boolean,
    Connection,
    Date,
    DateTime,
    Engine,
    Float,
    Integer,
    LargeBinary,
    String,
    create_engine,
    inspect,
)
from sqlalchemy.types import JSON, TypeEngine

from crm.core import db
from crm.core.errors import Refused

#: Rows the database hands over, or takes, at once.
_AT_ONCE = 1000
#: Bytes of lines that are handed on together, about.
PIECE = 1 << 20
#: The migrations' own table: what it says is said of a file as a whole.
_OF_MIGRATIONS = "alembic_version"
#: How a type is told of; a type comes before those it is a kind of.
_KINDS: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Boolean, "boolean"),
    (Integer, "integer"),
    (Float, "number"),
    (DateTime, "moment"),
    (Date, "day"),
    (JSON, "json"),
    (LargeBinary, "bytes"),
    (String, "text"),
)
#: What Python has for a kind once it was read from a line.
_TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "number": (float, int),
    "moment": (str,),
    "day": (str,),
    "bytes": (str,),
    "text": (str,),
}
# The one way a row is written. What UTF-8 cannot hold (half a pair of UTF-16) is escaped, as JSON
# may have it, when the line is made bytes.
_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Unfit(Refused):
    """Rows that do not fit the table they are for."""


@dataclass(frozen=True)
class Column:
    """A column and the kind of its values, the same on every database."""

    name: str
    kind: str


@dataclass(frozen=True)
class Shape:
    """A table as the database has it: its columns as they are written, and its key."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [column.name for column in self.columns]


@dataclass
class Counted:
    """How many rows and bytes there are of a table, and their hash."""

    rows: int = 0
    bytes: int = 0
    sha256: str = ""


def shapes(connection: Connection) -> list[Shape]:
    """The tables, each after those it refers to."""
    looking = inspect(connection)
    ordered = (name for name, _keys in looking.get_sorted_table_and_fkc_names() if name)
    found = []
    for name in ordered:
        if name == _OF_MIGRATIONS or db.is_derived(name):
            continue
        key = tuple(looking.get_pk_constraint(name)["constrained_columns"])
        if not key:
            raise Unfit(f"The table {name} has no key.")
        columns = (Column(each["name"], _kind(name, each)) for each in looking.get_columns(name))
        ordered_columns = sorted(
            columns,
            key=lambda each, key=key: (  # type: ignore[misc]
                key.index(each.name) if each.name in key else len(key),
                each.name,
            ),
        )
        found.append(Shape(name, tuple(ordered_columns), key))
    return found


def _kind(table: str, column: Any) -> str:
    for known, kind in _KINDS:
        if isinstance(column["type"], known):
            return kind
    raise Unfit(f"{table}.{column['name']} is of a type nobody has thought of: {column['type']!r}.")


def revision(connection: Connection) -> str | None:
    """Which migration the tables are at."""
    if not inspect(connection).has_table(_OF_MIGRATIONS):
        return None
    found: str | None = connection.exec_driver_sql(
        f"SELECT version_num FROM {_OF_MIGRATIONS}"  # noqa: S608 - a name of ours
    ).scalar()
    return found


def rows_in(connection: Connection, shape: Shape) -> int:
    """How many rows a table has."""
    found = connection.exec_driver_sql(f"SELECT count(*) FROM {_quoted(shape.name)}")  # noqa: S608
    return int(found.scalar() or 0)


# Out


def rows(connection: Connection, shape: Shape) -> Iterator[Sequence[dict[str, Any]]]:
    """The rows of a table in the order of its key, some at a time, as JSON has them."""
    dialect = connection.dialect.name
    picked = ", ".join(_read(column, dialect) for column in shape.columns)
    kinds = {column.name: column.kind for column in shape.columns}
    order = ", ".join(
        # A database's own order of texts depends on its language; this is the order of bytes.
        f'{_quoted(name)} COLLATE "C"'
        if dialect == "postgresql" and kinds[name] == "text"
        else _quoted(name)
        for name in shape.key
    )
    result = connection.exec_driver_sql(
        f"SELECT {picked} FROM {_quoted(shape.name)} ORDER BY {order}",  # noqa: S608
        execution_options={"stream_results": True, "max_row_buffer": _AT_ONCE},
    )
    names, made = shape.names, _made(shape)
    try:
        for some in result.partitions(_AT_ONCE):
            found = []
            for row in some:
                item = {
                    name: value for name, value in zip(names, row, strict=True) if value is not None
                }
                for name, make in made:
                    if name in item:
                        item[name] = make(item[name])
                found.append(item)
            yield found
    finally:
        result.close()


def lines(
    connection: Connection,
    shape: Shape,
    *,
    without: Iterable[str] = (),
    seen: Callable[[dict[str, Any]], object] | None = None,
) -> Iterator[tuple[bytes, int]]:
    """The rows as lines: pieces of about `PIECE` bytes, and how many rows each has.

    `without` names columns that are left out; `seen` is shown each row.
    """
    held, count, size = [], 0, 0
    hidden = tuple(without)
    for some in rows(connection, shape):
        for row in some:
            for name in hidden:
                row.pop(name, None)
            if seen:
                seen(row)
            line = f"{_written(row)}\n".encode("utf-8", "backslashreplace")
            held.append(line)
            count, size = count + 1, size + len(line)
            if size >= PIECE:
                yield b"".join(held), count
                held, count, size = [], 0, 0
    if held:
        yield b"".join(held), count


def counted(pieces: Iterable[tuple[bytes, int]]) -> Counted:
    """Rows, bytes and hash of a table."""
    made, told = sha256(), Counted()
    for piece, count in pieces:
        made.update(piece)
        told.rows += count
        told.bytes += len(piece)
    told.sha256 = made.hexdigest()
    return told


def _read(column: Column, dialect: str) -> str:
    name = _quoted(column.name)
    if column.kind == "moment" and dialect == "postgresql":
        return f"""to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    if column.kind == "moment":
        # SQLite keeps texts, some of them without parts of a second.
        return (
            f"substr({name}, 1, 10) || 'T' || substr({name}, 12, 8) || '.'"
            f" || substr(substr({name}, 21) || '000000', 1, 6) || 'Z'"
        )
    if column.kind in ("day", "json") and dialect == "postgresql":
        return f"CAST({name} AS TEXT)"
    return name


def _made(shape: Shape) -> list[tuple[str, Callable[[Any], Any]]]:
    """How values become what JSON has, where they are not yet."""
    ways: dict[str, Callable[[Any], Any]] = {
        "json": lambda text: json.loads(text) if isinstance(text, str) else text,
        "boolean": bool,
        "bytes": lambda data: b64encode(data).decode(),
    }
    return [(each.name, ways[each.kind]) for each in shape.columns if each.kind in ways]


# In


def read_lines(pieces: Iterable[bytes], table: str) -> Iterator[dict[str, Any]]:
    """The rows of pieces that may end in the middle of a line. Raises `Unfit`."""
    rest, number = b"", 0
    for piece in chain(pieces, [b"\n"]):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if not line:
                continue
            number += 1
            try:
                row = json.loads(line)
            except ValueError as error:
                raise Unfit(f"Line {number} of the table {table} is not JSON.") from error
            if not isinstance(row, dict):
                raise Unfit(f"Line {number} of the table {table} is not a row.")
            yield row


def load(connection: Connection, shape: Shape, found: Iterable[dict[str, Any]]) -> int:
    """Put rows into an empty table; how many. Raises `Unfit` for those that do not fit it."""
    tuples = _tuples(shape, found, connection.dialect.name)
    columns = ", ".join(map(_quoted, shape.names))
    into = f"{_quoted(shape.name)} ({columns})"
    count = 0
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.driver_connection
        try:
            # One statement a table: rows may refer to others of it that come later.
            with driver.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
                for row in tuples:
                    copy.write_row(row)
                    count += 1
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.NotSupportedError) as error:
            # What the database says quotes the row.
            raise Unfit(f"PostgreSQL does not take a row of the table {shape.name}.") from error
        return count
    marks = ", ".join("?" * len(shape.columns))
    batch: list[tuple[Any, ...]] = []
    statement = f"INSERT INTO {into} VALUES ({marks})"  # noqa: S608
    for row in tuples:
        batch.append(row)
        count += 1
        if len(batch) == _AT_ONCE:
            connection.exec_driver_sql(statement, batch)
            batch = []
    if batch:
        connection.exec_driver_sql(statement, batch)
    return count


def _tuples(
    shape: Shape, found: Iterable[dict[str, Any]], dialect: str
) -> Iterator[tuple[Any, ...]]:
    """Rows as the driver takes them, in the order of the columns."""
    kinds = {column.name: column.kind for column in shape.columns}
    ways = _kept(dialect)
    plan = [(name, ways.get(kind)) for name, kind in kinds.items()]
    for number, row in enumerate(found, 1):
        for name, value in row.items():
            kind = kinds.get(name)
            if kind is None:
                raise Unfit(f"Row {number} of the table {shape.name} has an unknown column.")
            if kind != "json" and type(value) not in _TYPES[kind]:
                raise Unfit(f"Row {number} of {shape.name}: {name} is not {kind}.")
        try:
            yield tuple(
                (make(row[name]) if make else row[name]) if name in row else None
                for name, make in plan
            )
        except (ValueError, TypeError) as error:
            raise Unfit(f"Row {number} of the table {shape.name} cannot be read.") from error


def _kept(dialect: str) -> dict[str, Callable[[Any], Any]]:
    """How values from a line become what a database's driver takes."""
    ways: dict[str, Callable[[Any], Any]] = {
        # As SQLAlchemy writes it, so that the text is the same as it was.
        "json": json.dumps,
        "bytes": b64decode,
    }
    if dialect == "sqlite":
        ways["moment"] = lambda text: f"{text[:10]} {text[11:26]}"
    return ways


def set_numbers(connection: Connection, tables: Iterable[Shape]) -> None:
    """Let PostgreSQL give the next row the number after the last; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for shape in tables:
        if shape.key != ("id",) or shape.columns[0].kind != "integer":
            continue
        connection.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence('{_quoted(shape.name)}', 'id'),"  # noqa: S608
            f" coalesce(max(id), 1), max(id) IS NOT NULL) FROM {_quoted(shape.name)}"
        )


def dangling(connection: Connection) -> str | None:
    """A table with rows that refer to nothing, where the database did not see to it itself."""
    if connection.dialect.name != "sqlite":
        return None
    row = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    return str(row[0]) if row else None


def engine_of(address: str) -> Engine:
    """An engine of another database than the application's, with the same rules of locking."""
    engine = create_engine(address, hide_parameters=True)
    db.prepare(engine)
    return engine


def _quoted(name: str) -> str:
    # Names come from the database itself or from its migrations, never from a file.
    return '"' + name.replace('"', '""') + '"'
