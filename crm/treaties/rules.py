"""What follows from a state's events on a date, by the treaties' own articles. Pure.

Every deposit counts from its own day ("joined"); the treaty binds from the first day of the sixth
month after it ("in force"): two counts that are never mixed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

#: Ways of consenting to be bound; the day is the day of deposit.
CONSENTS = ("ratification", "acceptance", "approval", "accession", "succession")
#: Kinds of events, as they are stored.
KINDS = (
    "signature",
    *CONSENTS,
    "provisional_application",
    "entry_into_force",
    "withdrawal_announced",
    "withdrawal_deposited",
    "withdrawal_effective",
    "extension_requested",
    "extension_granted",
    "completion_declared",
    "report_submitted",
    "retraction",
)


class Status(StrEnum):
    """Where a state stands on a date. Each state is exactly one of them."""

    #: Consent deposited and no withdrawal in effect, in force for it or not yet.
    PARTY = "state_party"
    SIGNATORY = "signatory"
    WITHDRAWN = "withdrawn"
    OUTSIDE = "non_signatory"


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the ledger that holds (is not corrected by another)."""

    id: int
    treaty: str
    #: ISO 3166-1 alpha-3.
    state: str
    kind: str
    on: date
    day_known: bool = True
    until: date | None = None
    article: str | None = None
    year: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger says of one state and one treaty on a date."""

    state: str
    status: Status
    signed_on: date | None = None
    consented_on: date | None = None
    consent: str | None = None
    #: The day of the consent is not known; `consented_on` is the first day that shows it.
    day_known: bool = True
    in_force_on: date | None = None
    #: Whether it binds the state on the date asked.
    is_in_force: bool = False
    provisional_on: date | None = None
    withdrawal_deposited_on: date | None = None
    withdrawn_on: date | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """States by where they stand on a date; `joined + signatories + withdrawn + outside = states`.

    `in_force` are those of `joined` whom the treaty binds on that date.
    """

    treaty: str
    on: date
    joined: int
    in_force: int
    signatories: int
    outside: int
    withdrawn: int

    @property
    def states(self) -> int:
        """All states there are."""
        return self.joined + self.signatories + self.withdrawn + self.outside

    @property
    def not_party(self) -> int:
        """All who have not joined or have withdrawn."""
        return self.states - self.joined


def first_of_sixth_month(after: date) -> date:
    """Article 17(2): the first day of the sixth month after the date of deposit.

    31 August 2020 → 1 February 2021; 1 September 2020 → 1 March 2021.
    """
    months = after.year * 12 + (after.month - 1) + 6
    return date(months // 12, months % 12 + 1, 1)


def count(treaty: str, on: date, standings: Iterable[Standing]) -> Counts:
    """Count what a date's standings say."""
    rows = list(standings)
    by = {status: sum(row.status is status for row in rows) for status in Status}
    return Counts(
        treaty=treaty,
        on=on,
        joined=by[Status.PARTY],
        in_force=sum(row.is_in_force for row in rows),
        signatories=by[Status.SIGNATORY],
        outside=by[Status.OUTSIDE],
        withdrawn=by[Status.WITHDRAWN],
    )
