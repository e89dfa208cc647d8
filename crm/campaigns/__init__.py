"""Campaigns: asks, goals and the targets they are for."""

from flask import Flask
from flask_babel import lazy_gettext as _l

from crm.campaigns import address_views as address_views
from crm.campaigns import (
    evidence,
    handover,
    history_views,
    indicators,
    list_rule,
    measures,
    position_views,
    strategy_views,
)
from crm.campaigns import models as models
from crm.campaigns.views import blueprint, find
from crm.core import files, shell
from crm.core.access import Can
from crm.core.merging import WAYS, fold
from crm.targets import list_rules
from crm.targets.handover import offer

# A target is in a campaign once, and has one address chosen there.
WAYS |= {"campaign_target.target_id": fold, "campaign_contact.target_id": fold}


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    measures.init_app(app)
    indicators.init_app(app)
    list_rules.offer(app, *list_rule.KINDS)
    evidence.init_app(app)
    app.register_blueprint(blueprint)
    history_views.init_app(app)
    files.add_column(app, models.Position.scan)
    position_views.hang(app)
    strategy_views.init_app(app)
    shell.add_nav(
        app, shell.NavItem(_l("Campaigns"), "campaigns.index", "flag", Can.SEE, 50, "campaigns")
    )
    offer(app, handover.ON_CAMPAIGNS)
    shell.add_search(app, _l("Campaigns"), Can.SEE, find)
