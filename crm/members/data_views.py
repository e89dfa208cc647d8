"""All that is kept about a member, taken out for them by who keeps them; and forgetting them."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from crm.core import access, i18n, reads, shell
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import Form, text
from crm.members import departures, forgetting, own_data, queries
from crm.members.disclosure import Exit, Viewer, disclose
from crm.members.own_views import file_of
from crm.members.rules import is_minor
from crm.members.views import blueprint


class DataForm(Form):
    """Why it is taken out."""

    reason = text(_l("Who asked for it, and why"), most=500, required=True)


class ForgetForm(Form):
    """The member's number in files, typed so that nobody is forgotten by a slip."""

    pseudonym = text(_l("Type their number to confirm"), most=40, required=True)


def _name_of(member_id: int) -> str:
    return disclose([member_id], to=Viewer.of(current_user), exit=Exit.PAGE)[member_id].name


@blueprint.route("/members/<int:member_id>/data", methods=["GET", "POST"])
@requires(Can.EDIT_MEMBERS)
def data(member_id: int) -> Any:
    """One file with all that is kept about a member; that it was taken is recorded."""
    member = queries.member(member_id, access.scope(current_user, Can.EDIT_MEMBERS))
    asked = _asked(member)
    form = DataForm()

    def taken() -> Any:
        if not asked.named:
            raise Refused(
                _(
                    "Whoever decides for this member does not want them on the list of members."
                    " Whoever may download lists of people can take out their data."
                )
            )
        found = own_data.document(asked)
        departures.record(
            exit=Exit.EXPORT,
            what=_("All that is kept about them"),
            member_ids=[member_id],
            reason=form.reason.data,
            by=current_user,
        )
        if is_minor(member.age_band):
            reads.note("member", [member_id], "history")
        return file_of(found, request.form.get("format", ""))

    answer = form.carry(taken)
    if answer is not None:
        return answer
    return render_template(
        "members/data.html", form=form, id=member_id, name=_name_of(member_id), asked=asked
    ), form.status


def _asked(member: Any) -> own_data.Asked:
    """As much as the reader may read anyway: who may download people, all of it."""
    chapters = [each.chapter_id for each in member.memberships]
    exports = access.scope(current_user, Can.EXPORT_PEOPLE).includes(*chapters)
    shown = disclose([member.id], to=Viewer.of(current_user), exit=Exit.PAGE, details=True)
    return own_data.Asked(
        member,
        i18n.today(),
        reach=exports or not shown[member.id].withheld,
        named=exports or shown[member.id].is_named,
        guardians=access.scope(current_user, Can.KEEP_CONSENTS).includes(*chapters),
    )


@blueprint.route("/members/<int:member_id>/forget", methods=["GET", "POST"])
@requires(Can.FORGET_MEMBERS)
def forget(member_id: int) -> Any:
    """Erase a person: first what will happen, then their number typed."""
    member = queries.member(member_id, access.scope(current_user, Can.FORGET_MEMBERS))
    pseudonym = member.pseudonym
    form = ForgetForm()

    def forgotten() -> forgetting.Forgotten:
        if (form.pseudonym.data or "").strip().upper() != pseudonym:
            raise Refused(_("This is not their number."), "pseudonym")
        return forgetting.forget(member_id=member_id, by=current_user, today=i18n.today())

    if form.carry(forgotten) is not None:
        flash(_("They are forgotten. What they did stays counted."), "success")
        return redirect(url_for("members.index"), 303)
    # A refusal rolled back: the member is read anew.
    member = queries.member(member_id, access.scope(current_user, Can.FORGET_MEMBERS))
    return render_template(
        "members/forget.html",
        form=form,
        id=member_id,
        name=_name_of(member_id),
        pseudonym=pseudonym,
        told=forgetting.preview(member_id, by=current_user),
        panels=shell.panels("forget", member),
        left=departures.of_member(member_id),
        exits=own_data.exit_names(),
    ), form.status
