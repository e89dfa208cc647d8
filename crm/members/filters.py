"""The filter of the list of members, as an address or a command line says it.

One `MemberFilter` serves the screen and the files. What names nothing is a problem, and then nobody
is listed: never more than was asked for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import false, select
from sqlalchemy.orm import joinedload
from werkzeug.datastructures import MultiDict

from crm.accounts.imports import ImportRun
from crm.core import access, db, i18n
from crm.core.access import Can, Scope
from crm.core.errors import Refused
from crm.core.forms import parse_id
from crm.members import fields, queries, tags
from crm.members.consent_rules import LABELS as PURPOSES
from crm.members.consent_rules import Purpose
from crm.members.models import Chapter, CustomField, Tag, Team
from crm.members.queries import AgeGroup, Answered, MemberFilter
from crm.members.rules import Standing

#: Characters of a search that are looked at.
QUERY_MOST = 100
#: Imports that are offered.
_IMPORTS = 20

AGE_GROUPS = {
    AgeGroup.MINOR: _l("Minors"),
    AgeGroup.ADULT: _l("Adults"),
    AgeGroup.UNKNOWN: _l("Age unknown"),
}
#: What is asked in the first line of the panel; all else lies behind “More filters”.
FIRST = frozenset({"q", "chapter", "standing", "year"})


@dataclass(frozen=True)
class Reader:
    """Who asks: where they see members, where they keep them, and where their consents."""

    sees: Scope
    keeps: Scope
    keeps_consents: Scope
    user_id: int | None = None

    @classmethod
    def of(cls, user: Any) -> "Reader":
        """The reader a user is."""
        sees = access.scope(user, Can.SEE_MEMBERS)
        return cls(
            sees,
            sees.within(access.scope(user, Can.EDIT_MEMBERS)),
            sees.within(access.scope(user, Can.KEEP_CONSENTS)),
            user.id,
        )


_EVERYWHERE = Scope(everywhere=True, chapter_ids=frozenset())
#: Who a command is.
COMMAND = Reader(_EVERYWHERE, _EVERYWHERE, _EVERYWHERE)


@dataclass(frozen=True)
class Narrowing:
    """One part of what was asked, in words, and the parts of the address that say it."""

    label: str
    value: str
    name: str
    #: Of the same name there may be several: which one this is.
    given: str


@dataclass
class Asked:
    """What was asked for: the filter, where it looks, the words it came in."""

    reader: Reader
    wanted: MemberFilter = field(default_factory=MemberFilter)
    #: Where members are looked for; narrower than what the reader sees where the filter tells
    #: something of those it finds.
    scope: Scope = field(default_factory=lambda: _EVERYWHERE)
    chosen: Chapter | None = None
    problems: list[str] = field(default_factory=list)
    narrowed: list[Narrowing] = field(default_factory=list)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything was asked for."""
        return bool(self.narrowed or self.problems)

    @property
    def more(self) -> list[Narrowing]:
        """What was asked beyond the first line of the panel."""
        return [each for each in self.narrowed if each.name not in FIRST]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What was asked, in words, for the head of a file."""
        return [(each.label, each.value) for each in self.narrowed]

    def value(self, name: str) -> str:
        """What was asked under a name; empty for nothing."""
        return next((each.given for each in self.narrowed if each.name == name), "")

    @property
    def tells_consent(self) -> bool:
        """Whether the list says of those on it who consented: that is recorded as read."""
        return self.wanted.lacks is not None

    # What the panel offers. Each is asked for once, however many members there are.

    @cached_property
    def chapters(self) -> list[Chapter]:
        """The chapters the reader sees, in tree order."""
        return queries.chapters_in(self.reader.sees)

    @cached_property
    def tags(self) -> dict[str, list[Tag]]:
        """The tags there are, by kind."""
        found: dict[str, list[Tag]] = {kind: [] for kind in tags.KINDS}
        for each in tags.all_tags():
            found.setdefault(each.kind, []).append(each)
        return found

    @cached_property
    def teams(self) -> Sequence[Team]:
        """The teams of the chapters the reader sees, those that are closed last."""
        return db.session.scalars(
            select(Team)
            .where(queries.in_scope(Team.chapter_id, self.reader.sees))
            .options(joinedload(Team.chapter))
            .order_by(Team.closed_on.is_not(None), Team.name, Team.id)
        ).all()

    @cached_property
    def fields(self) -> Sequence[CustomField]:
        """The fields that are asked."""
        return fields.defined()

    @cached_property
    def imports(self) -> Sequence[ImportRun]:
        """The latest imports of members the reader carried out; of everybody's, for who sees all.

        The one that is asked for is among them if the reader may see it.
        """
        found = select(ImportRun).where(ImportRun.importer == "members")
        if not self.reader.sees.everywhere:
            found = found.where(ImportRun.by_id == self.reader.user_id)
        return db.session.scalars(
            found.order_by((ImportRun.id == self.wanted.import_id).desc(), ImportRun.id.desc())
            .limit(_IMPORTS)
        ).all()  # fmt: skip

    @property
    def may_ask_age(self) -> bool:
        """Whether the reader may narrow the list by age."""
        return bool(self.reader.keeps)

    @property
    def may_ask_consent(self) -> bool:
        """Whether the reader may narrow the list by consents and guardians."""
        return bool(self.reader.keeps_consents)


def parse(args: MultiDict[str, str], reader: Reader) -> Asked:
    """Read what is asked for. The scope never reaches beyond what the reader sees."""
    asked = Asked(reader, scope=reader.sees)
    _parse_first(asked, args)
    _parse_tags(asked, args)
    _parse_team(asked, args)
    _parse_import(asked, args)
    for each in asked.fields if any(name.startswith("field-") for name in args) else ():
        _parse_field(asked, args, each)
    _parse_kept(asked, args)
    return asked


def _take(asked: Asked, label: Any, value: Any, name: str, given: str, **wanted: Any) -> None:
    asked.narrowed.append(Narrowing(str(label), str(value), name, given))
    asked.wanted = replace(asked.wanted, **wanted)


def _unknown(asked: Asked, label: Any, value: str) -> None:
    asked.problems.append(
        _("Nothing is known as “%(value)s” for %(name)s.", value=value[:80], name=label)
    )


def _parse_first(asked: Asked, args: MultiDict[str, str]) -> None:
    asked.wanted = replace(asked.wanted, sort=args.get("sort", "name"))
    if q := args.get("q", "").replace("\x00", "")[:QUERY_MOST]:
        _take(asked, _("Name"), q, "q", q, q=q)
    if slug := args.get("chapter", ""):
        asked.chosen = next((each for each in asked.chapters if each.slug == slug), None)
        if asked.chosen is None:
            # A chapter the reader may not see is not there; to show everybody would mislead.
            raise LookupError(slug)
        path = asked.chosen.path
        ids = frozenset(each.id for each in asked.chapters if each.path.startswith(path))
        name = asked.chosen.name
        _take(asked, _("Chapter and below"), name, "chapter", slug, chapter_ids=ids)
    standing = args.get("standing", "")
    if standing in set(Standing) - {Standing.CURRENT}:
        label = {Standing.ALUMNI: _("Alumni"), Standing.ALL: _("All")}[Standing(standing)]
        _take(asked, _("Standing"), label, "standing", standing, standing=Standing(standing))
    year = args.get("year", "")
    if year.isascii() and year.isdigit() and len(year) == 4:
        _take(asked, _("Graduates in"), year, "year", year, graduation_year=int(year))


def _parse_tags(asked: Asked, args: MultiDict[str, str]) -> None:
    for kind, label in tags.KINDS.items():
        for given in filter(None, args.getlist(kind)):
            found = next((each for each in asked.tags[kind] if str(each.id) == given), None)
            if found is None:
                _unknown(asked, label, given)
            elif found.id not in asked.wanted.tag_ids:
                ids = (*asked.wanted.tag_ids, found.id)
                _take(asked, label, found.name, kind, given, tag_ids=ids)


def _parse_team(asked: Asked, args: MultiDict[str, str]) -> None:
    if given := args.get("team", ""):
        found = next((each for each in asked.teams if str(each.id) == given), None)
        if found is None:
            _unknown(asked, _("Team"), given)
        else:
            _take(asked, _("Team"), found.name, "team", given, team_id=found.id)


def _parse_import(asked: Asked, args: MultiDict[str, str]) -> None:
    if given := args.get("import", ""):
        asked.wanted = replace(asked.wanted, import_id=parse_id(given))
        found = next((each for each in asked.imports if str(each.id) == given), None)
        if found is None:
            _unknown(asked, _("Import"), given)
        else:
            _take(asked, _("Import"), import_name(found), "import", given, import_id=found.id)


def import_name(run: ImportRun) -> str:
    """An import told from others: `roster.csv, Nov 26, 2026`."""
    return f"{run.source}, {i18n.day(run.at.date())}"


def _parse_field(asked: Asked, args: MultiDict[str, str], each: CustomField) -> None:
    name = f"field-{each.key}"
    values = {end: args.get(f"{name}{end}", "").strip() for end in ("", "-from", "-to")}
    if each.kind in ("text", "choice"):
        values = {"": values[""]}
    else:
        values.pop("")
    kept: dict[str, str] = {}
    for end, typed in values.items():
        try:
            if value := fields.kept(each, typed):
                kept[end] = value
                word = {"": "", "-from": _("from") + " ", "-to": _("to") + " "}[end]
                said = word + fields.said(each, value)
                asked.narrowed.append(Narrowing(each.label, said, name + end, typed))
        except Refused as refusal:
            asked.problems.append(str(refusal.message))
    if kept:
        bound: Callable[[str], float | str] = float if each.kind == "number" else str
        wanted = Answered(
            each.key,
            each.kind,
            kept.get("", ""),
            bound(kept["-from"]) if "-from" in kept else None,
            bound(kept["-to"]) if "-to" in kept else None,
        )
        asked.wanted = replace(asked.wanted, answered=(*asked.wanted.answered, wanted))


def _parse_kept(asked: Asked, args: MultiDict[str, str]) -> None:
    """What only those who keep the members may ask, and then of those they keep alone."""
    if age := args.get("age", ""):
        if not asked.may_ask_age or age not in set(AgeGroup):
            _unknown(asked, _("Age"), age)
        else:
            asked.scope = asked.scope.within(asked.reader.keeps)
            _take(asked, _("Age"), AGE_GROUPS[AgeGroup(age)], "age", age, age=AgeGroup(age))
    if lacks := args.get("lacks", ""):
        if not asked.may_ask_consent or lacks not in set(Purpose):
            _unknown(asked, _("Lacks consent to"), lacks)
        else:
            asked.scope = asked.scope.within(asked.reader.keeps_consents)
            purpose = Purpose(lacks)
            label = PURPOSES[purpose]
            _take(asked, _("Lacks consent to"), label, "lacks", lacks, lacks=purpose)
    if without := args.get("guardian", ""):
        if not asked.may_ask_consent or without != "none":
            _unknown(asked, _("Guardian"), without)
        else:
            asked.scope = asked.scope.within(asked.reader.keeps_consents)
            _take(asked, _("Guardian"), _("none known"), "guardian", without, without_guardian=True)


def found(asked: Asked, *, today: date) -> Any:
    """The members that are asked for; nobody where something cannot be meant."""
    statement = queries.members(asked.wanted, asked.scope, today=today)
    return statement.where(false()) if asked.problems else statement
