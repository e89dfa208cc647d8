"""Which members may be one and the same, and why: a proposal in words, never a decision. Pure.

Many have no e-mail, brothers and sisters share one, and a name is written in many ways. A score is
made of how alike the names are and of what else both have. The weights are such that no names
alone are likely: a pair needs a chapter or a way to be reached in common. So only those are
compared who have one of these in common, and a name that begins, ends or sounds alike.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l
from rapidfuzz.distance import OSA, JaroWinkler

from crm.core.names import PARTICLES, SUFFIXES, is_full, names_of, sound
from crm.core.text import fold
from crm.members.matching import split_name
from crm.members.rules import AgeBand

#: From this score on a pair is proposed.
LIKELY = 80
#: Blocks of more are parted by the whole name.
MOST_IN_A_BLOCK = 60
#: An address that more have is a class's or a school's, and tells nobody from anybody.
MOST_AT_AN_ADDRESS = 8

#: What the same name is worth; what is written otherwise is worth a part of it.
_NAME = 70.0
_CHAPTER, _YEAR = 15.0, 8.0
_CONTACT, _SECOND_CONTACT, _GUARDIAN = 22.0, 10.0, 14.0
_OTHER_YEAR, _OTHER_YEAR_ELSEWHERE = 26.0, 12.0
_NEXT_BAND, _OTHER_BAND = 12.0, 40.0

#: Bands in their order; unknown is none.
_BANDS: dict[str, int] = {band: place for place, band in enumerate(AgeBand) if band != "unknown"}
_ENDING = re.compile(r"(?<=..)[aeioy]+$")
_DIGITS = re.compile(r"\D+")


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a member, as far as it tells whether two are one.

    Ways to be reached are written as `phone_key` and `email_key` write them.
    """

    member_id: int
    given: str
    family: str | None = None
    chapter_ids: frozenset[int] = frozenset()
    graduation_year: int | None = None
    #: The member's own.
    phones: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    #: Guardians' phones and e-mails: brothers and sisters have the same.
    guardians: frozenset[str] = frozenset()
    age_band: str = "unknown"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two that may be one, how likely that is, of 100, and why. Reasons name nobody."""

    a: Card
    b: Card
    score: int
    reasons: tuple[Any, ...] = ()


@lru_cache(maxsize=4096)
def phone_key(number: str | None) -> str | None:
    """A telephone number as it is compared: its last nine digits, which no prefix changes."""
    digits = _DIGITS.sub("", number or "")[-9:]
    return digits if len(digits) >= 7 else None


def email_key(address: str | None) -> str | None:
    """An e-mail address as it is compared."""
    return (address or "").strip().casefold() or None


def keys(*found: str | None) -> frozenset[str]:
    """Those of the keys that there are."""
    return frozenset(each for each in found if each)


# Pairs


def likely_pairs(
    cards: Iterable[Card], apart: frozenset[tuple[int, int]] = frozenset()
) -> list[Pair]:
    """The pairs worth a look, the likeliest first; `a` is the older record.

    `apart` are those known not to be one, the lower id first.
    """
    known = _Blocks(sorted(cards, key=lambda card: card.member_id))
    found = []
    for one, other in known.met():
        a, b = known.cards[one], known.cards[other]
        if (a.member_id, b.member_id) in apart:
            continue
        mine, theirs = known.names[one], known.names[other]
        score, reasons = _weigh(a, mine, b, theirs, known.common, at_least=LIKELY)
        if score >= LIKELY:
            found.append(Pair(a, b, score, reasons))
    return sorted(found, key=lambda pair: (-pair.score, pair.a.member_id, pair.b.member_id))


def compared(cards: Iterable[Card]) -> int:
    """How many pairs `likely_pairs` looks at."""
    return len(_Blocks(cards).met())


def blocks(card: Card) -> list[int]:
    """What two must have one of in common to be compared, as numbers of this process: odd ones of
    ways to be reached, even ones of names.

    One of them is the whole name, so that blocks of more than `MOST_IN_A_BLOCK` can be left out.
    """
    name = _name(card.given, card.family)
    # An address may be a guardian's too.
    found = [hash(key) | 1 for key in {*card.phones, *card.emails, *card.guardians}]
    keys = (*_name_keys(name), name.whole)
    return found + [hash((chapter, key)) & -2 for chapter in card.chapter_ids for key in keys]


class _Blocks:
    """Cards laid out so that those who may be one lie together."""

    def __init__(self, cards: Iterable[Card]) -> None:
        self.cards = list(cards)
        self.names = [_name(card.given, card.family) for card in self.cards]
        reached = Counter(
            address
            for card in self.cards
            for address in (*card.phones, *card.emails, *card.guardians)
        )
        #: Addresses of whole classes.
        self.common = frozenset(
            address for address, many in reached.items() if many > MOST_AT_AN_ADDRESS
        )
        self.blocks: dict[Hashable, list[int]] = defaultdict(list)
        for place, (card, name) in enumerate(zip(self.cards, self.names, strict=True)):
            for key in _keys(card, name, self.common):
                self.blocks[key].append(place)

    def met(self) -> set[tuple[int, int]]:
        """The places of those who share a block, the lower first."""
        pairs: set[tuple[int, int]] = set()
        for places in self.blocks.values():
            if 1 < len(places) <= MOST_IN_A_BLOCK:
                pairs.update(combinations(places, 2))
            elif len(places) > MOST_IN_A_BLOCK:
                parts: dict[tuple[str, ...], list[int]] = defaultdict(list)
                for place in places:
                    parts[self.names[place].whole].append(place)
                for some in parts.values():
                    pairs.update(combinations(some, 2))
        return pairs


def _keys(card: Card, name: "_Name", common: frozenset[str]) -> set[Hashable]:
    keys: set[Hashable] = set()
    keys.update(
        each for each in (*card.phones, *card.emails, *card.guardians) if each not in common
    )
    for chapter in card.chapter_ids:
        keys.update((chapter, key) for key in _name_keys(name))
    return keys


# Names


class _Name(NamedTuple):
    """A name taken apart; all of it folded."""

    given: str
    first: str
    #: What the first of the given names may stand for.
    names: frozenset[str]
    #: The other given names.
    more: tuple[str, ...]
    family: str
    #: Words of the family name that are no particle.
    words: tuple[str, ...]
    #: How the first name sounds, and the words of the family name.
    spoken: str
    words_spoken: frozenset[str]
    #: Jr., III: tells a son from his father.
    suffix: str
    #: All words in alphabetical order, so that the order of the names does not count.
    whole: tuple[str, ...]


@lru_cache(maxsize=4096)
def _name(given: str, family: str | None) -> _Name:
    if not family and " " in given.strip():
        # All of it in one field.
        given, family = split_name(given)
    first, last = fold(given).split(), fold(family or "").split()
    suffix = last.pop() if last and last[-1] in SUFFIXES else ""
    return _made(tuple(first), tuple(last), suffix)


def _made(given: tuple[str, ...], family: tuple[str, ...], suffix: str) -> _Name:
    first = given[0] if given else ""
    words = tuple(word for word in family if word not in PARTICLES) or family
    return _Name(
        given=" ".join(given),
        first=first,
        names=names_of(first) if first else frozenset(),
        more=given[1:],
        family=" ".join(family),
        words=words,
        spoken=sound(first),
        words_spoken=frozenset(map(sound, words)),
        suffix=suffix,
        whole=tuple(sorted((*given, *family))),
    )


def _name_keys(name: _Name) -> set[str]:
    """By which it meets names that may be the same: a family name that sounds alike with a given
    one that begins or ends alike, and so on.
    """
    keys = set()
    given = (name.first, *name.more) if name.first else ()
    for word in name.words:
        sounds, begins, ends = sound(word), word[0], word[-2:]
        if name.first:
            keys.add(f"family {sounds} -{name.first[-2:]}")
            for each in name.names:
                keys.add(f"family {sounds} {each[0]}")
                keys.add(f"given {each} {begins}")
                keys.add(f"given {each} -{ends}")
        if name.more:
            keys.add(f"family {sounds} {name.more[0][0]}")
    # Whoever wrote the family name first has these.
    for word in name.words[:2]:
        for first in given[:2]:
            keys.add(f"family {sound(first)} {word[0]}")
    return keys


def _turned(name: _Name) -> _Name:
    """The same name with the family name taken for the given one."""
    return _made(tuple(name.family.split()), tuple(name.given.split()), name.suffix)


# Scoring


#: What is said of a name: (worth, words).
_Worth = tuple[float, Any]

_SAME = _l("The names are the same")
_WRITTEN = _l("The names are the same but for accents, order or punctuation")
_FIRST = {
    "forms": _l("One first name is a form of the other"),
    "spelt": _l("The first names are spelt almost the same"),
    "more": _l("One has a second first name"),
    "initial": _l("Of one only the initial of the first name is known"),
}
_LAST = {
    "same": _l("Same family name"),
    "particle": _l("The family names are the same but for small words and blanks"),
    "part": _l("One family name is part of the other"),
    "spelt": _l("The family names are spelt almost the same"),
    "initial": _l("Of one only the initial of the family name is known"),
    "missing": _l("Of one the family name is not known"),
    "other": _l("The family names differ"),
}
_SWAPPED = _l("First and family name are in another order")
_TWO = _l("The names are those of two people")
_SAME_PHONE = _l("Same phone")
_SAME_EMAIL = _l("Same e-mail")
_SAME_GUARDIAN = _l("Same phone or e-mail of a guardian")
_SAME_CHAPTER = _l("Same chapter")
_SAME_YEAR = _l("Same graduation year")
_YEARS_DIFFER = _l("But the graduation years differ")
_BANDS_DIFFER = _l("But the age bands differ")


def compare(a: Card, b: Card, *, at_least: int = 0) -> Pair:
    """How likely two are one: the names first, then what speaks for it and against.

    Where it cannot be `at_least` so much, no further than that is looked.
    """
    one, other = _name(a.given, a.family), _name(b.given, b.family)
    score, reasons = _weigh(a, one, b, other, frozenset(), at_least=at_least)
    return Pair(a, b, score, reasons)


def may_be(one: tuple[str, str | None], other: tuple[str, str | None], *, reached: bool) -> bool:
    """Whether two may be one by their names, each given and family, and by what they may have in
    common beside: a chapter and a year, and if `reached` a way to be reached.
    """
    mine, theirs = _name(*one), _name(*other)
    if mine.whole == theirs.whole:
        return True
    worth = _names(mine, theirs)[0]
    return bool(worth) and (reached or _NAME * worth + _CHAPTER + _YEAR + 0.5 >= LIKELY)


def _weigh(
    a: Card, one: _Name, b: Card, other: _Name, common: frozenset[str], *, at_least: int = 0
) -> tuple[int, tuple[Any, ...]]:
    """Score and reasons; 0 without looking further where it cannot be `at_least` so much."""
    worth, reasons = _names(one, other)
    if not worth:
        # Brothers and sisters share nearly everything.
        return 0, (_TWO,)
    score = _NAME * worth
    if score + _CHAPTER + _YEAR + 0.5 < at_least and not _is_reached_alike(a, b):
        return 0, ()
    if reasons[0] is _WRITTEN and (a.given, a.family or "") == (b.given, b.family or ""):
        reasons = [_SAME]
    score += _alike(a, b, common, reasons) - _against(a, b, reasons)
    return max(0, min(100, round(score))), tuple(reasons)


def _is_reached_alike(a: Card, b: Card) -> bool:
    mine = a.phones | a.emails | a.guardians
    return bool(mine) and not mine.isdisjoint(b.phones | b.emails | b.guardians)


def _names(one: _Name, other: _Name) -> tuple[float, list[Any]]:
    if one.suffix and other.suffix and one.suffix != other.suffix:
        return 0.0, []
    if one.whole == other.whole and one.whole:
        # A first name alone is no name that two could not have.
        return (1.0 if one.words else 0.64), [_WRITTEN]
    straight = _both(one, other)
    if straight[0] < 0.6 and (one.spoken in other.words_spoken or other.spoken in one.words_spoken):
        turned = max(
            _both(_turned(one), other),
            _both(one, _turned(other)),
            key=lambda found: found[0],
        )
        if turned[0] * 0.97 > straight[0] and turned[0] > 0.6:
            return turned[0] * 0.97, [*turned[1], _SWAPPED]
    return straight


def _both(one: _Name, other: _Name) -> tuple[float, list[Any]]:
    first = _given_names(one, other)
    if not first[0]:
        return 0.0, []
    last = _family_names(one, other)
    return first[0] * last[0], [reason for _worth, reason in (first, last) if reason is not None]


def _given_names(one: _Name, other: _Name) -> _Worth:
    if one.given == other.given:
        return 1.0, None
    if not one.first or not other.first:
        return 0.0, None
    if one.first == other.first or one.given.replace(" ", "") == other.given.replace(" ", ""):
        return _second_names(one.more, other.more)
    if one.names & other.names:
        return 0.95, _FIRST["forms"]
    short, long = sorted((one.first, other.first), key=len)
    if len(short) == 1:
        return (0.8, _FIRST["initial"]) if long[0] == short else (0.0, None)
    if one.first in other.more or other.first in one.more:
        # Goes by the second.
        return 0.88, _FIRST["more"]
    if 3 <= len(short) <= 5 and len(long) - len(short) >= 2 and long.startswith(short):
        return 0.93, _FIRST["forms"]
    return (0.94, _FIRST["spelt"]) if _is_slip(short, long) else (0.0, None)


def _second_names(mine: tuple[str, ...], theirs: tuple[str, ...]) -> _Worth:
    if not mine or not theirs:
        return (0.97, _FIRST["more"]) if mine or theirs else (1.0, None)
    if all(a.startswith(b) or b.startswith(a) for a, b in zip(mine, theirs, strict=False)):
        return 0.97, _FIRST["more"]
    # María José and María Elena are sisters.
    return (0.92, _FIRST["spelt"]) if _is_slip("".join(mine), "".join(theirs)) else (0.0, None)


def _is_slip(short: str, long: str) -> bool:
    """Whether two first names are one that was mistyped.

    Names that differ in how they end are two, as of twins: Paul and Paula, Mario and Maria. In
    short names another letter makes another name.
    """
    short, long = sorted((short, long), key=len)
    if is_full(short) and is_full(long):
        return False
    if _ENDING.sub("", short) == _ENDING.sub("", long):
        return False
    edits = OSA.distance(short, long, score_cutoff=2)
    if edits == 1:
        if len(short) < len(long):
            # Ana and Anna, Sara and Sarah; not Eva and Evan, Leo and Leon.
            return not long.startswith(short) or long.endswith("h")
        return len(short) >= 6 or sorted(short) == sorted(long)
    if edits == 2 and len(short) >= 8:
        return True
    # Sofia and Sophia.
    return len(short) >= 5 and short[-1] == long[-1] and sound(short) == sound(long)


def _family_names(one: _Name, other: _Name) -> _Worth:
    if one.family == other.family and one.family:
        return 1.0, _LAST["same"]
    if not one.words or not other.words:
        return 0.62, _LAST["missing"]
    mine, theirs = "".join(one.words), "".join(other.words)
    if mine == theirs or one.family.replace(" ", "") == other.family.replace(" ", ""):
        return 0.98, _LAST["particle"]
    short, long = sorted((mine, theirs), key=len)
    if len(short) == 1:
        return (0.82, _LAST["initial"]) if long[0] == short else (0.0, None)
    if set(one.words) <= set(other.words) or set(other.words) <= set(one.words):
        return 0.95, _LAST["part"]
    if _is_misspelt(short, long):
        return 0.94, _LAST["spelt"]
    if set(one.words) & set(other.words):
        return 0.9, _LAST["part"]
    return 0.5, _LAST["other"]


def _is_misspelt(short: str, long: str) -> bool:
    edits = OSA.distance(short, long, score_cutoff=2)
    if edits == 1:
        return len(long) >= 4
    alike = JaroWinkler.similarity(short, long)
    if edits == 2 and len(short) >= 7:
        return bool(alike >= 0.88)
    return bool(alike >= 0.9 and len(short) >= 4 and sound(short) == sound(long))


def _alike(a: Card, b: Card, common: frozenset[str], reasons: list[Any]) -> float:
    score = 0.0
    for mine, theirs, words in (
        (a.phones, b.phones, _SAME_PHONE),
        (a.emails, b.emails, _SAME_EMAIL),
    ):
        if mine and theirs and (mine & theirs) - common:
            score += _SECOND_CONTACT if score else _CONTACT
            reasons.append(words)
    if a.guardians or b.guardians:
        reached = (
            (a.guardians & b.guardians)
            | (a.guardians & (b.phones | b.emails))
            | (b.guardians & (a.phones | a.emails))
        )
        if reached - common:
            score += _GUARDIAN
            reasons.append(_SAME_GUARDIAN)
    if a.chapter_ids & b.chapter_ids:
        score += _CHAPTER
        reasons.append(_SAME_CHAPTER)
    if a.graduation_year is not None and a.graduation_year == b.graduation_year:
        score += _YEAR
        reasons.append(_SAME_YEAR)
    return score


def _against(a: Card, b: Card, reasons: list[Any]) -> float:
    score = 0.0
    if a.graduation_year and b.graduation_year and a.graduation_year != b.graduation_year:
        score += _OTHER_YEAR if a.chapter_ids & b.chapter_ids else _OTHER_YEAR_ELSEWHERE
        reasons.append(_YEARS_DIFFER)
    mine, theirs = _BANDS.get(a.age_band), _BANDS.get(b.age_band)
    if mine is not None and theirs is not None and mine != theirs:
        # Who had a birthday may be in the next one.
        score += _NEXT_BAND if abs(mine - theirs) == 1 else _OTHER_BAND
        reasons.append(_BANDS_DIFFER)
    return score
