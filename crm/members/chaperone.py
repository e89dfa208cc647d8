"""No private line to a child: who gets a copy of what is written to a minor, or why nothing leaves.

`core.mail.send` asks `ruling` for every address there is. An address is a minor's when the member
was entered with it, or signs in with it. It is written to only where the guardians allow contact,
and a guardian with e-mail gets a copy, or else whoever leads the chapter. What guardians share
with their children is the guardian's, and needs no copy.

A child's account stands here too: none without the consent, and none any more after a no.
"""

from collections.abc import Collection, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import exists, func, or_, select

from crm.accounts.models import User
from crm.core import db, mail
from crm.core.access import Grants, Role
from crm.core.errors import Refused
from crm.members import queries
from crm.members.consent_rules import SAID_NO, Purpose
from crm.members.disclosure import NOBODY, Exit, allowed, disclose, states
from crm.members.models import ChapterRole, Guardian, Guardianship, Member, Membership
from crm.members.rules import AgeBand

#: Roles of grown-ups who work for the campaign. A child entered with the address of one of them
#: must not shut that person out of their own account.
_GROWN_UP = (Role.ADMINISTRATOR, Role.STAFF, Role.COORDINATOR)


def ruling(address: str) -> mail.Ruling:
    """What is decided of an address. Three statements for most, a few more for a minor's."""
    wanted = address.strip().lower()
    minors = _minors_at(wanted)
    if not minors or _is_grown_ups(wanted) or _is_guardians(wanted, minors):
        return mail.Ruling()
    about = ("member", min(minors))
    if set(minors) - allowed(minors, Purpose.CONTACT):
        return mail.Ruling(
            why_not=_("No guardian has allowed that this member is contacted directly."),
            about=about,
        )
    copies = [copy for copy in _guardians_of(minors) if copy.address.lower() != wanted]
    copies = copies or [copy for copy in leaders_of(minors) if copy.address.lower() != wanted]
    if not copies:
        return mail.Ruling(
            why_not=_(
                "Nobody writes to a minor alone, and there is nobody to get a copy: no guardian"
                " with e-mail, and nobody who leads the chapter and signs in."
            ),
            about=about,
        )
    named = disclose(minors, to=NOBODY, exit=Exit.MAIL).values()
    return mail.Ruling(copies=copies, about=about, called=", ".join(each.name for each in named))


def send_to_member(member: Member, template: str, *, subject: Any, **context: Any) -> mail.Sent:
    """Write to a member, where they sign in or else where they were entered with.

    False, with the reason in a sentence, where that is not allowed or not possible.
    """
    if member.id not in allowed([member.id], Purpose.CONTACT):
        return mail.Sent(False, _("This member may not be contacted directly."), is_withheld=True)
    user = db.session.get(User, member.user_id) if member.user_id is not None else None
    address = _address_of(member, user)
    if not address:
        return mail.Sent(False, _("This member has no e-mail address."))
    language = user.language if user is not None else None
    return mail.send(
        template, to=address, subject=subject, language=language, person=member.id, **context
    )


def _address_of(member: Member, user: User | None) -> str | None:
    return user.email if user is not None and user.active else member.email


def gone(address: str, person: int | None, *, is_copy: bool) -> str | None:
    """Why a message that waited is not to leave any more (see `mail.gone`)."""
    if person is None:
        return "whoever signed in with it does no longer" if _is_left(address) else None
    member = db.session.get(Member, person, populate_existing=True)
    # Who was made one with another is that one now, and a grown-up's other address is still theirs.
    while member is not None and member.merged_into_id is not None:
        member = db.session.get(Member, member.merged_into_id, populate_existing=True)
    if member is None or member.forgotten_at is not None:
        return "the member is not here any more"
    if is_copy:
        return None
    if member.id not in allowed([member.id], Purpose.CONTACT):
        return "the member may no longer be contacted"
    if member.id != person and member.age_band == AgeBand.ADULT:
        return None
    user = db.session.get(User, member.user_id) if member.user_id is not None else None
    if (_address_of(member, user) or "").strip().lower() != address.strip().lower():
        return "the member has another address since"
    return None


