"""What is done with campaigns: made, changed, given targets.

Somebody may change a campaign who holds `EDIT_CAMPAIGNS` in one of the chapters that own it.
Chapters in which they do not hold it are neither given nor taken by them.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from crm.accounts.models import User
from crm.campaigns import queries, rules
from crm.campaigns.goals import OFFERED
from crm.campaigns.measures import measures
from crm.campaigns.models import Ask, Campaign, CampaignContact, CampaignTarget, Goal
from crm.campaigns.rules import AskDraft, GoalDraft
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.core.text import free_slug
from crm.members.models import Chapter
from crm.targets.models import Target


def may_edit(campaign: Campaign, by: User | None) -> bool:
    """Whether `by` (None: a command) may change the campaign; its chapters are loaded."""
    return by is None or access.scope(by, Can.EDIT_CAMPAIGNS).includes(
        *(chapter.id for chapter in campaign.chapters)
    )


def create_campaign(
    *,
    name: str,
    starts_on: date,
    chapter_ids: Iterable[int],
    by: User | None,
    title: str | None = None,
    summary: str | None = None,
    description: str | None = None,
    ends_on: date | None = None,
    lead_id: int | None = None,
    paper_to: str = "capital",
    asks: Sequence[AskDraft] = (),
    goals: Sequence[GoalDraft] = (),
) -> Campaign:
    """Make a campaign; its address comes from its name. Raises `Refused`."""
    _check(starts_on, ends_on, lead_id, asks, goals)
    if paper_to not in rules.PAPER_TO:
        raise Refused(_("Choose where paper goes."), "paper_to")
    facts: dict[str, Any] = {
        "name": name,
        "title": title,
        "summary": summary,
        "description": description,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "lead_id": lead_id,
        "paper_to": paper_to,
    }
    campaign = Campaign(**facts, chapters=_chapters(chapter_ids, before=[], by=by))
    campaign.asks = [Ask(text=ask.text, position=position) for position, ask in enumerate(asks)]
    campaign.goals = [
        Goal(number=g.number, channel=g.channel, figure=g.figure, due_on=g.due_on, source=g.source)
        for g in goals
    ]
    _add_under_free_slug(campaign)
    audit.record(
        "create_campaign",
        "campaign",
        campaign.id,
        by=by,
        changes={
            **facts,
            "slug": campaign.slug,
            **_parts(campaign),
        },
    )
    return campaign


def edit_campaign(
    campaign: Campaign,
    *,
    name: str,
    starts_on: date,
    chapter_ids: Iterable[int],
    by: User | None,
    title: str | None = None,
    summary: str | None = None,
    description: str | None = None,
    ends_on: date | None = None,
    lead_id: int | None = None,
    paper_to: str = "capital",
    asks: Sequence[AskDraft] = (),
    goals: Sequence[GoalDraft] = (),
) -> Campaign:
    """Change all of a campaign (from `queries.campaign`) to what is given. Raises `Refused`.

    The address stays. Asks and goals with an id are changed, without one added; those of the
    campaign that are not given are taken away, save asks that logged outreach carries.
    """
    _demand(campaign, by)
    _check(starts_on, ends_on, lead_id, asks, goals)
    if paper_to not in rules.PAPER_TO:
        raise Refused(_("Choose where paper goes."), "paper_to")
    facts: dict[str, Any] = {
        "name": name,
        "title": title,
        "summary": summary,
        "description": description,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "lead_id": lead_id,
        "paper_to": paper_to,
    }
    changes: dict[str, Any] = dict(audit.difference(campaign, facts))
    before = _parts(campaign)
    for field, value in facts.items():
        setattr(campaign, field, value)
    campaign.chapters = _chapters(chapter_ids, before=campaign.chapters, by=by)
    _set_asks(campaign, asks)
    _set_goals(campaign, goals)
    db.session.flush()
    queries.reload(campaign)
    after = _parts(campaign)
    changes |= {part: [before[part], after[part]] for part in before if before[part] != after[part]}
    audit.record("edit_campaign", "campaign", campaign.id, by=by, changes=changes)
    return campaign


def add_targets(campaign: Campaign, target_ids: Iterable[int], *, by: User | None) -> int:
    """Put targets on the campaign's list; how many were not on it before. Raises `Refused`."""
    _demand(campaign, by)
    wanted = set(target_ids)
    if not wanted:
        raise Refused(_("Choose at least one target."), "target_ids")
    # One writer at a time, so that two who add the same do not meet in the primary key.
    db.session.execute(select(Campaign.id).where(Campaign.id == campaign.id).with_for_update())
    known = set(
        db.session.scalars(
            select(Target.id).where(Target.id.in_(wanted), Target.merged_into_id.is_(None))
        )
    )
    if known != wanted:
        raise Refused(_("One of these targets is not there any more."), "target_ids")
    listed = set(
        db.session.scalars(
            select(CampaignTarget.target_id).where(CampaignTarget.campaign_id == campaign.id)
        )
    )
    new = sorted(wanted - listed)
    if new:
        db.session.execute(
            insert(CampaignTarget),
            [{"campaign_id": campaign.id, "target_id": target_id} for target_id in new],
        )
    audit.record("add_targets", "campaign", campaign.id, by=by, changes={"added": new})
    return len(new)


