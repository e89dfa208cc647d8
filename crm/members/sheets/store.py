"""The rows of a roster between the pages, and which of them and of the members may be one.

Blocks (what two who may be one have in common) are kept as numbers in an index beside the rows, so
that only those are compared who share one, whatever the length of the file.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from crm.core import judged
from crm.core.judged import Judged


class Store(judged.Store[Judged]):
    """The rows, the cards of members who are here, and the blocks of both."""

    judged = Judged
    tables = """
        DROP TABLE IF EXISTS here;
        DROP TABLE IF EXISTS block;
        DROP TABLE IF EXISTS fact;
        DROP TABLE IF EXISTS guardian;
        CREATE TABLE guardian (
            key TEXT, guardian_id INTEGER, name TEXT, email TEXT, phone TEXT,
            PRIMARY KEY (key, guardian_id)) WITHOUT ROWID;
        CREATE TABLE here (member_id INTEGER PRIMARY KEY, card TEXT);
        CREATE TABLE block (key INTEGER, member_id INTEGER, number INTEGER);
        CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT);
    """

    def note(self, name: str, value: Any) -> None:
        """Keep something about the file as a whole."""
        self.base.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, json.dumps(value)))

    def noted(self, name: str) -> Any:
        """What was kept; None for nothing."""
        found = self.base.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return json.loads(found[0]) if found else None

    # Blocks

    def know(self, cards: Iterable[tuple[int, str]], blocks: Iterable[tuple[int, int]]) -> None:
        """Note members who are here: (id, card), and their blocks as (key, id)."""
        self.base.executemany("INSERT INTO here VALUES (?, ?)", cards)
        self.base.executemany("INSERT INTO block (key, member_id) VALUES (?, ?)", blocks)

    def add_blocks(self, blocks: Iterable[tuple[int, int]]) -> None:
        """Note blocks of rows as (key, number)."""
        self.base.executemany("INSERT INTO block (key, number) VALUES (?, ?)", blocks)

    def lay_out(self, most: int) -> None:
        """Make the blocks ready to be asked; those of more than `most` tell nothing."""
        base = self.base
        base.execute("CREATE INDEX block_key ON block (key)")
        base.execute(
            "DELETE FROM block WHERE key IN "
            "(SELECT key FROM block GROUP BY key HAVING count(*) > ?)",
            (most,),
        )
        base.execute("CREATE INDEX block_number ON block (number) WHERE number IS NOT NULL")
        base.execute("CREATE INDEX row_verdict ON sheet_row (verdict, number)")

    def near_members(self, size: int) -> Iterator[list[tuple[int, str, int, str]]]:
        """New rows and members who share a block: (row, its facts, member, their card)."""
        yield from self._some(
            "SELECT DISTINCT r.number, r.facts, m.member_id, h.card "
            "FROM sheet_row r CROSS JOIN block b ON b.number = r.number "
            "CROSS JOIN block m ON m.key = b.key AND m.member_id IS NOT NULL "
            "CROSS JOIN here h ON h.member_id = m.member_id "
            "WHERE +r.verdict = 'new' AND r.number BETWEEN ? AND ? ORDER BY r.number, m.member_id",
            size,
        )

    def near_rows(self, size: int) -> Iterator[list[tuple[int, str, int, str]]]:
        """New rows and rows above that share a block: (row, its facts, row above, its facts)."""
        yield from self._some(
            "SELECT DISTINCT r.number, r.facts, a.number, a.facts "
            "FROM sheet_row r CROSS JOIN block b ON b.number = r.number "
            "CROSS JOIN block o ON o.key = b.key AND o.number < r.number "
            "CROSS JOIN sheet_row a ON a.number = o.number "
            "WHERE +r.verdict = 'new' AND r.number BETWEEN ? AND ? ORDER BY r.number, a.number",
            size,
        )

    def same_member(self) -> list[tuple[int, int]]:
        """Rows that would change a member whom a row above is: (row, row above)."""
        return self.base.execute(
            "WITH first AS (SELECT record_id, min(number) AS number FROM sheet_row "
            "WHERE verdict IN ('update', 'unchanged') GROUP BY record_id) "
            "SELECT r.number, f.number FROM sheet_row r JOIN first f ON f.record_id = r.record_id "
            "WHERE r.verdict = 'update' AND f.number < r.number"
        ).fetchall()

    def _some(self, statement: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        first, last = self.base.execute(
            "SELECT coalesce(min(number), 0), coalesce(max(number), -1) FROM sheet_row"
        ).fetchone()
        for start in range(first, last + 1, size):
            found = self.base.execute(statement, (start, start + size - 1)).fetchall()
            if found:
                yield found

    def mark_duplicates(self, found: Sequence[tuple[int, int | None, str, Any]]) -> None:
        """Say of rows that they may be here: (number, member or None, reason, what differs)."""
        self.base.executemany(
            "UPDATE sheet_row SET verdict = 'duplicate', record_id = ?, reason = ?, told = ? "
            "WHERE number = ?",
            [
                (member_id, reason, json.dumps(told, ensure_ascii=False) if told else None, number)
                for number, member_id, reason, told in found
            ],
        )

    def by_number(self, numbers: Sequence[int]) -> list[Judged]:
        """Some rows."""
        marks = ", ".join("?" * len(numbers))
        return list(self.rows(f"WHERE number IN ({marks}) ORDER BY number", numbers))

    # Guardians who are here, or came with a row above

    def know_guardians(self, found: Iterable[tuple[str, int, str, str | None, str | None]]) -> None:
        """Note (key, id, name, e-mail, phone); the key is a way to reach them."""
        self.base.executemany("INSERT OR IGNORE INTO guardian VALUES (?, ?, ?, ?, ?)", found)

    def whose(self, keys: Sequence[str]) -> Iterator[tuple[str, int, str, str | None, str | None]]:
        """Those who have one of the keys, the first known first."""
        for start in range(0, len(keys), 500):
            some = keys[start : start + 500]
            marks = ", ".join("?" * len(some))
            yield from self.base.execute(
                f"SELECT * FROM guardian WHERE key IN ({marks}) ORDER BY guardian_id",  # noqa: S608
                some,
            )
