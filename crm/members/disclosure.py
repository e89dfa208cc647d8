"""What may be shown of a member, to whom, on which way out: the one place every exit asks.

Pages, search, reports, files, prints, mail, calendars, pictures and logs take what they say of
members from here and nowhere else, so that consent is enforced once. `_POLICY` is the whole rule;
`tests/members/test_exits.py` walks every exit there is against every consent that may be missing.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from flask import g, has_request_context
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import and_, or_, select, true

from crm.accounts.models import User
from crm.core import access, db, reads
from crm.core.access import Can, Role, Scope
from crm.members.consent_rules import SAID_NO, Purpose, State, Statement, allows, state_of
from crm.members.models import (
    Chapter,
    ChapterRole,
    Consent,
    Guardianship,
    Member,
    Membership,
)
from crm.members.rules import AgeBand, is_minor

#: Ids asked for in one statement: a database takes only so many at once.
_AT_ONCE = 500
#: Members a page remembers.
_REMEMBERED = _AT_ONCE
#: Whoever has such a role works in public: everybody reads their names.
_IN_PUBLIC = (Role.COORDINATOR, Role.STAFF, Role.ADMINISTRATOR)
_NOWHERE = Scope(everywhere=False, chapter_ids=frozenset())


class Exit(StrEnum):
    """The ways a member's data leave."""

    #: A page within the application, its search among them.
    PAGE = "page"
    #: A file: CSV, XLSX, JSON, PDF of a report.
    EXPORT = "export"
    #: A letter or card the member signs.
    LETTER = "letter"
    #: Paper that stays in the chapter: a card with a code, a sheet with tasks.
    PRINT = "print"
    #: A message about the member to somebody else.
    MAIL = "mail"
    #: What is asked of a guardian, who knows the child: a message, a page behind a link.
    GUARDIAN = "guardian"
    CALENDAR = "calendar"
    #: A newspaper, a public page.
    MEDIA = "media"
    #: What the program writes down of its own work.
    LOG = "log"


@dataclass(frozen=True)
class Viewer:
    """Who looks: where they see members, where they keep them, whether they may export people."""

    sees: Scope
    exports_people: bool = False
    keeps: Scope = _NOWHERE
    #: Of an export with names: whom it was recorded for; nobody else is named. None for all.
    recorded: frozenset[int] | None = None

    @classmethod
    def of(cls, user: Any, *, exports_people: bool = False) -> "Viewer":
        """The viewer a user is. `exports_people` is claimed for one export, with a reason.

        Whoever may export people of one chapter and see those of another sees, for that export,
        the first chapter alone.
        """
        sees = access.scope(user, Can.SEE_MEMBERS)
        exports_people = exports_people and access.may(user, Can.EXPORT_PEOPLE)
        if exports_people:
            sees = sees.within(access.scope(user, Can.EXPORT_PEOPLE))
        return cls(sees, exports_people, keeps=access.scope(user, Can.EDIT_MEMBERS))


#: Somebody who is nobody in particular: the public, a program.
NOBODY = Viewer(sees=_NOWHERE)


@dataclass(frozen=True)
class Shown:
    """What the viewer may read. `is_named` is whether `name` tells who it is.

    Ways to reach the member, where they live and how old they are come only to those who ask for
    details, and are None where they may not be told, as where they are not known; `withheld` names
    what is kept and not told.
    """

    member_id: int
    name: str
    chapters: str
    is_named: bool
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    postal_code: str | None = None
    age_band: str | None = None
    note: str | None = None
    withheld: frozenset[str] = frozenset()


@dataclass
class _Known:
    """A member as the database has them, with who looks and what was allowed."""

    id: int
    pseudonym: str
    given: str
    family: str | None
    age_band: str
    is_forgotten: bool
    details: Mapping[str, str | None]
    chapters: dict[int, str] = field(default_factory=dict)
    #: Where the member is now; where they were last, once they are nowhere.
    at: set[int] = field(default_factory=set)
    states: dict[Purpose, State] = field(default_factory=dict)

    @property
    def is_minor(self) -> bool:
        return is_minor(self.age_band)

    @property
    def full(self) -> str:
        return f"{self.given} {self.family}" if self.family else self.given

    @property
    def initialled(self) -> str:
        """`Ana N.`: tells two apart without the family name."""
        return f"{self.given} {self.family[0]}." if self.family else self.given

    @property
    def where(self) -> str:
        return ", ".join(self.chapters.values())

    def may(self, purpose: Purpose) -> bool:
        state = self.states.get(purpose, State.MISSING)
        return allows(state, purpose, is_minor=self.is_minor)

    def said_no(self, purpose: Purpose) -> bool:
        return self.states.get(purpose, State.MISSING) in SAID_NO


