"""Promises on pages: the list, one to settle, correct or take back, and what other pages show."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from sqlalchemy import select

from crm.campaigns.models import Campaign
from crm.core import access, db
from crm.core.access import Can, requires
from crm.core.forms import Form, an_id, choice, day, long_text, parse_id
from crm.core.i18n import today
from crm.core.paging import NO_PAGE, Page, page_number, page_of
from crm.members.disclosure import Viewer
from crm.outreach.channels import channels
from crm.outreach.commitment_queries import (
    ALL,
    OVERDUE,
    SETTLED,
    CommitmentFilter,
    first_lines,
    found,
    in_plain,
    lines,
)
from crm.outreach.commitments import (
    BROKEN,
    KEPT,
    KINDS,
    MOST_TEXT,
    OPEN,
    STATES,
    THEIRS,
    WHOSE,
    correct_commitment,
    may_settle,
    record_commitment,
    reopen_commitment,
    settle_commitment,
    settleable,
    withdraw_commitment,
)
from crm.outreach.filters import LABELS, NONE, no_such_state, parse_filter, unheeded
from crm.outreach.forms import UndoForm, options
from crm.outreach.models import ActionTarget, Commitment, Outcome
from crm.outreach.plain import without_members
from crm.outreach.queries import ActionFilter
from crm.outreach.record import chapters_of
from crm.outreach.views import blueprint
from crm.targets.models import Target

#: Filters of an address that the list heeds; those of the bar first.
BAR = ("campaign", "since", "until")
HEEDED = (*BAR, "kind", "region", "area", "party", "list", "target")
_STATES = {
    OPEN: _l("Open"),
    OVERDUE: _l("Overdue"),
    KEPT: _l("Kept"),
    BROKEN: _l("Broken"),
    SETTLED: _l("Kept or broken"),
    ALL: _l("All"),
}
#: What a target's page shows, and the front page.
OF_TARGET, OF_FRONT = 8, 5


class CommitmentForm(Form):
    """A promise that came with no answer."""

    whose = choice(_l("Whose promise"), required=True, choices=options([*WHOSE.items()]))
    text = long_text(_l("What was promised"), most=MOST_TEXT, required=True)
    made_on = day(_l("Promised on"), required=True, past=True)
    due_on = day(_l("Due"))
    campaign_id = choice(_l("Campaign"), choices=[], coerce=lambda value: an_id(value) if value
                         else None)  # fmt: skip


class CorrectForm(Form):
    """What of a promise can be written anew."""

    whose = choice(_l("Whose promise"), required=True, choices=options([*WHOSE.items()]))
    text = long_text(_l("What was promised"), most=MOST_TEXT, required=True)
    due_on = day(_l("Due"))


class SettleForm(Form):
    """Kept or broken, and what showed it."""

    state = choice(
        _l("What became of it"),
        required=True,
        choices=options([("", _l("Choose")), (KEPT, STATES[KEPT]), (BROKEN, STATES[BROKEN])]),
    )
    settled_on = day(_l("Since"), required=True, past=True)
    evidence = long_text(_l("What showed it"), most=MOST_TEXT, required=True)


@blueprint.get("/outreach/commitments")
@requires(Can.SEE)
def commitments() -> Any:
    """What was promised: open ones first, those due first at the top."""
    given = {k: v for k, v in request.args.items() if k in HEEDED}
    apart = given.get("campaign") == NONE
    asked = parse_filter({k: v for k, v in given.items() if v != NONE or k != "campaign"})
    problems = [*asked.problems, *unheeded(request.args, (*HEEDED, "state"))]
    state = request.args.get("state") or OPEN
    whose = request.args.get("whose") or None
    if state not in _STATES:
        problems.append(no_such_state(state))
    if whose and whose not in WHOSE:
        problems.append(_("It is nobody's promise that is called “%(value)s”.", value=whose[:80]))
    wanted = CommitmentFilter(asked.wanted, None if state == ALL else state, whose, apart)
    ids = NO_PAGE if problems else page_of(found(wanted, today()), number=page_number())
    rows = lines(ids.rows, on=today(), to=Viewer.of(current_user))
    target = None
    if asked.wanted.target_id is not None:
        target = db.session.get(Target, asked.wanted.target_id) or abort(404)
    body = render_template(
        "outreach/commitments.html",
        asked=asked,
        problems=problems,
        apart=apart,
        state=state,
        whose=whose,
        states=_STATES,
        whoses=WHOSE,
        target=target,
        bar=BAR,
        labels=LABELS,
        more={k: v for k, v in asked.given.items() if k not in BAR},
        listed=Page(rows, ids.number, ids.size, ids.total, ids.capped),
        may_settle=settleable([row.record for row in rows], current_user),
    )
    return body, 422 if problems else 200


@blueprint.route("/outreach/commitments/new", methods=["GET", "POST"])
@requires(Can.RECORD_OUTCOMES)
def new_commitment() -> Any:
    """Record a promise that came with no answer: in a talk, at an event, or ours; with `answer`
    what an answer promised that was only ticked.
    """
    if "answer" in request.args:
        return _of_answer(parse_id(request.args["answer"]) or 0)
    target = db.session.get(Target, parse_id(request.args.get("target")) or 0) or abort(404)
    if target.merged_into_id is not None:
        abort(404)
    form, target_id, name = CommitmentForm(), target.id, target.name
    campaigns = db.session.execute(
        select(Campaign.id, Campaign.name).order_by(Campaign.starts_on.desc(), Campaign.id)
    )
    form.campaign_id.choices = options(
        [("", _("No campaign")), *((str(row.id), row.name) for row in campaigns)]
    )
    if not form.is_submitted():
        form.made_on.data, form.whose.data = today(), THEIRS
    kept = form.carry(
        lambda: record_commitment(
            target_id=target_id,
            text=form.text.data,
            due_on=form.due_on.data,
            whose=form.whose.data,
            campaign_id=form.campaign_id.data,
            made_on=form.made_on.data,
            by=current_user,
            today=today(),
        )
    )
    if kept is None:
        return render_template(
            "outreach/commitment_new.html", form=form, target_id=target_id, name=name,
            latest=today(),
        ), form.status  # fmt: skip
    flash(_("Recorded what was promised."), "success")
    return redirect(url_for("targets.page", target_id=target_id), 303)


def _of_answer(outcome_id: int) -> Any:
    """Write down what an answer promised: whose answer and when it came is known."""
    outcome = db.session.get(Outcome, outcome_id) or abort(404)
    row, name = db.session.execute(
        select(ActionTarget, Target.name)
        .join(Target, Target.id == ActionTarget.target_id)
        .where(ActionTarget.id == outcome.action_target_id)
    ).one()
    action_id, target_id = row.action_id, row.target_id
    concerned = [chapter.id for chapter in chapters_of(action_id)]
    if outcome.kind not in KINDS or not access.may(current_user, Can.RECORD_OUTCOMES, *concerned):
        abort(404)
    there = db.session.scalar(
        select(Commitment.id).where(Commitment.outcome_id == outcome_id).limit(1)
    )
    if there is not None:
        # Somebody else wrote it down meanwhile.
        return redirect(url_for(".commitment", commitment_id=there), 303)
    form = CorrectForm()
    if not form.is_submitted():
        plain = without_members([action_id], to=Viewer.of(current_user))
        form.whose.data, form.text.data = THEIRS, plain(outcome.summary or "")
    came = {
        "what": channels()[row.channel].count(row.pieces),
        "sent_on": row.happened_on,
        "on": outcome.received_on,
        "url": url_for(".page", action_id=action_id),
    }
    kept = form.carry(
        lambda: record_commitment(
            text=form.text.data,
            due_on=form.due_on.data,
            whose=form.whose.data,
            outcome=db.session.get_one(Outcome, outcome_id),
            by=current_user,
            today=today(),
        )
    )
    if kept is None:
        return render_template(
            "outreach/commitment_new.html", form=form, target_id=target_id, name=name,
            latest=today(), came=came,
        ), form.status  # fmt: skip
    flash(_("Recorded what was promised."), "success")
    return redirect(url_for(".commitment", commitment_id=kept.id), 303)


@blueprint.route("/outreach/commitments/<int:commitment_id>", methods=["GET", "POST"])
@requires(Can.SEE)
def commitment(commitment_id: int) -> Any:
    """One promise: all that is known of it, and the form that settles it."""
    one = db.session.scalars(select(Commitment).where(Commitment.id == commitment_id)).one()
    may = may_settle(one, current_user)
    form = SettleForm()
    if form.is_submitted() and not may:
        abort(404)
    if not form.is_submitted():
        form.settled_on.data = today()
    done = form.carry(lambda: _settle(one, form))
    if done is None:
        line = lines([commitment_id], on=today(), to=Viewer.of(current_user))[0]
        return render_template(
            "outreach/commitment.html",
            line=line,
            form=form,
            may_settle=may,
            latest=today(),
            earliest=line.made_on,
        ), form.status
    flash(_("Kept.") if form.state.data == KEPT else _("Noted as broken."), "success")
    return redirect(url_for(".commitment", commitment_id=commitment_id), 303)


def _settle(one: Commitment, form: SettleForm) -> bool:
    settle_commitment(
        one,
        state=form.state.data,
        on=form.settled_on.data,
        evidence=form.evidence.data,
        by=current_user,
        today=today(),
    )
    return True


@blueprint.route("/outreach/commitments/<int:commitment_id>/edit", methods=["GET", "POST"])
@requires(Can.RECORD_OUTCOMES)
def edit_commitment(commitment_id: int) -> Any:
    """Write anew what was promised: for those who may settle it."""
    one = _theirs(commitment_id)
    form = CorrectForm()
    # A name that is hidden from the reader is not written over as long as the words stay.
    shown = in_plain([(one, _action_of(one))], to=Viewer.of(current_user))(one.text)
    if not form.is_submitted():
        form.text.data, form.whose.data, form.due_on.data = shown, one.whose, one.due_on

    def correct() -> bool:
        typed = (form.text.data or "").replace("\r\n", "\n")
        text = one.text if typed == shown else typed
        correct_commitment(
            one, text=text, due_on=form.due_on.data, whose=form.whose.data, by=current_user,
            today=today(),
        )  # fmt: skip
        return True

    if form.carry(correct) is None:
        return render_template(
            "outreach/commitment_edit.html", form=form, commitment_id=commitment_id
        ), form.status
    flash(_("Corrected."), "success")
    return redirect(url_for(".commitment", commitment_id=commitment_id), 303)


@blueprint.post("/outreach/commitments/<int:commitment_id>/reopen")
@requires(Can.RECORD_OUTCOMES)
def reopen(commitment_id: int) -> Any:
    """Take back that it was kept or broken."""
    one, form = _theirs(commitment_id), UndoForm()
    if form.validate_on_submit():
        reopen_commitment(one, reason=form.reason.data, by=current_user)
        flash(_("Open again."), "success")
    return redirect(url_for(".commitment", commitment_id=commitment_id), 303)


@blueprint.post("/outreach/commitments/<int:commitment_id>/withdraw")
@requires(Can.RECORD_OUTCOMES)
def withdraw_promise(commitment_id: int) -> Any:
    """Take back one that was recorded by mistake."""
    one, form = _theirs(commitment_id), UndoForm()
    target_id = one.target_id
    if form.validate_on_submit():
        withdraw_commitment(one, by=current_user)
        flash(_("Taken back."), "success")
    return redirect(url_for("targets.page", target_id=target_id), 303)


def _theirs(commitment_id: int) -> Commitment:
    """One the reader may settle; 404 for others."""
    one = db.session.scalars(select(Commitment).where(Commitment.id == commitment_id)).one()
    return one if may_settle(one, current_user) else abort(404)


def _action_of(one: Commitment) -> int | None:
    if one.outcome_id is None:
        return None
    return db.session.scalar(
        select(ActionTarget.action_id)
        .join(Outcome, Outcome.action_target_id == ActionTarget.id)
        .where(Outcome.id == one.outcome_id)
    )


# Pages of others


def of_target(target: Any) -> dict[str, Any] | None:
    """What a target promised, and we to it, open and overdue first."""
    wanted = CommitmentFilter(ActionFilter(target_id=target.id))
    rows = first_lines(wanted, OF_TARGET + 1, on=today(), to=Viewer.of(current_user))
    may_record = access.may(current_user, Can.RECORD_OUTCOMES)
    if not rows and not may_record:
        return None
    return {
        "target": target,
        "rows": rows[:OF_TARGET],
        "more": len(rows) > OF_TARGET,
        "may_record": may_record,
    }


def of_front(user: Any) -> dict[str, Any] | None:
    """Promises that are overdue, for coordinators: one statement."""
    if not access.may(user, Can.CORRECT_OUTREACH):
        return None
    wanted = CommitmentFilter(state=OVERDUE)
    rows = first_lines(wanted, OF_FRONT + 1, on=today(), to=Viewer.of(user))
    if not rows:
        return None
    return {"rows": rows[:OF_FRONT], "more": len(rows) > OF_FRONT}
