"""What the states call their legislatures, chambers and those who sit in them. Pure.

Keys are those of Open States' files: `upper`, `lower`, or `legislature` where there is one chamber.
A district's seats are **one post with several holders** where it elects several: no source says
who sits in which of them, and a number made up here would move from person to person with each
import. Reports by post then speak of the seats of a district together.
"""

import re
from dataclasses import dataclass

from crm.targets.rules import STATES, Seat, area_name, division

#: Legislatures of one chamber.
ONE_CHAMBER = frozenset({"NE", "DC", "GU", "VI"})
CHAMBERS = ("upper", "lower", "legislature")

_LEGISLATURES = {
    "DC": "Council of the District of Columbia",
    "MA": "Massachusetts General Court",
    "NH": "New Hampshire General Court",
    "ND": "North Dakota Legislative Assembly",
    "OR": "Oregon Legislative Assembly",
    "PR": "Legislative Assembly of Puerto Rico",
    "VI": "Legislature of the Virgin Islands",
} | {
    area: f"{STATES[area]} General Assembly"
    for area in (
        "AR", "CO", "CT", "DE", "GA", "IL", "IN", "IA", "KY", "MD", "MO", "NJ", "NC", "OH", "PA",
        "RI", "SC", "TN", "VT", "VA",
    )
}  # fmt: skip
#: Lower chambers that are no House of Representatives.
_LOWER = {
    "CA": "California State Assembly",
    "MD": "Maryland House of Delegates",
    "NV": "Nevada Assembly",
    "NJ": "New Jersey General Assembly",
    "NY": "New York State Assembly",
    "VA": "Virginia House of Delegates",
    "WV": "West Virginia House of Delegates",
    "WI": "Wisconsin State Assembly",
}
#: Who sits in the lower chamber, where it is no Representative. Wisconsin's Assembly has them.
_MEMBERS = {
    "CA": "Assembly Member", "NV": "Assembly Member", "NJ": "Assembly Member",
    "NY": "Assembly Member", "MD": "Delegate", "VA": "Delegate", "WV": "Delegate",
}  # fmt: skip
#: Kinds of the Open Civic Data divisions.
_DIVISIONS = {"upper": "sldu", "lower": "sldl", "legislature": "sldu"}
#: Offices as the files write them, where the words alone do not tell.
_OFFICES = {"lt_governor": "Lieutenant Governor", "lt governor": "Lieutenant Governor"}
#: How a letter begins, where it is not the office's name.
_FORMS = {"Secretary of State": "Secretary", "Councilmember": "Councilmember"}
_NOT_DIVISION = re.compile(r"[^a-z0-9_.~-]")


@dataclass(frozen=True)
class Chamber:
    """A chamber by its key, `us-wv/lower`, and what it is called."""

    key: str
    name: str
    role: str


def legislature_name(area: str) -> str:
    """`WV` → `West Virginia Legislature`."""
    return _LEGISLATURES.get(area, f"{area_name(area)} Legislature")


def chamber(area: str, kind: str) -> Chamber:
    """A state's chamber; `kind` is one of `CHAMBERS`."""
    key = f"us-{area.lower()}/{kind}"
    if kind == "legislature":
        role = "Councilmember" if area == "DC" else "Senator"
        return Chamber(key, legislature_name(area), role)
    if kind == "upper":
        return Chamber(key, f"{area_name(area)} Senate", "Senator")
    name = _LOWER.get(area, f"{area_name(area)} House of Representatives")
    return Chamber(key, name, _MEMBERS.get(area, "Representative"))


def chambers(area: str) -> list[Chamber]:
    """The chambers of a state."""
    kinds = ("legislature",) if area in ONE_CHAMBER else ("upper", "lower")
    return [chamber(area, kind) for kind in kinds]


def body_name(area: str, kind: str) -> tuple[str, bool]:
    """What a body of a state is called, and whether it is a chamber."""
    if kind in CHAMBERS:
        return chamber(area, kind).name, True
    if kind == "local":
        return f"Local government in {area_name(area)}", False
    return f"Executive of {area_name(area)}", False


def seat(area: str, kind: str, district: str) -> Seat:
    """The seat or seats of a district, which is text: `14B`, `Cape and Islands`, `At-Large`."""
    place = chamber(area, kind)
    # A Senator of a state is told from one in Washington; a Delegate of Virginia is not mistaken.
    title = f"State {place.role}" if place.role in ("Senator", "Representative") else place.role
    where = area_name(area)
    if district.lower() in ("at-large", "at large"):
        label = f"{where} {title}, at large"
    elif district.lower().startswith("ward "):
        label = f"{where} {title}, {district[0].lower()}{district[1:]}"
    elif any(c.isdigit() for c in district):
        label = f"{where} {title}, district {district}"
    else:
        label = f"{where} {title} for {district}"
    return Seat(
        key=f"{place.key}/{district}",
        body=place.key,
        role=place.role,
        label=label,
        division=_division(area, kind, district),
        area=area,
        district=district,
    )


def _division(area: str, kind: str, district: str) -> str:
    whole = division(area)
    words = district.lower().replace(",", "").replace(" ", "_")
    if words in ("at-large", "at_large", "chairman"):
        return whole
    if area == "DC":
        return f"{whole}/ward:{words.removeprefix('ward_')}"
    return f"{whole}/{_DIVISIONS[kind]}:{_NOT_DIVISION.sub('~', words)}"


def office(area: str, kind: str, place: str | None = None) -> Seat:
    """An executive office as the files write it: `governor`, `lt_governor`, a place's `mayor`."""
    role = _OFFICES.get(kind, " ".join(_capital(word) for word in kind.replace("_", " ").split()))
    body = f"us-{area.lower()}/executive"
    where, key = area_name(area), f"{body}/{kind}"
    if place:
        body, key = f"us-{area.lower()}/local", f"us-{area.lower()}/local/{place}/{kind}"
        where = " ".join(map(_capital, place.partition(":")[2].replace("_", " ").split()))
        where = f"{where}, {area}"
    whole = division(area)
    return Seat(
        key=key,
        body=body,
        role=role,
        label=f"{role} of {'the ' if area == 'DC' and not place else ''}{where}",
        division=f"{whole}/{place}" if place else whole,
        area=area,
        district=None,
    )


def _capital(word: str) -> str:
    return word if word in ("of", "and", "the") else word[:1].upper() + word[1:]


def salutation(role: str, family: str) -> str:
    """How a letter begins: `Delegate Young`, `Secretary Warner`."""
    return f"{_FORMS.get(role, role)} {family}"
