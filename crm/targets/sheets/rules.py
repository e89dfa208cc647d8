"""One row of a spreadsheet of targets: what it says, and what is wrong with it. Pure.

An empty cell says nothing: it never takes away what is there.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from flask_babel import gettext as _

from crm.core.days import Ambiguous, Order, parse_day
from crm.core.text import fold
from crm.targets import rules
from crm.targets.countries import country_code, country_name
from crm.targets.sheets.fields import BY_NAME, CONTACTS, NETWORKS
from crm.targets.sheets.names import salutation, split_name

#: Characters of a field; of those absent 200.
_MOST = {
    "given_name": 100, "family_name": 100, "additional_name": 100, "suffix": 20, "salutation": 100,
    "area": 60, "district": 100, "party": 60, "key": 100, "note": 5000, "address": 1000,
    "website": 1000, "web_form": 1000, "social": 1000,
}  # fmt: skip
#: Fields whose cells keep their lines.
_LINES = frozenset({"note", "address", "street"})
#: Between several values of one cell: e-mail addresses, numbers.
_BETWEEN = re.compile(r"\s*[;\n]\s*|\s+/\s+|\s*,\s*(?=[^\s@,;]+@)")


class Fault(NamedTuple):
    """What is wrong with a row: the field or column, and a sentence."""

    field: str
    sentence: str


class Contact(NamedTuple):
    """A way to reach the target."""

    kind: str
    label: str
    value: str
    parts: dict[str, str] | None = None


class Office(NamedTuple):
    """What the row says the target holds or held; None is not said."""

    body: str
    role: str
    area: str | None
    district: str | None
    party: str | None
    starts_on: str | None
    ends_on: str | None

    @property
    def body_key(self) -> str:
        """As an office entered by hand has it."""
        return f"own/{rules.key_part(self.body)}"

    @property
    def post_key(self) -> str:
        """The same office of the same place is the same post."""
        said = (self.role, self.area, self.district)
        return "/".join((self.body_key, *(rules.key_part(each) for each in said if each)))

    @property
    def label(self) -> str:
        """What the post is called."""
        return f"{self.role}, {self.district}" if self.district else self.role


@dataclass
class Facts:
    """What a row says. `columns` are those of the target's table; what is not said is absent."""

    kind: str
    key: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    office: Office | None = None
    contacts: list[Contact] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The whole name."""
        return self.columns.get("name", "")

    @property
    def identity(self) -> str:
        """Two rows of the same are the same target, where they have no keys."""
        office = self.office.post_key if self.office else ""
        return "|".join((self.kind, fold(self.name), self.columns.get("country", ""), office))

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "kind": self.kind, "key": self.key, "columns": self.columns, "office": self.office,
            "contacts": self.contacts,
        }  # fmt: skip

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Facts":
        """The way back."""
        office = Office(*plain["office"]) if plain["office"] else None
        contacts = [Contact(*each) for each in plain["contacts"]]
        return cls(plain["kind"], plain["key"], plain["columns"], office, contacts)


@dataclass(frozen=True)
class Meaning:
    """How the rows of a file are to be read."""

    #: (place of the cell, field, column's name)
    columns: Sequence[tuple[int, str, str]]
    kind: str
    #: Values for rows that have none: institution, office, country, party.
    fixed: Mapping[str, str] = field(default_factory=dict)
    #: Whether day or month comes first; None where no date leaves it open.
    order: Order | None = None
    #: What a contact point of a column is called, once it was asked.
    labels: dict[tuple[str, str], str] = field(default_factory=dict)

    def label(self, name: str, column: str) -> str:
        """The column's own name, unless it says only what kind of thing it holds."""
        if (name, column) not in self.labels:
            self.labels[name, column] = _label(name, column)
        return self.labels[name, column]


class _Reading:
    """A row in hand."""

    def __init__(self, meaning: Meaning, cells: Sequence[str]):
        self.meaning = meaning
        self.faults: list[Fault] = []
        self.said: dict[str, list[tuple[str, str]]] = {}
        for place, name, column in meaning.columns:
            cell = cells[place]
            if not cell:
                continue
            if "\n" in cell and name not in _LINES and name not in CONTACTS:
                cell = " ".join(cell.split("\n"))
            if len(cell) > (most := _MOST.get(name, 200)):
                self.wrong(column, _("is longer than %(most)s characters", most=most))
                continue
            self.said.setdefault(name, []).append((column, cell))

    def wrong(self, column: str, sentence: str) -> None:
        self.faults.append(Fault(column, sentence))

    def one(self, name: str) -> str | None:
        found = self.said.get(name)
        return found[0][1] if found else None

    def column(self, name: str) -> str:
        """What the column is called that fills a field; else the field."""
        for _place, each, column in self.meaning.columns:
            if each == name:
                return column
        return str(BY_NAME[name].label)

    def label(self, name: str, column: str) -> str:
        return self.meaning.label(name, column)

    def fixed(self, name: str) -> str | None:
        return self.one(name) or self.meaning.fixed.get(name) or None


