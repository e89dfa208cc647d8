"""Campaigns, and the targets on their lists, asked of the database."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from crm.campaigns.models import Ask, Campaign, CampaignTarget
from crm.campaigns.rules import State
from crm.core import db
from crm.core.text import fold
from crm.targets.models import Target


def campaign(slug: str) -> Campaign:
    """The campaign with its lead, chapters, asks and goals. Raises `NoResultFound`."""
    # Of one campaign the chapters come along in the same statement.
    statement = select(Campaign).options(
        joinedload(Campaign.lead),
        joinedload(Campaign.chapters),
        selectinload(Campaign.asks),
        selectinload(Campaign.goals),
    )
    return db.session.scalars(statement.where(Campaign.slug == slug)).unique().one()


def owned(slug: str) -> Campaign:
    """The campaign with its chapters alone: enough to say who may change it."""
    statement = select(Campaign).options(selectinload(Campaign.chapters))
    return db.session.scalars(statement.where(Campaign.slug == slug)).one()


def reload(campaign: Campaign) -> None:
    """Bring a campaign's asks, goals, chapters and lead to what the database now holds."""
    statement = _whole(select(Campaign)).where(Campaign.id == campaign.id)
    db.session.scalars(statement.execution_options(populate_existing=True)).one()


def campaigns(*, state: State | None = None, today: date | None = None) -> Select[Campaign]:
    """All, newest first, with what a list shows; `state` asks where they stand on `today`."""
    statement = _whole(select(Campaign)).order_by(Campaign.starts_on.desc(), Campaign.id.desc())
    if state is State.PLANNED:
        return statement.where(Campaign.starts_on > today)
    if state is State.ENDED:
        return statement.where(Campaign.ends_on < today)
    if state is State.RUNNING:
        return statement.where(is_running(today))
    return statement


def is_running(today: date | None) -> ColumnElement[bool]:
    """Whether a campaign is on: begun, and not ended before `today`."""
    return and_(
        Campaign.starts_on <= today,
        or_(Campaign.ends_on.is_(None), Campaign.ends_on >= today),
    )


def open_campaigns(today: date) -> list[Campaign]:
    """Those that run on `today`, newest first, with their lead, chapters, asks and goals."""
    return list(db.session.scalars(campaigns(state=State.RUNNING, today=today)))


def find_campaigns(query: str, limit: int) -> list[Campaign]:
    """Those whose name or title holds all words of the query, accents and case ignored.

    Campaigns are few (tens, not thousands), so the folding is done here and needs no column.
    """
    words = fold(query).split()
    if not words:
        return []
    every = db.session.scalars(
        select(Campaign).order_by(Campaign.starts_on.desc(), Campaign.id.desc())
    )
    found = (
        each
        for each in every
        if all(word in fold(f"{each.name} {each.title or ''}") for word in words)
    )
    return [each for each, _place in zip(found, range(limit), strict=False)]


def target_ids(campaign_id: int) -> list[int]:
    """Ids of the targets on the campaign's list, by the targets' names."""
    return list(
        db.session.scalars(
            select(CampaignTarget.target_id)
            .join(Target, Target.id == CampaignTarget.target_id)
            .where(CampaignTarget.campaign_id == campaign_id)
            .order_by(Target.sort_name, Target.id)
        )
    )


def targets_of(campaign_id: int) -> Select[Target]:
    """The targets on the campaign's list, by name."""
    return (
        select(Target)
        .where(Target.id.in_(_listed(campaign_id)))
        .order_by(Target.sort_name, Target.id)
    )


def on_list(statement: Select[Target], campaign_id: int) -> Select[Target]:
    """Only those of a statement's targets that are on the campaign's list."""
    return statement.where(Target.id.in_(_listed(campaign_id)))


def listed_among(campaign_id: int, ids: Iterable[int]) -> set[int]:
    """Which of these targets are on the campaign's list."""
    return set(
        db.session.scalars(
            select(CampaignTarget.target_id).where(
                CampaignTarget.campaign_id == campaign_id, CampaignTarget.target_id.in_(set(ids))
            )
        )
    )


def target_counts(campaign_ids: Iterable[int]) -> dict[int, int]:
    """How many targets each campaign has; those without are absent."""
    rows = db.session.execute(
        select(CampaignTarget.campaign_id, func.count())
        .where(CampaignTarget.campaign_id.in_(set(campaign_ids)))
        .group_by(CampaignTarget.campaign_id)
    )
    return {row[0]: row[1] for row in rows}


def _listed(campaign_id: int) -> Select[int]:
    return select(CampaignTarget.target_id).where(CampaignTarget.campaign_id == campaign_id)


def _whole(statement: Select[Campaign]) -> Select[Campaign]:
    return statement.options(
        joinedload(Campaign.lead),
        selectinload(Campaign.chapters),
        selectinload(Campaign.asks),
        selectinload(Campaign.goals),
    )


def only_ask(campaign_id: int) -> list[int]:
    """The ask of a campaign that has one alone: there, who wrote has asked for it."""
    asks = db.session.scalars(select(Ask.id).where(Ask.campaign_id == campaign_id).limit(2)).all()
    return list(asks) if len(asks) == 1 else []
