"""What is true of targets, posts and names, without the database."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from flask_babel import lazy_gettext as _l
from rapidfuzz import fuzz, process

from crm.core.text import fold, slugify

#: Kinds of target, as they are stored, with the words on screen.
KINDS = {
    "legislator": _l("Legislator"),
    "official": _l("Official"),
    "government": _l("Government"),
    "body": _l("Body"),
    "company": _l("Company"),
}
#: Kinds that are people and have name parts.
PERSONS = frozenset({"legislator", "official"})

#: What brings targets and what is told of them, by the name an import run keeps.
IMPORTERS = {
    "congress": _l("Congress"),
    "openstates": _l("A state's legislature"),
    "governments": _l("Governments"),
    "sheet": _l("A spreadsheet"),
    "districts": _l("ZIPs and districts"),
    "treaties": _l("The treaty ledger"),
}

#: Kinds of contact point, in the order a page shows them.
CONTACT_KINDS = {
    "postal": _l("Postal address"),
    "phone": _l("Phone"),
    "email": _l("E-mail"),
    "web form": _l("Web form"),
    "website": _l("Website"),
    "fax": _l("Fax"),
    "social": _l("Social media"),
}
#: Characters of the reason why one is not good.
MOST_NOTE = 200
CONTACT_STATUSES = {"good": _l("Good"), "bad": _l("Bad"), "past": _l("Past")}

#: Kinds of change an import sees, in the order they are told, with the words on screen.
CHANGES = {
    "left": _l("Left"),
    "arrived": _l("Arrived"),
    "moved": _l("Moved"),
    "district": _l("District"),
    "party": _l("Party"),
    "name": _l("Name"),
    "contact": _l("Contact"),
    "committee": _l("Committee"),
    "other": _l("Other"),
}
#: Kind of change → the word of an import's summary, which scripts read: it is never translated.
SUMMARY = {
    "left": "left", "arrived": "arrived", "moved": "moved", "district": "district changed",
    "party": "party changed", "name": "name changed", "contact": "contact changed",
    "committee": "committee changed", "other": "other changed",
}  # fmt: skip
NAME_PARTS = {
    "given_name": _l("given name"),
    "additional_name": _l("middle name"),
    "family_name": _l("family name"),
    "suffix": _l("suffix"),
    "nickname": _l("nickname"),
}
#: Other facts of a target, as changes name them.
COLUMNS = {
    "kind": _l("kind"),
    "salutation": _l("salutation"),
    "gender": _l("gender"),
    "country": _l("country"),
    "region": _l("region"),
    "sub_region": _l("sub-region"),
}

#: States, the district and the territories that send somebody to Congress.
STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California",
    "CO": "Colorado", "CT": "Connecticut", "DE": "Delaware", "FL": "Florida", "GA": "Georgia",
    "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa",
    "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine", "MD": "Maryland",
    "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi",
    "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire",
    "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York", "NC": "North Carolina",
    "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania",
    "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee",
    "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia", "WA": "Washington",
    "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
    "DC": "the District of Columbia", "AS": "American Samoa", "GU": "Guam",
    "MP": "the Northern Mariana Islands", "PR": "Puerto Rico", "VI": "the U.S. Virgin Islands",
}  # fmt: skip
_TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "VI"})


def area_name(area: str) -> str:
    """`WV` → `West Virginia`; an area that is no state stays as it is."""
    return STATES.get(area, area).removeprefix("the ")


@dataclass(frozen=True)
class Seat:
    """A seat of Congress in words: what its post is called, where it is, how it is found again."""

    key: str
    body: str
    role: str
    label: str
    division: str
    area: str
    district: str | None


def senate_seat(area: str, class_: int) -> Seat:
    """The seat of one class of a state in the Senate."""
    return Seat(
        key=f"us/senate/{area}/{class_}",
        body="us/senate",
        role="Senator",
        label=f"U.S. Senator for {STATES[area]} (class {class_})",
        division=division(area),
        area=area,
        district=str(class_),
    )


def house_seat(area: str, district: int) -> Seat:
    """The seat of a district in the House. 0 is at large; -1 is a district nobody wrote down.

    Only states have Representatives: a territory sends a Delegate, Puerto Rico its commissioner.
    """
    role, numbered = "Representative", area in STATES and area not in _TERRITORIES | {"DC"}
    if not numbered:
        role = "Resident Commissioner" if area == "PR" else "Delegate"
        label = f"{role} of Puerto Rico" if area == "PR" else f"U.S. {role} for {STATES[area]}"
    elif district > 0:
        label = f"U.S. {role} for {STATES[area]}, district {district}"
    elif district == 0:
        label = f"U.S. {role} for {STATES[area]}, at large"
    else:
        label = f"U.S. {role} for {STATES[area]}, district unknown"
    return Seat(
        key=f"us/house/{area}/{district}",
        body="us/house",
        role=role,
        label=label,
        division=division(area, district),
        area=area,
        district="At large" if district == 0 else str(district) if district > 0 else "Unknown",
    )


def seat_name(area: str | None, district: str) -> str:
    """A district in short: `WV-1`, `AK-AL` at large, `WV-14B`."""
    short = {"At large": "AL", "Unknown": "?"}.get(district, district)
    return f"{area}-{short}" if area else short


def division(area: str, district: int = 0) -> str:
    """The Open Civic Data division. One at large is the state's own: they are the same ground."""
    if area == "DC":
        return "ocd-division/country:us/district:dc"
    kind = "territory" if area in _TERRITORIES else "state"
    whole = f"ocd-division/country:us/{kind}:{area.lower()}"
    return f"{whole}/cd:{district}" if district > 0 and kind == "state" else whole


