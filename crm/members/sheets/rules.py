"""One row of a roster: what it says, and what is wrong with it. Pure.

An empty cell says nothing: it never takes away what is there. Of a day of birth only the age band
is kept, and the day stands in no sentence.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _

from crm.core.days import Ambiguous, Order, parse_day
from crm.core.errors import Refused
from crm.core.text import fold
from crm.members import rules, tags
from crm.members.matching import split_name
from crm.members.rules import NAME_MOST, YEARS, AgeBand
from crm.members.sheets.fields import BY_NAME, CUSTOM

#: Characters of a field; of those absent 200.
_MOST = {"note": 2000, "address": 500, "phone": 60, "postal_code": 20, "email": 254}
#: Fields whose cells keep their lines.
_LINES = frozenset({"note", "address"})
#: Grades of a school: after the last comes graduation.
_GRADES = range(1, 13)
_OLDEST = 110

_TITLE = re.compile(
    r"(?:mr|mrs|ms|miss|mx|dr|prof|professor|rev|sir|herr|frau|señora?|señorita|sr|sra|srta|mme|"
    r"mlle|monsieur|madame)\.?(?=\s)\s*",
    re.IGNORECASE,
)
_PLAIN_EMAIL = re.compile(
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}"
)
_NUMBER = re.compile(r"[0-9]+")
_GRADE_WORDS = {
    "freshman": 9, "freshmen": 9, "sophomore": 10, "junior": 11, "senior": 12, "k": 0,
    "kindergarten": 0, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "eighth": 8,
    "seventh": 7, "sixth": 6,
}  # fmt: skip
_TAGS = ("skill", "interest", "language")


class Fault(NamedTuple):
    """What is wrong with a row: the column, and a sentence."""

    field: str
    sentence: str


class Guardian(NamedTuple):
    """A guardian as a row names them."""

    name: str
    email: str | None = None
    phone: str | None = None
    relation: str | None = None


@dataclass
class Facts:
    """What a row says. `columns` are those of the member's table; what is not said is absent."""

    given: str
    family: str | None
    chapter_id: int
    columns: dict[str, Any] = field(default_factory=dict)
    joined_on: str | None = None
    guardians: list[Guardian] = field(default_factory=list)
    #: Kind → names.
    tags: dict[str, list[str]] = field(default_factory=dict)
    custom: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.given} {self.family}" if self.family else self.given

    def plain(self) -> tuple[Any, ...]:
        """As JSON keeps it, the names first."""
        return (self.given, self.family, self.chapter_id, self.columns, self.joined_on,
                self.guardians, self.tags, self.custom)  # fmt: skip

    @classmethod
    def from_plain(cls, plain: Sequence[Any]) -> "Facts":
        """The way back."""
        facts = cls(*plain)
        facts.guardians = [Guardian(*each) for each in facts.guardians]
        return facts


@dataclass(frozen=True)
class Meaning:
    """How the rows of a file are to be read."""

    #: (place of the cell, field, column's name)
    columns: Sequence[tuple[int, str, str]]
    #: Folded name or slug of a chapter → its id, of those the importer may fill.
    chapters: Mapping[str, int]
    #: The chapter of rows that name none.
    chapter_id: int | None
    bounds: tuple[int, int, int]
    today: date
    order: Order | None = None
    #: By key: the label, and what makes of a typed value the kept one, or raises `Refused`.
    custom: Mapping[str, tuple[str, Callable[[str], str | None]]] = field(default_factory=dict)

    @cached_property
    def guardians(self) -> list[str]:
        """Those of the two a row may name whom a column tells anything of."""
        told = {name.partition("_")[0] for _place, name, _column in self.columns}
        return [which for which in ("guardian", "guardian2") if which in told]

    def column(self, name: str) -> str:
        """What the column is called that fills a field; else the field."""
        found = (column for _place, each, column in self.columns if each == name)
        return next(found, None) or str(BY_NAME[name].label)

    def fills(self, name: str) -> bool:
        """Whether a column fills a field."""
        return any(each == name for _place, each, _column in self.columns)