def remove_targets(campaign: Campaign, target_ids: Iterable[int], *, by: User | None) -> int:
    """Take targets off the campaign's list; how many were on it. What was logged stays."""
    _demand(campaign, by)
    unwanted = set(target_ids)
    if not unwanted:
        raise Refused(_("Choose at least one target."), "target_ids")
    gone = sorted(
        db.session.scalars(
            select(CampaignTarget.target_id).where(
                CampaignTarget.campaign_id == campaign.id, CampaignTarget.target_id.in_(unwanted)
            )
        )
    )
    db.session.execute(
        delete(CampaignTarget).where(
            CampaignTarget.campaign_id == campaign.id, CampaignTarget.target_id.in_(gone)
        )
    )
    db.session.execute(
        delete(CampaignContact).where(
            CampaignContact.campaign_id == campaign.id, CampaignContact.target_id.in_(gone)
        )
    )
    audit.record("remove_targets", "campaign", campaign.id, by=by, changes={"removed": gone})
    return len(gone)


def replace_target(campaign: Campaign, old_id: int, new_id: int, *, by: User | None) -> None:
    """Put the successor on the campaign's list in the stead of who held the post before.

    What was logged stays with the person it reached. Raises `Refused`.
    """
    _demand(campaign, by)
    ids = (old_id, new_id)
    db.session.execute(
        delete(CampaignContact).where(
            CampaignContact.campaign_id == campaign.id, CampaignContact.target_id == old_id
        )
    )
    db.session.execute(
        delete(CampaignTarget).where(
            CampaignTarget.campaign_id == campaign.id, CampaignTarget.target_id.in_(ids)
        )
    )
    db.session.execute(insert(CampaignTarget), [{"campaign_id": campaign.id, "target_id": new_id}])
    audit.record("replace_target", "campaign", campaign.id, by=by, changes={"target": list(ids)})


def _demand(campaign: Campaign, by: User | None) -> None:
    if not may_edit(campaign, by):
        raise Refused(_("Only the chapters that own this campaign may change it."))


def _check(
    starts_on: date,
    ends_on: date | None,
    lead_id: int | None,
    asks: Sequence[AskDraft],
    goals: Sequence[GoalDraft],
) -> None:
    rules.check_period(starts_on, ends_on)
    rules.check_asks(asks)
    rules.check_goals(goals, starts_on)
    known = measures()
    for goal in goals:
        if goal.channel is not None and goal.channel not in known:
            raise Refused(_("A goal cannot count “%(what)s”.", what=goal.channel), "goals")
        if goal.figure is not None and (goal.figure not in OFFERED or goal.channel is not None):
            raise Refused(_("A goal cannot count “%(what)s”.", what=goal.figure), "goals")
    if lead_id is not None and db.session.get(User, lead_id) is None:
        raise Refused(_("This person is not there any more."), "lead_id")


