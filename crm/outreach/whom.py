"""Which targets a filter means, whether or not anything reached them."""

from typing import Any

from sqlalchemy import ColumnElement, Select, select

from crm.campaigns.models import CampaignTarget
from crm.outreach.queries import NOTHING, ActionFilter
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
        none = wanted.region == NOTHING
        asked.append(Target.region.is_(None) if none else Target.region == wanted.region)
    if wanted.on_list is not None:
        asked.append(Target.id.in_(wanted.on_list.targets))
    held = select(Term.target_id).join(Post, Post.id == Term.post_id).where(Term.is_current)
    for value, column in (
        (wanted.area, Post.area),
        (wanted.party, Term.party),
        (wanted.post_id, Term.post_id),
        (wanted.body_id, Post.body_id),
    ):
        if value is not None:
            asked.append(_holds(held, column, value))
    if wanted.committee_id is not None:
        sit = select(CommitteeSeat.target_id)
        if wanted.committee_id:
            sit = sit.where(CommitteeSeat.body_id == wanted.committee_id)
        asked.append(Target.id.in_(sit) if wanted.committee_id else Target.id.not_in(sit))
    if on_campaigns and wanted.campaign_id is not None:
        listed = select(CampaignTarget.target_id).where(
            CampaignTarget.campaign_id == wanted.campaign_id
        )
        asked.append(Target.id.in_(listed))
    return asked


def ids_meant(wanted: ActionFilter, *, on_campaigns: bool = False) -> Select[int]:
    """Their ids, for `IN` wherever it stands: never joined to the targets of what is around it."""
    meant = targets_meant(wanted, on_campaigns=on_campaigns)
    return select(Target.id).where(*meant).correlate(None)


def _holds(held: Select[int], column: Any, value: int | str) -> ColumnElement[bool]:
    """Whether a target holds an office with this; with none of it, for 0 and `NOTHING`."""
    if value in (0, NOTHING):
        return Target.id.not_in(held.where(column.is_not(None)))
    return Target.id.in_(held.where(column == value))


def without_targets(wanted: ActionFilter) -> ActionFilter:
    """The same filter with nothing asked of the targets' own facts: which outreach counts."""
    return wanted.with_(
        target_id=None, kind=None, region=None, on_list=None, area=None, party=None,
        post_id=None, body_id=None, committee_id=None,
    )  # fmt: skip
