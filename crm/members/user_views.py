"""Pages of the people who sign in: invite, give roles, end sessions, shut out."""

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user

from crm.accounts import operations as accounts
from crm.accounts.models import User
from crm.core import access, mail, shell
from crm.core.access import Can, Role, Scope, requires
from crm.core.forms import Form
from crm.core.paging import page_number, page_of
from crm.members import operations, queries
from crm.members.forms import InviteForm, RoleForm
from crm.members.models import ChapterRole
from crm.members.rules import role_meaning, role_name
from crm.members.views import blueprint


def _manages() -> Scope:
    return access.scope(current_user, Can.MANAGE_USERS)


def _offer(form: RoleForm, scope: Scope) -> None:
    form.offer(queries.chapters_in(scope, open_only=True), everywhere=scope.everywhere)


def _in_scope(roles: list[ChapterRole], scope: Scope) -> list[ChapterRole]:
    return [
        each
        for each in roles
        if scope.everywhere or (each.chapter_id is not None and scope.includes(each.chapter_id))
    ]


def _meanings() -> list[tuple[str, str]]:
    return [(role_name(role), role_meaning(role)) for role in Role]


@blueprint.get("/settings/users")
@requires(Can.MANAGE_USERS)
def users() -> Any:
    """Who signs in, with the roles the reader may give."""
    scope = _manages()
    page = page_of(queries.users_in(scope), number=page_number())
    roles = queries.roles_of(each.id for each in page.rows)
    return render_template(
        "members/users.html",
        page=page,
        roles={user_id: _in_scope(held, scope) for user_id, held in roles.items()},
    )


@blueprint.route("/settings/users/new", methods=["GET", "POST"])
@requires(Can.MANAGE_USERS)
def invite() -> Any:
    """Invite somebody and give the first role."""
    form = InviteForm()
    _offer(form, _manages())
    invited = form.carry(
        lambda: operations.invite(
            email=form.email.data,
            name=form.name.data,
            role=form.role.data,
            chapter_id=form.where,
            by=current_user,
        )
    )
    if invited is None:
        page = render_template("members/invite.html", form=form, meanings=_meanings())
        return page, form.status
    user, is_new = invited
    if not is_new:
        flash(_("%(name)s has a sign-in already and now this role too.", name=user.name), "success")
    elif why_not := _withheld(user):
        flash(_("%(name)s was added.", name=user.name) + " " + why_not, "warning")
    elif mail.is_configured():
        flash(_("The invitation is on its way to %(email)s.", email=user.email), "success")
    else:
        flash(_("%(name)s was added. Hand over the link below.", name=user.name), "success")
    return redirect(url_for("members.user", user_id=user.id), 303)


def _withheld(user: User) -> str | None:
    """Why no invitation leaves although mail is set up, in a sentence; None when one does."""
    return mail.chaperone(user.email).why_not if mail.is_configured() else None


@blueprint.get("/settings/users/<int:user_id>")
@requires(Can.MANAGE_USERS)
def user(user_id: int) -> Any:
    """One person who signs in: their roles and their account."""
    return _user_page(user_id, Form(formdata=None))


def _user_page(user_id: int, sent: Form, role_form: RoleForm | None = None) -> Any:
    scope = _manages()
    record = queries.user(user_id, scope)
    held = queries.roles_of([user_id]).get(user_id, [])
    manages = operations.manages(current_user, held)
    is_invited = record.password_hash is None
    if role_form is None:
        role_form = RoleForm(formdata=None)
        _offer(role_form, scope)
    page = render_template(
        "members/user.html",
        user=record,
        roles=_in_scope(held, scope),
        manages=manages,
        is_self=current_user.id == user_id,
        is_invited=is_invited,
        link=accounts.invitation_link(record)
        if manages and is_invited and record.active and not mail.is_configured()
        else None,
        sends_mail=mail.is_configured(),
        sent=sent,
        role_form=role_form,
        meanings=_meanings(),
        panels=shell.panels("user", record),
    )
    return page, sent.status


@blueprint.post("/settings/users/<int:user_id>/roles")
@requires(Can.MANAGE_USERS)
def grant(user_id: int) -> Any:
    """Give one more role."""
    scope = _manages()
    queries.user(user_id, scope)
    form = RoleForm()
    _offer(form, scope)
    granted = form.carry(
        lambda: operations.grant_role(
            user_id=user_id,
            role=form.role.data,
            chapter_id=form.where,
            by=current_user,
        )
    )
    if granted is None:
        return _user_page(user_id, form, form)
    flash(_("The role was given."), "success")
    return redirect(url_for("members.user", user_id=user_id), 303)


@blueprint.post("/settings/users/<int:user_id>/roles/<int:role_id>/revoke")
@requires(Can.MANAGE_USERS)
def revoke(user_id: int, role_id: int) -> Any:
    """Take a role away."""
    held = queries.roles_of([user_id]).get(user_id, [])
    if role_id not in [each.id for each in _in_scope(held, _manages())]:
        abort(404)
    return _done(
        user_id,
        lambda: operations.revoke_role(chapter_role_id=role_id, by=current_user),
        _("The role was taken away."),
    )


@blueprint.post("/settings/users/<int:user_id>/invitation")
@requires(Can.MANAGE_USERS)
def invite_again(user_id: int) -> Any:
    """Send the invitation once more."""
    if why_not := _withheld(queries.user(user_id, _manages())):
        flash(why_not, "warning")
        return redirect(url_for("members.user", user_id=user_id), 303)
    return _done(
        user_id,
        lambda: operations.invite_again(user_id=user_id, by=current_user),
        _("The invitation is on its way."),
    )


@blueprint.post("/settings/users/<int:user_id>/sessions")
@requires(Can.MANAGE_USERS)
def end_sessions(user_id: int) -> Any:
    """Sign somebody out everywhere."""
    return _done(
        user_id,
        lambda: operations.end_sessions(user_id=user_id, by=current_user),
        _("They are signed out everywhere."),
    )


@blueprint.post("/settings/users/<int:user_id>/deactivate")
@requires(Can.MANAGE_USERS)
def deactivate(user_id: int) -> Any:
    """Let somebody in no more."""
    return _done(
        user_id,
        lambda: operations.deactivate(user_id=user_id, by=current_user),
        _("They can no longer sign in. What they did stays."),
    )


@blueprint.post("/settings/users/<int:user_id>/activate")
@requires(Can.MANAGE_USERS)
def activate(user_id: int) -> Any:
    """Let somebody in again."""
    return _done(
        user_id,
        lambda: operations.activate(user_id=user_id, by=current_user),
        _("They can sign in again."),
    )


def _done(user_id: int, operation: Callable[[], object], message: str) -> Any:
    """Do it and go back to the person's page, or show there why not."""
    scope = _manages()
    queries.user(user_id, scope)
    form = Form()

    def carried() -> bool:
        operation()
        return True

    if not form.carry(carried):
        return _user_page(user_id, form)
    flash(message, "success")
    if not scope.everywhere and not _in_scope(queries.roles_of([user_id]).get(user_id, []), scope):
        # With the last role here the person left the reader's sight.
        return redirect(url_for("members.users"), 303)
    return redirect(url_for("members.user", user_id=user_id), 303)
