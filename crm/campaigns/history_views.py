"""The history of a campaign, and how entries about campaigns and positions are told."""

from typing import Any

from flask import Flask, url_for
from flask_babel import lazy_gettext as _l

from crm.campaigns import queries
from crm.campaigns.models import Ask, Campaign, Indicator, Strategy
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
    history.add_kind(app, "strategy", _STRATEGY)
    history.add_kind(app, "indicator", _INDICATOR)


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

_STRATEGY = Kind(
    _l("Strategy"),
    verbs={
        "create_strategy": _l("Made"),
        "edit_strategy": _l("Changed"),
        "choose_campaigns": _l("Campaigns chosen"),
    },
    fields={
        "starts_on": _l("First day"),
        "ends_on": _l("Last day"),
        "document": _l("Link to the document"),
        "goals": _l("Goals and objectives"),
    },
    keys=("strategy_id",),
    names=names_of(Strategy.id, Strategy.name),
    lists=("goals",),
    refs={"campaigns": "campaign"},
    hidden=("slug",),
)
_INDICATOR = Kind(
    _l("Indicator"),
    verbs={
        "add_indicator": _l("Added"),
        "edit_indicator": _l("Changed"),
        "remove_indicator": _l("Taken away"),
        "add_value": _l("Value entered"),
        "withdraw_value": _l("Value withdrawn"),
    },
    fields={
        "falls": _l("Less is better"),
        "count": _l("Counted by"),
        "asked": _l("Counted of"),
        "values": _l("Baseline and targets"),
        "on": _l("Of which day"),
    },
    names=names_of(Indicator.id, Indicator.text),
    lists=("values",),
)
