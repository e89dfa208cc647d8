"""Forgetting a member: the person goes from every table, what was counted stays.

What the rooms above keep of people is words: notes, places, what an action was before. They offer
those texts here (`TEXTS`), and where the full name stands in one it is replaced. The record says
that somebody was forgotten, by whom and when, and nothing more.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import ColumnElement, String, case, cast, delete, func, or_, select, update

from crm.accounts.imports import ImportRun
from crm.accounts.models import User, new_session_key
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.core.files import forget_document
from crm.core.text import fold
from crm.members import keys, operations, queries
from crm.members.models import (
    Chapter,
    ChapterRole,
    Consent,
    ConsentRequest,
    Departure,
    Guardian,
    Guardianship,
    Member,
    MemberApart,
    MemberKey,
    MemberMerge,
    Membership,
    MemberTag,
    MemberWord,
    Team,
    TeamMember,
)
from crm.members.rules import AgeBand, search_key

#: What stands for the name in texts, and in an address that must be there once.
_NOBODY = "a former member"
_PLACE = "forgotten"
#: Under what a way back keeps numbers of members and of guardians.
_MEMBER_KEYS = frozenset({"member", "members", "member_id", "made", "updated"})
_GUARDIAN_KEYS = frozenset({"guardian", "guardian_id"})
#: Digits from which on a number is nobody else's.
_DIGITS = 7
_ASCII = re.compile(r"[a-z0-9]{2,}", re.IGNORECASE)


@dataclass(frozen=True)
class FreeText:
    """Columns people write into. `where(row id)` gives what it is called, and its address."""

    model: Any
    columns: tuple[str, ...]
    where: Callable[[Any], tuple[str, str | None]]


#: What may name somebody, by the table's name. Rooms above add theirs.
TEXTS: dict[str, FreeText] = {}
#: Whether somebody who is no member bears a name (folded): a senator keeps theirs.
NAMESAKES: dict[str, Callable[[str], bool]] = {}
#: What a room above takes away or gives on when somebody goes: called with the ids of their rows
#: and who forgets them.
LEAVING: dict[str, Callable[[Sequence[int], Any], None]] = {}
#: Importer → the parts of what its imports keep for their way back, unpacked, as JSON holds them.
READING: dict[str, Callable[[Mapping[str, Any]], Iterable[Any]]] = {}


@dataclass(frozen=True)
class Mention:
    """A text in which the name stands."""

    label: str
    url: str | None


@dataclass
class Forgotten:
    """What was (or would be) done."""

    pseudonym: str
    already: bool = False
    guardians: int = 0
    consents: int = 0
    scans: int = 0
    keys: int = 0
    texts: int = 0
    #: Imports and merges that can no longer be undone.
    ways_back: int = 0
    account: bool = False
    #: Others bear the name: texts are left to a person.
    has_namesake: bool = False
    mentions: Sequence[Mention] = ()

    def sentences(self) -> list[str]:
        """In words, for the page before and the command after."""
        told = [_("Name, contact, address, age, note, tags and teams are erased.")]
        if self.guardians:
            told.append(
                ngettext(
                    "%(num)s guardian without another child here is erased.",
                    "%(num)s guardians without another child here are erased.",
                    self.guardians,
                )
            )
        if self.consents:
            told.append(
                ngettext(
                    "%(num)s consent is erased.", "%(num)s consents are erased.", self.consents
                )
            )
        if self.scans:
            told.append(
                ngettext(
                    "%(num)s scan of a signed paper is deleted.",
                    "%(num)s scans of signed papers are deleted.",
                    self.scans,
                )
            )
        if self.keys:
            told.append(
                ngettext(
                    "%(num)s link or card opens nothing any more.",
                    "%(num)s links and cards open nothing any more.",
                    self.keys,
                )
            )
        if self.account:
            told.append(_("The account they sign in with is shut and loses its name and address."))
        if self.ways_back:
            told.append(
                ngettext(
                    "%(num)s import or merge that holds their data can no longer be undone.",
                    "%(num)s imports and merges that hold their data can no longer be undone.",
                    self.ways_back,
                )
            )
        if self.has_namesake:
            told.append(
                _("Somebody else bears the same name, so texts are left as they are: mend them.")
            )
        elif self.texts:
            told.append(
                ngettext(
                    "%(num)s text loses the full name.",
                    "%(num)s texts lose the full name.",
                    self.texts,
                )
            )
        told.append(_("What they did stays counted, as done by a former member."))
        return told


def preview(member_id: int, *, by: User | None) -> Forgotten:
    """What `forget` would do; reads only. Raises NoResultFound outside of the scope of `by`."""
    return _Person(_found(member_id, by)).told()


def forget(*, member_id: int, by: User | None, today: date) -> Forgotten:
    """Erase a person and keep the counts. A second time does nothing.

    Files of consents go once this is kept. Raises `Refused` while an account hangs on the member
    that `by` may not shut.
    """
    member = _found(member_id, by)
    if member.forgotten_at is not None:
        return Forgotten(member.pseudonym, already=True)
    person = _Person(member)
    told = person.told()
    if person.user is not None:
        _must_manage(person.user, by)
    # Entries are looked for while the names are known.
    entries = person.entries()
    if not told.has_namesake:
        for text, row in person.texts:
            _mend(text, row, person.names)
    for leave in LEAVING.values():
        leave(person.ids, by)
    _erase_rows(person)
    _erase_ways_back(person)
    _erase_account(person)
    _erase_members(person, today)
    db.session.flush()
    _erase_record(person, entries, by)
    return told


def _found(member_id: int, by: User | None) -> Member:
    """The person's kept row; NoResultFound where `by` may not forget."""
    member = keys.kept(member_id)
    if member is None:
        return db.session.scalars(select(Member).where(Member.id == member_id)).one()
    if by is None:
        return member
    scope = access.scope(by, Can.FORGET_MEMBERS)
    if member.forgotten_at is None:
        return db.session.scalars(
            queries.visible_members(scope).where(Member.id == member.id)
        ).one()
    # Who was forgotten is on no list; that they were may be told where they had been.
    theirs = db.session.scalars(
        select(Membership.chapter_id).where(Membership.member_id == member.id)
    ).all()
    if not scope.includes(*theirs):
        return db.session.scalars(select(Member).where(Member.id.is_(None))).one()
    return member


