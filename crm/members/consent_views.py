"""Pages of a member's consents: where they stand and why, recorded, withdrawn, asked, printed."""

from collections.abc import Collection, Sequence
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from crm.core import access, files, i18n, links, mail, pdf, reads
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import Form
from crm.members import (
    consent_print,
    consent_requests,
    departures,
    disclosure,
    guardians,
    queries,
)
from crm.members import (
    consents as said,
)
from crm.members.consent_forms import RecordForm, WithdrawForm, speakers
from crm.members.consent_rules import (
    LABELS,
    MEANINGS,
    SAID_NO,
    STATE_LABELS,
    How,
    Purpose,
    State,
    allows,
    usual_end,
)
from crm.members.disclosure import first_name
from crm.members.guardian_views import kept, name_of
from crm.members.models import Member
from crm.members.rules import is_minor, is_open
from crm.members.views import blueprint

#: Hours a scan waits for a form that came back with errors.
_SCAN_WAITS = 24
_SCAN = "consent-scan"


@blueprint.app_context_processor
def _consent_words() -> dict[str, Any]:
    return {
        "purpose_labels": LABELS,
        "purpose_meanings": MEANINGS,
        "state_words": state_words,
        "state_tone": state_tone,
        "first_name": first_name,
    }


def state_words(state: State, *, is_implied: bool = False) -> str:
    """Where a member stands, in a word; a yes nobody gave is said apart."""
    return _("By taking part") if is_implied else str(STATE_LABELS[state])


def state_tone(state: State, *, is_implied: bool = False) -> str:
    """The badge it is shown in."""
    if state is State.GIVEN or is_implied:
        return "good"
    return "warn" if state is State.EXPIRED else "plain" if state is State.MISSING else "bad"


@blueprint.get("/members/<int:member_id>/consents")
@requires(Can.KEEP_CONSENTS)
def consents(member_id: int) -> Any:
    """Guardians, what may be done and why, links that wait, and all that was said."""
    member = queries.member(member_id, kept())
    _note(member, "consent")
    of = guardians.guardians_of([member_id]).get(member_id, [])
    if of:
        _note(member, "contact")
    history = said.history(member_id)
    children = guardians.children_of([each.guardian.id for each in of], kept())
    siblings = sorted({child for theirs in children.values() for child in theirs} - {member_id})
    return render_template(
        "members/consents.html",
        id=member_id,
        name=name_of(member_id),
        is_minor=is_minor(member.age_band),
        of=of,
        siblings=disclosure.disclose(
            siblings, to=disclosure.Viewer.of(current_user), exit=disclosure.Exit.PAGE
        ),
        stands=said.stands(member, of, [consent for consent, _by in history], today=i18n.today()),
        waiting=consent_requests.open_requests([member_id]),
        papers_said=said.papers(history),
        relations={each.guardian.id: each.called for each in of},
        papers=pdf.PAPERS,
        usual=pdf.usual_paper(),
        sent=Form(formdata=None),
    )


@blueprint.route("/members/<int:member_id>/consents/record", methods=["GET", "POST"])
@requires(Can.KEEP_CONSENTS)
def record_consents(member_id: int) -> Any:
    """Several answers from one paper: one form, one save, one scan."""
    member = queries.member(member_id, kept())
    form = RecordForm()
    scan, bad_scan = _kept_scan(form) if form.is_submitted() else (None, None)
    if form.is_submitted():
        # Keeping a file lets go of the database: what was read is read anew.
        member = queries.member(member_id, kept())
    today = i18n.today()
    of = guardians.guardians_of([member_id]).get(member_id, [])
    name, minor = name_of(member_id), is_minor(member.age_band)
    form.who.choices = _chosen(speakers(of, name, is_minor=minor))
    if request.method == "GET":
        form.starts_on.data, form.ends_on.data = today, usual_end(today)
        form.how.data = How.PAPER.value
        if len(form.who.choices) == 2 or not minor:
            form.who.data = form.who.choices[-1][0]
    form.kept_scan.data = links.sign(_SCAN, [member_id, scan]) if scan else ""
    added = (
        form.carry(
            lambda: said.record_consents(
                member_id=member_id,
                answers=form.answers(),
                given_by=form.speaker,
                how=How(form.how.data),
                starts_on=form.starts_on.data,
                ends_on=form.ends_on.data,
                scan=scan,
                by=current_user,
                today=today,
            )
        )
        if bad_scan is None
        else None
    )
    if added:
        refused = [each.purpose for each in added if each.answer != "given"]
        if refused:
            return _to_what_left(member_id, refused)
        flash(_("The answers are kept."), "success")
        return redirect(url_for("members.consents", member_id=member_id), 303)
    if bad_scan is not None:
        form.validate()
        form.refuse(bad_scan)
    page = render_template(
        "members/record_consents.html",
        form=form,
        id=member_id,
        name=name,
        is_minor=minor,
        has_guardian=bool(of),
        has_scan=scan is not None,
    )
    return page, form.status


def _kept_scan(form: RecordForm) -> tuple[str | None, Refused | None]:
    """The scan sent, or the one an earlier try kept, and what is wrong with it."""
    upload = form.scan.data
    if upload is not None and getattr(upload, "filename", None):
        try:
            return files.keep_document(upload, field="scan"), None
        except Refused as refusal:
            return None, refusal
    member_id = (request.view_args or {}).get("member_id")
    signed = links.read(_SCAN, form.kept_scan.data or "", hours=_SCAN_WAITS)
    if not signed or signed[0] != member_id:
        return None, None
    try:
        return files.still_kept(signed[1], field="scan"), None
    except Refused as refusal:
        return None, refusal


