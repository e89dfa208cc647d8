"""The rows of a roster between the pages, and the guardians they are compared with."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from crm.core import judged
from crm.core.judged import Judged
from crm.members.sheets import meeting


class Store(judged.Store[Judged]):
    """The rows, who of them and of the members may be one, and guardians who are here."""

    judged = Judged
    tables = f"""
        DROP TABLE IF EXISTS fact;
        DROP TABLE IF EXISTS guardian;
        CREATE TABLE guardian (
            key TEXT, guardian_id INTEGER, name TEXT, email TEXT, phone TEXT,
            PRIMARY KEY (key, guardian_id)) WITHOUT ROWID;
        CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT);
        {meeting.TABLES}
    """

    def note(self, name: str, value: Any) -> None:
        """Keep something about the file as a whole."""
        self.base.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, json.dumps(value)))

    def noted(self, name: str) -> Any:
        """What was kept; None for nothing."""
        found = self.base.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return json.loads(found[0]) if found else None

    # Who may be one

    def same_member(self) -> list[tuple[int, int]]:
        """Rows that would change a member whom a row above is: (row, row above)."""
        return self.base.execute(
            "SELECT number, above FROM (SELECT number, verdict, min(number) OVER "
            "(PARTITION BY record_id) AS above FROM sheet_row "
            "WHERE verdict IN ('update', 'unchanged')) WHERE verdict = 'update' AND above < number"
        ).fetchall()

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

    def facts_of(self, numbers: Iterable[int]) -> dict[int, Any]:
        """By number: what some rows say, as `Facts.from_plain` takes it."""
        found = self.base.execute(
            "SELECT number, facts FROM sheet_row WHERE number IN (SELECT value FROM json_each(?))",
            (json.dumps(list(numbers)),),
        )
        return {number: json.loads(facts) for number, facts in found}

    # Guardians who are here, or came with a row above

    def know_guardians(self, found: Iterable[tuple[str, int, str, str | None, str | None]]) -> None:
        """Note (key, id, name, e-mail, phone); the key is a way to reach them."""
        self.base.executemany("INSERT OR IGNORE INTO guardian VALUES (?, ?, ?, ?, ?)", found)

    def whose(self, keys: Sequence[str]) -> Iterator[tuple[str, int, str, str | None, str | None]]:
        """Those who have one of the keys, the first known first."""
        yield from self.base.execute(
            "SELECT * FROM guardian WHERE key IN (SELECT value FROM json_each(?)) "
            "ORDER BY guardian_id",
            (json.dumps(keys),),
        )
