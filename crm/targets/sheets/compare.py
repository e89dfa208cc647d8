"""What a row of a spreadsheet would change of a target that is here. Pure."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from flask_babel import gettext as _

from crm.core.text import fold
from crm.targets import rules
from crm.targets.sheets.fields import BY_NAME
from crm.targets.sheets.rules import Contact, Facts, Office


class HeldTerm(NamedTuple):
    """A term of a target, with its post."""

    id: int
    post_id: int
    post_key: str
    label: str
    body: str
    area: str | None
    starts_on: date | None
    ends_on: date | None
    party: str | None
    is_current: bool


class HeldContact(NamedTuple):
    """A contact point of a target."""

    id: int
    kind: str
    label: str
    value: str
    parts: dict[str, str] | None
    status: str
    key: str | None


@dataclass
class Present:
    """A target as it is, for comparing."""

    id: int
    kind: str
    columns: dict[str, str | None]
    #: Whether another source keeps its facts, which a spreadsheet then leaves alone.
    is_kept: bool
    keys: set[tuple[str, str]] = field(default_factory=set)
    terms: list[HeldTerm] = field(default_factory=list)
    contacts: list[HeldContact] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The whole name."""
        return self.columns["name"] or ""

    @property
    def office(self) -> HeldTerm | None:
        """What it holds now."""
        return next((term for term in self.terms if term.is_current), None)


class Difference(NamedTuple):
    """One thing that differs. `kind` is one of `TargetChange`'s, `what` words for a person."""

    kind: str
    what: str
    old: str
    new: str


@dataclass
class Plan:
    """What there is to write so that a target is as the row says."""

    differences: list[Difference] = field(default_factory=list)
    columns: dict[str, str | None] = field(default_factory=dict)
    identifier: tuple[str, str] | None = None
    new_term: bool = False
    #: Terms by id, with the columns that change.
    terms: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    new_contacts: list[Contact] = field(default_factory=list)
    contacts: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def tell(self, kind: str, what: str, old: str | None, new: str | None) -> None:
        """Note a difference in words."""
        self.differences.append(Difference(kind, what, old or "", new or ""))


#: Columns a row may fill, in the order they are told.
COLUMNS = (
    "name", "given_name", "family_name", "additional_name", "suffix", "nickname", "salutation",
    "country", "note",
)  # fmt: skip


def compare(facts: Facts, present: Present, *, scheme: str, today: date) -> Plan:
    """What differs. What the row does not say is left as it is."""
    plan = Plan()
    if facts.key and (scheme, facts.key) not in present.keys:
        plan.identifier = (scheme, facts.key)
        plan.tell("other", _("Key %(scheme)s", scheme=scheme), None, facts.key)
    if not present.is_kept:
        _columns(facts, present, plan)
        if facts.office:
            _term(facts.office, present, plan, today)
    _contacts(facts, present, plan)
    return plan


def _columns(facts: Facts, present: Present, plan: Plan) -> None:
    wanted: dict[str, str | None] = {name: value or None for name, value in facts.columns.items()}
    if present.kind in rules.PERSONS:
        merged = present.columns | wanted
        wanted["name"] = rules.full_name(
            merged["given_name"], merged["family_name"],
            additional=merged["additional_name"], suffix=merged["suffix"],
        )  # fmt: skip
    changed = {
        name: wanted[name]
        for name in COLUMNS
        if name in wanted and wanted[name] != present.columns[name]
    }
    plan.columns = changed
    for name, new in changed.items():
        # The parts of a name that changed are told once, as the name.
        if "name" in changed and name in ("given_name", "family_name", "additional_name", "suffix"):
            continue
        kind = "name" if name.endswith("name") and name != "nickname" else "other"
        plan.tell(kind, str(BY_NAME[name].label), present.columns[name], new)


# Offices


def is_current(office: Office, today: date) -> bool:
    """Whether the row says that the office is held now."""
    return office.ends_on is None or date.fromisoformat(office.ends_on) >= today


def _term(office: Office, present: Present, plan: Plan, today: date) -> None:
    starts, ends = _day(office.starts_on), _day(office.ends_on)
    same = [term for term in present.terms if term.post_key == office.post_key]
    held = next(
        (t for t in same if t.starts_on == starts),
        next((t for t in same if (starts is None and t.is_current) or t.starts_on is None), None),
    )
    if held is None and starts is None and same:
        held = max(same, key=lambda term: (term.starts_on or date.min, term.id))
    if held is None:
        _new_term(office, present, plan, today)
        return
    changes: dict[str, Any] = {}
    if starts and held.starts_on is None:
        changes["starts_on"] = starts
        plan.tell("other", _("In office since"), None, office.starts_on)
    if ends and ends != held.ends_on:
        changes["ends_on"] = ends
        old = held.ends_on.isoformat() if held.ends_on else None
        plan.tell("other", _("In office until"), old, office.ends_on)
    if office.party and office.party != held.party:
        changes["party"] = office.party
        plan.tell("party", _("Party"), held.party, office.party)
    current = is_current(office, today) and (ends is not None or held.ends_on is None)
    if held.is_current and ends and ends < today:
        changes["is_current"] = False
    elif current and not held.is_current:
        changes["is_current"] = True
        before = _leave(present, plan)
        plan.tell("moved", _("Office"), before, f"{office.label}, {office.body}")
    if changes:
        plan.terms.append((held.id, changes))


def _new_term(office: Office, present: Present, plan: Plan, today: date) -> None:
    plan.new_term = True
    told = f"{office.label}, {office.body}"
    if is_current(office, today):
        plan.tell("moved", _("Office"), _leave(present, plan), told)
    else:
        plan.tell("other", _("Office held before"), None, told)


def _leave(present: Present, plan: Plan) -> str | None:
    """The present office is one no more; returns its words."""
    held = present.office
    if held is None:
        return None
    plan.terms.append((held.id, {"is_current": False}))
    return f"{held.label}, {held.body}"


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


# Contact points


def _contacts(facts: Facts, present: Present, plan: Plan) -> None:
    """A value that is there already is not touched, whatever was said of it since."""
    free = list(present.contacts)
    missing: list[Contact] = []
    for contact in facts.contacts:
        same = next((h for h in free if h.kind == contact.kind and _same(h, contact)), None)
        if same is None:
            missing.append(contact)
        else:
            free.remove(same)
    for contact in missing:
        # A point another source keeps is its own; ours stands beside it.
        old = next(
            (h for h in free
             if h.kind == contact.kind and h.label == contact.label and h.key is None
             and h.status != "past"),
            None,
        )  # fmt: skip
        what = f"{rules.CONTACT_KINDS[contact.kind]} ({contact.label})"
        plan.tell("contact", what, old.value if old else None, contact.value)
        if old is None:
            plan.new_contacts.append(contact)
        else:
            free.remove(old)
            plan.contacts.append(
                (old.id, {"value": contact.value, "parts": contact.parts, "status": "good"})
            )


def _same(held: HeldContact, contact: Contact) -> bool:
    return held.value == contact.value or _bare(held.kind, held.value) == _bare(
        contact.kind, contact.value
    )


def _bare(kind: str, value: str) -> str:
    if kind in ("phone", "fax"):
        return "".join(c for c in value if c.isalnum())
    if kind == "postal":
        return fold(value)
    return value.casefold().rstrip("/")
