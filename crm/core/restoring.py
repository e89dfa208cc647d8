"""Everything back from a backup or an export: into an empty place, whole or not at all.

All of it is read and compared with what it says of itself before anything is written. Then it is
put in and read out of the database again: what comes out must have the hashes it had, table by
table, before it is kept.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from alembic import command as alembic
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import Connection, Engine, update

from crm.core import archives, db, outbox, store, whole
from crm.core.archives import Contents
from crm.core.errors import Refused
from crm.core.settings import in_force

#: Why a message or job is held that was waiting when the backup was made.
RESTORED = "held by a restore"
Moved = Callable[[int], object]
#: By table of a room, what is said to it so that nothing it sends by itself goes on from where the
#: backup stood: a person lets it go on.
STOPPED: dict[str, str] = {}
#: Fills in a row what an export left out of it.
Fresh = Callable[[str, dict[str, Any]], None]


@dataclass
class Back:
    """What came back."""

    contents: Contents
    #: Messages and jobs that were waiting and are held, so that none happens a second time.
    held: int = 0
    #: The revision it was migrated to, where it came from an earlier version.
    migrated: str | None = None


def restore(
    path: Path,
    *,
    identity: str = "",
    fresh: Fresh | None = None,
    checked: Moved = lambda _: None,
    moved: Moved = lambda _: None,
) -> Back:
    """Read a backup or an export into an empty place: all of it, or nothing.

    `fresh(table, row)` fills in what an export left out. Raises `archives.Unreadable` and
    `Refused`.
    """
    key = in_force().backup_key
    # Whatever is wrong with the place is told before an hour of reading.
    with db.unit_of_work():
        must_be_empty(db.session.connection())
    contents = archives.verify(path, key=key, identity=identity, moved=checked)
    _must_be_known(contents.head)
    _must_have_room(contents)
    put: list[str] = []
    try:
        with (
            empty_database() as connection,
            archives.members(path, key=key, identity=identity) as found,
        ):
            must_be_empty(connection)
            there = _must_have_no_files(contents)
            back = Back(contents)
            build(connection, str(contents.head["revision"]))
            archives.read_head(found)
            _load(connection, found, contents, there, put, fresh, moved)
            compare(connection, contents, but_not=contents.head.get("left_out") or {})
            back.held = hold_mail(connection)
            if contents.head["revision"] != (latest := head_revision()):
                migrate_within(connection, "heads")
                back.migrated = latest
    except BaseException:
        for name in put:
            with suppress(store.Away):
                store.here().forget(name)
        raise
    return back


def must_be_empty(connection: Connection) -> None:
    """Raises `Refused` for a database that holds a row of anything."""
    for shape in whole.shapes(connection):
        if whole.rows_in(connection, shape):
            raise Refused(
                f"The database is not empty: {shape.name} has rows. Nothing was changed. Name an "
                "empty one in CRM_DATABASE_URL, or another folder in CRM_INSTANCE."
            )


def _must_be_known(head: dict[str, Any]) -> None:
    known = {each.revision for each in _script().walk_revisions()}
    if head.get("revision") not in known:
        raise Refused("It is from a later version than this program. Update the program.")


def _must_have_room(contents: Contents) -> None:
    folder = in_force().folder
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if contents.bytes > free:
        raise Refused(
            f"It needs about {contents.bytes // 1_000_000} MB, and {folder} has"
            f" {free // 1_000_000} MB left. Nothing was written."
        )


def _must_have_no_files(contents: Contents) -> set[str]:
    """The files that are there: the very same, left by a restore that was killed or those in use.

    A storage is shared sooner than a folder: what was there is no restore's to take away.
    """
    expected = {name.rpartition("/")[2] for name in contents.files}
    there = {each.name for each in store.here().names()}
    if other := min(there - expected, default=""):
        raise Refused(f"{store.here()} is not empty: it has the file {other}. Nothing was changed.")
    return there


@contextmanager
def empty_database() -> Iterator[Connection]:
    """The application's database in one transaction that sees to references at its end."""
    with transaction(db.extension.engine) as connection:
        yield connection


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction that is kept when the block ends well."""
    with db.unit_of_work(), engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        is_sqlite = engine.dialect.name == "sqlite"
        if is_sqlite:
            # Heeded outside of a transaction only. `whole.dangling` asks in its place.
            driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
        finally:
            if is_sqlite:
                driver.execute("PRAGMA foreign_keys = ON")


def build(connection: Connection, revision: str) -> None:
    """Make the tables as they were at a revision, where there are none or empty ones."""
    if whole.revision(connection) != revision:
        if whole.revision(connection) is not None:
            migrate_within(connection, "base")
        migrate_within(connection, revision)


def migrate_within(connection: Connection, to: str) -> None:
    """Migrate in the transaction of this connection."""
    config = current_app.extensions["migrate"].migrate.get_config()
    config.attributes["connection"] = connection
    (alembic.downgrade if to == "base" else alembic.upgrade)(config, to)


def head_revision() -> str:
    """The revision this program needs."""
    return str(_script().get_current_head())


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(current_app.extensions["migrate"].migrate.get_config())


def _load(
    connection: Connection,
    found: Iterator[archives.Member],
    contents: Contents,
    there: set[str],
    put: list[str],
    fresh: Fresh | None,
    moved: Moved,
) -> None:
    """Rows and files, in the order they come in; each table's parts follow each other."""
    shapes = {shape.name: shape for shape in whole.shapes(connection)}
    done, current = 0, next(found, None)
    while current is not None:
        name, _size, source = current
        if name == archives.MANIFEST:
            return
        table = archives.table_of(name)
        if table is None:
            _put(name, source, contents, there, put)
            current = next(found, None)
            continue
        if table not in shapes:
            raise archives.Unreadable(f"It has a table nobody knows: {table}.")
        parts = _Parts(table, current, found)
        rows = whole.read_lines(parts, table)
        if fresh:
            rows = _freshened(rows, table, fresh)
        done += whole.load(connection, shapes[table], rows)
        moved(done)
        current = parts.after
    raise archives.Unreadable("Its end is missing: it was cut.")


