"""What a row of a roster would change of a member who is here. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _

from crm.core.text import fold
from crm.members import rules, tags
from crm.members.likeness import email_key, phone_key
from crm.members.rules import AgeBand
from crm.members.sheets.fields import BY_NAME
from crm.members.sheets.rules import Facts, Guardian

#: Columns of a member a row can change.
COLUMNS = (
    "family_name", "email", "phone", "graduation_year", "age_band", "address", "postal_code",
    "note",
)  # fmt: skip
_BANDS = [band for band in AgeBand if band is not AgeBand.UNKNOWN]


@dataclass
class Present:
    """A member as they are, for comparing."""

    id: int
    pseudonym: str
    given: str
    columns: dict[str, Any]
    custom: dict[str, Any]
    #: Chapters they are in now, and chapters they ever were in.
    open_in: set[int] = field(default_factory=set)
    ever_in: set[int] = field(default_factory=set)
    guardians: list[tuple[int, Guardian]] = field(default_factory=list)
    #: (kind, folded name)
    tags: set[tuple[str, str]] = field(default_factory=set)

    @property
    def family(self) -> str | None:
        """The family name."""
        return self.columns["family_name"]


@dataclass
class Plan:
    """What there is to write so that a member is as the row says."""

    columns: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, str] = field(default_factory=dict)
    joins: bool = False
    guardians: list[Guardian] = field(default_factory=list)
    tags: dict[str, list[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.columns or self.custom or self.joins or self.guardians or self.tags)

    def told(self, labels: Mapping[str, str], bounds: tuple[int, int, int]) -> list[list[str]]:
        """What differs as (field, its words, the new value); the old one is a page's to show.

        `labels` are those of fields an administrator defined.
        """
        lines = []
        for name, value in self.columns.items():
            shown = rules.band_name(value, bounds) if name == "age_band" else str(value)
            label = _("Family name") if name == "family_name" else str(BY_NAME[name].label)
            lines.append([name, label.partition(" (")[0], shown])
        lines += [["", labels.get(key, key), value] for key, value in self.custom.items()]
        if self.joins:
            lines.append(["", _("Chapter"), _("joins this chapter")])
        lines += [["", _("Guardian"), guardian.name] for guardian in self.guardians]
        lines += [
            ["", str(tags.KINDS[kind]), ", ".join(names)] for kind, names in self.tags.items()
        ]
        return lines


def compare(facts: Facts, known: Present) -> Plan:
    """What the row would change. Nothing is taken away, and names are not written anew."""
    plan = Plan()
    for name, value in facts.columns.items():
        if not _is_same(name, known.columns[name], value):
            plan.columns[name] = value
    if facts.family and not known.family:
        plan.columns["family_name"] = facts.family
    for key, value in facts.custom.items():
        if value and known.custom.get(key) != value:
            plan.custom[key] = value
    plan.joins = facts.chapter_id not in known.open_in
    for guardian in facts.guardians:
        if not any(is_same_guardian(guardian, held) for _id, held in known.guardians):
            plan.guardians.append(guardian)
    for kind, names in facts.tags.items():
        if new := [name for name in names if (kind, fold(name)) not in known.tags]:
            plan.tags[kind] = new
    return plan


def _is_same(name: str, old: Any, new: Any) -> bool:
    if name == "email":
        return email_key(old) == email_key(new)
    if name == "phone" and old:
        return old == new or (phone_key(old) is not None and phone_key(old) == phone_key(new))
    if name in ("note", "address", "postal_code") and old:
        return fold(old) == fold(new)
    return bool(old == new)


def is_same_guardian(one: Guardian, other: Guardian) -> bool:
    """Whether two are one: by name, or by a way to reach them that one of that initial has.

    Father and mother may share an address, so an address alone does not do; a name that is none
    but the address says nothing against it.
    """
    mine, theirs = fold(one.name), fold(other.name)
    if mine == theirs:
        return True
    reached = (one.email and email_key(one.email) == email_key(other.email)) or (
        phone_key(one.phone) is not None and phone_key(one.phone) == phone_key(other.phone)
    )
    return bool(reached) and (mine[:1] == theirs[:1] or "@" in one.name or "@" in other.name)


def speaks_against(facts: Facts, known: Present) -> bool:
    """Whether somebody of the same name in the same chapter may yet be another."""
    columns, theirs = facts.columns, known.columns
    year, other = columns.get("graduation_year"), theirs["graduation_year"]
    if year and other and year != other:
        return True
    band, held = columns.get("age_band"), theirs["age_band"]
    if band in _BANDS and held in _BANDS and abs(_BANDS.index(band) - _BANDS.index(held)) > 1:
        return True
    email, phone = email_key(columns.get("email")), phone_key(columns.get("phone"))
    held_email, held_phone = email_key(theirs["email"]), phone_key(theirs["phone"])
    differs = [a != b for a, b in ((email, held_email), (phone, held_phone)) if a and b]
    # One that is new may be a new one; two are another's.
    return len(differs) == 2 and all(differs)