def _chosen(choices: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [("", _("Choose …")), *choices]


@blueprint.route("/members/<int:member_id>/consents/withdraw", methods=["GET", "POST"])
@requires(Can.KEEP_CONSENTS)
def withdraw_consent(member_id: int) -> Any:
    """Take consents back: by whom, from when, why. The next page tells what has left already."""
    member = queries.member(member_id, kept())
    today = i18n.today()
    of = guardians.guardians_of([member_id]).get(member_id, [])
    name, minor = name_of(member_id), is_minor(member.age_band)
    form = WithdrawForm()
    form.who.choices = _chosen(speakers(of, name, is_minor=minor))
    if request.method == "GET":
        form.withdrawn_on.data = today
        form.purposes.data = [each.value for each in _purposes()]
        if len(form.who.choices) == 2:
            form.who.data = form.who.choices[-1][0]

    def withdraw() -> bool:
        said.withdraw_consent(
            member_id=member_id,
            purposes=form.chosen(),
            withdrawn_by=form.speaker,
            withdrawn_on=form.withdrawn_on.data,
            how=How(form.how.data),
            reason=form.reason.data,
            by=current_user,
            today=today,
        )
        return True

    if form.carry(withdraw):
        return _to_what_left(member_id, form.purposes.data or ())
    page = render_template("members/withdraw_consent.html", form=form, id=member_id, name=name)
    return page, form.status


def _to_what_left(member_id: int, purposes: Collection[str]) -> Any:
    return redirect(
        url_for("members.withdrawn_consents", member_id=member_id, purpose=sorted(purposes)), 303
    )


def _purposes() -> list[Purpose]:
    asked = request.args.getlist("purpose")
    return [each for each in Purpose if each.value in asked]


@blueprint.get("/members/<int:member_id>/consents/withdrawn")
@requires(Can.KEEP_CONSENTS)
def withdrawn_consents(member_id: int) -> Any:
    """What went out already, of what was taken back: that cannot be undone from here."""
    member = queries.member(member_id, kept())
    _note(member, "consent")
    purposes = _purposes() or list(Purpose)
    states = disclosure.states([member_id], purposes, today=i18n.today())[member_id]
    return render_template(
        "members/withdrawn.html",
        id=member_id,
        name=name_of(member_id),
        purposes=[(each, states[each]) for each in purposes],
        left=departures.about(member_id, purposes),
    )


@blueprint.get("/members/<int:member_id>/consents/<int:consent_id>/scan")
@requires(Can.KEEP_CONSENTS)
def consent_scan(member_id: int, consent_id: int) -> Any:
    """The scan of a signed paper, to be saved. That it was read is recorded."""
    member = queries.member(member_id, kept())
    record = said.consent_with_scan(member_id, consent_id)
    _note(member, "consent")
    try:
        return files.as_attachment(record.scan or "", called=f"consent-{consent_id}")
    except (FileNotFoundError, ValueError):
        abort(404)


@blueprint.post("/members/<int:member_id>/consents/requests/<int:request_id>/revoke")
@requires(Can.KEEP_CONSENTS)
def revoke_request(member_id: int, request_id: int) -> Any:
    """Take a link back before it is used."""
    queries.member(member_id, kept())
    if request_id not in [each.id for each in consent_requests.open_requests([member_id])]:
        abort(404)
    consent_requests.revoke_request(request_id=request_id, by=current_user)
    flash(_("The link works no more."), "success")
    return redirect(url_for("members.consents", member_id=member_id), 303)


@blueprint.get("/members/<int:member_id>/consents/form.pdf")
@requires(Can.KEEP_CONSENTS)
def consent_form(member_id: int) -> Any:
    """The form on paper for this member: `?paper=a4` or `letter`."""
    queries.member(member_id, kept())
    return consent_print.forms([member_id], paper=pdf.paper_named(request.args.get("paper")))


def card_of(member: Member) -> dict[str, Any] | None:
    """The card on a member's page: what may be done, what is missing; no way to reach guardians."""
    today = i18n.today()
    theirs = [each.chapter_id for each in member.memberships if is_open(each.left_on, today)] or [
        each.chapter_id for each in member.memberships
    ]
    if not access.scope(current_user, Can.KEEP_CONSENTS).includes(*theirs):
        return None
    minor = is_minor(member.age_band)
    states = disclosure.states([member.id], today=today)[member.id]
    _note(member, "consent")
    may = [each for each in Purpose if allows(states[each], each, is_minor=minor)]
    return {
        "id": member.id,
        "is_minor": minor,
        "may": may,
        "no": [each for each in Purpose if states[each] in SAID_NO],
        "missing": [each for each in Purpose if each not in may and states[each] not in SAID_NO]
        if minor
        else [],
        "guardians": len(guardians.guardians_of([member.id]).get(member.id, ())) if minor else 0,
        "sends_mail": mail.is_configured(),
    }


def _note(member: Member, what: str) -> None:
    if is_minor(member.age_band):
        reads.note("member", [member.id], what)
