"""Where a campaign's paper goes: the address it chose for a target, else the one it prefers."""

from collections.abc import Collection, Mapping
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, delete, func, insert, select

from crm.accounts.models import User
from crm.campaigns import operations
from crm.campaigns.models import Campaign, CampaignContact, CampaignTarget
from crm.core import audit, db
from crm.core.errors import Refused
from crm.targets import contact_queries
from crm.targets.contact_queries import Paper, has_good_address, points_of
from crm.targets.models import Target


def paper_addresses(campaign: Campaign, target_ids: Collection[int]) -> dict[int, Paper]:
    """Where this campaign's paper for each of these targets goes, or why nowhere: two statements.

    The one place that print and the log form ask. A bad or past address is never given.
    """
    chosen = chosen_addresses(campaign.id, target_ids)
    return contact_queries.paper_addresses(target_ids, prefer=campaign.paper_to, chosen=chosen)


def chosen_addresses(campaign_id: int, target_ids: Collection[int]) -> dict[int, int]:
    """The addresses the campaign chose itself: target → contact point."""
    rows = db.session.execute(
        select(CampaignContact.target_id, CampaignContact.contact_point_id).where(
            CampaignContact.campaign_id == campaign_id,
            CampaignContact.target_id.in_(target_ids),
        )
    )
    return {target_id: point_id for target_id, point_id in rows}  # noqa: C416


def on_list(campaign_id: int, *, without: bool = False) -> Select[Target]:
    """Targets of the campaign by name; `without` a good postal address only, when so asked."""
    listed = select(CampaignTarget.target_id).where(CampaignTarget.campaign_id == campaign_id)
    found = select(Target).where(Target.id.in_(listed), Target.merged_into_id.is_(None))
    if without:
        found = found.where(~has_good_address())
    return found.order_by(Target.sort_name, Target.id)


def counts(campaign_id: int) -> tuple[int, int]:
    """How many targets the campaign has, and how many of them paper cannot go to."""
    every, without = (
        select(func.count())
        .select_from(on_list(campaign_id, without=without).order_by(None).subquery())
        .scalar_subquery()
        for without in (False, True)
    )
    row = db.session.execute(select(every, without)).one()
    return int(row[0]), int(row[1])


def choose_addresses(
    campaign: Campaign, chosen: Mapping[int, int | None], *, by: User | None
) -> int:
    """Say where paper for these targets goes: target → contact point, None for what the campaign
    prefers. Returns how many changed. Raises `Refused` for one that is not the target's or fails.
    """
    if not operations.may_edit(campaign, by):
        raise Refused(_("Only the chapters that own this campaign may change it."))
    listed = set(
        db.session.scalars(
            select(CampaignTarget.target_id).where(
                CampaignTarget.campaign_id == campaign.id, CampaignTarget.target_id.in_(chosen)
            )
        )
    )
    before = chosen_addresses(campaign.id, listed)
    points = points_of(listed)
    changes: dict[int, int | None] = {}
    for target_id, point_id in chosen.items():
        if before.get(target_id) == point_id:
            continue
        good = {each.id for each in points.get(target_id, ()) if each.status == "good"}
        if target_id not in listed or (point_id is not None and point_id not in good):
            raise Refused(_("One of these addresses is not there any more, or is not good."))
        changes[target_id] = point_id
    db.session.execute(
        delete(CampaignContact).where(
            CampaignContact.campaign_id == campaign.id, CampaignContact.target_id.in_(changes)
        )
    )
    rows: list[dict[str, Any]] = [
        {"campaign_id": campaign.id, "target_id": target_id, "contact_point_id": point_id}
        for target_id, point_id in changes.items()
        if point_id is not None
    ]
    if rows:
        db.session.execute(insert(CampaignContact), rows)
    audit.record("choose_addresses", "campaign", campaign.id, by=by, changes={"addresses": changes})
    return len(changes)
