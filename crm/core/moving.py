"""From one database into another, row by row: SQLite to PostgreSQL, or back.

The source is only read, and is one moment of it. What was written is read again and compared with
the source, row by row, before it is kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest

from sqlalchemy import Connection

from crm.core import backups, db, outbox, restoring, whole
from crm.core.errors import Refused


@dataclass(frozen=True)
class Moved:
    """A table that was moved: how many rows, and the hash of all of them on both sides."""

    name: str
    rows: int
    sha256: str


def move(address: str, *, moved: backups.Moved = lambda _: None) -> list[Moved]:
    """Copy all rows into the empty database of this address. Raises `Refused`.

    Files are not touched: they belong to the instance folder, or to the storage elsewhere.
    """
    engine = whole.engine_of(address)
    try:
        if engine.url == db.extension.engine.url:
            raise Refused("This is the database that is in use. Name another one with --to.")
        # The goal first: a unit of work that begins lets go of what was read before.
        with restoring.transaction(engine) as goal, backups.apart() as source:
            revision = whole.revision(source)
            if revision != restoring.head_revision():
                raise Refused(
                    "The database is not what this version needs. Run `crm migrate` first."
                )
            restoring.must_be_empty(goal)
            restoring.build(goal, revision)
            return _copy(source, goal, moved)
    finally:
        engine.dispose()


def _copy(source: Connection, goal: Connection, moved: backups.Moved) -> list[Moved]:
    there = {shape.name: shape for shape in whole.shapes(goal)}
    here = whole.shapes(source)
    done, found = 0, []
    for shape in here:
        if shape != there.get(shape.name):
            raise Refused(f"The table {shape.name} is another there. Nothing was kept.")
        rows = chain.from_iterable(whole.rows(source, shape))
        moved(done := done + whole.load(goal, shape, rows))
    if table := whole.dangling(goal):
        raise Refused(f"Rows of {table} refer to nothing. Nothing was kept.")
    for shape in here:
        found.append(_compared(shape, source, goal))
    whole.set_numbers(goal, here)
    return found


def _compared(shape: whole.Shape, source: Connection, goal: Connection) -> Moved:
    """Both sides read once more, side by side; the first row that differs is told by its number."""
    told = whole.counted(_side_by_side(shape, source, goal))
    return Moved(shape.name, told.rows, told.sha256)


def _side_by_side(
    shape: whole.Shape, source: Connection, goal: Connection
) -> Iterator[tuple[bytes, int]]:
    number = 0
    pieces = zip_longest(whole.lines(source, shape), whole.lines(goal, shape))
    for ours, theirs in pieces:
        if ours != theirs:
            ours, theirs = ours or (b"", 0), theirs or (b"", 0)
            lines = zip_longest(ours[0].split(b"\n"), theirs[0].split(b"\n"))
            at = next(at for at, (one, other) in enumerate(lines, 1) if one != other)
            raise Refused(f"Row {number + at} of {shape.name} came out changed. Nothing was kept.")
        number += ours[1]
        yield ours


def waiting() -> int:
    """How many messages and jobs wait: they travel as they are."""
    found = outbox.Outgoing.state.in_((outbox.State.WAITING, outbox.State.TAKEN))
    return db.session.query(outbox.Outgoing).where(found).count()
