"""The rows of one spreadsheet with what was found out about each, in a small database of their own.

It lies beside the file that was sent and goes with it. So a preview of 200,000 rows can be leafed
through, and an import works through them, without any of it being held in memory. A room that
knows more of a row says so in a `Judged` of its own, each field of which is a column.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

#: What a row is found to be, in the order they are looked at.
VERDICTS = ("error", "duplicate", "update", "new", "unchanged")
#: What is done with a likely duplicate.
CHOICES = ("skip", "update", "new")

_TABLES = """
    DROP TABLE IF EXISTS sheet_row;
    DROP TABLE IF EXISTS change;
    CREATE TABLE change (kind TEXT, key TEXT, name TEXT, old TEXT, new TEXT);
"""
#: Columns that are kept as JSON.
_JSON = frozenset({"told", "facts"})
_written = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode


@dataclass
class Judged:
    """A row and what was found out about it.

    `told` has what differs as (what, old, new), or what is wrong as (field, sentence).
    """

    number: int
    verdict: str
    name: str
    #: What stands beside the name: an office, a chapter.
    detail: str = ""
    #: The record that is here already, or may be.
    record_id: int | None = None
    reason: str | None = None
    told: Sequence[Sequence[str]] = ()
    #: What the row says, as a room writes it in JSON.
    facts: Any = None
    choice: str = "skip"


Row = TypeVar("Row", bound=Judged)


class Store(Generic[Row]):
    """The rows by number. Open it in a `with`."""

    #: What a row is kept as.
    judged: type[Row]
    #: SQL of further tables a room keeps beside the rows.
    tables = ""

    def __init__(self, path: Path):
        self.path = path
        self._names = [field.name for field in fields(self.judged)]

    def __enter__(self) -> Self:
        # The file is its own lock for one person's work; a page may be read while one is written.
        self.base = sqlite3.connect(self.path, isolation_level=None, timeout=20)
        # What is lost when the machine stops is worked out of the file again.
        self.base.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        return self

    def __exit__(self, *_error: object) -> None:
        self.base.close()

    def begin(self) -> None:
        """Start anew, without rows."""
        # Beside the number nothing needs a type: SQLite keeps what it is given.
        columns = ", ".join(
            "number INTEGER PRIMARY KEY" if name == "number" else name for name in self._names
        )
        self.base.executescript(f"{_TABLES} CREATE TABLE sheet_row ({columns}); {self.tables}")
        self.base.execute("BEGIN")

    def end(self) -> None:
        """Keep what was written since `begin`."""
        self.base.execute("COMMIT")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """What is noted within is written in one go; without, each row would be for itself.

        It is kept however the block ends: there is no journal to take it back with.
        """
        self.base.execute("BEGIN")
        try:
            yield
        finally:
            self.base.execute("COMMIT")

    def add(self, rows: Iterable[Row]) -> None:
        """Write rows."""
        marks = ", ".join("?" * len(self._names))
        self.base.executemany(
            f"INSERT INTO sheet_row ({', '.join(self._names)}) VALUES ({marks})",  # noqa: S608
            map(self._plain, rows),
        )

    def _plain(self, row: Row) -> list[Any]:
        return [
            (_written(value) if value else None) if name in _JSON else value
            for name in self._names
            for value in (getattr(row, name),)
        ]

    # What was found

    def counts(self) -> dict[str, int]:
        """Verdict → rows."""
        found = dict(self.base.execute("SELECT verdict, count(*) FROM sheet_row GROUP BY 1"))
        return {verdict: found.get(verdict, 0) for verdict in VERDICTS}

    def chosen(self) -> dict[str, int]:
        """Choice → likely duplicates."""
        found = dict(
            self.base.execute(
                "SELECT choice, count(*) FROM sheet_row WHERE verdict = 'duplicate' GROUP BY 1"
            )
        )
        return {choice: found.get(choice, 0) for choice in CHOICES}

    def page(self, verdict: str | None, *, first: int, size: int) -> list[Row]:
        """Some rows, of one verdict or all, by number."""
        return list(
            self.rows(
                "WHERE verdict = coalesce(?, verdict) ORDER BY number LIMIT ? OFFSET ?",
                (verdict, size, first),
            )
        )

    def choose(self, choices: Mapping[int, str]) -> None:
        """Say what is done with some likely duplicates."""
        self.base.executemany(
            "UPDATE sheet_row SET choice = ? WHERE number = ? AND verdict = 'duplicate' "
            "AND (? <> 'update' OR record_id IS NOT NULL)",
            [(choice, number, choice) for number, choice in choices.items()],
        )

    def choose_all(self, choice: str) -> None:
        """Say what is done with all likely duplicates; one of a row above is not updated."""
        self.base.execute(
            "UPDATE sheet_row SET choice = CASE WHEN ? = 'update' AND record_id IS NULL "
            "THEN 'skip' ELSE ? END WHERE verdict = 'duplicate'",
            (choice, choice),
        )

    def batches(self, size: int, *, but: Sequence[str] = ("error",)) -> Iterator[list[Row]]:
        """All rows but those of some verdicts, so many at a time."""
        marks = ", ".join("?" * len(but))
        last = -1
        while rows := list(
            self.rows(
                f"WHERE number > ? AND verdict NOT IN ({marks}) ORDER BY number LIMIT ?",
                (last, *but, size),
            )
        ):
            yield rows
            last = rows[-1].number

    def rows(self, tail: str, values: Sequence[Any]) -> Iterator[Row]:
        """Rows by what SQL comes behind the table."""
        statement = f"SELECT {', '.join(self._names)} FROM sheet_row {tail}"  # noqa: S608
        told, facts = self._names.index("told"), self._names.index("facts")
        with closing(self.base.execute(statement, values)) as found:
            for each in found:
                row = list(each)
                row[told] = json.loads(row[told]) if row[told] else ()
                row[facts] = json.loads(row[facts]) if row[facts] else None
                yield self.judged(*row)

    # What an import changed

    def note_changes(self, changes: Iterable[Sequence[str]]) -> None:
        """Note lines of the changes file."""
        self.base.executemany("INSERT INTO change VALUES (?, ?, ?, ?, ?)", changes)

    def changes(self) -> Iterator[tuple[str, ...]]:
        """The lines noted, in their order."""
        yield from self.base.execute("SELECT kind, key, name, old, new FROM change ORDER BY rowid")
