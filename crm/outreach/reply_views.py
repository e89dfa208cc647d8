"""Did anything come back? What is to be asked today, and one screen that answers for a class.

What is due is read from the dates, so that it stands here whether or not a worker or mail is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import abort, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from crm.core import access, db, shell
from crm.core.access import Can, Scope, requires
from crm.core.forms import Form, choice, form_key, parse_id
from crm.core.forms import day as day_field
from crm.core.i18n import day, today
from crm.core.paging import NO_PAGE, Page, page_number, page_of
from crm.core.shell import number as written
from crm.members.disclosure import Exit, Viewer, disclose
from crm.outreach import window_rules, windows
from crm.outreach.asking import mail_address
from crm.outreach.channels import channels
from crm.outreach.codes import code_of
from crm.outreach.filters import unheeded
from crm.outreach.forms import UndoForm, options
from crm.outreach.history import entries
from crm.outreach.models import Action, ActionChapter, ActionTarget, Outcome
from crm.outreach.outcome_kinds import outcome_kinds
from crm.outreach.plain import without_members
from crm.outreach.record import action_with_facts, chapters_of
from crm.outreach.replies import Reply, Rest, record_replies, tickable_kinds, withdraw_replies
from crm.outreach.senders import senders_of
from crm.outreach.views import blueprint
from crm.outreach.waits import is_due
from crm.targets.models import Target

#: Targets of one screen, and ticks up to which each has a kind of its own.
SIZE, WITH_KINDS = 12, 200
#: Sittings of a page, and how far they are counted on the front page.
SITTINGS, COUNTED = 20, 99


@blueprint.get("/outreach/replies")
@requires(Can.RECORD_OUTCOMES)
def replies() -> Any:
    """The sittings to look at, those that have waited longest first."""
    scope = access.scope(current_user, Can.RECORD_OUTCOMES)
    problems = unheeded(request.args, ())
    due = _due(scope)
    listed = NO_PAGE if problems else page_of(
        due, number=page_number(), size=SITTINGS, scalars=False
    )  # fmt: skip
    shown = {entry.id: entry for entry in entries([row.action_id for row in listed.rows])}
    body = render_template(
        "outreach/replies.html",
        problems=problems,
        listed=Page(
            [(shown[row.action_id], row) for row in listed.rows if row.action_id in shown],
            listed.number, listed.size, listed.total, listed.capped,
        ),
        saved=session.get("replies_saved"),
        beside=shell.panels("replies", current_user),
    )  # fmt: skip
    return body, 422 if problems else 200


def _due(scope: Scope) -> Any:
    """Sittings with something due: action, how many targets, since when, how often asked."""
    since = func.min(func.coalesce(ActionTarget.ask_on, ActionTarget.happened_on))
    found = (
        select(
            ActionTarget.action_id,
            func.count().label("targets"),
            since.label("since"),
            func.max(ActionTarget.asked).label("asked"),
        )
        .where(is_due(today()))
        .group_by(ActionTarget.action_id)
        .order_by(since, ActionTarget.action_id)
    )
    return _narrowed(found, scope)


def _narrowed(found: Any, scope: Scope) -> Any:
    """Of the chapters in which the reader may record answers."""
    if scope.everywhere:
        return found
    theirs = select(ActionChapter.action_id).where(
        ActionChapter.action_id == ActionTarget.action_id,
        ActionChapter.chapter_id.in_(scope.chapter_ids),
    )
    return found.where(theirs.exists())


def of_front(user: Any) -> dict[str, Any] | None:
    """What stands above all else: how many sittings are to be looked at. One statement."""
    scope = access.scope(user, Can.RECORD_OUTCOMES)
    if not scope:
        return None
    due = _narrowed(select(ActionTarget.action_id).where(is_due(today())), scope)
    some = due.distinct().limit(COUNTED + 1).subquery()
    count = db.session.scalar(select(func.count()).select_from(some)) or 0
    return {"count": min(count, COUNTED), "more": count > COUNTED} if count else None


# One sitting


@dataclass(frozen=True)
class Sender:
    """Somebody who wrote, as the reader may know them."""

    member_id: int
    name: str


@dataclass(frozen=True)
class Asked:
    """A target of the sitting, and who may have had an answer from it."""

    row_id: int
    target_id: int
    name: str
    pieces: int
    awaiting: bool
    closed_why: str | None
    senders: Sequence[Sender]
    #: Pieces of those who are not named, or whom the reader may not know.
    others: int
    is_known: bool
    #: What came already: `2 form replies`.
    came: str


class RepliesForm(Form):
    """What all ticks of one save have in common; the ticks are read beside it."""

    key = form_key()
    received_on = day_field(_l("Received on"), required=True, past=True)
    rest = choice(_l("Those you did not tick"), required=True, choices=[])
    days = choice(_l("Ask again in"), choices=[], coerce=int)


@blueprint.route("/outreach/replies/<int:action_id>", methods=["GET", "POST"])
@requires(Can.RECORD_OUTCOMES)
def reply(action_id: int) -> Any:
    """One screen: by target tick who got an answer, and save all of it once."""
    action = action_with_facts(action_id)
    chapter_ids = [chapter.id for chapter in chapters_of(action_id)]
    if not chapter_ids or not access.may(current_user, Can.RECORD_OUTCOMES, *chapter_ids):
        abort(404)
    channel, page = channels()[action.channel], page_number()
    listed = _asked(action, number=page)
    form = RepliesForm()
    again = windows.windows().again
    form.rest.choices = options(
        [
            (Rest.NOTHING_YET.value, _("Nothing yet: ask once more")),
            (Rest.LATER.value, _("Still waiting: ask later")),
            (Rest.CLOSE.value, _("Nothing came: close it")),
        ]
    )
    form.days.choices = options(
        [(str(n), ngettext("%(num)s day", "%(num)s days", n)) for n in (7, 14, 30, 60, 90)]
    )
    if not form.is_submitted():
        form.received_on.data, form.rest.data, form.days.data = today(), Rest.NOTHING_YET.value, 14
    what, name = channel.count(action.pieces), day(action.happened_on)
    kept = form.carry(
        lambda: record_replies(
            action_id=action_id,
            replies=_ticked(listed.rows, form.received_on.data),
            shown=[each.row_id for each in listed.rows],
            rest=Rest(form.rest.data),
            days=form.days.data,
            key=form.key.data or "",
            by=current_user,
            today=today(),
        )
    )
    if kept is None:
        ticks = sum(len(each.senders) for each in listed.rows)
        return render_template(
            "outreach/reply.html",
            form=form,
            action=action,
            place=without_members([action_id], to=Viewer.of(current_user)).maybe(action.place),
            channel=channel,
            what=what,
            on=name,
            listed=listed,
            kinds=tickable_kinds(),
            with_kinds=ticks <= WITH_KINDS,
            typed=request.form,
            latest=today(),
            again=again,
            code=code_of(action_id),
            address=mail_address(),
        ), form.status
    session["replies_saved"] = (action_id, form.key.data) if kept else None
    if kept:
        flash(ngettext("%(num)s answer recorded.", "%(num)s answers recorded.", kept), "success")
    else:
        flash(_("Kept: nothing came of %(what)s.", what=what), "success")
    if listed.number < listed.pages:
        return redirect(url_for(".reply", action_id=action_id, page=listed.number + 1), 303)
    return redirect(url_for(".replies"), 303)


@blueprint.post("/outreach/replies/<int:action_id>/withdraw")
@requires(Can.RECORD_OUTCOMES)
def withdraw_saved(action_id: int) -> Response:
    """Take back what the last save recorded."""
    saved = session.get("replies_saved")
    form = UndoForm()
    if form.validate_on_submit() and saved and saved[0] == action_id:
        count = withdraw_replies(action_id=action_id, key=saved[1], by=current_user)
        session.pop("replies_saved", None)
        flash(
            ngettext("%(num)s answer taken back.", "%(num)s answers taken back.", count), "success"
        )
    return redirect(url_for(".reply", action_id=action_id), 303)


def _asked(action: Action, *, number: int) -> Page:
    """A page of the sitting's targets: those that wait first. Six statements at most."""
    rows = page_of(
        select(  # type: ignore[arg-type]
            ActionTarget.id,
            ActionTarget.target_id,
            Target.name,
            ActionTarget.pieces,
            ActionTarget.awaiting,
            ActionTarget.closed_why,
        )
        .join(Target, Target.id == ActionTarget.target_id)
        .where(ActionTarget.action_id == action.id)
        .order_by(Target.sort_name, Target.id),
        number=number,
        size=SIZE,
        scalars=False,
    )
    wrote = senders_of(action, {row.target_id: row.pieces for row in rows.rows})
    ids = {each for theirs in wrote.values() for each in theirs.named}
    shown = disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE) if ids else {}
    came = _came([row.id for row in rows.rows])
    per_piece = channels()[action.channel].per_piece
    found = []
    for row in rows.rows:
        theirs = wrote[row.target_id]
        named = [each for each in theirs.named if each in shown and shown[each].is_named]
        hidden = sum(pieces for each, pieces in theirs.named.items() if each not in named)
        found.append(
            Asked(
                row_id=row.id,
                target_id=row.target_id,
                name=row.name,
                pieces=row.pieces,
                awaiting=row.awaiting,
                closed_why=row.closed_why,
                senders=sorted(
                    (Sender(each, shown[each].name) for each in named), key=lambda who: who.name
                )
                if per_piece
                else (),
                others=min(row.pieces, theirs.unnamed + hidden) if per_piece else 1,
                is_known=theirs.is_known,
                came=came.get(row.id, ""),
            )
        )
    return Page(found, rows.number, rows.size, rows.total, rows.capped)


