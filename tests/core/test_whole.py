"""All rows as lines and back: the same rows give the same bytes, whatever database has them."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    make_url,
    null,
    select,
    text,
)

from crm.core import db, whole

METADATA = MetaData()
PARENT = Table(
    "zz_parent",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("parent_id", ForeignKey("zz_parent.id")),
)
EVERY = Table(
    "aa_every",
    METADATA,
    Column("word", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("big", BigInteger),
    Column("share", Float),
    Column("yes", Boolean),
    Column("on", Date),
    Column("at", db.UTCDateTime()),
    Column("what", JSON),
    Column("data", LargeBinary),
    Column("parent_id", ForeignKey("zz_parent.id")),
)
NOTHING = dict.fromkeys(("big", "share", "yes", "on", "at", "what", "data", "parent_id"), None) | {
    "what": null()
}
ROWS: list[dict[str, Any]] = [
    {"word": "all", "number": 1, "big": 2**62, "share": 0.1, "yes": True, "on": date(2026, 2, 28),
     "at": datetime(2026, 3, 8, 7, 30, 0, 5, tzinfo=UTC), "what": {"a": [1, None, "é"], "b": 1.5},
     "data": b"\x00\xff", "parent_id": 1},
    {"word": "none", "number": 1, **NOTHING},
    {**NOTHING, "word": "JSON's own null", "number": 1, "what": None},
    {**NOTHING, "word": "a number as JSON", "number": 1, "what": 5, "yes": False, "big": -1},
    {**NOTHING, "word": "a text as JSON", "number": 1, "what": "5"},
    {**NOTHING, "word": "كتاب 书 😀 \u2028 \\ \" \t", "number": 1, "what": {"ключ": "\ud800"}},
    {**NOTHING, "word": "Zoë", "number": 2},
    {**NOTHING, "word": "Zoë", "number": 10},
    {**NOTHING, "word": "zoe", "number": -3, "on": date(999, 1, 1)},
    {**NOTHING, "word": "", "number": 0, "at": datetime(1969, 1, 1, tzinfo=UTC)},
]  # fmt: skip


@pytest.fixture
def databases(
    tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Connection]]:
    """Give a connection to a new database of a kind that has the two tables."""
    opened, engines, server = [], [], None

    def new(kind: str) -> Connection:
        nonlocal server
        if kind == "sqlite":
            address = f"sqlite:///{tmp_path / f'{len(opened)}.sqlite3'}"
        else:
            url = make_url(request.getfixturevalue("postgres"))
            server = server or create_engine(url, isolation_level="AUTOCOMMIT")
            name = f"whole{len(opened)}"
            with server.connect() as connection:
                connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                connection.execute(text(f"CREATE DATABASE {name}"))
            address = url.set(database=name).render_as_string(hide_password=False)
        engine = create_engine(address)
        METADATA.create_all(engine)
        engines.append(engine)
        opened.append(engine.connect())
        return opened[-1]

    yield new
    for connection in opened:
        connection.close()
    for engine in engines:
        engine.dispose()
    if server is not None:
        server.dispose()


def fill(connection: Connection) -> None:
    """A tree whose children come before their parents, and every kind of value."""
    if connection.dialect.name == "postgresql":
        # As the program never would: the loader has to cope with rows that refer to later ones.
        connection.execute(insert(PARENT), [{"id": 3, "name": "root"}])
        connection.execute(insert(PARENT), [{"id": 1, "name": "child", "parent_id": 3}])
    else:
        connection.execute(insert(PARENT), [{"id": 1, "name": "child", "parent_id": 3}])
        connection.execute(insert(PARENT), [{"id": 3, "name": "root"}])
    for row in ROWS:
        connection.execute(insert(EVERY).values(**row))
    connection.commit()


def all_lines(connection: Connection) -> dict[str, bytes]:
    return {
        shape.name: b"".join(piece for piece, _count in whole.lines(connection, shape))
        for shape in whole.shapes(connection)
    }


def load(connection: Connection, lines: dict[str, bytes]) -> None:
    for shape in whole.shapes(connection):
        # In pieces that end anywhere.
        pieces = [lines[shape.name][at : at + 7] for at in range(0, len(lines[shape.name]), 7)]
        whole.load(connection, shape, whole.read_lines(pieces, shape.name))
    whole.set_numbers(connection, whole.shapes(connection))
    connection.commit()


@pytest.mark.parametrize("kinds", ["sqlite sqlite", "postgresql postgresql", "sqlite postgresql"])
def test_what_goes_out_comes_back_the_same(
    databases: Callable[[str], Connection], kinds: str
) -> None:
    one, other = map(databases, kinds.split())
    fill(one)
    lines = all_lines(one)
    load(other, lines)
    assert all_lines(other) == lines
    # As the program reads it, not only as we write it.
    for table in (PARENT, EVERY):
        there = sorted(map(repr, other.execute(select(table))))
        assert sorted(map(repr, one.execute(select(table)))) == there
    # And back again, by the other database.
    third = databases(kinds.split()[0])
    load(third, all_lines(other))
    assert all_lines(third) == lines


def test_an_empty_column_is_not_named_and_json_null_is(
    databases: Callable[[str], Connection],
) -> None:
    connection = databases("sqlite")
    fill(connection)
    lines = all_lines(connection)["aa_every"].decode().splitlines()
    assert '{"number":1,"word":"none"}' in lines or '{"word":"none","number":1}' in lines
    assert any("JSON's own null" in line and '"what":null' in line for line in lines)


def test_the_next_row_gets_the_next_number(databases: Callable[[str], Connection]) -> None:
    one, other = databases("sqlite"), databases("postgresql")
    fill(one)
    load(other, all_lines(one))
    added = other.execute(insert(PARENT).values(name="next").returning(PARENT.c.id)).scalar()
    assert added == 4


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"id":"1","name":"x"}', "id is not integer"),
        (b'{"id":true,"name":"x"}', "id is not integer"),
        (b'{"id":1,"name":7}', "name is not text"),
        (b'{"id":1,"name":"x","owner":1}', "unknown column"),
        (b'{"id":1,', "is not JSON"),
        (b"[1]", "is not a row"),
    ],
)
def test_rows_that_do_not_fit_are_refused(
    databases: Callable[[str], Connection], line: bytes, told: str
) -> None:
    connection = databases("sqlite")
    shape = next(each for each in whole.shapes(connection) if each.name == "zz_parent")
    with pytest.raises(whole.Unfit, match=told):
        whole.load(connection, shape, whole.read_lines([line], "zz_parent"))


def test_both_databases_have_the_same_shapes(app: Flask, postgres: str) -> None:
    engine = create_engine(postgres)
    with engine.connect() as connection:
        theirs = {shape.name: shape for shape in whole.shapes(connection)}
    engine.dispose()
    ours = {shape.name: shape for shape in whole.shapes(db.session.connection())}
    assert ours == theirs
    # Kept sums are made anew by triggers.
    assert set(ours) == {name for name in db.metadata.tables if not db.is_derived(name)}
