"""Addresses whose mail came back, where the person is: on their page, and told to who leads.

The page says that mail came back and not what the address is: that is read where it is kept, and
recorded. A corrected address is another address, so nothing needs to be cleared then.
"""

from collections.abc import Collection
from typing import Any

from flask import Flask, abort, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from sqlalchemy import func, select

from crm.accounts.models import User
from crm.core import access, db, links, mail, mail_choices, shell
from crm.core.access import Can, requires
from crm.core.shell import Panel
from crm.members import queries
from crm.members.chaperone import leaders_of
from crm.members.disclosure import NOBODY, Exit, disclose
from crm.members.forgetting import LEAVING
from crm.members.models import Guardian, Guardianship, Member
from crm.members.views import blueprint

KIND = mail.Kind(
    "bad_address", _l("Addresses that mail comes back from"), why=_l("you lead their chapter")
)


def init_app(app: Flask) -> None:
    """Hang the panels on the pages, and hear of what turns bad."""
    mail.add_kind(app, KIND)
    mail_choices.on_bad_address(app, tell_leaders)
    shell.add_panel(app, "user", Panel(40, "members/_bad_mail.html", of_user))
    shell.add_panel(app, "member-aside", Panel(50, "members/_bad_mail.html", of_member))


def tell_leaders(address: str) -> None:
    """Tell who leads a member, if the address is theirs or a guardian's."""
    wanted = address.strip().lower()
    own = db.session.scalars(
        select(Member.id).where(func.lower(Member.email) == wanted, *queries.present())
    ).all()
    guarded = db.session.scalars(
        select(Guardianship.member_id)
        .join(Guardian, Guardian.id == Guardianship.guardian_id)
        .where(func.lower(Guardian.email) == wanted)
    ).all()
    named = disclose([*own, *guarded], to=NOBODY, exit=Exit.MAIL)
    for member_id in dict.fromkeys([*own, *guarded]):
        if member_id not in named:
            continue
        for leader in leaders_of([member_id]):
            if leader.address.lower() == wanted:
                continue
            mail.send(
                KIND.name,
                to=leader.address,
                subject=_l("Mail to one of your members came back"),
                language=leader.language,
                name=leader.name,
                member=named[member_id].name,
                is_guardian=member_id not in own,
                page=links.absolute("members.page", member_id=member_id),
            )


def _forget(member_ids: Collection[int], by: User | None) -> None:
    """A forgotten member: nothing more leaves to addresses that are nobody else's."""
    del by
    whose = Guardianship.member_id.in_(member_ids)
    guardians = select(Guardianship.guardian_id).where(whose)
    users = select(Member.user_id).where(Member.id.in_(member_ids), Member.user_id.is_not(None))
    rows = [
        *db.session.scalars(select(Member.email).where(Member.id.in_(member_ids))),
        *db.session.scalars(select(Guardian.email).where(Guardian.id.in_(guardians))),
        *db.session.scalars(select(User.email).where(User.id.in_(users))),
    ]
    addresses = {each.strip().lower() for each in rows if each}
    others = {
        *db.session.scalars(
            select(func.lower(Member.email)).where(
                func.lower(Member.email).in_(addresses), Member.id.not_in(member_ids)
            )
        ),
        *db.session.scalars(
            select(func.lower(Guardian.email))
            .join(Guardianship, Guardianship.guardian_id == Guardian.id)
            .where(func.lower(Guardian.email).in_(addresses), ~whose)
        ),
        *db.session.scalars(
            select(User.email).where(User.email.in_(addresses), User.id.not_in(users))
        ),
    }
    if alone := addresses - others:
        mail_choices.forget(alone)


LEAVING["mail"] = _forget


# On their pages


def of_user(user: Any) -> dict[str, Any] | None:
    """Of somebody who signs in."""
    bad = mail_choices.bad_told(user.email)
    if bad is None:
        return None
    return {"bad": [(None, bad, url_for("members.try_user_mail", user_id=user.id), None)]}


def of_member(member: Any) -> dict[str, Any] | None:
    """Of a member and their guardians, for who keeps them: two statements."""
    edits = access.scope(current_user, Can.EDIT_MEMBERS)
    if not edits.includes(*(each.chapter_id for each in member.memberships)):
        return None
    guardians = _guardians(member.id)
    bad = mail_choices.bad_among([member.email, *(each.email for each in guardians)])
    action = url_for("members.try_member_mail", member_id=member.id)
    found: list[tuple[str, Any, str, int | None]] = []
    if member.email in bad:
        found.append((_("The member's own address"), bad[member.email], action, None))
    for guardian in guardians:
        if guardian.email in bad:
            found.append((_("A guardian's address"), bad[guardian.email], action, guardian.id))
    return {"bad": found} if found else None


def _guardians(member_id: int) -> list[Guardian]:
    return list(
        db.session.scalars(
            select(Guardian)
            .join(Guardianship, Guardianship.guardian_id == Guardian.id)
            .where(Guardianship.member_id == member_id, Guardian.email.is_not(None))
            .order_by(Guardian.id)
            .limit(6)
        )
    )


@blueprint.post("/settings/users/<int:user_id>/mail-again")
@requires(Can.MANAGE_USERS)
def try_user_mail(user_id: int) -> Any:
    """Their address is right after all."""
    user: User = queries.user(user_id, access.scope(current_user, Can.MANAGE_USERS))
    mail_choices.clear(user.email, by=current_user)
    flash(_("Mail goes to this address again."), "success")
    return redirect(url_for("members.user", user_id=user_id), 303)


@blueprint.post("/members/<int:member_id>/mail-again")
@requires(Can.EDIT_MEMBERS)
def try_member_mail(member_id: int) -> Any:
    """A member's address, or a guardian's, is right after all."""
    member = queries.member(member_id, access.scope(current_user, Can.EDIT_MEMBERS))
    address = member.email
    if number := request.form.get("guardian"):
        theirs = {str(each.id): each.email for each in _guardians(member_id)}
        if number not in theirs:
            abort(404)
        address = theirs[number]
    mail_choices.clear(address or "", by=current_user)
    flash(_("Mail goes to this address again."), "success")
    return redirect(url_for("members.page", member_id=member_id), 303)
