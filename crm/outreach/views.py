"""Pages of the room: the list, one action, what waits for an answer, photos."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import (
    Blueprint,
    abort,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import format_date
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from crm.campaigns.addresses import chosen_addresses
from crm.campaigns.models import Campaign
from crm.core import access, db
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.files import as_attachment, as_picture
from crm.core.i18n import day, today
from crm.core.icons import icon
from crm.core.paging import NO_PAGE, Page, page_number, page_of
from crm.core.text import slugify
from crm.members.disclosure import Viewer, first_name
from crm.outreach.channels import channels
from crm.outreach.commitments import Promised, record_answer
from crm.outreach.filters import (
    BAR,
    HIDDEN,
    LABELS,
    REST,
    Asked,
    no_such_state,
    parse_filter,
    unheeded,
)
from crm.outreach.forms import OutcomeForm, UndoForm
from crm.outreach.history import Entry, page_of_entries, waiting, waiting_rows
from crm.outreach.models import (
    Action,
    ActionChapter,
    ActionPhoto,
    ActionTarget,
    Outcome,
    OutcomeFile,
)
from crm.outreach.operations import (
    last_undo,
    may_change,
    redo_action,
    snapshot,
    undo_action,
    withdraw_outcome,
)
from crm.outreach.outcome_kinds import outcome_kinds
from crm.outreach.photos import Shows, pictures_of, say_whom_it_shows
from crm.outreach.plain import without_members
from crm.outreach.record import (
    action_with_facts,
    asks_of,
    chapters_of,
    details_said,
    history_of,
    participants,
    targets_reached,
)
from crm.targets.contact_queries import paper, points_of
from crm.targets.models import ContactPoint, Post, Target

blueprint = Blueprint("outreach", __name__)


@blueprint.get("/outreach")
@requires(Can.SEE)
def index() -> Any:
    """Everything that was done, newest first."""
    asked = parse_filter(request.args, Viewer.of(current_user))
    listed = NO_PAGE if asked.problems else page_of_entries(asked.wanted, number=page_number())
    body = render_template(
        "outreach/index.html",
        asked=asked,
        listed=listed,
        days=_days(listed.rows),
        icons={name: icon(channel.icon) for name, channel in channels().items()},
        bar=BAR,
        rest=REST,
        labels=LABELS,
        hidden={name: asked.given[name] for name in HIDDEN if name in asked.given},
        chips=_chips(asked),
    )
    return body, 422 if asked.problems else 200


def _chips(asked: Asked) -> list[tuple[str, str]]:
    """What links asked for that the bar does not offer, by name of the filter, in words."""
    wanted = asked.wanted
    if wanted.target_id is not None and db.session.get(Target, wanted.target_id) is None:
        abort(404)
    if wanted.post_id and db.session.get(Post, wanted.post_id) is None:
        abort(404)
    words = {
        "target": _("To %(name)s"),
        "post": _("To who held: %(name)s"),
        "body": _("To who sat in: %(name)s"),
        "member": _("With %(name)s"),
        "chapter_itself": _("By %(name)s itself"),
        "outcome": "%(name)s",
    }
    # Read with the name the reader may know, and never with more of it.
    return [
        (name, words[name] % {"name": asked.choices.said(name, asked.given[name])})
        for name in HIDDEN
        if name in asked.given
    ]


def _days(rows: Sequence[Entry]) -> dict[date, str]:
    """The days of a list in the reader's words, each made once."""
    found = {row.happened_on for row in rows} | {row.until for row in rows if row.until}
    return {each: day(each) for each in found}


@blueprint.get("/outreach/<int:action_id>")
@requires(Can.SEE)
def page(action_id: int) -> Any:
    """One action: facts, targets with what came back, people, photos, history."""
    action = action_with_facts(action_id)
    viewer = Viewer.of(current_user)
    chapters = chapters_of(action_id)
    chapter_ids = [chapter.id for chapter in chapters]
    undone = last_undo(action_id).snapshot if action.undone_at else None
    before_ids = undone["chapters"] if undone else chapter_ids
    # Nobody corrects what they do not know: the children's names, the note and the pictures are
    # for those who may see the members of a chapter that took part.
    sees_inside = viewer.sees.includes(*before_ids)
    # Free texts come without the names of those who took part that the reader may not know; of
    # what was undone, nobody knows any more who that was.
    plain = without_members([action_id], to=viewer)
    tells = sees_inside or not undone
    reached = targets_reached(action_id, number=page_number(), plain=plain, to=viewer)
    people = participants(action_id, to=viewer)
    changes = history_of(action, lambda: snapshot(action), to=viewer)
    return render_template(
        "outreach/page.html",
        action=action,
        channel=channels()[action.channel],
        weekday=format_date(action.happened_on, "EEEE"),
        details=details_said(action, plain) if tells else (),
        place=plain.maybe(action.place) if tells else None,
        chapters=chapters,
        asks=asks_of(action_id),
        reached=reached,
        people=people,
        named=sum(person.pieces for person in people),
        photos=pictures_of(action) if sees_inside else (),
        sees_inside=sees_inside,
        logged_by=_logged_by(action, sees_inside),
        changes=changes if sees_inside else (),
        undone=undone,
        may_change=may_change(action, before_ids, current_user),
        may_log=access.may(current_user, Can.LOG_OUTREACH),
        may_record=access.may(current_user, Can.RECORD_OUTCOMES, *chapter_ids)
        and bool(chapter_ids),
        just_saved=session.get("last_saved") == action_id and not undone,
    )