def parse_row(meaning: Meaning, cells: Sequence[str]) -> tuple[Facts | None, list[Fault]]:
    """What a row says; None beside what is wrong with it."""
    faults: list[Fault] = []
    said: dict[str, list[str]] = {}
    for place, name, column in meaning.columns:
        cell = cells[place]
        if not cell:
            continue
        if len(cell) > (most := _MOST.get(name, 200)):
            faults.append(Fault(column, _("is longer than %(most)s characters", most=most)))
            continue
        if name not in _LINES and "\n" in cell:
            # A tag's cell may have a line for each.
            cell = (", " if name in _TAGS else " ").join(cell.split("\n"))
        said.setdefault(name, []).append(cell)

    def one(name: str) -> str | None:
        found = said.get(name)
        return found[0] if found else None

    def wrong(name: str, sentence: str) -> None:
        faults.append(Fault(meaning.column(name), sentence))

    given, family = _name(meaning, one, wrong)
    chapter_id = _chapter(meaning, one("chapter"), wrong)
    columns = _columns(meaning, said, one, wrong)
    joined_on = one("joined_on")
    facts = Facts(
        given, family, chapter_id, columns,
        _joined(meaning, joined_on, wrong) if joined_on else None,
    )  # fmt: skip
    for which in meaning.guardians:
        if guardian := _guardian(which, " ".join(said.get(f"{which}_name", ())), one, wrong):
            facts.guardians.append(guardian)
    for kind in _TAGS:
        if kind in said and (names := _tags(kind, said[kind], wrong)):
            facts.tags[kind] = names
    for key, (label, kept) in meaning.custom.items():
        if text := one(f"{CUSTOM}{key}"):
            try:
                facts.custom[key] = kept(text) or ""
            except Refused as refusal:
                wrong(f"{CUSTOM}{key}", refusal.message.removeprefix(f"{label}: "))
    return (None if faults else facts), faults


Said = Callable[[str], str | None]
Wrong = Callable[[str, str], None]


def _short(text: str) -> str:
    return f"{text[:60]}…" if len(text) > 60 else text


# Who


def _name(meaning: Meaning, one: Said, wrong: Wrong) -> tuple[str, str | None]:
    given, family, whole = one("given_name"), one("family_name"), one("name")
    where = "given_name" if given else "name" if whole else "family_name"
    if given or family:
        given, family = (
            rules.clean_name(without_titles(given or "")),
            rules.clean_name(family or "") or None,
        )
        if not given and family:
            # All of it in the one column, whatever that is called.
            where, (given, family) = "family_name", split_name(without_titles(family))
    elif whole:
        given, family = split_name(without_titles(whole))
        if family and (bare := without_titles(f"{given} ").strip()) != given:
            given = bare
    else:
        fields = ("given_name", "name", "family_name")
        where = next(field for field in fields if meaning.fills(field))
        wrong(where, _("is empty: a member needs a first name"))
        return "", None
    for part in (given, family):
        if (
            part
            and (len(part) > NAME_MOST or not part.isascii() or not fold(part))
            and (fault := rules.name_fault(part))
        ):
            wrong(where, _("cannot be kept as a name. %(fault)s", fault=fault))
            return given or "", family
    if not given:
        wrong(where, _("holds no first name"))
    elif _NUMBER.fullmatch(given):
        wrong(where, _("is a number and no name: “%(text)s”", text=_short(given)))
    return given or "", family


def without_titles(name: str) -> str:
    """`Dr. Ana Núñez` → `Ana Núñez`; also behind a comma, where the family name stands first."""
    family, comma, given = name.partition(",")
    if comma and (bare := _TITLE.sub("", f"{given.strip()} ", count=1).strip()):
        given = bare
    while found := _TITLE.match(family):
        family = family[found.end() :]
    return f"{family}, {given.strip()}" if comma else family