def _must_manage(user: User, by: User | None) -> None:
    if by is not None and by.id == user.id:
        raise Refused(_("You cannot forget yourself. Somebody else can."))
    held = queries.roles_of([user.id]).get(user.id, [])
    is_plain = all(role.role in ("member", "viewer") for role in held)
    if not is_plain and not operations.manages(by, held):
        raise Refused(
            _(
                "They sign in and lead or keep something here. An administrator has to take those"
                " roles away, or unlink the account, first."
            )
        )
    if any(role.role == "administrator" and role.chapter_id is None for role in held):
        raise Refused(_("They are administrator of everything. Take that role away first."))


class _Person:
    """A member with all rows that were merged into theirs, and what hangs on them."""

    def __init__(self, member: Member):
        self.member = member
        self.members = _family(member)
        self.ids = [each.id for each in self.members]
        self.names = _Names(self.members)
        self.is_namesake = self.names.are_shared(self.ids)
        self.user_ids = [each.user_id for each in self.members if each.user_id is not None]
        self.user = (
            db.session.scalars(select(User).where(User.id.in_(self.user_ids))).first()
            if self.user_ids
            else None
        )
        self.guardian_ids = self._guardians()

    def _guardians(self) -> list[int]:
        """Guardians who decide, and decided, for nobody else: others are kept."""
        theirs = select(Guardianship.guardian_id).where(Guardianship.member_id.in_(self.ids))
        wanted = select(Guardian.id).where(Guardian.id.in_(theirs))
        for model in (Guardianship, Consent, ConsentRequest):
            others = select(model.guardian_id).where(  # type: ignore[attr-defined]
                model.member_id.not_in(self.ids),  # type: ignore[attr-defined]
                model.guardian_id.is_not(None),  # type: ignore[attr-defined]
            )
            wanted = wanted.where(Guardian.id.not_in(others))
        return list(db.session.scalars(wanted))

    def told(self) -> Forgotten:
        told = Forgotten(self.member.pseudonym, guardians=len(self.guardian_ids))
        told.consents = _count(Consent, Consent.member_id.in_(self.ids))
        told.scans = len(self.scans())
        told.keys = _count(
            MemberKey, MemberKey.member_id.in_(self.ids), MemberKey.revoked_at.is_(None)
        )
        told.account = self.user is not None
        told.ways_back = len(self.runs) + len(self.merges())
        told.has_namesake = self.is_namesake
        told.texts = len(self.texts)
        told.mentions = [Mention(*text.where(row)) for text, row in self.texts]
        return told

    def scans(self) -> list[str]:
        """Papers that are about nobody else: one may have been signed for two children."""
        ours = select(Consent.scan).where(
            Consent.member_id.in_(self.ids), Consent.scan.is_not(None)
        )
        others = select(Consent.scan).where(
            Consent.member_id.not_in(self.ids), Consent.scan.is_not(None)
        )
        found = db.session.scalars(ours.where(Consent.scan.not_in(others)).distinct())
        return [name for name in found if name]

    @cached_property
    def texts(self) -> Sequence[tuple[FreeText, Any]]:
        """Rows of others' texts in which the full name, the address or the number stands."""
        found: list[tuple[FreeText, Any]] = []
        if not self.names:
            return found
        for text in TEXTS.values():
            columns = [getattr(text.model, name) for name in text.columns]
            wanted = select(text.model).where(self.names.may_stand_in(columns))
            if text.model is Member:
                wanted = wanted.where(Member.id.not_in(self.ids))
            for row in db.session.scalars(wanted.order_by(*text.model.__mapper__.primary_key)):
                if any(self.names.stand_in(getattr(row, name)) for name in text.columns):
                    found.append((text, row))
        return found

    @cached_property
    def runs(self) -> Sequence[ImportRun]:
        """Imports whose way back holds something of the person."""
        imported = {each.import_id for each in self.members}
        rows = db.session.scalars(
            select(ImportRun).where(ImportRun.kept.is_not(None)).order_by(ImportRun.id)
        )
        return [
            run
            for run in rows
            if run.kept
            and not is_scrubbed(run.kept)
            and (run.id in imported or self._is_held_by(run))
        ]

    def _is_held_by(self, run: ImportRun) -> bool:
        read = READING.get(run.importer, _as_it_is)
        return any(
            self.names.stand_in(part)
            or any(number in self.ids for number in _numbers(part, _MEMBER_KEYS))
            or any(number in self.guardian_ids for number in _numbers(part, _GUARDIAN_KEYS))
            for part in read(run.kept or {})
        )

    def merges(self) -> list[MemberMerge]:
        """Merges whose journal holds something of the person."""
        found = db.session.scalars(
            select(MemberMerge)
            .where(or_(MemberMerge.kept_id.in_(self.ids), MemberMerge.merged_id.in_(self.ids)))
            .order_by(MemberMerge.id)
        )
        return [each for each in found if not is_scrubbed(each.moved)]

    def entries(self) -> dict[str, set[int]]:
        """Kind → ids of records whose entries tell of the person, or name them."""
        found: dict[str, set[int]] = {
            "guardian": set(self.guardian_ids),
            "user_account": set(self.user_ids),
        }
        for kind, model in (("consent", Consent), ("consent_request", ConsentRequest)):
            rows = select(model.id).where(model.member_id.in_(self.ids))
            found[kind] = set(db.session.scalars(rows))
        found["member_merge"] = {each.id for each in self.merges()}
        if self.names and not self.is_namesake:
            columns = [AuditEntry.changes, AuditEntry.reason]
            named = db.session.execute(
                select(
                    AuditEntry.kind, AuditEntry.record_id, AuditEntry.changes, AuditEntry.reason
                ).where(AuditEntry.record_id.is_not(None), self.names.may_stand_in(columns))
            )
            for kind, record_id, changes, reason in named:
                told = self.names.stand_in(changes) or self.names.stand_in(reason)
                if told and record_id is not None:
                    found.setdefault(kind, set()).add(record_id)
        return {kind: ids for kind, ids in found.items() if ids}


