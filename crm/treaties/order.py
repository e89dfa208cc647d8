"""What a state can have done after what: the ledger takes nothing that the treaties rule out. Pure.

A state's events are walked by day; each is held against what came before it. `fault` names the
form's field and says in a sentence why the event cannot be.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from flask_babel import gettext as _

from crm.treaties.instruments import Deadline, Instrument
from crm.treaties.obligations import years_after
from crm.treaties.rules import CONSENTS, KINDS, Event, entry_into_force, six_months

#: What may be known before its day.
ANNOUNCED = frozenset({"entry_into_force", "withdrawal_effective"})
#: What names an article.
OF_ARTICLE = frozenset(
    {"extension_requested", "extension_granted", "obligation_declared", "completion_declared"}
)
EXTENSIONS = frozenset({"extension_requested", "extension_granted"})
#: What only a state can do that has joined.
OF_PARTIES = OF_ARTICLE | {"withdrawal_announced", "withdrawal_deposited"}
#: The id of an event that is not stored yet, or the first of several: after all that are.
NEW = 1 << 40
#: On one day, the first comes first.
_TURN = {kind: number for number, kind in enumerate(KINDS)}


class Fault(NamedTuple):
    """Why an event cannot be."""

    event: Event
    #: Of the form: kind, happened_on, until, article, year.
    field: str
    message: str


class _Walk:
    """A state's way so far."""

    def __init__(self, treaty: Instrument, events: Sequence[Event]):
        self.treaty = treaty
        self.signed: Event | None = None
        self.consent: Event | None = None
        self.notice: Event | None = None
        self.left: date | None = None
        self.in_force_on: date | None = None
        self.seen: set[tuple[str, str | None, int | None]] = set()
        self.due: dict[str, date] = {}
        #: A succession may be in force before its deposit.
        self.succeeds = any(event.kind == "succession" for event in events)


def faults(treaty: Instrument, events: Iterable[Event], today: date) -> list[Fault]:
    """What is wrong with the events of one state, in their order; at most one an event."""
    ours = sorted(events, key=lambda event: (event.on, _TURN.get(event.kind, 99), event.id))
    walk = _Walk(treaty, ours)
    found = []
    for event in ours:
        if fault := _fault(walk, event, today):
            found.append(Fault(event, *fault))
        else:
            _go(walk, event)
    return found


def _fault(walk: _Walk, event: Event, today: date) -> tuple[str, str] | None:
    if event.kind not in KINDS or event.kind == "retraction":
        return "kind", _("Choose what happened.")
    if event.on > today and event.kind not in ANNOUNCED:
        return "happened_on", _("%(day)s is in the future.", day=event.on.isoformat())
    if event.on < walk.treaty.adopted_on:
        return "happened_on", _(
            "The %(treaty)s was adopted on %(day)s.",
            treaty=walk.treaty.short, day=walk.treaty.adopted_on.isoformat(),
        )  # fmt: skip
    return _of_kind(walk, event) or _of_details(walk, event)


def _has_joined(walk: _Walk, on: date) -> bool:
    return walk.consent is not None and not (walk.left and walk.left <= on)


def _of_kind(walk: _Walk, event: Event) -> tuple[str, str] | None:
    kind, treaty = event.kind, walk.treaty
    joined = _has_joined(walk, event.on)
    if kind == "signature":
        if walk.signed:
            return "kind", _twice(walk.signed)
        if event.on < treaty.opened_on:
            return "happened_on", _(
                "The %(treaty)s was not open for signature before %(day)s.",
                treaty=treaty.short, day=treaty.opened_on.isoformat(),
            )  # fmt: skip
        if event.on >= treaty.in_force_on:
            return "happened_on", _(
                "The %(treaty)s is closed for signature since %(day)s: a state accedes to it.",
                treaty=treaty.short, day=treaty.in_force_on.isoformat(),
            )  # fmt: skip
        if walk.consent:
            return "happened_on", _("It joined before it signed.")
    elif kind in CONSENTS:
        return _of_consent(walk, event, joined)
    elif kind in OF_PARTIES and not joined:
        return "happened_on", _("It had not joined by %(day)s.", day=event.on.isoformat())
    elif kind == "withdrawal_deposited" and walk.notice:
        return "kind", _twice(walk.notice)
    elif kind in ("withdrawal_held", "withdrawal_effective"):
        if walk.notice is None:
            return "happened_on", _("No withdrawal was deposited before that.")
        if kind == "withdrawal_effective" and event.on < six_months(walk.notice.on):
            return "happened_on", _(
                "A withdrawal takes effect six months after its deposit, here not before %(day)s.",
                day=six_months(walk.notice.on).isoformat(),
            )  # fmt: skip
    elif kind == "entry_into_force" and not joined and not walk.succeeds:
        return "happened_on", _("It had not joined by %(day)s.", day=event.on.isoformat())
    return None


