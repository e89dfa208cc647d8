"""Campaigns that are not over and still want something of who held a post before."""

from collections.abc import Collection, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import or_, select
from sqlalchemy.orm import selectinload

from crm.accounts.models import User
from crm.campaigns.models import Campaign, CampaignTarget
from crm.campaigns.operations import may_edit, replace_target
from crm.core import db
from crm.core.i18n import today
from crm.targets.handover import Hanging, Provider


def find(target_ids: Collection[int], user: Any) -> Sequence[Hanging]:
    """The target lists of campaigns these targets are on. Two statements."""
    rows = db.session.execute(
        select(Campaign, CampaignTarget.target_id)
        .join(CampaignTarget, CampaignTarget.campaign_id == Campaign.id)
        .options(selectinload(Campaign.chapters))
        .where(
            CampaignTarget.target_id.in_(target_ids),
            or_(Campaign.ends_on.is_(None), Campaign.ends_on >= today()),
        )
        .order_by(Campaign.starts_on.desc(), Campaign.id)
    )
    return [
        Hanging(
            key=str(campaign.id),
            target_id=target_id,
            told=_("on the target list of %(campaign)s", campaign=campaign.name),
            link=("campaigns.page", {"slug": campaign.slug}),
            movable=may_edit(campaign, user),
        )
        for campaign, target_id in rows
    ]


def repoint(key: str, from_id: int, to_id: int, *, by: User) -> None:
    """Let the campaign want it of the successor."""
    campaign = db.session.scalars(
        select(Campaign).options(selectinload(Campaign.chapters)).where(Campaign.id == int(key))
    ).one()
    replace_target(campaign, from_id, to_id, by=by)


ON_CAMPAIGNS = Provider("campaign", find, repoint)