def _freshened(
    rows: Iterator[dict[str, Any]], table: str, fresh: Fresh
) -> Iterator[dict[str, Any]]:
    for row in rows:
        fresh(table, row)
        yield row


class _Parts:
    """The bytes of a table's parts; `after` is the member that follows them."""

    def __init__(self, table: str, first: archives.Member, found: Iterator[archives.Member]):
        self._table, self._first, self._found = table, first, found
        self.after: archives.Member | None = None

    def __iter__(self) -> Iterator[bytes]:
        member: archives.Member | None = self._first
        while member is not None and archives.table_of(member[0]) == self._table:
            yield from archives.pieces_of(member[2])
            member = next(self._found, None)
        self.after = member


def _put(name: str, source: IO[bytes], contents: Contents, there: set[str], put: list[str]) -> None:
    data, own = source.read(), name.rpartition("/")[2]
    if contents.files.get(name) != (len(data), sha256(data).hexdigest()):
        raise archives.Unreadable("It was changed while it was read.")
    if own not in there:
        put.append(own)
    store.here().keep(own, data)


def compare(connection: Connection, contents: Contents, *, but_not: Any = ()) -> None:
    """Read all rows again and compare their hashes with what they were. Raises `Refused`."""
    if table := whole.dangling(connection):
        raise Refused(f"Rows of {table} refer to nothing: the file was put together by hand.")
    shapes = whole.shapes(connection)
    for shape in shapes:
        wanted = contents.tables.get(shape.name)
        if shape.name in but_not:
            same = wanted is not None and whole.rows_in(connection, shape) == wanted.rows
        else:
            same = whole.counted(whole.lines(connection, shape)) == wanted
        if not same:
            raise Refused(
                f"The table {shape.name} did not come back as it was. Nothing was kept of it."
            )
    whole.set_numbers(connection, shapes)


def hold_mail(connection: Connection) -> int:
    """Hold what was to be sent or done, and let no schedule make up for the time between.

    It may have happened since the backup was made. What was held before is not touched.
    """
    tables = {shape.name for shape in whole.shapes(connection)}
    held = 0
    if "outbox" in tables:
        waiting = "state IN ('waiting', 'taken') AND job NOT IN ('backup', 'forget-file')"
        held = connection.exec_driver_sql(
            "UPDATE outbox SET state = 'held', taken_by = NULL, lease_until = NULL,"  # noqa: S608
            f" fault = '{RESTORED}' WHERE {waiting}"
        ).rowcount
    for table, stop in STOPPED.items():
        if table in tables:
            connection.exec_driver_sql(stop)
    if "schedule_run" in tables:
        connection.exec_driver_sql("DELETE FROM schedule_run")
    return held


def let_go(*, send: bool) -> int:
    """Send and do what a restore held, or want it no more; how much it is."""
    mine = (outbox.Outgoing.fault == RESTORED, outbox.Outgoing.state == outbox.State.HELD)
    with db.unit_of_work():
        if not send:
            return outbox.withdraw(*mine)
        values = {"state": outbox.State.WAITING, "fault": None}
        done = db.session.execute(
            update(outbox.Outgoing).where(*mine).values(**values),
            execution_options={"synchronize_session": False},
        )
        for lane in outbox.lanes():
            outbox.wake_after_commit(lane)
        return int(done.rowcount)  # type: ignore[attr-defined]