class _Names:
    """What only this person is called, as it may stand in a text."""

    def __init__(self, members: Sequence[Member]):
        self.full = [(each.given_name, each.family_name or "") for each in members]
        self.full = [pair for pair in self.full if all(pair)]
        self.values: list[str] = []
        for given, family in self.full:
            self.values += [f"{given} {family}", f"{family}, {given}"]
        for each in members:
            if each.email and not _is_of_others(Member.email, Guardian.email, each.email, members):
                self.values.append(each.email)
            phone = each.phone or ""
            is_long = sum(map(str.isdigit, phone)) >= _DIGITS
            if is_long and not _is_of_others(Member.phone, Guardian.phone, phone, members):
                self.values.append(phone)
        self.values = list(dict.fromkeys(self.values))
        said = [r"\s+".join(map(re.escape, value.split())) for value in self.values]
        any_of = "|".join(rf"(?<!\w){each}(?!\w)" for each in said)
        self.pattern = re.compile(any_of or r"(?!)", re.IGNORECASE)

    def __bool__(self) -> bool:
        return bool(self.values)

    def may_stand_in(self, columns: Sequence[Any]) -> ColumnElement[bool]:
        """A condition that leaves no row out: the longest plain part of a value stands there.

        JSON may hold a letter with an accent as its number, so only plain ones are looked for.
        """
        parts = {max(_ASCII.findall(value), key=len, default="").lower() for value in self.values}
        return or_(
            *(
                func.lower(cast(column, String)).contains(part, autoescape=True)
                for column in columns
                for part in parts
            )
        )

    def stand_in(self, value: Any) -> bool:
        """Whether one of them stands in a text, or in a text within JSON."""
        if isinstance(value, str):
            return bool(self.pattern.search(value))
        if isinstance(value, dict):
            return any(self.stand_in(each) for each in (*value.keys(), *value.values()))
        return isinstance(value, list) and any(self.stand_in(each) for each in value)

    def without(self, value: Any) -> Any:
        """The same with words for a former member where they stood."""
        if isinstance(value, str):
            return self.pattern.sub(_NOBODY, value)
        if isinstance(value, dict):
            return {self.without(key): self.without(each) for key, each in value.items()}
        return [self.without(each) for each in value] if isinstance(value, list) else value

    def are_shared(self, ids: Collection[int]) -> bool:
        """Whether somebody else bears a full name, so that a text may mean them."""
        for given, family in self.full:
            folded = {search_key(given, family), search_key(family, given)}
            same = select(Member.id).where(
                Member.search.in_(folded), Member.id.not_in(ids), *queries.present()
            )
            if db.session.scalar(same.limit(1)) is not None:
                return True
            if any(bears(fold(f"{given} {family}")) for bears in NAMESAKES.values()):
                return True
        return False


