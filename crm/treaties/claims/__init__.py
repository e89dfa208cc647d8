"""The claim check: what a pasted text says, and what the ledger says of it on the text's date.

Pure: the ledger is handed in. Nothing of the text is kept. It finds counts near words such as
"States Parties", "signatories", "not joined"; gaps to a goal; the n-th State Party; days of
signature, deposit and entry into force; deadlines; wrong weekdays; fields left unfilled. What it
looked up and found right is listed too, so that one sees it was looked at.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _

from crm.core.errors import Refused
from crm.treaties.claims import counts, facts, fields, shares
from crm.treaties.claims.dates import date_line
from crm.treaties.claims.reading import Claim, Ledger, Reading, Verdict, day

#: Characters of one text.
MOST = 100_000


@dataclass(frozen=True)
class Report:
    """What was found in a text, in its order."""

    on: date
    #: Where the date comes from: `given`, `text` (its line in `line`) or `today`.
    on_from: str
    line: int | None
    claims: tuple[Claim, ...]
    #: Whether the ledger was empty, so that only the text itself could be looked at.
    without_ledger: bool = False
    #: Of the ledger.
    source: str = ""

    @property
    def wrong(self) -> int:
        """How many are wrong."""
        return sum(claim.verdict is Verdict.WRONG for claim in self.claims)

    def told(self) -> str:
        """The day the text was checked as of, in words."""
        words = {
            "given": _("As of %(day)s, the date given.", day=day(self.on)),
            "text": _("As of %(day)s, the date in line %(line)s of the text.",
                      day=day(self.on), line=self.line),
            "today": _("As of today, %(day)s: no date was given, and none stands at the text's "
                       "head.", day=day(self.on)),
        }  # fmt: skip
        return words[self.on_from]

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "on": self.on.isoformat(),
            "on_from": self.on_from,
            "wrong": self.wrong,
            "claims": [
                {
                    "kind": claim.kind,
                    "text": claim.text,
                    "line": claim.line,
                    "start": claim.start,
                    "end": claim.end,
                    "says": claim.says,
                    "ledger": claim.ledger,
                    "verdict": claim.verdict.value,
                    "message": claim.message,
                    "treaty": claim.treaty,
                    "source": claim.source,
                }
                for claim in self.claims
            ],
        }


def check(text: str, ledger: Ledger, *, on: date | None = None, today: date) -> Report:
    """Check a text. Raises `Refused` when it is too long.

    Its date is `on`, else one that stands at its head, else today.
    """
    if len(text) > MOST:
        raise Refused(
            _("The text has %(size)s characters; at most %(most)s are checked at once.",
              size=len(text), most=MOST),
            field="text",
        )  # fmt: skip
    head = None if on else date_line(text)
    as_of = on or (head[0] if head else today)
    reading = Reading(text, as_of, ledger)
    fields.find(reading)
    if not ledger.is_empty:
        shares.find(reading)
        counts.find(reading)
        facts.find(reading)
    claims = sorted(reading.claims, key=lambda claim: (claim.start, claim.end, claim.kind))
    return Report(
        as_of,
        "given" if on else "text" if head else "today",
        head[1] if head else None,
        tuple(claims),
        ledger.is_empty,
        ledger.source,
    )