_DETAILS = ("email", "phone", "address", "postal_code", "note")
_CONTACT = ("email", "phone", "address", "postal_code")
_NOTHING: tuple[dict[str, str | None], frozenset[str]] = {}, frozenset()


def _on_page(who: _Known, to: Viewer) -> tuple[str, bool]:
    if who.said_no(Purpose.MEMBER):
        # Not a member, says who decides: told apart by those who keep the list, and no more.
        return (who.initialled, False) if to.keeps.includes(*who.at) else (_("A member"), False)
    if to.sees.includes(*who.at):
        return who.full, True
    return who.given, False


def _in_file(who: _Known, to: Viewer) -> tuple[str, bool]:
    named = (
        to.exports_people
        and (to.recorded is None or who.id in to.recorded)
        and to.sees.includes(*who.at)
        and not who.said_no(Purpose.MEMBER)
    )
    return (who.full, True) if named else (who.pseudonym, False)


def _on_letter(who: _Known, _to: Viewer) -> tuple[str, bool]:
    if who.may(Purpose.FULL_NAME):
        return who.full, True
    if who.may(Purpose.FIRST_NAME):
        return who.given, False
    return _unnamed(who), False


def _on_paper(who: _Known, to: Viewer) -> tuple[str, bool]:
    if to.sees.includes(*who.at) and not who.said_no(Purpose.MEMBER):
        return who.initialled, False
    return _unnamed(who), False


def _in_mail(who: _Known, _to: Viewer) -> tuple[str, bool]:
    return (_("A member") if who.said_no(Purpose.MEMBER) else who.given), False


def _to_media(who: _Known, _to: Viewer) -> tuple[str, bool]:
    return (who.full, True) if who.may(Purpose.MEDIA) else (_unnamed(who), False)


def _unnamed(who: _Known) -> str:
    if not who.chapters:
        return _("A student") if who.is_minor else _("A volunteer")
    if who.is_minor:
        return _("A student of %(chapter)s", chapter=who.where)
    return _("A volunteer of %(chapter)s", chapter=who.where)


#: By exit: the name and whether it tells who it is, and the purposes that are asked about.
_POLICY: Mapping[Exit, tuple[Callable[[_Known, Viewer], tuple[str, bool]], frozenset[Purpose]]] = {
    Exit.PAGE: (_on_page, frozenset({Purpose.MEMBER})),
    Exit.EXPORT: (_in_file, frozenset({Purpose.MEMBER})),
    Exit.LETTER: (_on_letter, frozenset({Purpose.FIRST_NAME, Purpose.FULL_NAME})),
    Exit.PRINT: (_on_paper, frozenset({Purpose.MEMBER})),
    Exit.MAIL: (_in_mail, frozenset({Purpose.MEMBER})),
    Exit.GUARDIAN: (lambda who, _to: (who.given, False), frozenset()),
    Exit.CALENDAR: (_in_mail, frozenset({Purpose.MEMBER})),
    Exit.MEDIA: (_to_media, frozenset({Purpose.MEDIA})),
    Exit.LOG: (lambda who, _to: (who.pseudonym, False), frozenset()),
}


def disclose(
    member_ids: Iterable[int],
    *,
    to: Viewer,
    exit: Exit,
    details: bool = False,
    contact: bool = True,
    today: date | None = None,
) -> dict[int, Shown]:
    """What `to` may read of these members, by id: two statements for each `_AT_ONCE` of them.

    With `details` also how to reach them, where they live, how old they are and what was noted, as
    far as this exit gives it; of minors that is recorded as read. Where `contact` is False, details
    are told of how old they are and what was noted alone, for pages that do not say how to reach
    anybody. Ids of no member are left out.
    """
    name_of, purposes = _POLICY[exit]
    if details and contact:
        purposes = purposes | {Purpose.CONTACT}
    known = _load(member_ids, purposes, today or datetime.now(UTC).date())
    shown = {}
    for who in known:
        if who.is_forgotten:
            shown[who.id] = Shown(who.id, _("A former member"), who.where, False)
            continue
        name, is_named = name_of(who, to)
        told, withheld = _details(who, to, exit, is_named, contact) if details else _NOTHING
        shown[who.id] = Shown(who.id, name, who.where, is_named, **told, withheld=withheld)
    if details and exit is Exit.PAGE:
        looked_at = [
            who.id
            for who in known
            if who.is_minor and any(getattr(shown[who.id], name) for name in _CONTACT)
        ]
        if looked_at:
            reads.note("member", looked_at, "contact")
    return shown


