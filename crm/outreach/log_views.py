"""Logging outreach: the start page with a tile for each channel, the form, and corrections."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import abort, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select

from crm.campaigns.models import Campaign, CampaignTarget
from crm.core import access, db
from crm.core.access import Can, Scope, requires
from crm.core.errors import Refused
from crm.core.forms import parse_id
from crm.core.i18n import today
from crm.members.disclosure import Viewer
from crm.members.matching import parse_roster
from crm.members.operations import add_member
from crm.members.queries import candidates
from crm.outreach import batch, rules
from crm.outreach.batch import question_field
from crm.outreach.channels import channels
from crm.outreach.checks import Given
from crm.outreach.forms import LogForm, form_for, share_targets
from crm.outreach.models import Action, ActionChapter
from crm.outreach.operations import (
    correct_action,
    log_action,
    logged_with,
    may_change,
    revision_count,
    snapshot,
)
from crm.outreach.plain import without_members
from crm.outreach.setting import Setting
from crm.outreach.views import blueprint
from crm.targets.models import Target


@blueprint.get("/outreach/log")
@requires(Can.LOG_OUTREACH)
def log_start() -> Any:
    """Which channel."""
    return render_template(
        "outreach/log_start.html", channels=channels().values(), carried=_carried()
    )


@blueprint.route("/outreach/log/<channel>", methods=["GET", "POST"])
@requires(Can.LOG_OUTREACH)
def log(channel: str) -> Any:
    """The form of one channel."""
    way = channels().get(channel) or abort(404)
    form = form_for(way)()
    if form.is_submitted():
        if form.has_key and (already := logged_with(form.client_key.data)):
            return _already(already)
        form.keep_photos()
    like = None if form.is_submitted() else _like()
    remembered: dict[str, Any] = session.get("log_defaults", {})
    setting = Setting(
        current_user, today=today(), of_chapters=_chapters_in_mind(form, like, remembered)
    )
    setting.put_on(form)
    if not form.is_submitted():
        _begin(form, setting, like, remembered)
    key = form.client_key.data
    action = _carry(
        form,
        lambda: log_action(
            channel=way.name,
            client_key=key,
            by=current_user,
            today=today(),
            **_given(form, setting),
        ),
    )
    if action is None:
        return _page(form, setting)
    session["log_defaults"] = {
        "campaign": form.campaign.data,
        "chapters": form.chapters.data,
        "place": form.place.data,
    }
    session["last_saved"] = action.id
    flash(_("%(what)s logged.", what=way.count(action.pieces)), "success")
    return redirect(url_for("outreach.page", action_id=action.id), 303)


@blueprint.route("/outreach/<int:action_id>/correct", methods=["GET", "POST"])
@requires(Can.LOG_OUTREACH)
def correct(action_id: int) -> Any:
    """The same form with what was logged in it."""
    action = db.session.scalars(select(Action).where(Action.id == action_id)).one()
    before = snapshot(action)
    if action.undone_at is not None:
        raise Refused(_("This was undone. Redo it first."))
    if not may_change(action, before["chapters"], current_user):
        abort(403)
    form = form_for(channels()[action.channel])()
    if form.is_submitted():
        form.keep_photos()
    setting = Setting(
        current_user, today=today(), of_chapters=before["chapters"], had=before["chapters"]
    )
    setting.put_on(form)
    if not form.is_submitted():
        # What was typed comes without the names of those who may not be named any more; saved so,
        # it loses them for good.
        plain = without_members([action_id], to=Viewer.of(current_user))
        _fill(form, {**before, **{name: plain.maybe(before[name]) for name in ("place", "note")}})
        form.kept = list(before["photos"])
        form.seen.data = revision_count(action_id)
    hidden = _hidden_members(setting, before)
    done = _carry(
        form,
        lambda: correct_action(
            action,
            reason=form.reason.data,
            seen=form.seen.data or 0,
            by=current_user,
            today=today(),
            **_given(form, setting, hidden=hidden),
        ),
    )
    if done is None:
        return _page(form, setting, action=action, hidden=hidden)
    flash(_("Corrected. What was there before is kept in the history."), "success")
    return redirect(url_for("outreach.page", action_id=action_id), 303)


def _carry(form: LogForm, operation: Any) -> Action | None:
    if form.bad_photo is None:
        return form.carry(operation)
    form.validate()
    form.refuse(form.bad_photo)
    return None


def _page(
    form: LogForm,
    setting: Setting,
    action: Action | None = None,
    hidden: Mapping[int, int] | None = None,
) -> Any:
    setting.show_on(form)
    return (
        render_template(
            "outreach/log.html",
            form=form,
            channel=form.channel,
            setting=setting,
            action=action,
            hidden_members=len(hidden or ()),
            latest=today(),
            can_add=access.may(current_user, Can.EDIT_MEMBERS),
        ),
        form.status,
    )


def _already(action: Action) -> Any:
    flash(_("This was already logged; nothing was counted twice."), "warning")
    return redirect(url_for("outreach.page", action_id=action.id), 303)


def _given(form: LogForm, setting: Setting, hidden: Mapping[int, int] | None = None) -> Given:
    """What the form says, names resolved; newcomers become members on the way.

    `hidden` are people an action names whom this user may not see: they stay as they are.
    """
    campaign_id = setting.campaign_id(form.campaign.data)
    chapter_ids = form.chapters.data or []
    if not chapter_ids:
        raise Refused(_("Choose the chapter that did it."), "chapters")
    reached = _reached(form, campaign_id)
    people = _people(form, setting)
    form.questions = [*reached.questions, *people.questions]
    if any(question.is_open for question in form.questions):
        raise Refused(_("Some names need a look: say below who is meant."))
    targets = share_targets(form, reached.numbers)
    members = _shared(form, people, dict(hidden or {}), chapter_ids)
    return {
        "campaign_id": campaign_id,
        "happened_on": form.happened_on.data,
        "until": form.until.data,
        "place": form.place.data,
        "pieces": form.number_of_pieces,
        "targets": targets,
        "members": members,
        "minutes": form.minutes.data,
        "people": form.people.data,
        "chapter_ids": chapter_ids,
        "ask_ids": form.asks.data or [],
        "note": form.note.data,
        "details": form.detail_values,
        "photos": form.kept,
        "nobody_seen": form.nobody_seen.data,
    }


def _reached(form: LogForm, campaign_id: int) -> batch.Reached:
    aim, typed = form.aim.data, form.chosen.data or ""
    if aim == "chosen":
        return batch.chosen_targets(typed, form.answers)
    if typed:
        raise Refused(_("Targets are typed here. Choose “By name”, or take them away."), "chosen")
    if aim == "area":
        return batch.all_of_area(campaign_id, form.area.data)
    if aim == "list":
        return batch.all_of_list(form.target_list.data)
    if aim == "none":
        return batch.Reached([])
    return batch.all_of_campaign(campaign_id)


def _people(form: LogForm, setting: Setting) -> batch.People:
    ticked, roster = form.ticked(), form.roster.data or ""
    if not roster:
        return batch.People(list(ticked.items()), [], [])
    sees = access.scope(current_user, Can.SEE_MEMBERS)
    near = frozenset(i for i in setting.below(form.chapters.data) if sees.includes(i))
    return batch.people_who_took_part(
        ticked,
        roster,
        near=candidates(Scope(False, near)),
        all_seen=candidates(sees) if len(parse_roster(roster)) else (),
        answers=form.answers,
        may_add_to=_joined_by_newcomers(form, setting)[1],
        to=Viewer.of(current_user),
    )


def _joined_by_newcomers(form: LogForm, setting: Setting) -> tuple[int | None, str | None]:
    """The chapter newcomers join: the first chosen in which the user may add members."""
    for chapter in setting.chapters:
        if chapter.id in form.chapters.data and access.may(
            current_user, Can.EDIT_MEMBERS, chapter.id
        ):
            return chapter.id, chapter.name
    return None, None


def _shared(
    form: LogForm, people: batch.People, hidden: dict[int, int], chapter_ids: list[int]
) -> dict[int, int]:
    """Pieces of each member; of an act, the act."""
    numbers = [number for _member, number in people.numbers]
    numbers += [each.number for each in people.newcomers]
    if form.channel.per_piece:
        left = form.number_of_pieces - sum(hidden.values())
        shares = rules.share_to_members(left, numbers) if numbers else []
    else:
        shares = [1] * len(numbers)
    ids = [member for member, _number in people.numbers]
    for newcomer in people.newcomers:
        chapter_id = next(
            each for each in chapter_ids if access.may(current_user, Can.EDIT_MEMBERS, each)
        )
        member = add_member(
            given_name=newcomer.given_name,
            family_name=newcomer.family_name,
            chapter_id=chapter_id,
            by=current_user,
            anyway=True,
        )
        ids.append(member.id)
    return {**hidden, **dict(zip(ids, shares, strict=True))}


def _hidden_members(setting: Setting, before: Mapping[str, Any]) -> dict[int, int]:
    """People the action names whom the form does not list."""
    listed = {member.id for _chapter, members in setting.members for member in members}
    return {
        row["member_id"]: row["pieces"]
        for row in before["members"]
        if row["member_id"] not in listed
    }


# How the form begins


def _carried() -> dict[str, str]:
    """What the start page hands on to the form."""
    return {
        name: request.args[name]
        for name in ("campaign", "target", "chapter")
        if name in request.args
    }


def _like() -> Action | None:
    """The action that is to be logged again, with other things."""
    action_id = parse_id(request.args.get("like"))
    return None if action_id is None else db.session.get(Action, action_id)


def _chapters_in_mind(
    form: LogForm, like: Action | None, remembered: Mapping[str, Any]
) -> list[int]:
    if form.is_submitted():
        ids = map(parse_id, request.form.getlist("chapters")[:50])
        return [each for each in ids if each is not None]
    if like is not None:
        return list(
            db.session.scalars(
                select(ActionChapter.chapter_id).where(ActionChapter.action_id == like.id)
            )
        )
    return list(remembered.get("chapters") or ())


def _begin(
    form: LogForm, setting: Setting, like: Action | None, remembered: Mapping[str, Any]
) -> None:
    """Set what is likely: what was last logged, what the address names, what is logged again."""
    form.happened_on.data = today()
    slugs = {each.slug for each in setting.campaigns}
    running = [each.slug for each in setting.campaigns if not each.has_ended]
    chapters = [chapter.id for chapter in setting.chapters]
    form.place.data = remembered.get("place")
    form.campaign.data = next(
        (
            slug
            for slug in (request.args.get("campaign"), remembered.get("campaign"), *running)
            if slug in slugs
        ),
        None,
    )
    form.chapters.data = [each for each in remembered.get("chapters") or () if each in chapters]
    for chapter in setting.chapters:
        if chapter.slug == request.args.get("chapter"):
            form.chapters.data = [chapter.id]
    if not form.chapters.data and len(chapters) == 1:
        form.chapters.data = chapters
    chosen = next((each for each in setting.campaigns if each.slug == form.campaign.data), None)
    if not form.channel.needs_target:
        form.aim.data = "none"
    elif chosen is None or not chosen.targets:
        form.aim.data = "chosen"
    target_id = parse_id(request.args.get("target"))
    target = None if target_id is None else db.session.get(Target, target_id)
    if target is not None:
        form.aim.data, form.chosen.data = "chosen", target.name
        form.answered = {question_field("target", target.name): str(target.id)}
    if like is not None and like.channel == form.channel.name and like.undone_at is None:
        before = snapshot(like)
        _fill(form, before)
        form.happened_on.data, form.until.data, form.note.data = today(), None, None
        mine = set(chapters)
        form.chapters.data = [each for each in before["chapters"] if each in mine]
        everybody = set(
            db.session.scalars(
                select(CampaignTarget.target_id).where(
                    CampaignTarget.campaign_id == like.campaign_id
                )
            )
        )
        even = not form.channel.per_piece or form.spread.data == rules.Spread.EVENLY
        if even and everybody == {row["target_id"] for row in before["targets"]}:
            form.aim.data, form.chosen.data = "campaign", None


def _fill(form: LogForm, before: Mapping[str, Any]) -> None:
    """Put what is stored on the form."""
    form.campaign.data = db.session.scalar(
        select(Campaign.slug).where(Campaign.id == before["campaign_id"])
    )
    form.happened_on.process_data(_day(before["happened_on"]))
    form.until.process_data(_day(before["until"]))
    form.place.data, form.note.data = before["place"], before["note"]
    form.people.data, form.minutes.data = before["people"], before["minutes"]
    form.chapters.data, form.asks.data = before["chapters"], before["asks"]
    for detail in form.channel.details:
        form[f"detail_{detail.name}"].data = before["details"].get(detail.name, "")
    form.ticked_before = {
        row["member_id"]: row["pieces"] if form.channel.per_piece else None
        for row in before["members"]
    }
    numbers = {row["target_id"]: row["pieces"] for row in before["targets"]}
    form.aim.data = "chosen" if numbers else "none"
    names = db.session.execute(
        select(Target.id, Target.name).where(Target.id.in_(numbers)).order_by(Target.sort_name)
    ).all()
    is_even = True
    if form.channel.per_piece:
        form.pieces.data = before["pieces"]
        shares = rules.spread(before["pieces"], len(names)) if names else []
        is_even = shares == [numbers[target_id] for target_id, _name in names]
        form.spread.data = rules.Spread.EVENLY if is_even else rules.Spread.NUMBERS
    form.chosen.data = "\n".join(
        name if is_even else f"{name}, {numbers[target_id]}" for target_id, name in names
    )
    form.answered = {question_field("target", name): str(target_id) for target_id, name in names}


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None
