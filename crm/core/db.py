"""The database: one session, one commit, and the locking rules that keep SQLite whole.

Rooms say `from crm.core import db`, then `db.session`, `db.Model`. Nothing in them commits: a
request that may write (POST, PUT, PATCH, DELETE) is committed here once, when it was answered
below 400; commands and imports run in `unit_of_work()`. A commit that changed rows without an
audit entry, and a write by what only reads, are bugs and are refused.
"""

import errno
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, Response, g, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    Integer,
    MetaData,
    event,
    func,
    literal,
    select,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session, registry
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

Item = TypeVar("Item")

#: Milliseconds a writer waits for another before SQLite gives up.
BUSY_TIMEOUT = 20_000

#: Seconds to wait for a PostgreSQL that does not answer, or for a connection while all are taken.
_PATIENCE = 10
#: Works in the background that go on at once in one process; others wait for their turn.
MOST_WORKS = 4
#: Cannot be opened; locked for longer than a writer waits.
_SQLITE_AWAY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN)
#: Connection lost, too many connections, shut down by an operator, starting up.
_PG_AWAY = ("08", "53300", "57P")

#: How SQLite tells that a file it needs could not grow, beside SQLITE_FULL.
_SQLITE_NO_ROOM = (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)
_PG_FULL = "53100"

READING, WRITING = "reading", "writing"
_mode: ContextVar[str] = ContextVar("crm_database_mode", default=READING)