def _chapters(
    chapter_ids: Iterable[int], *, before: Sequence[Chapter], by: User | None
) -> list[Chapter]:
    wanted = set(chapter_ids)
    chapters = list(
        db.session.scalars(select(Chapter).where(Chapter.id.in_(wanted)).order_by(Chapter.path))
    )
    if len(chapters) != len(wanted):
        raise Refused(_("One of these chapters is not there any more."), "chapter_ids")
    if not chapters:
        raise Refused(_("Choose at least one chapter that owns the campaign."), "chapter_ids")
    if by is not None:
        scope = access.scope(by, Can.EDIT_CAMPAIGNS)
        touched = wanted ^ {chapter.id for chapter in before}
        if any(not scope.includes(chapter_id) for chapter_id in touched):
            raise Refused(_("You can give a campaign to your own chapters only."), "chapter_ids")
        if not scope.includes(*wanted):
            raise Refused(_("Keep at least one of your own chapters."), "chapter_ids")
    return chapters


def _add_under_free_slug(campaign: Campaign) -> None:
    # `addresses` and `strategies` are pages beside the campaigns'.
    taken = {"addresses", "strategies", *db.session.scalars(select(Campaign.slug))}
    campaign.slug = free_slug(campaign.name, taken)
    db.session.add(campaign)
    db.session.flush()


def _set_asks(campaign: Campaign, wanted: Sequence[AskDraft]) -> None:
    mine = {ask.id: ask for ask in campaign.asks}
    kept = {draft.id for draft in wanted if draft.id is not None}
    if not kept <= mine.keys():
        raise Refused(_("One of these asks is not there any more."), "asks")
    for ask in [ask for ask in campaign.asks if ask.id not in kept]:
        _remove_ask(ask)
    for position, draft in enumerate(wanted):
        if draft.id is None:
            db.session.add(Ask(campaign_id=campaign.id, text=draft.text, position=position))
        else:
            mine[draft.id].text = draft.text
            mine[draft.id].position = position


def _remove_ask(ask: Ask) -> None:
    """Delete an ask. Outreach lies above this room, so the database says whether it is in use.

    A position keeps its ask too, withdrawn or not.
    """
    text = ask.text
    try:
        with db.session.begin_nested():
            db.session.delete(ask)
    except IntegrityError as error:
        raise Refused(
            _(
                "Outreach or a position was recorded with the ask “%(ask)s”, so it stays. "
                "You can reword it.",
                ask=text,
            ),
            "asks",
        ) from error


def _set_goals(campaign: Campaign, wanted: Sequence[GoalDraft]) -> None:
    mine = {goal.id: goal for goal in campaign.goals}
    kept = {draft.id for draft in wanted if draft.id is not None}
    if not kept <= mine.keys():
        raise Refused(_("One of these goals is not there any more."), "goals")
    for goal_id, goal in mine.items():
        if goal_id not in kept:
            db.session.delete(goal)
    for draft in wanted:
        if draft.id is None:
            goal = Goal(campaign_id=campaign.id)
            db.session.add(goal)
        else:
            goal = mine[draft.id]
        goal.number, goal.channel, goal.figure = draft.number, draft.channel, draft.figure
        goal.due_on, goal.source = draft.due_on, draft.source


def _parts(campaign: Campaign) -> dict[str, list[Any]]:
    """What hangs on a campaign, as the audit says it."""
    return {
        "chapters": sorted(chapter.id for chapter in campaign.chapters),
        "asks": _said_asks(campaign),
        "goals": _said_goals(campaign),
    }


def _said_asks(campaign: Campaign) -> list[str]:
    return [ask.text for ask in campaign.asks]


def _said_goals(campaign: Campaign) -> list[str]:
    return [
        f"{goal.number} {goal.figure or goal.channel or 'of all kinds'} "
        f"by {goal.due_on or 'no day'}"
        for goal in campaign.goals
    ]
