"""From names as people type them to members: told surely, asked about, or new. Never guessed.

Pure: it is handed the typed lines and the members they may mean. `parse_roster` reads the lines of
a pasted list ("Ana Núñez, 5"), `match_names` says whom each name means.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flask_babel import gettext as _
from rapidfuzz import fuzz, process

from crm.core.names import PARTICLES, SUFFIXES, names_of
from crm.core.text import fold
from crm.members.rules import clean_name, name_fault

#: How alike (0 to 100) two names must be spelt to be offered as the same.
ALIKE = 85
#: Candidates offered for one name.
OFFERED = 5
#: The largest count of a roster line: more is a telephone number, or a slip.
COUNT_MOST = 10_000


class Reason(StrEnum):
    """Why a member may be meant, the strongest first."""

    EXACT = "exact"
    NICKNAME = "nickname"
    INITIAL = "initial"
    PART = "part"
    ALIKE = "alike"
    GIVEN = "given"


_STRENGTH = {reason: place for place, reason in enumerate(Reason)}


def reason_text(reason: Reason) -> str:
    """The reason in the reader's words."""
    return {
        Reason.EXACT: _("the same name; there are several"),
        Reason.NICKNAME: _("same family name, a short form of the first name"),
        Reason.INITIAL: _("same name and initial"),
        Reason.PART: _("part of the name is the same"),
        Reason.ALIKE: _("spelt almost the same"),
        Reason.GIVEN: _("only one name was given"),
    }[reason]


@dataclass(frozen=True)
class Candidate:
    """A member a name may mean."""

    id: int
    given_name: str
    family_name: str | None
    chapter: str

    @property
    def full_name(self) -> str:
        """Given and family name."""
        return f"{self.given_name} {self.family_name}" if self.family_name else self.given_name


@dataclass(frozen=True)
class Possible:
    """A member who may be meant, and why."""

    candidate: Candidate
    reason: Reason


@dataclass(frozen=True)
class Match:
    """Whom one typed name means: one of `is_sure`, `is_unsure`, `is_new` holds."""

    typed: str
    sure: Candidate | None
    #: Best first, at most `OFFERED`.
    unsure: tuple[Possible, ...]
    #: How a new member would be written.
    given_name: str
    family_name: str | None
    #: Position in the list (from 0) of the first line that means the same: the same member, or the
    #: same name again. Two lines for one person want a look.
    repeats: int | None = None

    @property
    def is_sure(self) -> bool:
        """Exactly one member has this name, and nobody else can be meant."""
        return self.sure is not None

    @property
    def is_unsure(self) -> bool:
        """Somebody has to choose."""
        return bool(self.unsure)

    @property
    def is_new(self) -> bool:
        """No member comes near."""
        return self.sure is None and not self.unsure


@dataclass(frozen=True)
class RosterLine:
    """A line of a pasted list. `number` counts from 1 as in the text; blank lines are left out."""

    number: int
    name: str
    count: int | None = None
    error: str | None = None


def split_name(typed: str) -> tuple[str, str | None]:
    """Given and family name as typed: `Núñez, Ana` and `Ana Núñez` both give (Ana, Núñez)."""
    name = clean_name(typed)
    family, comma, given = name.partition(",")
    if comma and fold(family) and fold(given):
        if fold(given) in SUFFIXES:
            name = f"{family} {given}"
        else:
            return clean_name(given.replace(",", " ")), clean_name(family)
    words = clean_name(name.replace(",", " ")).split()
    if len(words) < 2:
        return " ".join(words), None
    start = len(words) - 1
    while start > 1 and fold(words[start]) in SUFFIXES:
        start -= 1
    while start > 1 and fold(words[start - 1]) in PARTICLES:
        start -= 1
    return " ".join(words[:start]), " ".join(words[start:])


class _Known:
    """The candidates, laid out to be found."""

    def __init__(self, candidates: Iterable[Candidate]):
        self.all = sorted(candidates, key=lambda each: each.id)
        self.exact: dict[str, list[int]] = defaultdict(list)
        self.by_word: dict[str, list[int]] = defaultdict(list)
        #: Folded words in alphabetical order, so that the order of the names does not count.
        self.spelt: list[str] = []
        self.first: list[str] = []
        for place, each in enumerate(self.all):
            given, family = fold(each.given_name), fold(each.family_name or "")
            for written in {f"{given} {family}".strip(), f"{family} {given}".strip()}:
                self.exact[written].append(place)
            for word in {*given.split(), *family.split()}:
                self.by_word[word].append(place)
            self.first.append(given)
            self.spelt.append(_in_order(f"{given} {family}"))


def match_names(lines: Sequence[str], candidates: Iterable[Candidate]) -> list[Match]:
    """Whom each typed name means among the candidates, one match a line, in their order."""
    known = _Known(candidates)
    first_of: dict[object, int] = {}
    matches: list[Match] = []
    for position, typed in enumerate(lines):
        sure, unsure = _meant(typed, known)
        same = ("member", sure.id) if sure else ("name", _in_order(fold(typed)))
        repeats = first_of.setdefault(same, position) if fold(typed) else position
        given, family = split_name(typed)
        matches.append(
            Match(typed, sure, unsure, given, family, None if repeats == position else repeats)
        )
    return matches


def _in_order(folded: str) -> str:
    return " ".join(sorted(folded.split()))