def _logged_by(action: Action, sees_inside: bool) -> str:
    name = action.logged_by.name if action.logged_by else ""
    return name if sees_inside else first_name(name)


@blueprint.post("/outreach/<int:action_id>/undo")
@requires(Can.LOG_OUTREACH)
def undo(action_id: int) -> Any:
    """Take it out of all lists and sums."""
    action = action_with_facts(action_id)
    form = UndoForm()
    if form.validate_on_submit():
        try:
            undo_action(action, reason=form.reason.data, by=current_user)
        except Refused as refusal:
            if refusal.field != "answers":
                raise
            # Said on the page where the person can take them back.
            db.rollback()
            flash(str(refusal.message), "warning")
        else:
            session.pop("last_saved", None)
            flash(_("Undone. It counts nowhere now; you can bring it back here."), "success")
    return redirect(url_for(".page", action_id=action_id), 303)


@blueprint.post("/outreach/<int:action_id>/redo")
@requires(Can.LOG_OUTREACH)
def redo(action_id: int) -> Any:
    """Bring it back."""
    action = action_with_facts(action_id)
    form = UndoForm()
    if form.validate_on_submit():
        redo_action(action, by=current_user)
        flash(_("Brought back as it was."), "success")
    return redirect(url_for(".page", action_id=action_id), 303)


@blueprint.route("/outreach/answers/<int:action_target_id>", methods=["GET", "POST"])
@requires(Can.RECORD_OUTCOMES)
def answer(action_target_id: int) -> Any:
    """Record what came back from one target of an action."""
    row, target, action = db.session.execute(
        select(ActionTarget, Target, Action)
        .join(Target, Target.id == ActionTarget.target_id)
        .join(Action, Action.id == ActionTarget.action_id)
        .where(ActionTarget.id == action_target_id)
    ).one()
    chapter_ids = [chapter.id for chapter in chapters_of(action.id)]
    if not access.may(current_user, Can.RECORD_OUTCOMES, *chapter_ids):
        abort(404)
    action_id, name = action.id, target.name
    what = channels()[row.channel].count(row.pieces)
    happened_on = row.happened_on
    form = OutcomeForm()
    _ask_address(form, channels()[row.channel].sent_to, target.id, action.campaign_id)
    if not form.is_submitted():
        form.received_on.data = today()
    outcome = form.carry(
        lambda: record_answer(
            promised=Promised(form.text.data or "", form.due_on.data),
            action_target_id=action_target_id,
            kind=form.kind.data,
            received_on=form.received_on.data,
            summary=form.summary.data,
            scan=form.keep_scan(),
            contact_point_id=form.failed_address,
            by=current_user,
            today=today(),
        )
    )
    # Whoever works through what waits comes back to where in the list they were.
    given: dict[str, Any] = {
        name: request.values.get(name) for name in ("campaign", "chapter", "state", "page")
    }
    waits = request.values.get("back") == "waiting"
    back = url_for(".waiting", **given) if waits else url_for(".page", action_id=action_id)
    if outcome is None:
        return render_template(
            "outreach/answer.html",
            form=form,
            action_id=action_id,
            name=name,
            what=what,
            happened_on=happened_on,
            back=back,
            latest=today(),
        ), form.status
    flash(_("Answer from %(name)s recorded.", name=name), "success")
    return redirect(back, 303)


def _ask_address(form: OutcomeForm, kind: str | None, target_id: int, campaign_id: int) -> None:
    """Let the form ask which good address failed; the campaign's own is likely."""
    points = points_of([target_id], kind=kind).get(target_id, []) if kind else []
    good = [point for point in points if point.status == "good"]
    likely = good[0].id if len(good) == 1 else None
    if kind == "postal" and good:
        campaign = db.session.get_one(Campaign, campaign_id)
        chosen = chosen_addresses(campaign_id, [target_id]).get(target_id)
        goes = paper(points, prefer=campaign.paper_to, chosen=chosen).point
        likely = goes.id if goes is not None else None
    form.ask_address(
        [(point.id, _told_address(point)) for point in good],
        likely,
        [kind.name for kind in outcome_kinds().values() if kind.fails_address],
    )


def _told_address(point: ContactPoint) -> str:
    return f"{point.label}: {', '.join(point.value.splitlines())}"