def parse_row(meaning: Meaning, cells: Sequence[str]) -> tuple[Facts | None, list[Fault]]:
    """What a row says; None beside what is wrong with it."""
    row = _Reading(meaning, cells)
    facts = Facts(kind=_kind(row), key=row.one("key"))
    is_person = facts.kind in rules.PERSONS
    if is_person:
        _name_person(row, facts)
    else:
        _name_other(row, facts)
    if country := row.fixed("country"):
        if code := country_code(country):
            facts.columns["country"] = code
        else:
            row.wrong(row.column("country"), _("is no country known here: “%(text)s”",
                                               text=_short(country)))  # fmt: skip
    if nickname := row.one("nickname"):
        facts.columns["nickname"] = nickname
    if note := "\n".join(text for _column, text in row.said.get("note", ())):
        facts.columns["note"] = note
    if not facts.columns.get("name") and facts.kind == "government" and country:
        facts.columns["name"] = country_name(facts.columns.get("country", country))
    if not facts.columns.get("name") and not any(f.field == row.column("name") for f in row.faults):
        row.wrong(row.column("family_name" if "family_name" in row.said else "name"),
                  _("is empty: a target needs a name"))  # fmt: skip
    _add_office(row, facts, is_person)
    _add_contacts(row, facts)
    return (None if row.faults else facts), row.faults


def _short(text: str) -> str:
    return f"{text[:60]}…" if len(text) > 60 else text


def _kind(row: _Reading) -> str:
    text = row.one("kind")
    if text is None:
        return row.meaning.kind
    if kind := _KINDS.get(fold(text)):
        return kind
    row.wrong(row.column("kind"), _("is none of %(kinds)s: “%(text)s”",
                                    kinds=", ".join(rules.KINDS), text=_short(text)))  # fmt: skip
    return row.meaning.kind


_KINDS = {kind: kind for kind in rules.KINDS} | {
    "legislators": "legislator", "mp": "legislator", "member of parliament": "legislator",
    "senator": "legislator", "representative": "legislator", "officials": "official",
    "minister": "official", "ambassador": "official", "person": "official",
    "state": "government", "country": "government", "governments": "government",
    "embassy": "body", "ministry": "body", "organisation": "body", "organization": "body",
    "institution": "body", "bodies": "body", "business": "company", "corporation": "company",
    "companies": "company", "bank": "company",
}  # fmt: skip


# Names


def _name_person(row: _Reading, facts: Facts) -> None:
    titles = row.one("title") or ""
    given, family = row.one("given_name"), row.one("family_name")
    additional, suffix = row.one("additional_name"), row.one("suffix")
    if not (given or family) and (name := row.one("name")):
        parts = split_name(name)
        titles = f"{titles} {parts.titles}".strip()
        given, family = parts.given, parts.family
        additional, suffix = additional or parts.additional, suffix or parts.suffix
        for text, what in ((given, "given_name"), (family, "family_name")):
            if text and len(text) > _MOST[what]:
                row.wrong(row.column("name"), _("has a part longer than %(most)s characters",
                                                most=_MOST[what]))  # fmt: skip
    whole = row.one("given_name") is None and row.one("family_name") is None
    for column, value in (
        ("given_name", given), ("family_name", family), ("additional_name", additional),
        ("suffix", suffix),
    ):  # fmt: skip
        # A name in one cell says of each part what it is, or that there is none.
        if value or whole:
            facts.columns[column] = value or ""
    if told := row.one("salutation") or salutation(titles, given, family):
        facts.columns["salutation"] = told
    if name := rules.full_name(given, family, additional=additional, suffix=suffix):
        facts.columns["name"] = name


def _name_other(row: _Reading, facts: Facts) -> None:
    if name := row.one("name"):
        facts.columns["name"] = name
    if text := row.one("salutation"):
        facts.columns["salutation"] = text


# The office


def _add_office(row: _Reading, facts: Facts, is_person: bool) -> None:
    said = {
        name: row.one(name)
        for name in ("role", "body", "area", "district", "party", "starts_on", "ends_on")
    }
    days = {name: _day(row, name) for name in ("starts_on", "ends_on")}
    if days["starts_on"] and days["ends_on"] and days["ends_on"] < days["starts_on"]:
        row.wrong(row.column("ends_on"), _("is before the first day"))
    fixed = {name: row.meaning.fixed.get(name) for name in ("role", "body", "party")}
    if not is_person:
        for name in ("role", "party", "starts_on", "ends_on"):
            if said[name]:
                told = _("belongs to people, and this is a %(kind)s", kind=facts.kind)
                row.wrong(row.column(name), told)
        return
    if not any(said.values()) and not any(fixed.values()):
        return
    country = facts.columns.get("country")
    facts.office = Office(
        body=said["body"] or fixed["body"] or _body(facts.kind, country),
        role=said["role"] or fixed["role"] or _role(facts.kind),
        area=said["area"],
        district=said["district"],
        party=said["party"] or fixed["party"],
        starts_on=days["starts_on"].isoformat() if days["starts_on"] else None,
        ends_on=days["ends_on"].isoformat() if days["ends_on"] else None,
    )