def _chapter(meaning: Meaning, text: str | None, wrong: Wrong) -> int:
    if text is None:
        if meaning.chapter_id is None:
            wrong("chapter", _("is empty, and no chapter was chosen for such rows"))
        return meaning.chapter_id or 0
    found = meaning.chapters.get(text.lower()) or meaning.chapters.get(fold(text))
    if found is None:
        wrong("chapter", _("is none of your open chapters: “%(text)s”", text=_short(text)))
    elif found < 0:
        wrong("chapter", _("is the name of several chapters: write the last part of the address "
                           "of its page"))  # fmt: skip
        return 0
    return found or 0


# What is known


def _columns(
    meaning: Meaning, said: Mapping[str, list[str]], one: Said, wrong: Wrong
) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if text := one("email"):
        if email := clean_email(text):
            columns["email"] = email
        else:
            wrong("email", _("is not an e-mail address: “%(text)s”", text=_short(text)))
    if text := one("phone"):
        if any(c.isdigit() for c in text):
            columns["phone"] = text
        else:
            wrong("phone", _("has no digits: “%(text)s”", text=_short(text)))
    for name in ("graduation_year", "grade"):
        if (text := one(name)) and "graduation_year" not in columns:
            year = graduation_year(text, meaning.today)
            if year is None:
                wrong(name, _("is neither a year such as 2027 nor a grade: “%(text)s”",
                              text=_short(text)))  # fmt: skip
            else:
                columns["graduation_year"] = year
    if band := _band(meaning, one, wrong):
        columns["age_band"] = band
    if text := one("postal_code"):
        columns["postal_code"] = text
    if lines := said.get("address"):
        columns["address"] = "\n".join(lines)
    if lines := said.get("note"):
        columns["note"] = "\n".join(lines)
    return columns


@lru_cache(maxsize=1024)
def clean_email(text: str) -> str | None:
    """An address as it is kept; None for what is none."""
    text = text.removeprefix("mailto:").strip("<> ")
    if _PLAIN_EMAIL.fullmatch(text) and len(text) <= 254:
        return text
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        return None


@lru_cache(maxsize=1024)
def graduation_year(text: str, today: date) -> int | None:
    """`2027`, `Class of '27`, `2026/27`, `9th grade`, `Grade 10`, `Junior` → the year."""
    words = fold(text).split()
    numbers = [int(number) for number in _NUMBER.findall(text)]
    for number in reversed(numbers):
        if number in YEARS:
            return _of_school_year(numbers) or number
    grades = [_GRADE_WORDS[word] for word in words if word in _GRADE_WORDS]
    if len(numbers) == 1:
        number = numbers[0]
        if number in _GRADES:
            return rules.school_year(today) + _GRADES[-1] - number
        if 13 < number < 100 and ("'" in text or "’" in text or "class" in words):
            return 2000 + number
    elif not numbers and len(grades) == 1:
        return rules.school_year(today) + _GRADES[-1] - grades[0]
    return None


def _of_school_year(numbers: Sequence[int]) -> int | None:
    """`2026/27` ends in 2027."""
    if len(numbers) == 2 and numbers[0] in YEARS and numbers[1] == (numbers[0] + 1) % 100:
        return numbers[0] + 1
    return None


def _band(meaning: Meaning, one: Said, wrong: Wrong) -> str | None:
    if text := one("born_on"):
        band = _band_of_birth(meaning, text)
        if band is None:
            # What stands there is not repeated: it may be somebody's day of birth.
            wrong("born_on", _("is no date of birth. Write it as 2011-03-31"))
        return band
    if text := one("age"):
        numbers = _NUMBER.findall(text)
        if len(numbers) == 1 and 3 <= (years := int(numbers[0])) <= _OLDEST:
            return rules.band_of(years, meaning.bounds)
        wrong("age", _("is no age in years: “%(text)s”", text=_short(text)))
    if text := one("age_band"):
        if band := band_named(text, meaning.bounds):
            return band
        names = ", ".join(rules.band_name(band, meaning.bounds) for band in AgeBand)
        wrong("age_band", _("is none of %(bands)s: “%(text)s”", bands=names, text=_short(text)))
    return None


