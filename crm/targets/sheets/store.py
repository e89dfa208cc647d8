"""The rows of a spreadsheet of targets between the pages, and those of them that are the same."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crm.core import judged
from crm.core.judged import CHOICES as CHOICES
from crm.core.judged import VERDICTS as VERDICTS


@dataclass
class Judged(judged.Judged):
    """A row and what was found out about it; `detail` is its office."""

    key: str | None = None
    identity: str | None = None
    email: str | None = None
    #: Whether it is an e-mail address that is the same, and not the name.
    by_email: bool = False


class Store(judged.Store[Judged]):
    """The rows, and the addresses of the targets there are."""

    judged = Judged
    tables = """
        DROP TABLE IF EXISTS email;
        CREATE TABLE email (value TEXT, target_id INTEGER);
    """

    # E-mail addresses of targets that are here

    def know_emails(self, pairs: Iterable[tuple[str, int]]) -> None:
        """Note the addresses of the targets there are."""
        self.base.executemany("INSERT INTO email VALUES (?, ?)", pairs)
        self.base.execute("CREATE INDEX email_value ON email (value)")

    def whose_email(self, values: Sequence[str]) -> dict[str, int]:
        """Address → target, of those that only one target has."""
        if not values:
            return {}
        marks = ",".join("?" * len(values))
        return dict(
            self.base.execute(
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
        base = self.base
        base.execute("CREATE INDEX row_key ON sheet_row (key) WHERE key IS NOT NULL")
        base.execute("CREATE INDEX row_identity ON sheet_row (identity)")
        base.execute("CREATE INDEX row_verdict ON sheet_row (verdict, number)")
        base.execute(
            "UPDATE sheet_row SET verdict = 'new', record_id = NULL, reason = NULL, told = NULL "
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
                    "UPDATE sheet_row SET verdict = 'duplicate', record_id = NULL, reason = ?, "
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