def full_name(
    given: str | None,
    family: str | None,
    *,
    additional: str | None = None,
    suffix: str | None = None,
) -> str:
    """The parts of a name in the order they are written."""
    return " ".join(part for part in (given, additional, family, suffix) if part)


def sort_name(name: str, given: str | None, family: str | None) -> str:
    """People by family name, all else as it is written."""
    return fold(f"{family} {given or ''}" if family else name)


def searchable(*parts: str | None) -> str:
    """What search looks at: folded words between blanks, so that ` word` finds beginnings."""
    return f" {fold(' '.join(part for part in parts if part))} "


@lru_cache(maxsize=4096)
def key_part(text: str) -> str:
    """A name as part of a body's or post's key. Where plain letters lose anything of it, a digest
    stands behind: two long names that begin alike are not one institution."""
    plain = slugify(text)
    if plain == fold(text).replace(" ", "-"):
        return plain
    return f"{plain}-{hashlib.blake2b(fold(text).encode(), digest_size=4).hexdigest()}"


_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>.]+")


def is_link(text: str) -> bool:
    """Whether a page may link to it: never `javascript:` and the like."""
    return text.lower().startswith(("http://", "https://"))


def is_country_code(text: str) -> bool:
    """Whether it has the shape of an ISO 3166-1 code of two letters."""
    return len(text) == 2 and text.isascii() and text.isalpha()


def looks_like_email(text: str) -> bool:
    """Whether it has the shape of an address; only the post office knows more."""
    return _EMAIL.fullmatch(text) is not None


# Names typed one a line

_TITLES = re.compile(
    r"^\s*(?:(?:the\s+)?(?P<title>sen(?:ator)?|representative|rep|congress(?:wo)?man|delegate|del"
    r"|resident commissioner|ambassador|amb|honou?rable|hon|president|minister|secretary|governor"
    r"|gov|mr|mrs|ms|dr|h\.?\s?e)\b\.?\s+)",
    re.IGNORECASE,
)
_BETWEEN = r"[\s,;:|=–—-]"
_NUMBER = re.compile(
    rf"^(?P<name>.*?[^\s,;:|=–—-]){_BETWEEN}+[x×]?\s*(?P<number>[0-9]{{1,6}})\s*[x×]?$"
)
_NUMBER_FIRST = re.compile(rf"^(?P<number>[0-9]{{1,6}})\s*[x×]?{_BETWEEN}+(?P<name>\D.*)$")

#: From here on (of 100) a name is near enough to be offered for a choice; never to be taken.
_NEAR = 80
#: How many are offered.
_OFFERED = 8


@dataclass(frozen=True)
class Candidate:
    """A target that names are compared with."""

    target_id: int
    name: str
    office: str
    #: The words, folded and sorted, by which it is meant exactly: full name, nickname and family …
    forms: frozenset[tuple[str, ...]]
    #: All words that tell it from others: names, state.
    words: frozenset[str]
    family: frozenset[str] = frozenset()
    role: str | None = None