def _band_of_birth(meaning: Meaning, text: str) -> str | None:
    """The band of a day; where day or month may come first, if both give the same."""
    try:
        days = [parse_day(text, meaning.order)]
    except Ambiguous:
        days = [parse_day(text, "day"), parse_day(text, "month")]
    except ValueError:
        return None
    bands = set()
    for day in days:
        years = meaning.today.year - day.year
        years -= (meaning.today.month, meaning.today.day) < (day.month, day.day)
        if not 3 <= years <= _OLDEST:
            return None
        bands.add(rules.band_of(years, meaning.bounds))
    # The younger of two is the safer.
    return min(bands, key=list(AgeBand).index)


@lru_cache(maxsize=256)
def band_named(text: str, bounds: tuple[int, int, int]) -> str | None:
    """A band by its name (`13–15`, `under 13`, `18+`, `adult`) or by an age within it."""
    folded = fold(text)
    for band in AgeBand:
        if folded in (fold(rules.band_name(band, bounds)), fold(band)):
            return band
    first, _second, grown = bounds
    if folded in ("minor", "adults", "over 18", "unknown", "n a", "no answer"):
        return {"adults": AgeBand.ADULT, "over 18": AgeBand.ADULT}.get(folded, AgeBand.UNKNOWN)
    numbers = [int(each) for each in _NUMBER.findall(text)]
    if len(numbers) == 1 and ("<" in text or folded.startswith(("under", "below"))):
        return rules.band_of(numbers[0] - 1, bounds) if numbers[0] <= first else None
    if len(numbers) == 1 and ("+" in text or folded.endswith("over")):
        return AgeBand.ADULT if numbers[0] >= grown else None
    bands = {rules.band_of(each, bounds) for each in numbers if 3 <= each <= _OLDEST}
    return bands.pop() if len(bands) == 1 and len(numbers) <= 2 else None


def _joined(meaning: Meaning, text: str, wrong: Wrong) -> str | None:
    try:
        day = parse_day(text.partition(" ")[0] if ":" in text else text, meaning.order)
    except Ambiguous:
        wrong("joined_on", _("may have the day or the month first: “%(text)s”", text=_short(text)))
    except ValueError:
        wrong("joined_on", _("is not a date: “%(text)s”. Write it as 2026-03-31",
                             text=_short(text)))  # fmt: skip
    else:
        if day <= meaning.today:
            return day.isoformat()
        wrong("joined_on", _("lies in the future: %(day)s", day=day.isoformat()))
    return None


# Guardians and words


def _guardian(which: str, name: str, one: Said, wrong: Wrong) -> Guardian | None:
    email, phone = one(f"{which}_email"), one(f"{which}_phone")
    if not (name or email or phone):
        return None
    kept_email = clean_email(email) if email else None
    if email and not kept_email:
        wrong(f"{which}_email", _("is not an e-mail address: “%(text)s”", text=_short(email)))
    if phone and not any(c.isdigit() for c in phone):
        wrong(f"{which}_phone", _("has no digits: “%(text)s”", text=_short(phone)))
    if name:
        given, family = split_name(without_titles(name))
        name = f"{given} {family}" if family else given
        if fault := rules.name_fault(name):
            wrong(f"{which}_name", _("cannot be kept as a name. %(fault)s", fault=fault))
    # A list of addresses says who they are when somebody writes to them.
    shown = name or kept_email or phone or ""
    return Guardian(shown, kept_email, phone, one(f"{which}_relation"))


@lru_cache(maxsize=1024)
def _parted(text: str) -> tuple[str, ...]:
    return tuple(tags.parted(text))


def _tags(kind: str, cells: Sequence[str], wrong: Wrong) -> list[str]:
    names = list(_parted(",".join(cells)))
    if any(len(name) > tags.MOST for name in names) or len(names) > tags.MOST_OF_A_KIND:
        wrong(kind, _("holds more than %(count)s words, or one longer than %(most)s characters",
                      count=tags.MOST_OF_A_KIND, most=tags.MOST))  # fmt: skip
    return names
