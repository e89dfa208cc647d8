"""Dates as people write them in texts: where they stand, whether they exist, on which weekday.

Pure, and linear in the text's length. Nothing here knows treaties.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_WEEKDAY = (
    r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?"
    r"|sat(?:urday)?|sun(?:day)?)\b\.?"
)
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec)\b\.?"
)
_YEAR = r"(?:1[89]|20)[0-9]{2}"
_DAY = r"[0-9]{1,2}"
_TO = r"\s?(?:-|–|—|to|and|/)\s?"
_BEFORE = rf"(?:\b(?P<before>{_WEEKDAY})(?:\s?,\s?|\s)(?:the\s)?)?"
_AFTER = rf"(?:\s?,?\s?\(?\s?(?:an?\s)?(?P<after>{_WEEKDAY}))?"
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Thursday, 15th of August 2004; 25–27 November 2020; 6 August
        rf"{_BEFORE}(?<![\w.,/])(?:(?P<first>{_DAY})(?:st|nd|rd|th)?{_TO})?(?P<day>{_DAY})"
        rf"(?:st|nd|rd|th)?\s(?:of\s)?(?P<month>{_MONTH})(?:,?\s?(?P<year>{_YEAR})\b)?{_AFTER}",
        # Thursday, August 15th, 2004; November 25–27, 2020
        rf"{_BEFORE}\b(?P<month>{_MONTH})\s?(?P<first>{_DAY})(?:st|nd|rd|th)?\b"
        rf"(?:{_TO}(?P<day>{_DAY})(?:st|nd|rd|th)?\b)?(?:,?\s(?P<year>{_YEAR})\b)?{_AFTER}",
        rf"{_BEFORE}(?<![\w-])(?P<year>{_YEAR})-(?P<number>{_DAY})-(?P<day>{_DAY})\b{_AFTER}",
        rf"{_BEFORE}(?<![\w/])(?P<a>{_DAY})(?P<sign>[/.])(?P<b>{_DAY})(?P=sign)(?P<year>{_YEAR})\b"
        rf"{_AFTER}",
    )
)
#: Written months that are words too, and need a capital letter to be meant.
_WORDS = frozenset({"may", "mar", "march", "sat", "sun", "mon", "wed"})


@dataclass(frozen=True)
class Written:
    """A date in a text. `year` is None where none is written; `first` is a range's first day."""

    start: int
    end: int
    text: str
    year: int | None
    month: int
    day: int
    first: int | None = None
    #: 0 is Monday.
    weekday: int | None = None
    #: Written with numbers alone, where day and month may stand either way round.
    other: tuple[int, int] | None = None

    @property
    def on(self) -> date | None:
        """The day, where it has a year and exists."""
        return day_of(self.year, self.month, self.day) if self.year else None

    @property
    def exists(self) -> bool:
        """Whether there is such a day, in that year or, without one, in any."""
        return day_of(self.year or 2024, self.month, self.day) is not None or bool(
            self.other and day_of(self.year or 2024, *self.other)
        )


def day_of(year: int, month: int, day: int) -> date | None:
    """The day, or None where there is none."""
    if 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]:
        return date(year, month, day)
    return None


def find_dates(text: str) -> list[Written]:
    """All dates with at least a day and a month, in the order of the text; none overlap."""
    found: list[Written] = []
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            if (written := _read(match)) is not None:
                found.append(written)
    found.sort(key=lambda each: (each.start, -each.end))
    kept: list[Written] = []
    for each in found:
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def _read(match: re.Match[str]) -> Written | None:
    parts = match.groupdict()
    year = int(parts["year"]) if parts.get("year") else None
    other: tuple[int, int] | None = None
    first = int(parts["first"]) if parts.get("first") else None
    if parts.get("a"):
        month, day = int(parts["a"]), int(parts["b"])
        # The day first where it can only be that, or the month is not one.
        if month > 12 or parts["sign"] == ".":
            month, day = day, month
        other = (day, month)
    elif parts.get("number"):
        month, day = int(parts["number"]), int(parts["day"])
    else:
        word = parts["month"].rstrip(".").lower()
        if word in _WORDS and parts["month"][0].islower():
            return None
        month = next(n for n, name in enumerate(MONTHS, start=1) if name.startswith(word[:3]))
        day = int(parts["day"] or parts["first"])
        first = first if parts["day"] else None
    if day == 0:
        return None
    named = (parts.get("before") or parts.get("after") or "").rstrip(".").lower()
    start, end = match.span()
    if not parts.get("before") and parts.get("after") and match["after"][0].islower():
        # A weekday after the date that begins the next words: `on 6 August sat …`
        end, named = match.start("after"), ""
    text = match[0][: end - start].rstrip(" \t\n,(")
    weekday = next((n for n, name in enumerate(WEEKDAYS) if named and name.startswith(named[:3])),
                   None)  # fmt: skip
    return Written(
        start, start + len(text), text, year, month, day, first,
        None if first is not None else weekday, other,
    )  # fmt: skip


@lru_cache(maxsize=512)
def years_that_fit(month: int, day: int, weekday: int, near: int) -> tuple[int, ...]:
    """The years next to `near` in which that day is that weekday, the nearest first."""
    fitting = [
        year
        for year in range(max(near - 30, 1), near + 31)
        if (found := day_of(year, month, day)) and found.weekday() == weekday
    ]
    return tuple(sorted(fitting, key=lambda year: (abs(year - near), -year))[:2])


def date_line(text: str) -> tuple[date, int] | None:
    """The day a text bears at its head, and its line (from 1): a line that is little but a date.

    `25 November 2020`; `Date: 2020-11-25`; `(Washington, October 23, 2020) – Today …`.
    """
    seen = 0
    for number, line in enumerate(text[:20_000].splitlines(), start=1):
        if not line.strip():
            continue
        seen += 1
        if seen > 12:
            break
        head = line.strip()[:160]
        for written in find_dates(head):
            on = written.on
            if on is None or written.weekday not in (None, on.weekday()):
                # Of a day whose weekday is wrong nobody knows which day it is.
                continue
            before, after = head[: written.start], head[written.end :]
            words = len(before.split())
            alone = words <= 5 and len(after.split()) <= 3 and len(head) <= 100
            dateline = head.startswith("(") and words <= 6 and after.lstrip().startswith(")")
            city = words <= 3 and bool(re.match(r"\s?[–—:-]", after))
            if alone or dateline or city:
                return on, number
    return None