def _is_left(address: str) -> bool:
    """Whether it is a deactivated account's, and nobody else's."""
    wanted = address.strip().lower()
    left = select(User.id).where(
        User.email == wanted,
        ~User.active,
        ~exists().where(func.lower(Member.email) == wanted, *queries.present()),
        ~exists().where(func.lower(Guardian.email) == wanted),
    )
    return db.session.scalar(left) is not None


def must_allow_account(member_ids: Collection[int], field: str | None = None) -> None:
    """Refuse to let members sign in for whom nobody has allowed it: asked before any link."""
    if set(member_ids) - allowed(member_ids, Purpose.ACCOUNT):
        raise Refused(
            _(
                "This is the address of a member who may not have an account. A guardian can"
                " allow it: ask for the consent “Have an account” first."
            ),
            field,
        )


def grants_of(user_id: int) -> Grants:
    """What a user holds: nothing, for a member of whom it was said that they have no account.

    Asked with each request, so that a withdrawal holds at the next one. One statement, and two
    more for a user who is known to be a member.
    """
    grants, member_id = queries.grants_and_member_of(user_id)
    if (
        member_id is not None
        and states([member_id], {Purpose.ACCOUNT})[member_id][Purpose.ACCOUNT] in SAID_NO
    ):
        return Grants()
    return grants


def minors_with(address: str) -> Sequence[int]:
    """Minors an account with this address would be for: their own address and no guardian's."""
    wanted = address.strip().lower()
    minors = _minors_at(wanted)
    is_others = not minors or _is_grown_ups(wanted) or _is_guardians(wanted, minors)
    return [] if is_others else minors


def _minors_at(address: str) -> Sequence[int]:
    found = (
        select(Member.id)
        .outerjoin(User, User.id == Member.user_id)
        .where(
            or_(func.lower(Member.email) == address, User.email == address),
            Member.age_band != AgeBand.ADULT,
            *queries.present(),
        )
        .order_by(Member.id)
    )
    return db.session.scalars(found).all()


def _is_grown_ups(address: str) -> bool:
    works_here = select(User.id).where(
        User.email == address,
        User.active,
        exists().where(ChapterRole.user_id == User.id, ChapterRole.role.in_(_GROWN_UP)),
        ~exists().where(Member.user_id == User.id, Member.age_band != AgeBand.ADULT),
    )
    return db.session.scalar(works_here) is not None


def _is_guardians(address: str, minors: Collection[int]) -> bool:
    theirs = (
        select(Guardian.id)
        .join(Guardianship, Guardianship.guardian_id == Guardian.id)
        .where(Guardianship.member_id.in_(minors), func.lower(Guardian.email) == address)
        .limit(1)
    )
    return db.session.scalar(theirs) is not None


def _guardians_of(minors: Collection[int]) -> list[mail.Copy]:
    rows = db.session.scalars(
        select(Guardian)
        .where(
            Guardian.email.is_not(None),
            exists().where(
                Guardianship.guardian_id == Guardian.id, Guardianship.member_id.in_(minors)
            ),
        )
        .order_by(Guardian.id)
    )
    return [mail.Copy(each.email or "", each.name, each.language) for each in rows]


def leaders_of(minors: Collection[int]) -> list[mail.Copy]:
    """Who leads a chapter they are in and signs in; a pupil who leads is no chaperone."""
    chapters = select(Membership.chapter_id).where(
        Membership.member_id.in_(minors), queries.open_on(db.now().date())
    )
    rows = db.session.scalars(
        select(User)
        .where(
            User.active,
            User.password_hash.is_not(None),
            exists().where(
                ChapterRole.user_id == User.id,
                ChapterRole.role == Role.LEADER,
                ChapterRole.chapter_id.in_(chapters),
            ),
            ~exists().where(Member.user_id == User.id, Member.age_band != AgeBand.ADULT),
        )
        .order_by(User.id)
    )
    return [mail.Copy(each.email, each.name, each.language) for each in rows]