def _details(
    who: _Known, to: Viewer, exit: Exit, is_named: bool, contact: bool
) -> tuple[dict[str, str | None], frozenset[str]]:
    """What is told beside the name, and what is kept and not told."""
    fields: tuple[str, ...] = ()
    if exit is Exit.PAGE and to.keeps.includes(*who.at):
        fields = _DETAILS
    elif exit is Exit.EXPORT and is_named:
        # Where a minor lives, and what somebody noted, leaves with no file.
        fields = ("email", "phone") if who.is_minor else _CONTACT
    if not fields:
        return {}, frozenset()
    told: dict[str, str | None] = {"age_band": who.age_band}
    withheld = set()
    for name in fields:
        if name in _CONTACT and not contact:
            continue
        value = who.details[name]
        if name in _CONTACT and not who.may(Purpose.CONTACT):
            if value:
                withheld.add(name)
            continue
        told[name] = value
    return told, frozenset(withheld)


def states(
    member_ids: Iterable[int],
    purposes: Collection[Purpose] = frozenset(Purpose),
    *,
    today: date | None = None,
) -> dict[int, Mapping[Purpose, State]]:
    """Where these members stand to the purposes: what pages about consent show."""
    known = _load(member_ids, frozenset(purposes), today or datetime.now(UTC).date())
    return {who.id: who.states for who in known}


def allowed(
    member_ids: Iterable[int], purpose: Purpose, *, today: date | None = None
) -> frozenset[int]:
    """Those of the members for whom this may be done: asked before doing it."""
    known = _load(member_ids, frozenset({purpose}), today or datetime.now(UTC).date())
    return frozenset(who.id for who in known if who.may(purpose) and not who.is_forgotten)


def first_name(of_user: str) -> str:
    """What everybody may read of the name of somebody who signs in.

    Leaders log and are pupils themselves: beyond their chapter they are a first name, as members.
    """
    return of_user.split(maxsplit=1)[0] if of_user.strip() else ""


def user_name(user: User | None) -> str:
    """What the reader may know of the name of somebody who signs in; empty for nobody.

    In full: one's own, that of who works in one's chapters, and that of coordinators and staff
    anywhere, unless the account is a minor's. Of everybody else the first name. One statement a
    request.
    """
    if user is None:
        return ""
    known = g.get("known_users")
    if known is None:
        known = g.known_users = _known_users(access.scope(current_user, Can.SEE_MEMBERS))
    is_own = user.id == getattr(current_user, "id", None)
    return user.name if is_own or user.id in known else first_name(user.name)


def user_names(users: Iterable[User], *, to: Viewer) -> dict[int, str]:
    """The same for a viewer who need not be the reader: of a mail, a command, what is frozen."""
    known = _known_users(to.sees)
    return {
        user.id: user.name if user.id in known else first_name(user.name) for user in users
    }  # fmt: skip


def maker_name(user: User | None) -> str:
    """How paper and files say who made them: whoever they are handed to reads it. Empty for nobody.

    In full coordinators and staff; of everybody else the first name. Of whoever may be a minor the
    name with consent to be named outside, and without it only that it was a student.
    """
    if user is None:
        return ""
    known = db.session.execute(
        select(Member.id, Member.age_band, ChapterRole.role)
        .select_from(User)
        .outerjoin(Member, Member.user_id == User.id)
        .outerjoin(
            ChapterRole,
            and_(ChapterRole.user_id == User.id, ChapterRole.role.in_(_IN_PUBLIC)),
        )
        .where(User.id == user.id)
        .limit(1)
    ).one()
    if known.id is None or not is_minor(known.age_band):
        return user.name if known.role else first_name(user.name)
    shown = disclose([known.id], to=NOBODY, exit=Exit.MEDIA)[known.id]
    if shown.is_named:
        return shown.name
    # Within a sentence: made by …
    if not shown.chapters:
        return _("a student")
    return _("a student of %(chapter)s", chapter=shown.chapters)