def _body(kind: str, country: str | None) -> str:
    whose = country_name(country) if country else None
    if kind == "legislator":
        return _("Parliament, %(country)s", country=whose) if whose else _("Parliament")
    return _("Government, %(country)s", country=whose) if whose else _("Government")


def _role(kind: str) -> str:
    return _("Member") if kind == "legislator" else _("Official")


def _day(row: _Reading, name: str) -> date | None:
    text = row.one(name)
    if text is None:
        return None
    try:
        return parse_day(text, row.meaning.order)
    except Ambiguous:
        row.wrong(row.column(name), _("may have the day or the month first: “%(text)s”",
                                      text=_short(text)))  # fmt: skip
    except ValueError:
        row.wrong(row.column(name), _("is not a date: “%(text)s”. Write it as 2026-03-31",
                                      text=_short(text)))  # fmt: skip
    return None


# Contact points


def _add_contacts(row: _Reading, facts: Facts) -> None:
    for name, kind in CONTACTS.items():
        check = _CHECKS[kind]
        for column, cell in row.said.get(name, ()):
            for text in _BETWEEN.split(cell):
                if not text:
                    continue
                value, sentence = check(text, column)
                if sentence:
                    row.wrong(column, sentence)
                    continue
                is_social = kind == "social"
                label = _network(column, value) if is_social else row.label(name, column)
                contact = Contact(kind, label, value)
                if contact not in facts.contacts:
                    facts.contacts.append(contact)
    for column, text in row.said.get("address", ()):
        facts.contacts.append(Contact("postal", row.label("address", column), text))
    parts = {
        part: row.one(name)
        for part, name in (("locality", "city"), ("region", "region"), ("postal_code", "postcode"))
    }
    street = "\n".join(text for _column, text in row.said.get("street", ()))
    if (street or any(parts.values())) and not row.said.get("address"):
        kept = {"street": street, **parts, "country": row.one("address_country")}
        said = {name: value for name, value in kept.items() if value}
        place = " ".join(filter(None, (parts["region"], parts["postal_code"])))
        lines = (street, ", ".join(filter(None, (parts["locality"], place))), said.get("country"))
        facts.contacts.append(
            Contact(
                "postal",
                row.label("street", "street"),
                "\n".join(line for line in lines if line),
                said,
            )
        )


def _email(text: str, _column: str) -> tuple[str, str | None]:
    value = text.removeprefix("mailto:").strip("<> ")
    if rules.looks_like_email(value):
        return value, None
    return "", _("is not an e-mail address: “%(text)s”", text=_short(text))


def _number(text: str, _column: str) -> tuple[str, str | None]:
    value = text.removeprefix("tel:").strip()
    if any(c.isdigit() for c in value):
        return value, None
    return "", _("has no digits: “%(text)s”", text=_short(text))


def _link(text: str, _column: str) -> tuple[str, str | None]:
    if rules.is_link(text):
        return text, None
    if re.fullmatch(r"[\w-]+(\.[\w-]+)+(:[0-9]+)?([/?#]\S*)?", text):
        return f"https://{text}", None
    return "", _("is not a web address: “%(text)s”", text=_short(text))


def _social(text: str, column: str) -> tuple[str, str | None]:
    if rules.is_link(text):
        return text, None
    network = next((NETWORKS[word] for word in fold(column).split() if word in NETWORKS), None)
    handle = text.removeprefix("@")
    if network and network[1] and re.fullmatch(r"[\w.-]+", handle) and "/" not in text:
        return network[1] + handle, None
    return _link(text, column) if "/" in text else (
        "", _("is not a web address: “%(text)s”. Give it with https:// in front", text=_short(text))
    )  # fmt: skip


_CHECKS: dict[str, Callable[[str, str], tuple[str, str | None]]] = {
    "email": _email, "phone": _number, "fax": _number, "web form": _link, "website": _link,
    "social": _social,
}  # fmt: skip


def _label(name: str, column: str) -> str:
    plain = fold(column).rstrip("0123456789 ")
    if plain not in BY_NAME[name].words and plain not in (name, CONTACTS.get(name)):
        return column[:100]
    if name == "website":
        return _("Website")
    return _("Web form") if name == "web_form" else _("Office")


def _network(column: str, value: str) -> str:
    """Which social network: by the address, else by the column."""
    words = re.findall(r"[a-z]+", value.lower().split("://")[-1].split("/")[0])
    words += fold(column).split()
    return next((NETWORKS[word][0] for word in words if word in NETWORKS), _("Social media"))
