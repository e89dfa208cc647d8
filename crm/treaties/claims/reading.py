"""What every search for claims works on: the text made ready, the ledger, and what was found."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from flask_babel import format_date
from flask_babel import gettext as _

from crm.treaties import rules
from crm.treaties.claims.dates import Written, find_dates
from crm.treaties.claims.text import Names, Sentence, Treaties, paragraphs, sentences
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.rules import Counts, Event, Standing

#: Ways to count states; the words of a sentence such as `110 States Parties`.
METRICS = (
    "joined", "signatories", "endorsed", "signed", "not_party", "outside", "in_force", "withdrawn",
)  # fmt: skip


class Verdict(StrEnum):
    """What the ledger says of a claim."""

    RIGHT = "right"
    WRONG = "wrong"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Claim:
    """Something a text says that can be looked up."""

    kind: str
    text: str
    line: int
    start: int
    end: int
    says: Any
    ledger: Any
    verdict: Verdict
    message: str
    treaty: str | None = None
    source: str | None = None


class Ledger:
    """The ledger's events in memory, asked as of any day. Whoever reads them hands them in."""

    def __init__(
        self, events: Iterable[Event], states: Mapping[str, str], source: str = ""
    ) -> None:
        self.states = dict(states)
        self.source = source
        self._events: dict[str, list[Event]] = {key: [] for key in INSTRUMENTS}
        for event in events:
            self._events[event.treaty].append(event)
        self._standings: dict[tuple[str, date], dict[str, Standing]] = {}
        self._spans: dict[str, list[tuple[date, Counts, int]]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been entered."""
        return not any(self._events.values())

    def standings(self, treaty: str, on: date) -> dict[str, Standing]:
        """Where every state stands that day."""
        key = (treaty, on)
        if key not in self._standings:
            if len(self._standings) > 60:
                self._standings.clear()
            self._standings[key] = rules.standings(
                INSTRUMENTS[treaty], on, self._events[treaty], self.states
            )
        return self._standings[key]

    def counts(self, treaty: str, on: date) -> Counts:
        """How many stand where that day."""
        return rules.count(treaty, on, self.standings(treaty, on).values())

    def value(self, treaty: str, metric: str, on: date) -> int:
        """One count of that day, of `METRICS`."""
        if metric == "signed":
            return sum(row.signed_on is not None for row in self.standings(treaty, on).values())
        return _of(metric, self.counts(treaty, on))

    def held(
        self, treaty: str, metric: str, value: int, on: date
    ) -> tuple[date, date | None] | None:
        """First and last day of the last time before `on` the count was that, else of the first
        time after it; None as last while it lasts."""
        spans: list[tuple[date, date | None]] = []
        history = self.history(treaty)
        for place, row in enumerate(history):
            if _measured(metric, row) != value:
                continue
            after = history[place + 1][0] - timedelta(days=1) if place + 1 < len(history) else None
            if spans and spans[-1][1] == row[0] - timedelta(days=1):
                spans[-1] = (spans[-1][0], after)
            else:
                spans.append((row[0], after))
        past = [span for span in spans if span[0] <= on]
        return past[-1] if past else spans[0] if spans else None

    def history(self, treaty: str) -> list[tuple[date, Counts, int]]:
        """Counts on each day on which any of them may have changed; the last is signatures."""
        if treaty not in self._spans:
            days = {event.on for event in self._events[treaty]}
            last = self.standings(treaty, date.max) if days else {}
            days |= {row.withdrawn_on for row in last.values() if row.withdrawn_on}
            days |= {row.in_force_on for row in last.values() if row.in_force_on}
            self._spans[treaty] = [
                (
                    day,
                    self.counts(treaty, day),
                    self.value(treaty, "signed", day),
                )
                for day in sorted(days)
            ]
        return self._spans[treaty]


def _measured(metric: str, row: tuple[date, Counts, int]) -> int:
    return row[2] if metric == "signed" else _of(metric, row[1])


def _of(metric: str, counts: Counts) -> int:
    if metric == "endorsed":
        return counts.joined + counts.signatories
    value: int = getattr(counts, metric)
    return value


@dataclass
class Reading:
    """A text being read against the ledger as of a day."""

    text: str
    on: date
    ledger: Ledger
    claims: list[Claim] = field(default_factory=list)
    #: Starts of numbers that are spoken for: a number is one claim.
    taken: set[int] = field(default_factory=set)

    @cached_property
    def dates(self) -> list[Written]:
        """Dates of the text."""
        return find_dates(self.text)

    @cached_property
    def sentences(self) -> list[Sentence]:
        """Sentences of the text."""
        return sentences(self.text, self.dates)

    @cached_property
    def treaties(self) -> Treaties:
        """Words that name the treaties."""
        return Treaties(self.text)

    @cached_property
    def names(self) -> Names:
        """States by name."""
        return Names(self.ledger.states)

    @cached_property
    def _paragraphs(self) -> dict[int, tuple[int, int]]:
        return paragraphs(self.sentences)

    @cached_property
    def _lines(self) -> list[int]:
        return [match.start() for match in re.finditer("\n", self.text)]

    def paragraph(self, sentence: Sentence) -> tuple[int, int]:
        """Where the sentence's paragraph starts and ends."""
        return self._paragraphs[sentence.paragraph]

    def treaty(self, sentence: Sentence, place: int) -> str | None:
        """The treaty meant at a place of the text; None where nothing says."""
        return self.treaties.meant(place, sentence, self.paragraph(sentence))

    def line(self, place: int) -> int:
        """The line of a place, from 1."""
        low, high = 0, len(self._lines)
        while low < high:
            middle = (low + high) // 2
            if self._lines[middle] < place:
                low = middle + 1
            else:
                high = middle
        return low + 1

    def add(
        self, kind: str, span: tuple[int, int], *, says: Any, ledger: Any, verdict: Verdict,
        message: str, treaty: str | None = None, source: str | None = None,
    ) -> None:  # fmt: skip
        """Note a claim found."""
        start, end = span
        self.claims.append(
            Claim(kind, self.text[start:end], self.line(start), start, end, says, ledger, verdict,
                  message, treaty, source)
        )  # fmt: skip


def short(treaty: str) -> str:
    """The treaty's short name."""
    return str(INSTRUMENTS[treaty].short)


def day(on: date) -> str:
    """A day as the reader writes it."""
    return str(format_date(on, "long"))


def metric_words(metric: str) -> str:
    """What a count counts."""
    return {
        "joined": _("States Parties (joined by deposit)"),
        "signatories": _("signatories that have not joined"),
        "endorsed": _("states that signed or joined"),
        "signed": _("states that ever signed"),
        "not_party": _("states not party"),
        "outside": _("states that neither signed nor joined"),
        "in_force": _("states it is in force for"),
        "withdrawn": _("states that withdrew"),
    }[metric]


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return _("%(some)s and %(last)s", some=", ".join(names[:-1]), last=names[-1])