def _of_consent(walk: _Walk, event: Event, joined: bool) -> tuple[str, str] | None:
    if joined and walk.consent:
        return "kind", _("It joined already on %(day)s.", day=walk.consent.on.isoformat())
    if event.on < walk.treaty.opened_on:
        return "happened_on", _(
            "Nobody could join the %(treaty)s before %(day)s.",
            treaty=walk.treaty.short, day=walk.treaty.opened_on.isoformat(),
        )  # fmt: skip
    if walk.consent or event.kind == "succession":
        return None
    if event.kind == "accession" and walk.signed:
        return "kind", _("It signed: a signatory ratifies, accepts or approves.")
    if event.kind != "accession" and not walk.signed:
        return "kind", _("It had not signed by then: a state that did not sign accedes.")
    return None


def _of_details(walk: _Walk, event: Event) -> tuple[str, str] | None:
    key = (event.kind, event.article, event.year)
    if event.kind in ("entry_into_force", "provisional_application", "withdrawal_effective",
                      "report_submitted", "completion_declared") and key in walk.seen:  # fmt: skip
        return "kind", _("That stands in the ledger already.")
    if event.kind == "report_submitted":
        if event.year is None:
            return "year", _("Give the year the report covers.")
        if not walk.treaty.opened_on.year <= event.year <= event.on.year:
            return "year", _("A report of %(day)s cannot cover %(year)s.",
                             day=event.on.isoformat(), year=event.year)  # fmt: skip
    if event.kind not in OF_ARTICLE:
        return None
    deadline = next((d for d in walk.treaty.deadlines if d.article == event.article), None)
    if deadline is None:
        known = ", ".join(each.article for each in walk.treaty.deadlines)
        return "article", _("Give the article it is about: %(known)s.", known=known)
    return _of_extension(walk, event, deadline) if event.kind in EXTENSIONS else None


def _of_extension(walk: _Walk, event: Event, deadline: Deadline) -> tuple[str, str] | None:
    if deadline.longest is None:
        return "article", _(
            "The %(treaty)s knows no extension of article %(article)s.",
            treaty=walk.treaty.short, article=deadline.article,
        )  # fmt: skip
    if event.until is None:
        return "until", _("Give the day until which it is extended.")
    if walk.in_force_on is None:
        return "until", _("The day its deadline runs from is not known.")
    first = years_after(walk.in_force_on, deadline.years)
    due = walk.due.get(deadline.article, first)
    last = years_after(due, deadline.longest)
    if deadline.longest_in_all:
        last = min(last, years_after(first, deadline.longest_in_all))
    if event.until <= due:
        return "until", _(
            "The deadline is %(day)s already: an extension ends later.", day=due.isoformat()
        )
    if event.until > last:
        return "until", _(
            "An extension can reach %(day)s at most: article %(article)s allows no more.",
            day=last.isoformat(), article=deadline.article,
        )  # fmt: skip
    return None


def _twice(event: Event) -> str:
    return _("That stands in the ledger already, on %(day)s.", day=event.on.isoformat())


def _go(walk: _Walk, event: Event) -> None:
    kind = event.kind
    walk.seen.add((kind, event.article, event.year))
    if kind == "signature":
        walk.signed = event
    elif kind in CONSENTS:
        if walk.consent:
            # It left and comes back: nothing of the first time holds.
            walk.seen, walk.due = set(), {}
            walk.notice = walk.left = walk.in_force_on = None
        walk.consent = event
        if walk.in_force_on is None and event.day_known:
            walk.in_force_on = entry_into_force(event.on, walk.treaty)
    elif kind == "entry_into_force":
        walk.in_force_on = event.on
    elif kind == "withdrawal_deposited":
        walk.notice, walk.left = event, six_months(event.on)
    elif kind == "withdrawal_held":
        walk.left = None
    elif kind == "withdrawal_effective":
        walk.left = event.on
    elif kind == "extension_granted" and event.article and event.until:
        walk.due[event.article] = event.until