def _known_users(sees: Scope) -> frozenset[int]:
    minors = select(Member.user_id).where(
        Member.user_id.is_not(None), Member.age_band != AgeBand.ADULT
    )
    works_in_public = and_(
        ChapterRole.role.in_(_IN_PUBLIC),
        ChapterRole.user_id.not_in(minors),
    )
    works_here = true() if sees.everywhere else ChapterRole.chapter_id.in_(sees.chapter_ids)
    known = select(ChapterRole.user_id).where(or_(works_here, works_in_public))
    return frozenset(db.session.scalars(known))


def _load(
    member_ids: Iterable[int], purposes: frozenset[Purpose], today: date
) -> Collection[_Known]:
    """The members as the database has them, with where they stand to these purposes at least."""
    wanted = sorted(set(member_ids))
    known = _remembered(wanted, today)
    for some in db.batches(wanted, _AT_ONCE):
        if missing := [number for number in some if number not in known]:
            known |= _members(missing, today)
        unasked = {
            number: known[number]
            for number in some
            if number in known and not purposes <= known[number].states.keys()
        }
        if unasked:
            _add_states(unasked, purposes, today)
    return [known[number] for number in wanted if number in known]


def _remembered(wanted: Collection[int], today: date) -> dict[int, _Known]:
    """What the page that is being made knows already: its parts know nothing of each other.

    Only while it reads, and of no more members than a page has: a file passes by in parts, and
    must not be held whole.
    """
    if not has_request_context() or not db.is_reading():
        return {}
    known: dict[int, _Known] = g.setdefault("known_members", {}).setdefault(today, {})
    return known if len(known.keys() | set(wanted)) <= _REMEMBERED else {}


def _members(ids: Collection[int], today: date) -> dict[int, _Known]:
    found: dict[int, _Known] = {}
    left: dict[int, set[int]] = {}
    for (
        number, pseudonym, given, family, age_band, forgotten_at, email, phone, address,
        postal_code, note, chapter_id, chapter_name, left_on,
    ) in db.session.execute(
        select(
            Member.id, Member.pseudonym, Member.given_name, Member.family_name, Member.age_band,
            Member.forgotten_at, Member.email, Member.phone, Member.address, Member.postal_code,
            Member.note, Chapter.id, Chapter.name, Membership.left_on,
        )
        .outerjoin(Membership, Membership.member_id == Member.id)
        .outerjoin(Chapter, Chapter.id == Membership.chapter_id)
        .where(Member.id.in_(ids))
        .order_by(Membership.id)
    ):  # fmt: skip
        who = found.get(number)
        if who is None:
            values = (email, phone, address, postal_code, note)
            details = dict(zip(_DETAILS, values, strict=True))
            who = found[number] = _Known(
                number, pseudonym, given, family, age_band, forgotten_at is not None, details
            )
        if chapter_id is not None:
            who.chapters[chapter_id] = chapter_name
            if left_on is None or left_on > today:
                who.at.add(chapter_id)
            else:
                left.setdefault(number, set()).add(chapter_id)
    for number, chapters in left.items():
        # Who moved to another school is the other school's; who is nowhere is still an alumna.
        found[number].at = found[number].at or chapters
    return found


def _add_states(known: Mapping[int, _Known], purposes: frozenset[Purpose], today: date) -> None:
    said: dict[int, dict[str, list[Statement]]] = {}
    guardians: dict[int, set[int]] = {}
    for row in db.session.execute(
        select(
            Consent.id, Consent.guardian_id, Consent.answer, Consent.starts_on, Consent.ends_on,
            Consent.withdrawn_on, Consent.member_id, Consent.purpose,
            Guardianship.guardian_id.label("is_guardian"),
        )
        .outerjoin(
            Guardianship,
            and_(
                Guardianship.member_id == Consent.member_id,
                Guardianship.guardian_id == Consent.guardian_id,
            ),
        )
        .where(Consent.member_id.in_(known), Consent.purpose.in_(purposes))
    ):  # fmt: skip
        theirs = said.setdefault(row.member_id, {})
        theirs.setdefault(row.purpose, []).append(Statement(*row[:6]))
        if row.is_guardian is not None:
            guardians.setdefault(row.member_id, set()).add(row.is_guardian)
    for who in known.values():
        of_who = said.get(who.id, {})
        who.states |= {
            purpose: state_of(
                of_who.get(purpose, ()),
                is_minor=who.is_minor,
                guardian_ids=guardians.get(who.id, ()),
                today=today,
            )
            for purpose in purposes
        }
