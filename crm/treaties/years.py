"""How many states had joined by the end of each year: one pass over the events. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date

from crm.treaties.rules import CONSENTS, Event, six_months


def joined_on(events: Iterable[Event], days: Sequence[date]) -> list[int]:
    """How many states were party (by deposit) on each of the days.

    The same as counting each day's standings, without walking the ledger anew for each.
    """
    stays = [stay for theirs in _by_state(events).values() for stay in _stays(theirs)]
    return [sum(first <= day < last for first, last in stays) for day in days]


def _by_state(events: Iterable[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda each: each.on):
        found.setdefault(event.state, []).append(event)
    return found


def _stays(events: Iterable[Event]) -> list[tuple[date, date]]:
    """From the day of each deposit to the day a withdrawal takes effect."""
    found: list[tuple[date, date]] = []
    since: date | None = None
    left = date.max
    for event in events:
        if event.kind in CONSENTS:
            if since is not None and left <= event.on:
                found.append((since, left))
                since, left = None, date.max
            since = since or event.on
        elif event.kind == "withdrawal_deposited":
            left = six_months(event.on)
        elif event.kind == "withdrawal_held":
            left = date.max
        elif event.kind == "withdrawal_effective":
            left = event.on
    return found if since is None else [*found, (since, left)]