@blueprint.post("/outreach/answers/<int:outcome_id>/withdraw")
@requires(Can.RECORD_OUTCOMES)
def withdraw(outcome_id: int) -> Any:
    """Take back an answer recorded by mistake."""
    outcome = db.session.scalars(select(Outcome).where(Outcome.id == outcome_id)).one()
    action_id = _action_of(outcome)
    form = UndoForm()
    if form.validate_on_submit():
        withdraw_outcome(outcome, by=current_user)
        flash(_("Taken back."), "success")
    return redirect(url_for(".page", action_id=action_id), 303)


@blueprint.get("/outreach/answers/<int:outcome_id>/scan")
@requires(Can.SEE_MEMBERS)
def scan(outcome_id: int) -> Any:
    """The scan of an answer: it may show who wrote."""
    outcome = db.session.scalars(select(Outcome).where(Outcome.id == outcome_id)).one()
    return _picture(outcome.scan, _action_of(outcome))


@blueprint.get("/outreach/answers/<int:outcome_id>/files/<int:file_id>")
@requires(Can.SEE_MEMBERS)
def outcome_file(outcome_id: int, file_id: int) -> Any:
    """A paper that came with an answer, to save: for those who may see the scan."""
    outcome = db.session.scalars(select(Outcome).where(Outcome.id == outcome_id)).one()
    kept = db.session.scalars(
        select(OutcomeFile).where(OutcomeFile.id == file_id, OutcomeFile.outcome_id == outcome_id)
    ).one()
    _refuse_strangers(_action_of(outcome))
    try:
        return as_attachment(kept.file, called=slugify(kept.name.rpartition(".")[0] or kept.name))
    except FileNotFoundError:
        abort(404)


@blueprint.get("/outreach/<int:action_id>/photos/<int:photo_id>")
@requires(Can.SEE_MEMBERS)
def photo(action_id: int, photo_id: int) -> Any:
    """A photo, for those who may see the members of a chapter that took part."""
    action = action_with_facts(action_id)
    for picture in pictures_of(action):
        if picture.id == photo_id and picture.held_back is None:
            return _picture(picture.file, action_id)
    abort(404)


@blueprint.post("/outreach/<int:action_id>/photos/<int:photo_id>")
@requires(Can.LOG_OUTREACH)
def photo_shows(action_id: int, photo_id: int) -> Any:
    """Say whether anybody can be recognised in a photo."""
    kept = db.session.scalars(
        select(ActionPhoto).where(ActionPhoto.id == photo_id, ActionPhoto.action_id == action_id)
    ).one()
    form = UndoForm()
    if form.validate_on_submit():
        shows: Shows = "nobody" if request.form.get("shows") == "nobody" else "members"
        say_whom_it_shows(kept, shows=shows, by=current_user)
        flash(_("Kept."), "success")
    return redirect(url_for(".page", action_id=action_id), 303)


@blueprint.get("/outreach/waiting", endpoint="waiting")
@requires(Can.SEE)
def waiting_page() -> Any:
    """What has not been answered, oldest first."""
    asked = parse_filter({k: v for k, v in request.args.items() if k in ("campaign", "chapter")})
    problems = [
        *asked.problems, *unheeded(request.args, ("campaign", "chapter", "state"))
    ]  # fmt: skip
    state = request.args.get("state") or "waiting"
    closed = state == "closed"
    if state not in ("waiting", "closed"):
        problems.append(no_such_state(state))
    ids = NO_PAGE if problems else page_of(
        waiting_rows(
            campaign_id=asked.wanted.campaign_id,
            chapter_ids=asked.wanted.chapter_ids,
            closed=closed,
        ),
        number=page_number(),
    )  # fmt: skip
    rows = waiting(ids.rows, today=today())
    scope = access.scope(current_user, Can.RECORD_OUTCOMES)
    body = render_template(
        "outreach/waiting.html",
        asked=asked,
        problems=problems,
        closed=closed,
        today=today(),
        labels=LABELS,
        listed=Page(rows, ids.number, ids.size, ids.total, ids.capped),
        recordable={row.action_target_id for row in rows if scope.includes(*row.chapter_ids)},
        back={
            "back": "waiting",
            **{name: asked.given.get(name) for name in ("campaign", "chapter")},
            "state": "closed" if closed else None,
            "page": ids.number if ids.number > 1 else None,
        },
    )
    return body, 422 if problems else 200


def _action_of(outcome: Outcome) -> int:
    return db.session.scalars(
        select(ActionTarget.action_id).where(ActionTarget.id == outcome.action_target_id)
    ).one()


def _refuse_strangers(action_id: int) -> None:
    """Answer 404 to whoever may not see the members of a chapter that took part."""
    chapters = db.session.scalars(
        select(ActionChapter.chapter_id).where(ActionChapter.action_id == action_id)
    ).all()
    if not chapters or not access.may(current_user, Can.SEE_MEMBERS, *chapters):
        abort(404)


def _picture(file: str | None, action_id: int) -> Response:
    _refuse_strangers(action_id)
    if not file:
        abort(404)
    try:
        return as_picture(file)
    except FileNotFoundError:
        abort(404)
