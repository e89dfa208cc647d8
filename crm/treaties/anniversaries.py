"""The days of the calendar a campaign remembers, and which year's they are. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from crm.treaties.instruments import INSTRUMENTS, Instrument


@dataclass(frozen=True, slots=True)
class Anniversary:
    """A day that comes again each year; `years` since the first, where there was one."""

    on: date
    what: str
    years: int | None
    treaties: tuple[str, ...]


def upcoming(
    after: date, *, treaties: Iterable[Instrument] | None = None, days: int = 366
) -> list[Anniversary]:
    """The anniversaries from a day on, within so many days; that day's own is among them."""
    found: dict[tuple[date, str], Anniversary] = {}
    for treaty in treaties or INSTRUMENTS.values():
        for month, day, first, what in treaty.anniversaries:
            on = _next(after, month, day)
            if on is None or (on - after).days >= days:
                continue
            key = (on, str(what))
            before = found[key].treaties if key in found else ()
            found[key] = Anniversary(
                on=on,
                what=str(what),
                years=on.year - first if first else None,
                treaties=(*before, treaty.key),
            )
    return sorted(found.values(), key=lambda each: (each.on, each.what))


def _next(after: date, month: int, day: int) -> date | None:
    if after.year == date.max.year:
        return None
    this_year = date(after.year, month, day)
    return this_year if this_year >= after else date(after.year + 1, month, day)
