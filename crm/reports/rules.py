"""How a report's numbers are said in words: sums, months, and the line that reconciles. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from statistics import median_low
from typing import Any

from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from flask_babel import get_locale
from flask_babel import gettext as _

from crm.core.i18n import days
from crm.core.shell import number, numbers
from crm.core.tables import Column, Kind
from crm.outreach.channels import channels
from crm.outreach.rules import Reconciliation

#: Answers that say no more than that something arrived.
WITHOUT_SUBSTANCE = frozenset({"acknowledgement", "form_reply"})
#: Of the filter by outcome: all that count as an answer, and all at all.
ANSWERED, ANY = "answered", "any"
#: And those answers that say more than that something arrived.
SUBSTANCE = "substance"
#: And what says that a target moved, of whatever kind.
MOVES = "moves"
#: What came back because nobody is there.
RETURNED = "returned"


@dataclass(frozen=True)
class Tally:
    """Pieces and acts, each counted once, by channel; and how many actions they are."""

    by_channel: Mapping[str, int]
    actions: int

    @property
    def total(self) -> int:
        """All of them together."""
        return sum(self.by_channel.values())

    @property
    def told(self) -> str:
        """`155 postcards and 1 meeting`."""
        return listed(counts(self.by_channel))


@dataclass(frozen=True)
class See:
    """Something a page sends its reader to: words, and where they lead."""

    told: str
    endpoint: str
    values: Mapping[str, str]
    #: Filters of the page that go along.
    keeps: frozenset[str] = frozenset()

    def asked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What its address asks for, from a page that was asked so."""
        kept = {name: value for name, value in given.items() if name in self.keeps}
        return {**kept, **self.values}


@dataclass(frozen=True)
class Reckoning:
    """How a report adds up: the sums, and the sentences that say so."""

    sums: Reconciliation
    sentences: Sequence[str]
    #: How many actions the rows are, each counted once; None where no column tells.
    actions: int | None = None
    #: Totals counted anew, by column: of things that several rows may share.
    whole: Mapping[str, Any] = field(default_factory=dict)
    #: What is not in the sums and wants to be done: a page leads there.
    see: Sequence[See] = ()

    def __str__(self) -> str:
        if self.sums.holds:
            return " ".join(self.sentences)
        return " ".join([*self.sentences, wrong(self.sums)])


def counts(by_channel: Mapping[str, int]) -> list[str]:
    """`155 postcards`, `1 meeting`: in the order of the channels, those unknown at the end."""
    known = channels()
    said = [each.count(by_channel[name]) for name, each in known.items() if by_channel.get(name)]
    rest = sorted(set(by_channel) - set(known))
    return [*said, *(f"{number(by_channel[name])} {name}" for name in rest)]


def channel_label(name: str) -> str:
    """The channel's name on screen; its name in the database if its file is gone."""
    channel = channels().get(name)
    return str(channel.label) if channel else name


def listed(parts: Sequence[str]) -> str:
    """`a, b, and c`, the way the reader's language joins them."""
    return str(format_list(list(parts), locale=get_locale() or "en"))


def once(total: Tally) -> str:
    """The total, as a clause: `156: 155 postcards and 1 meeting`."""
    return f"{number(total.total)}: {total.told}" if total.by_channel else number(0)


def once_sentence(total: Tally) -> str:
    """The total, as a sentence, where every row is counted once already."""
    if not total.by_channel:
        return _("Nothing was done that this asks for.")
    return _(
        "Each piece and act is counted once, %(number)s in all: %(told)s.",
        number=number(total.total),
        told=total.told,
    )


def wrong(sums: Reconciliation) -> str:
    """The honest sentence of a report that does not add up."""
    return _(
        "These sums do not agree (%(rows)s − %(shared)s + %(untold)s is not %(total)s). "
        "That is a fault: please tell whoever runs this.",
        rows=number(sums.rows_total),
        shared=number(sums.shared),
        untold=number(sums.untold),
        total=number(sums.total),
    )


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def month_back(month: date, months: int) -> date:
    """The first day of the month that lies so many months before."""
    at = month.year * 12 + month.month - 1 - months
    return date(at // 12, at % 12 + 1, 1)


def months_between(first: date, last: date) -> list[date]:
    """The first days of all months from one to the other, both included."""
    back = (last.year - first.year) * 12 + last.month - first.month
    return [month_back(month_of(last), months) for months in range(back, -1, -1)]


def month_name(month: date, *, short: bool = False, alone: bool = False) -> str:
    """`November 2026`; `Nov` under a bar; `November` where the year is plain."""
    if alone:
        return str(format_date(month, "LLLL", locale=get_locale() or "en"))
    pattern = "MMM" if short else "yMMMM"
    return str(format_skeleton(pattern, month, locale=get_locale() or "en"))


def median_days(spans: Iterable[tuple[int, int]]) -> int | None:
    """The middle of the days waited, from (days, how many) pairs; None of nothing."""
    days = [span for span, many in spans for _each in range(many)]
    return median_low(days) if days else None


def teller(kind: Kind) -> Callable[[Any], str]:
    """What tells cells of a kind the way the reader writes them. Asked for once a column: the
    reader's language is looked up here, and not for each cell.
    """
    tell: Callable[[Any], str] = str
    if kind is Kind.NUMBER:
        tell = numbers()
    elif kind is Kind.DATE:
        tell = days()
    elif kind is Kind.MONTH:
        tell = cache(month_name)
    return lambda value: "" if value is None or value == "" else tell(value)


def written(column: Column, value: Any) -> str:
    """One cell alone the way the reader writes it."""
    return teller(column.kind)(value)


def is_right(column: Column) -> bool:
    """Whether its cells stand at the right: numbers, days, and how much something changed."""
    return column.kind in (Kind.NUMBER, Kind.SHARE, Kind.DATE) or column.key.endswith("_percent")