def _meant(typed: str, known: _Known) -> tuple[Candidate | None, tuple[Possible, ...]]:
    name = fold(typed)
    if not name:
        return None, ()
    exact = known.exact.get(name, [])
    found = dict.fromkeys(exact, Reason.EXACT)
    if len(exact) != 1 or " " not in name:
        for place, reason in _near(typed, name, known):
            if place not in found or _STRENGTH[reason] < _STRENGTH[found[place]]:
                found[place] = reason
    if len(exact) == 1 and all(reason in (Reason.EXACT, Reason.ALIKE) for reason in found.values()):
        return known.all[exact[0]], ()
    likeness = {place: fuzz.ratio(_in_order(name), known.spelt[place]) for place in found}
    best = sorted(
        found, key=lambda place: (_STRENGTH[found[place]], -likeness[place], known.all[place].id)
    )
    return None, tuple(Possible(known.all[place], found[place]) for place in best[:OFFERED])


def _near(typed: str, name: str, known: _Known) -> Iterable[tuple[int, Reason]]:
    words = name.split()
    sharing = {place for word in words for place in known.by_word.get(word, ())}
    given, family = (fold(part or "") for part in split_name(typed))
    if len(words) == 1:
        for place, first in enumerate(known.first):
            if _is_short_form(name, first):
                yield place, Reason.GIVEN
    for place in sharing:
        reason = _shared(words, given, family, known.all[place])
        if reason is not None:
            yield place, reason
    alike = process.extract(
        _in_order(name), known.spelt, scorer=fuzz.ratio, score_cutoff=ALIKE, limit=OFFERED * 2
    )
    for _spelt, _score, place in alike:
        yield place, Reason.ALIKE


def _shared(words: list[str], given: str, family: str, other: Candidate) -> Reason | None:
    """Why a candidate who shares a word with the typed name may be meant, if at all."""
    other_given, other_family = fold(other.given_name), fold(other.family_name or "")
    if len(words) == 1:
        return Reason.GIVEN
    for one, two in ((given, family), (family, given)):
        if two == other_family and other_given:
            if _is_initial(one, other_given):
                return Reason.INITIAL
            if _is_short_form(one, other_given):
                return Reason.NICKNAME
        if one == other_given and other_family and _is_initial(two, other_family):
            return Reason.INITIAL
    mine, theirs = set(words), {*other_given.split(), *other_family.split()}
    if mine <= theirs or theirs <= mine:
        return Reason.PART
    return None


def _is_initial(one: str, two: str) -> bool:
    """Whether one is the other's first letter: `j` and `john`; `j r` and `john ronald`."""
    short, long = sorted((one.split(), two.split()), key=lambda words: sum(map(len, words)))
    return (
        bool(short)
        and all(len(word) == 1 for word in short)
        and len(short) <= len(long)
        and all(b.startswith(a) for a, b in zip(short, long, strict=False))
    )


def _is_short_form(one: str, two: str) -> bool:
    """Whether one first name is the other's beginning or its usual short form."""
    if not one or not two:
        return False
    if " " in one and " " in two:
        return False
    one, two = one.split()[0], two.split()[0]
    short, long = sorted((one, two), key=len)
    if one == two:
        return False
    return (len(short) >= 2 and long.startswith(short)) or bool(names_of(one) & names_of(two))


# Rosters

#: Characters of a line; more is no line of a list.
_LINE_MOST = 400
#: What a spreadsheet, a list or a hurried hand puts before a name: "1.", "2)", "-", "•".
_BULLET = re.compile(r"^(?:(?:\d{1,4}[.)]|[-–—•*·]) )+")
_BEFORE = re.compile(r"^(\d+)(?: ?[x×] | ?[,;:] ?| )(?=\D)", re.IGNORECASE)
_AFTER = re.compile(r"(?: [-–—] | ?[,;:=] ?| x ?| ?× ?| )\(?(\d+)\)?$", re.IGNORECASE)


def parse_roster(text: str) -> list[RosterLine]:
    """The names of a pasted list and the count of each, one a line; errors in a sentence.

    Understood: `Ana Núñez`, `Ana Núñez 5`, `Ana Núñez, 5`, a tab between them, `5 x Ana Núñez`,
    `Núñez, Ana; 5`, numbered and bulleted lists.
    """
    lines = enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1)
    return [_roster_line(number, line) for number, line in lines if clean_name(line)]


def _roster_line(number: int, line: str) -> RosterLine:
    if len(line) > _LINE_MOST:
        fault = _("Line %(number)s: this is too long for a name.", number=number)
        return RosterLine(number, line[:_LINE_MOST], None, fault)
    # Blanks and tabs become one blank each, so that the patterns have one way to match.
    rest = _BULLET.sub("", clean_name(line.replace('"', " ")))
    counts: list[str] = []
    if after := _AFTER.search(rest):
        counts.append(after[1])
        rest = rest[: after.start()]
    if before := _BEFORE.match(rest):
        counts.append(before[1])
        rest = rest[before.end() :]
    name = clean_name(rest.replace(";", ",")).strip(" ,:=")
    error = _line_fault(number, name, counts)
    count = int(counts[0]) if counts and error is None else None
    return RosterLine(number, name, count, error)


def _line_fault(number: int, name: str, counts: list[str]) -> str | None:
    if not fold(name) or fold(name).replace(" ", "").isdigit():
        return _("Line %(number)s: there is no name.", number=number)
    if len(counts) > 1 or re.search(r"\d", name):
        return _(
            "Line %(number)s: write the name and one whole number, such as “Ana Núñez 5”.",
            number=number,
        )
    if fault := name_fault(name):
        return _("Line %(number)s: %(fault)s", number=number, fault=fault)
    if counts and (len(counts[0]) > 9 or not 1 <= int(counts[0]) <= COUNT_MOST):
        return _(
            "Line %(number)s: the count must be from 1 to %(most)s.",
            number=number,
            most=COUNT_MOST,
        )
    return None
