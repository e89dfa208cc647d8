"""The history of a campaign, and how entries about campaigns and positions are told."""

from typing import Any

from flask import Flask, url_for
from flask_babel import lazy_gettext as _l

from crm.campaigns import queries
from crm.campaigns.models import Ask, Campaign
from crm.campaigns.views import blueprint
from crm.core import history
from crm.core.access import Can, requires
from crm.core.history import Kind, names_of
from crm.core.history_page import history_page


def init_app(app: Flask) -> None:
    """Say how entries are told."""
    history.add_kind(app, "campaign", _CAMPAIGN)
    history.add_kind(
        app, "ask", Kind(_l("Ask"), keys=("ask_id", "asks"), names=names_of(Ask.id, Ask.text))
    )
    history.add_kind(
        app,
        "position",
        Kind(
            _l("Position"),
            verbs={"record_position": _l("Recorded"), "withdraw_position": _l("Withdrawn")},
        ),
    )


@blueprint.get("/<slug>/history")
@requires(Can.EDIT_CAMPAIGNS)
def campaign_history(slug: str) -> Any:
    """Who changed what of a campaign."""
    found = queries.campaign(slug)
    back = url_for("campaigns.page", slug=slug)
    return history_page({"campaign": [found.id]}, name=found.name, back=back)


_CAMPAIGN = Kind(
    _l("Campaign"),
    verbs={
        "create_campaign": _l("Made"),
        "edit_campaign": _l("Changed"),
        "add_targets": _l("Targets added"),
        "remove_targets": _l("Targets taken off"),
        "replace_target": _l("Target replaced by the successor"),
        "choose_addresses": _l("Addresses chosen"),
    },
    keys=("campaign_id",),
    names=names_of(Campaign.id, Campaign.name),
)