def _is_of_others(of_member: Any, of_guardian: Any, value: str, members: Sequence[Member]) -> bool:
    """Whether a brother, a sister or a guardian is reached the same way."""
    ids = [each.id for each in members]
    theirs = select(Member.id).where(of_member == value, Member.id.not_in(ids))
    guardians = select(Guardian.id).where(of_guardian == value)
    return any(db.session.scalar(each.limit(1)) is not None for each in (theirs, guardians))


def _as_it_is(kept: Mapping[str, Any]) -> Iterable[Any]:
    return (kept,)


def _numbers(kept: Any, wanted: Collection[str], key: str = "") -> Iterator[int]:
    """Numbers within JSON that stand under one of the keys, as value, in a list, or as a key."""
    if isinstance(kept, Mapping):
        for name, value in kept.items():
            word = str(name)
            if word.isdecimal() and key in wanted:
                yield int(word)
            yield from _numbers(value, wanted, "" if word.isdecimal() else word)
    elif isinstance(kept, list | tuple):
        for value in kept:
            yield from _numbers(value, wanted, key)
    elif isinstance(kept, int) and not isinstance(kept, bool) and key in wanted:
        yield kept


def _family(member: Member) -> list[Member]:
    """The member and all that were merged into it, and into those."""
    found, ids = [member], [member.id]
    while ids:
        more = db.session.scalars(
            select(Member).where(
                Member.merged_into_id.in_(ids), Member.id.not_in([each.id for each in found])
            )
        ).all()
        found += more
        ids = [each.id for each in more]
    return found


