"""What follows from a state's events on a date, by the treaties' own articles. Pure.

Every deposit counts from its own day ("joined"); the treaty binds from the first day of the sixth
month after it ("in force"): two counts that are never mixed.
"""

from calendar import monthrange
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple

from flask_babel import lazy_gettext as _l

from crm.treaties.instruments import Instrument

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
    "withdrawal_held",
    "withdrawal_effective",
    "extension_requested",
    "extension_granted",
    "obligation_declared",
    "completion_declared",
    "report_submitted",
    "retraction",
)

#: As people read them.
KIND_LABELS = {
    "signature": _l("Signed"),
    "ratification": _l("Ratified"),
    "acceptance": _l("Accepted"),
    "approval": _l("Approved"),
    "accession": _l("Acceded"),
    "succession": _l("Succeeded"),
    "provisional_application": _l("Applies it provisionally"),
    "entry_into_force": _l("Entry into force"),
    "withdrawal_announced": _l("Withdrawal announced"),
    "withdrawal_deposited": _l("Withdrawal deposited"),
    "withdrawal_held": _l("Withdrawal held by an armed conflict"),
    "withdrawal_effective": _l("Withdrawal in effect"),
    "extension_requested": _l("Extension requested"),
    "extension_granted": _l("Extension granted"),
    "obligation_declared": _l("Obligation declared"),
    "completion_declared": _l("Completion declared"),
    "report_submitted": _l("Transparency report submitted"),
    "retraction": _l("Entry taken back"),
}


class Status(StrEnum):
    """Where a state stands on a date. Each state is exactly one of them."""

    #: Consent deposited and no withdrawal in effect, in force for it or not yet.
    PARTY = "state_party"
    SIGNATORY = "signatory"
    WITHDRAWN = "withdrawn"
    OUTSIDE = "non_signatory"


class Event(NamedTuple):
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


class Standing(NamedTuple):
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
    #: The day a withdrawal deposited by then takes effect; None while article 20(3) holds it.
    withdrawn_on: date | None = None
    #: The n-th state to consent, by day of deposit. Those of one day: by alpha-3 code.
    number: int | None = None


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
    #: Of `joined`, those whose day of deposit is not known.
    unknown_day: tuple[str, ...] = ()

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


def six_months(after: date) -> date:
    """Article 20(3): six months later; on the month's last day where that day is missing."""
    months = after.year * 12 + (after.month - 1) + 6
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(after.day, monthrange(year, month)[1]))


def general_entry_into_force(deposits: Iterable[date], needed: int) -> date | None:
    """Article 17(1): of the sixth month after the month of the deposit that was `needed`."""
    days = sorted(deposits)
    return first_of_sixth_month(days[needed - 1]) if len(days) >= needed else None


def entry_into_force(deposited: date, treaty: Instrument) -> date:
    """Article 17 for one state: never before the treaty itself is in force."""
    return max(first_of_sixth_month(deposited), treaty.in_force_on)


_CONSENTS = frozenset(CONSENTS)
_in_turn = attrgetter("on", "state")


def deposits(events: Iterable[Event], among: Collection[str] | None = None) -> list[Event]:
    """The consents in the order of their numbers: the n-th state of all, or of some, is [n - 1]."""
    found = (event for event in events if event.kind in _CONSENTS)
    return sorted((event for event in found if among is None or event.state in among), key=_in_turn)


class _State:
    """What one pass has seen of a state so far."""

    __slots__ = ("consent", "effective", "in_force_on", "is_over", "is_settled", "notice",
                 "number", "provisional_on", "signed_on")  # fmt: skip

    def __init__(self) -> None:
        self.signed_on: date | None = None
        self.consent: Event | None = None
        self.number: int | None = None
        self.in_force_on: date | None = None
        self.provisional_on: date | None = None
        self.notice: date | None = None
        self.effective: date | None = None
        #: Whether `effective` was entered, and is not reckoned.
        self.is_settled = False
        #: A consent after the day asked: what follows it is of no concern.
        self.is_over = False


def standings(
    treaty: Instrument, on: date, events: Iterable[Event], states: Iterable[str]
) -> dict[str, Standing]:
    """Where each of `states` (alpha-3) stands on a day: one pass over the treaty's events.

    Entry into force is the day somebody published, else article 17's. A withdrawal takes effect on
    the day entered for it, else six months after its deposit, unless a `withdrawal_held` says that
    an armed conflict keeps it from that.
    """
    seen: dict[str, _State] = {}
    deposits = 0
    for event in sorted(events, key=_in_turn):
        state = seen.get(event.state)
        if state is None:
            state = seen[event.state] = _State()
        if state.is_over:
            continue
        kind, day = event.kind, event.on
        if kind in _CONSENTS:
            has_left = state.effective is not None and state.effective <= day
            if state.consent is not None and not has_left:
                continue
            if day > on:
                state.is_over = True
                continue
            if has_left:
                state.consent = state.in_force_on = state.notice = state.effective = None
                state.is_settled = False
            deposits += 1
            state.consent, state.number = event, deposits
        elif kind == "entry_into_force":
            # Published ahead; of a succession it may lie before the deposit.
            if state.effective is None or state.effective > day:
                state.in_force_on = day
        elif kind == "withdrawal_effective":
            if (day <= on or state.notice) and not state.is_settled:
                state.effective, state.is_settled = day, True
        elif day > on:
            continue
        elif kind == "signature":
            state.signed_on = day
        elif kind == "provisional_application":
            state.provisional_on = day
        elif kind == "withdrawal_deposited":
            state.notice, state.effective = day, six_months(day)
        elif kind == "withdrawal_held":
            state.effective = None
    nothing = _State()
    return {code: _standing(code, treaty, on, seen.get(code, nothing)) for code in states}


def _standing(code: str, treaty: Instrument, on: date, seen: _State) -> Standing:
    consent = seen.consent
    if consent is None:
        status = Status.SIGNATORY if seen.signed_on else Status.OUTSIDE
        return Standing(code, status, signed_on=seen.signed_on, provisional_on=seen.provisional_on)
    in_force_on = seen.in_force_on
    if in_force_on is None and consent.day_known:
        in_force_on = entry_into_force(consent.on, treaty)
    has_left = seen.effective is not None and seen.effective <= on
    return Standing(
        code,
        Status.WITHDRAWN if has_left else Status.PARTY,
        signed_on=seen.signed_on,
        consented_on=consent.on,
        consent=consent.kind,
        day_known=consent.day_known,
        in_force_on=in_force_on,
        is_in_force=not has_left and in_force_on is not None and in_force_on <= on,
        provisional_on=seen.provisional_on,
        withdrawal_deposited_on=seen.notice,
        withdrawn_on=seen.effective,
        number=seen.number,
    )


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
        unknown_day=tuple(
            row.state for row in rows if row.status is Status.PARTY and not row.day_known
        ),
    )
