"""Forwarded replies: what waits, one of them with all that came, and what a person says it is."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from sqlalchemy import select
from wtforms import SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from crm.core import access, db
from crm.core.access import Can, requires
from crm.core.files import as_attachment
from crm.core.forms import Form, an_id, choice, day, long_text, text
from crm.core.i18n import day as said_day
from crm.core.i18n import today
from crm.core.paging import page_within
from crm.core.text import slugify
from crm.mailings import reply_confirming as confirming
from crm.mailings.views import blueprint
from crm.members.disclosure import Exit, Viewer, disclose
from crm.outreach.asking import mail_address
from crm.outreach.channels import channels
from crm.outreach.filters import unheeded
from crm.outreach.forms import options
from crm.outreach.models import Action, ActionTarget
from crm.outreach.plain import Plain, without_members
from crm.outreach.replies import tickable_kinds
from crm.outreach.senders import senders_of

#: Of the text, what stands in the field for the summary at first.
_SUMMARY = 2000


@blueprint.get("/outreach/replies/forwarded")
@requires(Can.RECORD_OUTCOMES)
def forwarded_replies() -> Any:
    """What was forwarded and waits for a person."""
    problems = unheeded(request.args, ())
    listed = page_within([] if problems else confirming.waiting_for(current_user))
    about = {each for _row, answers in listed.rows for each in answers.action_ids}
    body = render_template(
        "mailings/replies.html",
        problems=problems,
        listed=listed,
        plain=without_members(about, to=Viewer.of(current_user)),
        refused=confirming.refused() if access.may(current_user, Can.MANAGE_USERS) else (),
        address=mail_address(),
    )
    return body, 422 if problems else 200


def _maybe_id(typed: str | None) -> int | None:
    return an_id(typed) if typed else None


class ConfirmForm(Form):
    """What a message answers, and what of it is kept."""

    action_target_id = choice(_l("It answers"), required=True, choices=[], coerce=_maybe_id)
    kind = choice(_l("What came back"), required=True, choices=[])
    received_on = day(_l("Received on"), required=True, past=True)
    member_id = choice(_l("It came to"), choices=[], coerce=_maybe_id)
    summary = long_text(_l("What it says"), most=_SUMMARY)
    files = SelectMultipleField(
        _l("Keep these papers"), choices=[], widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )  # fmt: skip


class CodeForm(Form):
    """The code of what a message without one answers."""

    code = text(_l("Code of the pack or the outreach"), most=40, required=True)


class AwayForm(Form):
    """Why it is no answer of ours."""

    reason = text(_l("Why"), most=200, required=True)


@blueprint.route("/outreach/replies/forwarded/<int:mail_id>", methods=["GET", "POST"])
@requires(Can.RECORD_OUTCOMES)
def forwarded_reply(mail_id: int) -> Any:
    """One message: what it says, what came with it, and what it answers."""
    row, answers = confirming.message(mail_id, current_user)
    if not answers.action_ids:
        return _asks_code(row, answers)
    found = confirming.guesses(answers, f"{row.subject or ''}\n{row.text or ''}")
    plain = without_members(answers.action_ids, to=Viewer.of(current_user))
    form = ConfirmForm()
    chosen = _chosen(found)
    form.action_target_id.choices = options(
        [("", _("Choose")), *((str(each.row_id), _told(each)) for each in found)]
    )
    form.kind.choices = options([(kind.name, kind.label) for kind in tickable_kinds()])
    form.member_id.choices = options([("", _("Not known")), *_senders(answers)])
    papers = [part for part in row.parts if "file" in part]
    form.files.choices = options([(part["file"], part["name"]) for part in papers])
    if not form.is_submitted():
        form.received_on.data = today()
        form.action_target_id.data = chosen
        form.files.data = [part["file"] for part in papers]
        form.summary.data = plain(confirming.answer_in(row.text or ""))[:_SUMMARY]
    outcome = form.carry(
        lambda: confirming.confirm_reply(
            row,
            action_target_id=form.action_target_id.data,
            kind=form.kind.data,
            received_on=form.received_on.data,
            member_id=form.member_id.data,
            summary=form.summary.data,
            files=form.files.data or (),
            by=current_user,
            today=today(),
        )
    )
    if outcome is None:
        if form.is_submitted():
            # What was refused was rolled back, and what was read with it.
            row, answers = confirming.message(mail_id, current_user)
        return render_template(
            "mailings/reply.html", form=form, away=AwayForm(formdata=None), row=row,
            answers=answers, plain=plain, latest=today(), likely=chosen,
        ), form.status  # fmt: skip
    action_id = db.session.scalars(
        select(ActionTarget.action_id).where(ActionTarget.id == outcome.action_target_id)
    ).one()
    flash(_("Recorded as an answer."), "success")
    return redirect(url_for("outreach.page", action_id=action_id), 303)


def _asks_code(row: Any, answers: Any) -> Any:
    """The page of a message that does not say what it answers."""
    form = CodeForm()
    mail_id = row.id
    done = form.carry(lambda: confirming.set_code(row, code=form.code.data or "", by=current_user))
    if done:
        return redirect(url_for(".forwarded_reply", mail_id=mail_id), 303)
    if form.is_submitted():
        row, answers = confirming.message(mail_id, current_user)
    return render_template(
        "mailings/reply_code.html", form=form, away=AwayForm(formdata=None), row=row,
        answers=answers, plain=Plain(),
    ), form.status  # fmt: skip


def _told(each: confirming.Guess) -> str:
    what = channels()[each.channel].count(each.pieces)
    return _("%(target)s: %(what)s of %(day)s", target=each.target, what=what,
             day=said_day(each.happened_on))  # fmt: skip


def _chosen(found: list[confirming.Guess]) -> int | None:
    likely = [each.row_id for each in found if each.is_likely]
    return likely[0] if likely else found[0].row_id if len(found) == 1 else None


def _senders(answers: Any) -> list[tuple[str, str]]:
    """Who wrote, of all the actions it may answer, as this reader may know them."""
    ids: set[int] = set()
    for action_id in answers.action_ids[:10]:
        action = db.session.get(Action, action_id)
        rows = db.session.execute(
            select(ActionTarget.target_id, ActionTarget.pieces).where(
                ActionTarget.action_id == action_id
            )
        )
        if action is not None:
            wrote = senders_of(action, {row[0]: row[1] for row in rows})
            ids |= {each for theirs in wrote.values() for each in theirs.named}
    shown = disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE) if ids else {}
    named = [(str(each), who.name) for each, who in shown.items() if who.is_named]
    return sorted(named, key=lambda pair: pair[1])


@blueprint.post("/outreach/replies/forwarded/<int:mail_id>/away")
@requires(Can.RECORD_OUTCOMES)
def put_reply_away(mail_id: int) -> Any:
    """It answers nothing of ours: what it said goes."""
    row, _answers = confirming.message(mail_id, current_user)
    form = AwayForm()
    if form.carry(lambda: confirming.put_away(row, reason=form.reason.data, by=current_user)):
        flash(_("Put away. What it said is gone."), "success")
        return redirect(url_for(".forwarded_replies"), 303)
    flash(_("Say why, in a word or two."), "warning")
    return redirect(url_for(".forwarded_reply", mail_id=mail_id), 303)


@blueprint.get("/outreach/replies/forwarded/<int:mail_id>/papers/<int:place>")
@requires(Can.RECORD_OUTCOMES)
def reply_paper(mail_id: int, place: int) -> Any:
    """A paper that came with it, to be saved and never run."""
    row, _answers = confirming.message(mail_id, current_user)
    papers = [part for part in row.parts if "file" in part]
    if place >= len(papers):
        abort(404)
    try:
        return as_attachment(papers[place]["file"], called=slugify(papers[place]["name"]))
    except FileNotFoundError:
        abort(404)


def of_replies(user: Any) -> dict[str, Any] | None:
    """The way from what is due to what was forwarded."""
    count = len(confirming.waiting_for(user))
    return {"count": count}