@dataclass(frozen=True)
class Match:
    """What one typed line means. `sure` has one candidate, `unsure` several or a doubtful one."""

    line: str
    name: str
    number: int | None
    status: Literal["sure", "unsure", "none"]
    candidates: tuple[Candidate, ...] = field(default=())

    @property
    def target_id(self) -> int | None:
        """The target, when it is sure."""
        return self.candidates[0].target_id if self.status == "sure" else None


def candidate(
    target_id: int,
    name: str,
    *,
    given: str | None = None,
    additional: str | None = None,
    family: str | None = None,
    suffix: str | None = None,
    nickname: str | None = None,
    area: str | None = None,
    office: str = "",
    role: str | None = None,
    codes: Iterable[str] = (),
) -> Candidate:
    """Prepare a target for comparison. `nickname` of what is no person lists its other names."""
    written = [name, *codes]
    if family:
        for first in (given, nickname):
            written += [f"{first} {family}", f"{first} {family} {suffix or ''}"] if first else []
        written += [family, f"{given or ''} {additional or ''} {family} {suffix or ''}"]
    elif nickname:
        written += nickname.split(", ")
    forms = frozenset(form for each in written if (form := tuple(sorted(fold(each).split()))))
    places = f"{area} {area_name(area)}" if area else ""
    words = fold(" ".join((name, given or "", additional or "", nickname or "", places))).split()
    return Candidate(
        target_id=target_id,
        name=name,
        office=office,
        forms=forms,
        words=frozenset(words),
        family=frozenset(fold(family or "").split()),
        role=role,
    )


def parse_line(line: str) -> tuple[str, int | None]:
    """The name on a line and the number with it: `Capito, 30`, `Niue 12`, `30 × Niue`."""
    text = line.strip()
    found = _NUMBER.match(text) or _NUMBER_FIRST.match(text)
    if found:
        return found["name"].strip(" \t,;"), int(found["number"])
    return text.strip(" \t,;"), None


def match_lines(lines: Iterable[str], candidates: Sequence[Candidate]) -> list[Match]:
    """What each line that is not blank means. Near names are offered, never taken silently."""
    by_form: dict[tuple[str, ...], list[Candidate]] = {}
    for each in candidates:
        for form in each.forms:
            by_form.setdefault(form, []).append(each)
    spelled = {form: " ".join(form) for form in by_form}
    return [_match(line, candidates, by_form, spelled) for line in lines if line.strip(" \t\r\n,;")]


def _match(
    line: str,
    candidates: Sequence[Candidate],
    by_form: dict[tuple[str, ...], list[Candidate]],
    spelled: dict[tuple[str, ...], str],
) -> Match:
    name, number = parse_line(line)
    bare, role = _without_title(name)
    words = tuple(sorted(fold(bare).split()))
    if not words:
        return Match(line.strip(), name, number, "none")
    exact = _of_role(by_form.get(words, []), role)
    if len(exact) == 1:
        return Match(line.strip(), name, number, "sure", tuple(exact))
    if exact:
        return Match(line.strip(), name, number, "unsure", tuple(exact[:_OFFERED]))
    typed = set(words)
    holding = _of_role([each for each in candidates if typed <= each.words], role)
    if len(holding) == 1 and holding[0].family and holding[0].family <= typed:
        return Match(line.strip(), name, number, "sure", tuple(holding))
    if holding:
        return Match(line.strip(), name, number, "unsure", tuple(holding[:_OFFERED]))
    near = process.extract(
        " ".join(words), spelled, scorer=fuzz.ratio, score_cutoff=_NEAR, limit=_OFFERED
    )
    found = {each.target_id: each for _text, _score, form in near for each in by_form[form]}
    if found:
        return Match(line.strip(), name, number, "unsure", tuple(found.values())[:_OFFERED])
    return Match(line.strip(), name, number, "none")


def _without_title(name: str) -> tuple[str, str | None]:
    role = None
    while found := _TITLES.match(name):
        title = found["title"].lower()
        if title.startswith("sen"):
            role = "Senator"
        elif title.startswith(("rep", "congress")):
            role = "Representative"
        name = name[found.end() :]
    return name, role


def _of_role(found: list[Candidate], role: str | None) -> list[Candidate]:
    """Those whose office the typed title names; all, when none has it."""
    narrowed = [each for each in found if each.role == role] if role else []
    return narrowed or found
