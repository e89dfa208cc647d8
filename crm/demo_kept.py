"""What the demo keeps of its reports: one saved, a counter, and one frozen for a board."""

from collections.abc import Mapping

from sqlalchemy import select

from crm.accounts.models import User
from crm.campaigns import queries as campaigns
from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.access import Role
from crm.demo_data.people import USERS
from crm.members.disclosure import Viewer
from crm.reports import counters, frozen, saved


def keep_some(*, campaign: Campaign, by: User) -> None:
    """A saved report for all who see reports, and the campaign's number for its own site."""
    saved.save_report(
        report="activity-by-target",
        given={"campaign": campaign.slug, "period": "this-school-year"},
        name="Postcards to Congress this school year",
        shared=saved.ALL,
        by=by,
    )
    own = campaigns.owned(campaign.slug)
    counters.add_counter(own, title="For the Mine Ban Treaty", what=_goal(own), by=by)


def freeze_one() -> None:
    """What was known before now, kept for a board: once the rest of the demo is committed."""
    email = next(each.email for each in USERS if each.role is Role.STAFF)
    by = db.session.scalars(select(User).where(User.email == email)).one()
    given: Mapping[str, str] = {"period": "last-12-months"}
    answered = frozen.ask("activity-by-campaign", given, viewer=Viewer.of(by))
    frozen.freeze(answered, reason="For the board's spring meeting", by=by)


def _goal(campaign: Campaign) -> str:
    offered = [what for what, _words in counters.choices(campaign.id)]
    return next((what for what in offered if what.startswith(counters.GOAL)), counters.ALL)
