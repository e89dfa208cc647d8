"""Which records may be one and the same, and why: a proposal in words, never a decision. Pure.

Not all pairs are compared. Records meet in *blocks* (the sound of a family name with an initial,
the words of a name, an address both have), and only those that met are scored.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

from flask_babel import lazy_gettext as _l
from rapidfuzz import fuzz

from crm.core.names import names_of, sound
from crm.core.text import fold
from crm.targets import rules

#: From this score on a pair is proposed.
LIKELY = 80
#: Blocks of more say nothing: the switchboard of a capitol, everybody named Smith.
MOST_IN_A_BLOCK = 40

#: Schemes that give everybody one identifier: two different ones are two people.
_TELLING = frozenset({"bioguide", "openstates", "iso3166", "wikidata", "govtrack"})
#: Words that many names have and some leave out.
_COMMON = frozenset({
    "the", "of", "and", "for", "de", "la", "le", "du", "des", "inc", "ltd", "limited", "llc", "plc",
    "gmbh", "ag", "sa", "co", "company", "corp", "corporation", "group", "holding", "holdings",
    "republic", "state", "kingdom",
})  # fmt: skip
#: What both having one contact point is worth, and its words.
_SHARED = {
    "email": (25, _l("Same e-mail address")),
    "social": (25, _l("Same account")),
    "phone": (12, _l("Same number")),
}
_DIGITS = re.compile(r"\D+")


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a target, as far as it tells whether two are one."""

    target_id: int
    kind: str
    name: str
    given: str | None = None
    family: str | None = None
    suffix: str | None = None
    nickname: str | None = None
    country: str | None = None
    area: str | None = None
    #: The present office: its post's id, and what it is called.
    post_id: int | None = None
    office: str | None = None
    #: (scheme, identifier).
    identifiers: tuple[tuple[str, str], ...] = ()
    #: (kind, value as it is compared): e-mail, phone, links.
    contacts: tuple[tuple[str, str], ...] = ()

    @property
    def is_person(self) -> bool:
        """Whether it is somebody, and not a state, body or company."""
        return self.kind in rules.PERSONS


@dataclass(frozen=True, slots=True)
class Pair:
    """Two that may be one, how likely that is, of 100, and why. The first is the older record."""

    a: Card
    b: Card
    score: int
    reasons: tuple[Any, ...] = ()


def contact_key(kind: str, value: str) -> tuple[str, str] | None:
    """A contact point as it is compared with another; None for kinds that tell nothing."""
    if kind in ("phone", "fax"):
        digits = _DIGITS.sub("", value)[-10:]
        return ("phone", digits) if len(digits) >= 7 else None
    if kind == "email":
        return kind, value.strip().lower()
    if kind == "social":
        return kind, value.strip().lower().removeprefix("https://").removeprefix("www.").rstrip("/")
    return None


def likely_pairs(
    cards: Sequence[Card], apart: frozenset[tuple[int, int]] = frozenset()
) -> list[Pair]:
    """The pairs worth a look, the likeliest first. `apart` are those known not to be one."""
    found = []
    for a, b in _met(cards):
        if (a.target_id, b.target_id) in apart:
            continue
        pair = compare(a, b)
        if pair.score >= LIKELY:
            found.append(pair)
    return sorted(found, key=lambda pair: (-pair.score, _folded(pair.a.name), pair.a.target_id,
                                           pair.b.target_id))  # fmt: skip


def _met(cards: Sequence[Card]) -> Iterator[tuple[Card, Card]]:
    blocks: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, card in enumerate(cards):
        for key in set(_keys(card)):
            blocks[key].append(place)
    seen: set[tuple[int, int]] = set()
    for members in blocks.values():
        if 1 < len(members) <= MOST_IN_A_BLOCK:
            seen.update(combinations(members, 2))
    for one, other in seen:
        a, b = cards[one], cards[other]
        if a.is_person == b.is_person and (a.is_person or a.kind == b.kind):
            yield (a, b) if a.target_id < b.target_id else (b, a)


def _keys(card: Card) -> Iterator[tuple[str, ...]]:
    words = tuple(sorted(set(_folded(card.name).split()) - _COMMON))
    yield ("words", *words)
    for contact in card.contacts:
        yield ("contact", *contact)
    for _scheme, identifier in card.identifiers:
        if len(identifier) > 4 and not identifier.isdecimal():
            yield ("id", identifier)
    if not card.is_person:
        for word in words:
            if len(word) > 3:
                yield ("sound", sound(word))
        for other in (card.nickname or "").split(", "):
            if other:
                yield ("words", *sorted(set(_folded(other).split()) - _COMMON))
        return
    family = sound(_folded(card.family or card.name).replace(" ", ""))
    for given in _givens(card):
        yield ("person", family, given[0])
        # A slip in the family name: the given name and the place must carry it.
        yield ("given", given, card.area or card.country or "", family[:2])
    if card.area:
        yield ("family", family, card.area)