def _count(model: Any, *conditions: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0


# Erasing

#: What is left of a way back that held somebody who was forgotten.
_SCRUBBED: dict[str, Any] = {"forgotten": True}


def is_scrubbed(kept: Any) -> bool:
    """Whether a way back lost what it needs because somebody in it was forgotten."""
    return isinstance(kept, Mapping) and kept.get("forgotten") is True


def _mend(text: FreeText, row: Any, names: _Names) -> None:
    for name in text.columns:
        value = getattr(row, name)
        if names.stand_in(value):
            setattr(row, name, names.without(value))


def _erase_rows(person: _Person) -> None:
    ids, scans = person.ids, person.scans()
    for model in (MemberKey, Consent):
        _delete(model, model.member_id.in_(ids))
    _delete(ConsentRequest, ConsentRequest.member_id.in_(ids))
    _delete(Guardianship, Guardianship.member_id.in_(ids))
    _delete(Guardian, Guardian.id.in_(person.guardian_ids))
    for each in (MemberTag, TeamMember, MemberWord):
        _delete(each, each.member_id.in_(ids))  # type: ignore[attr-defined]
    _delete(MemberApart, or_(MemberApart.a_id.in_(ids), MemberApart.b_id.in_(ids)))
    if scans:
        db.after_commit(lambda: _forget_files(scans))


def _forget_files(names: Iterable[str]) -> None:
    for name in names:
        forget_document(name)


def _delete(model: Any, condition: Any) -> None:
    db.session.execute(
        delete(model).where(condition), execution_options={"synchronize_session": False}
    )


def _erase_ways_back(person: _Person) -> None:
    for run in person.runs:
        # Who may see the import is asked of the chapters it reached.
        chapters = (run.kept or {}).get("chapters")
        run.kept = _SCRUBBED | ({"chapters": chapters} if chapters is not None else {})
    for merge in person.merges():
        merge.moved = dict(_SCRUBBED)


def _erase_account(person: _Person) -> None:
    if person.user is None:
        return
    user = person.user
    for each in person.members:
        each.user_id = None
    _delete(ChapterRole, ChapterRole.user_id == user.id)
    user.active = False
    user.name = "Former member"
    user.email = f"{_PLACE}-{user.id}@invalid"
    user.password_hash = None
    user.session_key = new_session_key()
    user.language = user.timezone = user.theme = None
    user.signed_in_at = None


def _erase_members(person: _Person, today: date) -> None:
    now = db.now()
    for member in person.members:
        member.given_name, member.family_name, member.search = "", None, ""
        member.email = member.phone = member.address = member.postal_code = member.note = None
        member.graduation_year, member.age_band_on, member.import_id = None, None, None
        member.age_band = AgeBand.UNKNOWN.value
        member.custom = {}
        member.forgotten_at = now
    db.session.execute(
        update(Membership)
        .where(Membership.member_id.in_(person.ids), queries.open_on(today))
        # A membership never ends before it began.
        .values(left_on=case((Membership.joined_on > today, Membership.joined_on), else_=today)),
        execution_options={"synchronize_session": False},
    )


def _erase_record(person: _Person, entries: Mapping[str, Collection[int]], by: User | None) -> None:
    """Take what the record says of them out of it; that they were forgotten is added."""
    for kind, record_ids in entries.items():
        if kind != "member":
            audit.erase(kind, record_ids, by=by, verb="forget_member")
    audit.erase("member", {*person.ids, *entries.get("member", ())}, by=by, verb="forget_member")


# Texts of this room


def _a_member(row: Member) -> tuple[str, str | None]:
    return _("A note about another member"), f"/members/{row.id}"


def _a_departure(_row: Departure) -> tuple[str, str | None]:
    return _("What left the application"), None


def _a_team(row: Team) -> tuple[str, str | None]:
    return _("The team %(name)s", name=row.name), None


def _a_chapter(row: Chapter) -> tuple[str, str | None]:
    return _("The chapter %(name)s", name=row.name), f"/chapters/{row.slug}"


def _an_import(_row: ImportRun) -> tuple[str, str | None]:
    return _("The name of an imported file"), None


TEXTS |= {
    "member": FreeText(Member, ("note", "custom"), _a_member),
    "departure": FreeText(Departure, ("what", "reason"), _a_departure),
    "team": FreeText(Team, ("about",), _a_team),
    "chapter": FreeText(Chapter, ("place", "address"), _a_chapter),
    "import_run": FreeText(ImportRun, ("source",), _an_import),
}
