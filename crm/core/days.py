"""Dates as spreadsheets have them. Pure."""

import re
from datetime import date
from functools import lru_cache
from typing import Literal

from babel import Locale

from crm.core.text import fold

Order = Literal["day", "month"]

_YEAR_FIRST = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:[T ][0-9:.]+Z?)?")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])\s?([0-9]{1,2})[-/.]\s?([0-9]{4})(?: [0-9:.]+)?")
_WORDS = re.compile(r"[^\W_]+")


class Ambiguous(ValueError):
    """`03/04/2024`: whether day or month comes first is not to be seen."""


@lru_cache(maxsize=8192)
def parse_day(text: str, order: Order | None = None) -> date:
    """A date. Raises ValueError for what is none, `Ambiguous` where `order` is needed and None."""
    if found := _YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text):
        return date(int(found[1]), int(found[2]), int(found[3]))
    if found := _YEAR_LAST.fullmatch(text):
        one, other, year = int(found[1]), int(found[3]), int(found[4])
        if found[2] == "." or one > 12 or order == "day" or one == other:
            return date(year, other, one)
        if other > 12 or order == "month":
            return date(year, one, other)
        raise Ambiguous(text)
    return _in_words(text)


def order_of(text: str) -> Order | None:
    """What a date tells about the file: `25/12/2024` has the day first. None when nothing."""
    found = _YEAR_LAST.fullmatch(text)
    if not found or found[2] == ".":
        return None
    one, other = int(found[1]), int(found[3])
    if one > 12 >= other:
        return "day"
    return "month" if other > 12 >= one else None


def _in_words(text: str) -> date:
    parts = [fold(part) for part in _WORDS.findall(text)]
    parts = [part for part in parts if part not in ("de", "of", "del")]
    numbers = [int(n) for part in parts if (n := re.sub("(?<=[0-9])(st|nd|rd|th)$", "", part))
               .isdecimal()]  # fmt: skip
    months = [month for part in parts if (month := _months().get(part))]
    if len(parts) != 3 or len(numbers) != 2 or len(months) != 1 or numbers[1] < 1000:
        raise ValueError(text)
    return date(numbers[1], months[0], numbers[0])


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    """Names of months and their short forms in a few languages."""
    found: dict[str, int] = {"sept": 9}
    for language in ("en", "es", "fr", "de", "it", "pt", "nl", "pl"):
        for width in ("wide", "abbreviated"):
            for number, name in Locale(language).months["format"][width].items():
                found.setdefault(fold(name), number)
    return found
