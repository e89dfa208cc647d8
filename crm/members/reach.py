"""Which of many members can be written to by e-mail, and why the others cannot.

`chaperone` decides of one address at the moment something leaves. Here the same is asked of
thousands at once, for a list that somebody looks at before anything is sent: a fixed number of
statements for each five hundred. Where the two differ, the chaperone is right.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import exists, func, or_, select

from crm.accounts.models import User
from crm.core import db
from crm.core.access import Role
from crm.core.mail_choices import How, recipient_of
from crm.core.mail_models import MailChoice, MailFailure
from crm.members import queries
from crm.members.consent_rules import SAID_NO, Purpose
from crm.members.disclosure import allowed, states
from crm.members.models import ChapterRole, Guardian, Guardianship, Member, Membership
from crm.members.rules import AgeBand


class Bar(StrEnum):
    """Why nothing is sent to a member."""

    #: Forgotten, made one with another, or said not to be a member.
    GONE = "gone"
    NO_ADDRESS = "no-address"
    #: Nobody has allowed direct contact, or somebody said no to it.
    CONTACT = "contact"
    #: A minor, and nobody there is to get a copy.
    NO_COPY = "no-copy"
    #: They want no messages of this kind.
    STOPPED = "stopped"
    #: What was written to this address came back.
    BAD_ADDRESS = "bad-address"


BARS: dict[str, Any] = {
    Bar.GONE: _l("Not a member any more"),
    Bar.NO_ADDRESS: _l("No e-mail address"),
    Bar.CONTACT: _l("May not be contacted directly"),
    Bar.NO_COPY: _l("A minor, and nobody is there to get a copy"),
    Bar.STOPPED: _l("Wants no such messages"),
    Bar.BAD_ADDRESS: _l("Mail to this address came back"),
}


@dataclass(frozen=True, slots=True)
class Reach:
    """How a member is written to: where, in which language, or why not."""

    address: str | None = None
    language: str | None = None
    bar: Bar | None = None


def reaches(member_ids: Collection[int], kind: str) -> dict[int, Reach]:
    """How each of the members is reached by messages of a kind; every id has an answer."""
    found: dict[int, Reach] = {}
    for some in db.batches(sorted(set(member_ids))):
        found |= _some(some, kind)
    return found


def _some(ids: Sequence[int], kind: str) -> dict[int, Reach]:
    rows = db.session.execute(
        select(Member.id, Member.email, User.email, User.active, User.language)
        .outerjoin(User, User.id == Member.user_id)
        .where(Member.id.in_(ids), *queries.present())
    )
    there = {
        number: (login if login and active else own, language)
        for number, own, login, active, language in rows
    }
    wanted = {
        number: address.strip().lower() for number, (address, _language) in there.items() if address
    }
    no_members = {
        number
        for number, state in states(list(there), {Purpose.MEMBER}).items()
        if state[Purpose.MEMBER] in SAID_NO
    }
    may = allowed(list(there), Purpose.CONTACT)
    minors = _Minors(set(wanted.values()))
    known = {address: recipient_of(address) for address in set(wanted.values())}
    stopped, bad = _kept_back(known.values(), kind)

    def bar(number: int) -> Bar | None:
        if number not in there or number in no_members:
            return Bar.GONE
        if number not in wanted:
            return Bar.NO_ADDRESS
        address = wanted[number]
        if number not in may:
            return Bar.CONTACT
        if found := minors.bar(address):
            return found
        if known[address] in bad:
            return Bar.BAD_ADDRESS
        return Bar.STOPPED if known[address] in stopped else None

    return {number: Reach(*there.get(number, (None, None)), bar(number)) for number in ids}


def _kept_back(digests: Collection[str], kind: str) -> tuple[set[str], set[str]]:
    stopped = select(MailChoice.recipient).where(
        MailChoice.recipient.in_(digests), MailChoice.kind == kind, MailChoice.how != How.MAIL
    )
    bad = select(MailFailure.recipient).where(
        MailFailure.recipient.in_(digests), MailFailure.bad_since.is_not(None)
    )
    return set(db.session.scalars(stopped)), set(db.session.scalars(bad))


class _Minors:
    """Of some addresses: which are minors', and whether such a one may be written to."""

    def __init__(self, addresses: Collection[str]):
        self.at: dict[str, set[int]] = {}
        rows = db.session.execute(
            select(Member.id, func.lower(Member.email), User.email)
            .outerjoin(User, User.id == Member.user_id)
            .where(
                or_(func.lower(Member.email).in_(addresses), User.email.in_(addresses)),
                Member.age_band != AgeBand.ADULT,
                *queries.present(),
            )
        )
        for number, *theirs in rows:
            for address in theirs:
                if address in addresses:
                    self.at.setdefault(address, set()).add(number)
        ids = sorted(set().union(*self.at.values()))
        self.grown_up = _grown_up(self.at) if ids else set()
        self.may: set[int] = set()
        self.guardians: dict[int, set[str]] = {}
        self.leaders: dict[int, set[str]] = {}
        for some in db.batches(ids):
            self.may |= allowed(some, Purpose.CONTACT)
            for number, address in _guardians_of(some):
                self.guardians.setdefault(number, set()).add(address)
            for number, address in _leaders_of(some):
                self.leaders.setdefault(number, set()).add(address)

    def bar(self, address: str) -> Bar | None:
        """What is in the way of writing to an address, where minors are at it."""
        minors = self.at.get(address)
        if not minors or address in self.grown_up:
            return None
        guardians = set().union(*(self.guardians.get(each, set()) for each in minors))
        if address in guardians:
            return None
        if minors - self.may:
            return Bar.CONTACT
        leaders = set().union(*(self.leaders.get(each, set()) for each in minors))
        return None if (guardians | leaders) - {address} else Bar.NO_COPY


def _grown_up(addresses: Collection[str]) -> set[str]:
    """Those at which somebody works for the campaign who is no minor."""
    found: set[str] = set()
    for some in db.batches(sorted(addresses)):
        found |= set(
            db.session.scalars(
                select(User.email).where(
                    User.email.in_(some),
                    User.active,
                    exists().where(
                        ChapterRole.user_id == User.id,
                        ChapterRole.role.in_((Role.ADMINISTRATOR, Role.STAFF, Role.COORDINATOR)),
                    ),
                    ~exists().where(Member.user_id == User.id, Member.age_band != AgeBand.ADULT),
                )
            )
        )
    return found


def _guardians_of(minors: Collection[int]) -> Sequence[Any]:
    return db.session.execute(
        select(Guardianship.member_id, func.lower(Guardian.email))
        .join(Guardian, Guardian.id == Guardianship.guardian_id)
        .where(Guardianship.member_id.in_(minors), Guardian.email.is_not(None))
    ).all()


def _leaders_of(minors: Collection[int]) -> Sequence[Any]:
    return db.session.execute(
        select(Membership.member_id, User.email)
        .join(ChapterRole, ChapterRole.chapter_id == Membership.chapter_id)
        .join(User, User.id == ChapterRole.user_id)
        .where(
            Membership.member_id.in_(minors),
            queries.open_on(db.now().date()),
            ChapterRole.role == Role.LEADER,
            User.active,
            User.password_hash.is_not(None),
            ~exists().where(Member.user_id == User.id, Member.age_band != AgeBand.ADULT),
        )
    ).all()