def _came(row_ids: Sequence[int]) -> dict[int, str]:
    """What is recorded of each already, in words: one statement."""
    told: dict[int, list[str]] = {}
    kinds = outcome_kinds()
    for row_id, kind, count in db.session.execute(
        select(Outcome.action_target_id, Outcome.kind, func.count())
        .where(Outcome.action_target_id.in_(row_ids))
        .group_by(Outcome.action_target_id, Outcome.kind)
        .order_by(Outcome.action_target_id, Outcome.kind)
    ):
        label = str(kinds[kind].label) if kind in kinds else kind
        told.setdefault(row_id, []).append(f"{written(count)} × {label}")
    return {row_id: ", ".join(words) for row_id, words in told.items()}


def _ticked(asked: Sequence[Asked], received_on: date) -> list[Reply]:
    """What was ticked and typed. A kind beside a name goes before the target's."""
    found = []
    for each in asked:
        kind = request.form.get(f"kind-{each.row_id}") or tickable_kinds()[0].name
        for value in request.form.getlist(f"got-{each.row_id}"):
            member_id = parse_id(value)
            if member_id is None or member_id not in {who.member_id for who in each.senders}:
                continue
            own = request.form.get(f"kind-{each.row_id}-{member_id}") or kind
            found.append(Reply(each.row_id, own, received_on, member_id))
        others = parse_id(request.form.get(f"others-{each.row_id}", "").strip() or None)
        if others:
            found.append(Reply(each.row_id, kind, received_on, None, min(others, 1_000_000)))
    return found