class UTCDateTime(TypeDecorator[datetime]):
    """A moment: aware and in UTC in Python, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


#: Constraints have names, so that migrations can speak of them.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


#: In the `info` of a session that reads one snapshot: what it gave, for who asks the same again.
SNAPSHOT = "snapshot"
#: For `mapped_column(info=…)`: what opens doors. A backup has it, an export for others has not.
SECRET = {"secret": True}
#: For `__table_args__ = {"info": …}`: rows that triggers make anew from others. No copy has them.
DERIVED = {"derived": True}


def is_derived(name: str) -> bool:
    """Whether the rows of a table are made anew from those of others."""
    table = metadata.tables.get(name)
    return table is not None and "derived" in table.info


class Base(DeclarativeBase):
    """Root of all models."""

    #: A model that may change without an audit entry (the audit itself, a sign-in's time).
    __audited__ = True

    registry = registry(metadata=metadata, type_annotation_map={datetime: UTCDateTime()})


extension = SQLAlchemy(model_class=Base)
session = extension.session

if TYPE_CHECKING:
    Model = Base
else:
    Model = extension.Model


class days_between(FunctionElement[int]):  # noqa: N801 - a function of SQL
    """The days from the second of two days to the first; as SQL, on either database."""

    type = Integer()
    inherit_cache = True


@compiles(days_between)
def _days_between(element: Any, compiler: Any, **how: Any) -> str:
    later, earlier = (compiler.process(each, **how) for each in element.clauses)
    return f"({later} - {earlier})"


@compiles(days_between, "sqlite")
def _days_between_on_sqlite(element: Any, compiler: Any, **how: Any) -> str:
    later, earlier = (compiler.process(each, **how) for each in element.clauses)
    return f"CAST(julianday({later}) - julianday({earlier}) AS INTEGER)"


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def is_reading() -> bool:
    """Whether the present unit of work may only read."""
    return _mode.get() == READING


def after_commit(call: Callable[[], object]) -> None:
    """Do `call` once the present unit of work has been committed; never if it is rolled back."""
    session.info.setdefault("after_commit", []).append(call)


def _seal_nothing() -> None:
    """Until the audit is there."""


#: Set by the audit: gives the entries of this transaction their place in the record.
seal: Callable[[], None] = _seal_nothing


def commit() -> None:
    """The one commit. Refuses changes without an audit entry, seals those there are, then lets
    waiting mail leave.
    """
    session.flush()
    if session.info.get("unaudited") and not session.info.get("audited"):
        tables = ", ".join(sorted(session.info["unaudited"]))
        rollback()
        raise RuntimeError(f"rows of {tables} changed without an audit entry")
    if session.info.get("audited"):
        seal()
    # Whoever asks another machine for a commit may not hear how it went.
    g.may_be_written = session.get_bind().dialect.name != "sqlite"
    session.commit()
    g.may_be_written = True
    waiting = session.info.pop("after_commit", [])
    _forget()
    for call in waiting:
        call()


def rollback() -> None:
    """Undo all that has been written since the last commit, and what waited for it."""
    session.rollback()
    _forget()


def release() -> None:
    """Let go of the write lock before slow work that needs no database, such as a picture.

    What was read is read anew afterwards. Raises RuntimeError once something was written: that
    belongs to one transaction with what follows.
    """
    if session.new or session.dirty or session.deleted or session.info.get("unaudited"):
        raise RuntimeError("something was written already: the lock cannot be let go")
    session.rollback()


def _forget() -> None:
    for key in ("after_commit", "unaudited", "audited", "woken"):
        session.info.pop(key, None)


def batches(items: Sequence[Item], size: int = 500) -> Iterator[Sequence[Item]]:
    """The items in parts that a database takes in one statement."""
    return (items[start : start + size] for start in range(0, len(items), size))


def among(column: Any, numbers: Sequence[int]) -> ColumnElement[bool]:
    """That a column is one of these numbers, all of them sent as one value: a statement that holds
    two thousand takes longer to be written than to be answered.
    """
    if session.get_bind().dialect.name == "postgresql":
        found: Any = func.unnest(literal(list(numbers), ARRAY(Integer)))
        return column.in_(select(found.column_valued()))
    found = func.json_each(json.dumps(numbers)).table_valued("value")
    return column.in_(select(found.c.value))


def take_turn(name: str) -> None:
    """Let no other process into the work of this name until the present unit of work ends.

    On SQLite a unit of work that writes holds the whole database from its first statement on.
    """
    if session.get_bind().dialect.name == "postgresql":
        key = func.hashtextextended(name, literal(0, Integer))
        session.execute(select(func.pg_advisory_xact_lock(key)))


@contextmanager
def unit_of_work() -> Iterator[None]:
    """For commands, jobs and tests: all of the block is kept, or nothing of it.

    Outside of one, and outside of a request that may write, the database is only read.
    """
    # A transaction that began as a reader's would have to wait for, and lose against, a writer.
    rollback()
    token = _mode.set(WRITING)
    try:
        yield
        commit()
    except BaseException:
        rollback()
        raise
    finally:
        _mode.reset(token)


@contextmanager
def apart(app: Flask, *, temporary: bool = False) -> Iterator[None]:
    """A session of its own that only reads one snapshot: for figures that must agree with each
    other, and for a file that is still being sent when its request's own work is over.

    Writers go on meanwhile. Within it `session` is the new one. With `temporary` it may make tables
    and views that nobody else sees and that are gone with it.
    """
    with app.app_context():
        token = _mode.set(READING)
        try:
            if session.get_bind().dialect.name == "postgresql":
                session.connection(
                    execution_options={
                        "isolation_level": "REPEATABLE READ",
                        # What only reads may make nothing, not even what is temporary.
                        "postgresql_readonly": not temporary,
                    }
                )
            else:
                session.connection()
            session.info[SNAPSHOT] = {}
        finally:
            # The transaction has begun; nothing is left changed while a stream is waiting.
            _mode.reset(token)
        yield


def options(address: str, threads: int) -> dict[str, Any]:
    """How the engine is made: a statement that fails is told without its values, they are people.

    PostgreSQL is asked whether it is still there each time a connection is taken out of the pool:
    measured, a tenth of a millisecond a request, and a restart of it costs no page after it.
    """
    given: dict[str, Any] = {"hide_parameters": True}
    if address.startswith("postgresql"):
        given |= {
            "pool_pre_ping": True,
            "pool_size": threads,
            # A request may take a second connection, for a snapshot beside its own work; each long
            # work in the background two, and one that holds its lock.
            "max_overflow": threads + 3 * MOST_WORKS,
            "pool_timeout": _PATIENCE,
            "connect_args": {"connect_timeout": _PATIENCE},
        }
    return given


def is_away(error: BaseException) -> bool:
    """Whether the database could not be reached, hung up or was too busy: the program is right."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _SQLITE_AWAY
    state = getattr(error.orig, "sqlstate", None)
    # What psycopg says of a connection that was not made has no code.
    return isinstance(error, OperationalError) and (state is None or state.startswith(_PG_AWAY))


