"""Which targets a filter means, whether or not anything reached them."""

from sqlalchemy import ColumnElement, select

from crm.campaigns.models import CampaignTarget
from crm.outreach.queries import ActionFilter
from crm.targets.models import CommitteeSeat, Post, Target, Term


def targets_meant(wanted: ActionFilter, *, on_campaigns: bool = False) -> list[ColumnElement[bool]]:
    """Conditions on `Target`: of state, post and party by the office that is held now.

    `on_campaigns`: of a campaign, the targets on its list.
    """
    asked: list[ColumnElement[bool]] = [Target.merged_into_id.is_(None)]
    if wanted.target_id is not None:
        asked.append(Target.id == wanted.target_id)
    if wanted.kind is not None:
        asked.append(Target.kind == wanted.kind)
    if wanted.region is not None:
        asked.append(Target.region == wanted.region)
    if wanted.on_list is not None:
        asked.append(Target.id.in_(wanted.on_list.targets))
    if wanted.area is not None or wanted.party is not None or wanted.post_id is not None:
        held = select(Term.target_id).where(Term.is_current)
        if wanted.area is not None:
            held = held.join(Post, Post.id == Term.post_id).where(Post.area == wanted.area)
        if wanted.party is not None:
            held = held.where(Term.party == wanted.party)
        if wanted.post_id:
            held = held.where(Term.post_id == wanted.post_id)
        asked.append(Target.id.not_in(held) if wanted.post_id == 0 else Target.id.in_(held))
    if wanted.committee_id is not None:
        sit = select(CommitteeSeat.target_id).where(CommitteeSeat.body_id == wanted.committee_id)
        asked.append(Target.id.in_(sit))
    if on_campaigns and wanted.campaign_id is not None:
        listed = select(CampaignTarget.target_id).where(
            CampaignTarget.campaign_id == wanted.campaign_id
        )
        asked.append(Target.id.in_(listed))
    return asked