# How long an answer may take


@blueprint.route("/settings/reply-windows", methods=["GET", "POST"])
@requires(windows.MAY_SET)
def reply_windows() -> Any:
    """The days after which a leader is asked, by channel and kind of address."""
    force, form = windows.windows(), Form()
    keys = [*windows.editable(), window_rules.AGAIN]
    typed = {windows.field_of(key): request.form.get(windows.field_of(key), "") for key in keys}
    wrong = {}
    if form.is_submitted():
        wrong = {name: _("Give a whole number.") for name, text in typed.items()
                 if parse_id(text.strip()) is None}  # fmt: skip
    moved = None
    if not wrong:
        moved = form.carry(
            lambda: windows.set_windows(
                {key: int(typed[windows.field_of(key)]) for key in keys},
                move_open=bool(request.form.get("move_open")),
                by=current_user,
            )
        )
    if moved is not None:
        told = _("Kept.")
        if request.form.get("move_open"):
            told = ngettext(
                "Kept. %(num)s target that is waited for has a new day.",
                "Kept. %(num)s targets that are waited for have a new day.",
                moved,
            )
        flash(told, "success")
        return redirect(url_for(".reply_windows"), 303)
    if not form.is_submitted():
        typed = {windows.field_of(key): str(force.days(*key)) for key in keys}
        typed[windows.field_of(window_rules.AGAIN)] = str(force.again)
    return render_template(
        "outreach/windows.html",
        form=form,
        groups=[
            (
                channel,
                [
                    (windows.field_of((name, address)), window_rules.ADDRESSES[address])
                    for address in window_rules.asked_of(name)
                ],
            )
            for name, channel in channels().items()
            if channel.expects_answer
        ],
        again=windows.field_of(window_rules.AGAIN),
        typed=typed,
        wrong=wrong,
        most=window_rules.MOST,
    ), form.status
