"""The rows of one spreadsheet with what was found out about each, in a small database of their own.

It lies beside the file that was sent and goes with it. So a preview of 200,000 rows can be leafed
through, and an import works through them, without any of it being held in memory.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What a row is found to be, in the order they are looked at.
VERDICTS = ("error", "duplicate", "update", "new", "unchanged")
#: What is done with a likely duplicate.
CHOICES = ("skip", "update", "new")

_TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    DROP TABLE IF EXISTS sheet_row;
    DROP TABLE IF EXISTS email;
    DROP TABLE IF EXISTS change;
    CREATE TABLE sheet_row (
        number INTEGER PRIMARY KEY, verdict TEXT NOT NULL, key TEXT, identity TEXT, email TEXT,
        name TEXT, office TEXT, target_id INTEGER, reason TEXT, by_email INTEGER, told TEXT,
        facts TEXT,
        choice TEXT NOT NULL DEFAULT 'skip');
    CREATE TABLE email (value TEXT, target_id INTEGER);
    CREATE TABLE change (kind TEXT, key TEXT, name TEXT, old TEXT, new TEXT);
"""
#: Columns that are kept as they are, before `told`, `facts` and `choice`.
_PLAIN = (
    "number", "verdict", "name", "office", "key", "identity", "email", "target_id", "reason",
    "by_email",
)  # fmt: skip
_INSERT = """
    INSERT INTO sheet_row (number, verdict, key, identity, email, name, office, target_id, reason,
                           by_email, told, facts)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


@dataclass
class Judged:
    """A row and what was found out about it.

    `told` has what differs as (what, old, new), or what is wrong as (field, sentence).
    """

    number: int
    verdict: str
    name: str
    office: str = ""
    key: str | None = None
    identity: str | None = None
    email: str | None = None
    target_id: int | None = None
    reason: str | None = None
    #: Whether it is an e-mail address that is the same, and not the name.
    by_email: bool = False
    told: Sequence[Sequence[str]] = ()
    facts: Mapping[str, Any] | None = None
    choice: str = "skip"


class Store:
    """The rows by number. Open it in a `with`."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> "Store":
        # The file is its own lock for one person's work; a page may be read while one is written.
        self._base = sqlite3.connect(self.path, isolation_level=None, timeout=20)
        return self

    def __exit__(self, *_error: object) -> None:
        self._base.close()

    def begin(self) -> None:
        """Start anew, without rows."""
        self._base.executescript(_TABLES)
        self._base.execute("BEGIN")

    def end(self) -> None:
        """Keep what was written since `begin`."""
        self._base.execute("COMMIT")

    def add(self, rows: Iterable[Judged]) -> None:
        """Write rows."""
        self._base.executemany(
            _INSERT,
            (
                (r.number, r.verdict, r.key, r.identity, r.email, r.name, r.office, r.target_id,
                 r.reason, r.by_email, json.dumps(r.told, ensure_ascii=False) if r.told else None,
                 json.dumps(r.facts, ensure_ascii=False) if r.facts else None)
                for r in rows
            ),
        )  # fmt: skip

    # E-mail addresses of targets that are here

    def know_emails(self, pairs: Iterable[tuple[str, int]]) -> None:
        """Note the addresses of the targets there are."""
        self._base.executemany("INSERT INTO email VALUES (?, ?)", pairs)
        self._base.execute("CREATE INDEX email_value ON email (value)")

    def whose_email(self, values: Sequence[str]) -> dict[str, int]:
        """Address → target, of those that only one target has."""
        if not values:
            return {}
        marks = ",".join("?" * len(values))
        return dict(
            self._base.execute(
                f"SELECT value, min(target_id) FROM email WHERE value IN ({marks}) "  # noqa: S608
                "GROUP BY value HAVING count(DISTINCT target_id) = 1",
                values,
            )
        )

    # Rows of one file that are the same

    def find_twins(self, *, twice: str, same: str) -> None:
        """Mark rows whose key, or else whose name and office, stand above already.

        `twice` and `same` are sentences with `{row}` in them.
        """
        base = self._base
        base.execute("CREATE INDEX row_key ON sheet_row (key) WHERE key IS NOT NULL")
        base.execute("CREATE INDEX row_identity ON sheet_row (identity)")
        base.execute("CREATE INDEX row_verdict ON sheet_row (verdict, number)")
        base.execute(
            "UPDATE sheet_row SET verdict = 'new', target_id = NULL, reason = NULL, told = NULL "
            "WHERE verdict = 'duplicate' AND email IN (SELECT email FROM sheet_row "
            "WHERE email IS NOT NULL GROUP BY email HAVING count(*) > 1) AND by_email"
        )
        pairs = base.execute(
            "SELECT a.number, min(b.number), a.key IS NULL FROM sheet_row a JOIN sheet_row b "
            "ON b.key = a.key AND b.number < a.number WHERE a.facts IS NOT NULL GROUP BY a.number "
            "UNION ALL "
            "SELECT a.number, min(b.number), 1 FROM sheet_row a JOIN sheet_row b "
            "ON b.identity = a.identity AND b.number < a.number AND b.key IS NULL "
            "WHERE a.key IS NULL AND a.verdict IN ('new', 'update') GROUP BY a.number"
        ).fetchall()
        for number, above, is_alike in pairs:
            if is_alike:
                base.execute(
                    "UPDATE sheet_row SET verdict = 'duplicate', target_id = NULL, reason = ?, "
                    "told = NULL WHERE number = ?",
                    (same.format(row=above), number),
                )
            else:
                field, sentence = twice.split("|", 1)
                told = json.dumps([[field, sentence.format(row=above)]], ensure_ascii=False)
                base.execute(
                    "UPDATE sheet_row SET verdict = 'error', told = ?, facts = NULL "
                    "WHERE number = ?",
                    (told, number),
                )

    # What was found

    def counts(self) -> dict[str, int]:
        """Verdict → rows."""
        found = dict(self._base.execute("SELECT verdict, count(*) FROM sheet_row GROUP BY 1"))
        return {verdict: found.get(verdict, 0) for verdict in VERDICTS}

    def chosen(self) -> dict[str, int]:
        """Choice → likely duplicates."""
        found = dict(
            self._base.execute(
                "SELECT choice, count(*) FROM sheet_row WHERE verdict = 'duplicate' GROUP BY 1"
            )
        )
        return {choice: found.get(choice, 0) for choice in CHOICES}

    def page(self, verdict: str | None, *, first: int, size: int) -> list[Judged]:
        """Some rows, of one verdict or all, by number."""
        return list(
            self._rows(
                "WHERE verdict = coalesce(?, verdict) ORDER BY number LIMIT ? OFFSET ?",
                (verdict, size, first),
            )
        )

    def choose(self, choices: Mapping[int, str]) -> None:
        """Say what is done with some likely duplicates."""
        self._base.executemany(
            "UPDATE sheet_row SET choice = ? WHERE number = ? AND verdict = 'duplicate' "
            "AND (? <> 'update' OR target_id IS NOT NULL)",
            [(choice, number, choice) for number, choice in choices.items()],
        )

    def choose_all(self, choice: str) -> None:
        """Say what is done with all likely duplicates; one of a row above is not updated."""
        self._base.execute(
            "UPDATE sheet_row SET choice = CASE WHEN ? = 'update' AND target_id IS NULL "
            "THEN 'skip' ELSE ? END WHERE verdict = 'duplicate'",
            (choice, choice),
        )

    def batches(self, size: int) -> Iterator[list[Judged]]:
        """All rows that are no errors, some at a time."""
        last = -1
        while rows := list(
            self._rows(
                "WHERE number > ? AND verdict <> 'error' ORDER BY number LIMIT ?", (last, size)
            )
        ):
            yield rows
            last = rows[-1].number

    def _rows(self, tail: str, values: Sequence[Any]) -> Iterator[Judged]:
        names = ", ".join(_PLAIN)
        statement = f"SELECT {names}, told, facts, choice FROM sheet_row {tail}"  # noqa: S608
        with closing(self._base.execute(statement, values)) as found:
            for row in found:
                told, facts = (json.loads(text) if text else None for text in row[10:12])
                yield Judged(**dict(zip(_PLAIN, row, strict=False)), told=told or (), facts=facts,
                             choice=row[12])  # fmt: skip

    # What an import changed

    def note_changes(self, changes: Iterable[Sequence[str]]) -> None:
        """Note lines of the changes file."""
        self._base.executemany("INSERT INTO change VALUES (?, ?, ?, ?, ?)", changes)

    def changes(self) -> Iterator[tuple[str, ...]]:
        """The lines noted, in their order."""
        yield from self._base.execute("SELECT kind, key, name, old, new FROM change ORDER BY rowid")
