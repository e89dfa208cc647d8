"""A person's name written in one cell, taken apart. Pure."""

import re
from typing import NamedTuple

from crm.core.text import fold

_TITLE_WORDS = (
    r"h\.?\s?e\.?|mr|mrs|ms|miss|mx|dr|prof|professor|sir|dame|lord|lady|baroness|baron|viscount|"
    r"earl|rt\.?\s?hon(?:ou?rable)?|right\s+hon(?:ou?rable)?|the|hon(?:ou?rable)?|amb|ambassador|"
    r"sen|senator|rep|representative|cllr|councillor|minister|herr|frau|m|mme|mlle|sr|sra|"
    r"señora?|don|doña"
)
_TITLE = re.compile(rf"(?:{_TITLE_WORDS})\.?(?=\s)", re.IGNORECASE)
_ONLY_TITLES = re.compile(rf"(?:(?:{_TITLE_WORDS})\.?\s*)+", re.IGNORECASE)
#: Behind a name: what is a suffix of it, and what an office says anyway.
_SUFFIXES = re.compile(
    r"[\s,]+(jr\.?|sr\.?|ii|iii|iv|kc|qc|obe|cbe|mbe|kbe|dbe|ph\.?d\.?|m\.?d\.?|esq\.?)$",
    re.IGNORECASE,
)
_SEATS = re.compile(r"[\s,]+(mp|msp|mep|mla|ms|td|mhr|mpp|mdb)$", re.IGNORECASE)
#: Words before a family name that belong to it.
_PARTICLES = frozenset({
    "al", "bin", "bint", "da", "dal", "de", "del", "della", "den", "der", "di", "dos", "du", "el",
    "ibn", "la", "le", "los", "mac", "o", "san", "santa", "st", "st.", "ten", "ter", "van", "von",
    "zu",
})  # fmt: skip


class NameParts(NamedTuple):
    """A name written in one cell, taken apart."""

    given: str | None
    additional: str | None
    family: str | None
    suffix: str | None
    titles: str


def split_name(text: str) -> NameParts:
    """`The Rt Hon Dame Ada B. van Alder OBE MP`, `Alder, Ada`: titles, parts, suffix."""
    name = text.strip()
    titles: list[str] = []
    suffixes: list[str] = []
    while found := _TITLE.match(name):
        titles.append(found[0])
        name = name[found.end() :].strip()
    while found := _SEATS.search(name) or _SUFFIXES.search(name):
        if not _SEATS.search(name):
            suffixes.insert(0, found[1])
        name = name[: found.start()].strip(" ,")
    family, comma, given = (part.strip() for part in name.partition(","))
    if comma and given:
        while found := _TITLE.match(given + " "):
            titles.append(found[0])
            given = given[found.end() :].strip()
        first, _blank, middle = given.partition(" ")
    else:
        words = family.split()
        at = max(0, len(words) - 1)
        while at > 1 and words[at - 1].lower() in _PARTICLES:
            at -= 1
        family, first, middle = " ".join(words[at:]), " ".join(words[: at and 1]), ""
        middle = " ".join(words[1:at])
    return NameParts(
        first or None, middle or None, family or None, " ".join(suffixes) or None, " ".join(titles)
    )


def salutation(titles: str, given: str | None, family: str | None) -> str | None:
    """How a letter begins for somebody with these titles; None when they do not say."""
    words = [word for word in fold(titles).split() if word not in ("the", "rt", "right", "hon")]
    if not words:
        return None
    if "".join(words[:2]).startswith("he") and len(words[0]) <= 2:
        return "Excellency"
    last = titles.split()[-1]
    if fold(last) in ("sir", "dame", "don", "dona") and given:
        return f"{last} {given}"
    if fold(last) in ("honourable", "honorable"):
        return None
    return f"{last} {family}" if family else None


def are_titles(text: str) -> bool:
    """Whether a cell holds nothing but titles: Mr, Rt Hon, H.E."""
    return _ONLY_TITLES.fullmatch(f"{text} ") is not None