#: A record meets several others, and its names are folded once.
_folded = lru_cache(maxsize=65536)(fold)


def _givens(card: Card) -> frozenset[str]:
    """First names somebody goes by, short forms as their long ones."""
    return _firsts(card.given or "", card.nickname or "")


@lru_cache(maxsize=65536)
def _firsts(*names: str) -> frozenset[str]:
    written = [fold(each) for each in names]
    firsts = {words[0] for each in written if (words := each.split())}
    return frozenset(name for first in firsts for name in names_of(first))


# Scoring


def compare(a: Card, b: Card) -> Pair:
    """How likely two are one: the names first, then what speaks for it and against."""
    # The words are lazy: they are made only of what somebody will read.
    reasons: list[Any] = []
    score = _names(a, b, reasons) + _alike(a, b, reasons) - _against(a, b)
    return Pair(a, b, max(0, min(100, round(score))), tuple(reasons))


def _names(a: Card, b: Card, reasons: list[Any]) -> float:
    one, other = _folded(a.name), _folded(b.name)
    if a.name == b.name:
        reasons.append(_l("The names are the same"))
        return 85
    if sorted(one.split()) == sorted(other.split()):
        reasons.append(_l("The names are the same but for accents, order or punctuation"))
        return 85
    if a.is_person and a.family and b.family:
        return _people(a, b, reasons)
    if not a.is_person and _core(one) and _core(one) == _core(other):
        reasons.append(_l("The names are the same but for common words"))
        return 80
    if {one, other} & (_also(a) | _also(b)):
        reasons.append(_l("One is another name of the other"))
        return 82
    return _spelled(fuzz.token_sort_ratio(one, other), reasons)


def _people(a: Card, b: Card, reasons: list[Any]) -> float:
    one, other = _folded(a.family or ""), _folded(b.family or "")
    families = fuzz.ratio(one, other)
    sounds_alike = sound(one) == sound(other)
    if (families >= 85 or sounds_alike) and _givens(a) & _givens(b):
        if one != other:
            reasons.append(_l("The family names sound alike, and the first name is the same"))
            return 66
        first, second = a.given or a.nickname or "", b.given or b.nickname or ""
        if _folded(first).split()[:1] == _folded(second).split()[:1]:
            reasons.append(_l("Same family name, and the same first name"))
        else:
            reasons.append(
                _l("Same family name, and first names that stand for each other: %(one)s, "
                   "%(other)s", one=first, other=second)
            )  # fmt: skip
        return 76
    likeness = fuzz.token_sort_ratio(_folded(a.name), _folded(b.name))
    # Words that are alike elsewhere do not make another family name this one.
    return _spelled(likeness if families >= 85 else min(likeness, families), reasons)


def _spelled(likeness: float, reasons: list[Any]) -> float:
    if likeness < 80:
        return likeness * 0.5
    reasons.append(_l("The names are alike (%(score)s of 100)", score=round(likeness)))
    return likeness * 0.75


def _core(name: str) -> list[str]:
    return sorted(set(name.split()) - _COMMON)


def _also(card: Card) -> set[str]:
    return {_folded(each) for each in (card.nickname or "").split(", ") if each}


def _alike(a: Card, b: Card, reasons: list[Any]) -> float:
    score = 0.0
    for kind, value in sorted(set(a.contacts) & set(b.contacts)):
        points, words = _SHARED[kind]
        reasons.append(_l("%(what)s: %(value)s", what=words, value=value))
        score += points
    theirs = {number for _scheme, number in b.identifiers}
    shared = (number for _scheme, number in a.identifiers
              if number in theirs and len(number) > 4 and not number.isdecimal())  # fmt: skip
    if number := next(shared, None):
        reasons.append(_l("Same identifier: %(value)s", value=number))
        score += 25
    if a.post_id is not None and a.post_id == b.post_id:
        reasons.append(_l("Same office: %(office)s", office=a.office))
        score += 14
    elif a.area is not None and a.area == b.area:
        reasons.append(_l("Same state: %(state)s", state=rules.area_name(a.area)))
        score += 6
    elif a.country and a.country == b.country and not (a.area and b.area):
        reasons.append(_l("Same country: %(country)s", country=a.country))
        score += 4
    return min(score, 45)


def _against(a: Card, b: Card) -> float:
    score = 0.0
    mine, theirs = dict(a.identifiers), dict(b.identifiers)
    if any(mine[scheme] != theirs[scheme] for scheme in _TELLING & mine.keys() & theirs.keys()):
        score += 30
    if a.country and b.country and a.country != b.country:
        score += 25
    if a.area and b.area and a.area != b.area:
        score += 10
    if a.suffix and b.suffix and _folded(a.suffix) != _folded(b.suffix):
        score += 15
    return score