def is_full(error: BaseException) -> bool:
    """Whether there was no room on a disk: of the database, or of a file beside it."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    if isinstance(error, DBAPIError):
        if isinstance(error.orig, sqlite3.Error):
            code = getattr(error.orig, "sqlite_errorcode", 0)
            return code & 0xFF == sqlite3.SQLITE_FULL or code in _SQLITE_NO_ROOM
        return getattr(error.orig, "sqlstate", None) == _PG_FULL
    return False


def init_app(app: Flask) -> None:
    """Bind the database to the application."""
    extension.init_app(app)
    with app.app_context():
        prepare(extension.engine)
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_end)


def _begin() -> None:
    writes = request.method in {"POST", "PUT", "PATCH", "DELETE"}
    g.database_mode = _mode.set(WRITING if writes else READING)


def _finish(response: Response) -> Response:
    if is_reading() or response.status_code >= 400:
        rollback()
    else:
        commit()
    return response


def _end(error: BaseException | None) -> None:
    if token := g.pop("database_mode", None):
        _mode.reset(token)


def prepare(engine: Engine) -> None:
    """Give an engine the rules of locking, and a new file of SQLite to its owner alone."""
    if engine.dialect.name == "sqlite" and (path := engine.url.database):
        # Readable by its owner alone, as what SQLite puts beside it then is too.
        with suppress(OSError):
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    if engine.dialect.name != "sqlite" or event.contains(engine, "begin", _sqlite_begin):
        return
    event.listen(engine, "connect", _sqlite_connect)
    event.listen(engine, "begin", _sqlite_begin)


def _sqlite_connect(connection: Any, _record: Any) -> None:
    # The driver's own transactions begin too late and lose updates; ours begin in `_sqlite_begin`.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
    # A killed process loses nothing; a power cut may take the last moments' saves, the file stays
    # whole. docs/operating.md says so to whoever runs it.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    # A reader must never wait for a writer, a writer must never read before it holds the lock.
    connection.exec_driver_sql("BEGIN" if is_reading() else "BEGIN IMMEDIATE")


@event.listens_for(session, "before_flush")
def _watch_flush(flushed: Session, _context: Any, _instances: Any) -> None:
    for record in (*flushed.new, *flushed.dirty, *flushed.deleted):
        if record in flushed.dirty and not flushed.is_modified(record):
            continue
        _note_write(flushed, type(record))


@event.listens_for(session, "do_orm_execute")
def _watch_statement(state: ORMExecuteState) -> None:
    if state.is_insert or state.is_update or state.is_delete:
        mapper = state.bind_mapper
        _note_write(state.session, mapper.class_ if mapper else None)


def note_write(model: type) -> None:
    """Say that rows of a model are written past the session: `core.bulk`, by the thousand."""
    _note_write(session(), model)


def _note_write(written: Session, model: type | None) -> None:
    if is_reading():
        raise RuntimeError("what only reads tried to write")
    name = getattr(model, "__tablename__", "a table")
    if name == "audit_entry":
        written.info["audited"] = True
    elif getattr(model, "__audited__", True):
        written.info.setdefault("unaudited", set()).add(name)
