"""Every report and export, and the front page."""

from flask import Flask
from flask_babel import lazy_gettext as _l

from crm.core.access import Can
from crm.core.shell import NavItem, Panel, add_nav, add_panel
from crm.reports import (
    by_month,
    cli,
    counter_views,
    counters,
    digest_mail,
    explorer_source,
    frozen,
    frozen_cli,
    mailed,
    saved,
    sources,
    timeline,
)
from crm.reports import dossier_views as dossier_views
from crm.reports import explorer_views as explorer_views
from crm.reports import front_views as front_views
from crm.reports import frozen_views as frozen_views
from crm.reports import models as models
from crm.reports import saved_views as saved_views
from crm.reports import subscription_views as subscription_views
from crm.reports.cells import cell
from crm.reports.progress import views as progress_views
from crm.reports.rules import month_name
from crm.reports.views import blueprint


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    app.register_blueprint(blueprint)
    app.add_template_filter(month_name, "month")
    app.add_template_global(cell, "report_cell")
    add_nav(app, NavItem(_l("Overview"), "reports.front", "house", Can.SEE_REPORTS, 10, ""))
    add_nav(
        app,
        NavItem(_l("Reports"), "reports.index", "bar-chart", Can.SEE_REPORTS, 60, "reports"),
    )
    add_panel(app, "target", Panel(40, "reports/_of_target.html", timeline.of_target))
    by_month.init_app(app)
    sources.init_app(app)
    explorer_source.init_app(app)
    progress_views.init_app(app)
    frozen.init_app(app)
    saved.init_app(app)
    counters.init_app(app)
    add_panel(
        app, "campaign", Panel(50, "reports/_counter_of_campaign.html", counter_views.of_campaign)
    )
    mailed.init_app(app)
    cli.init_app(app)
    frozen_cli.init_app(app)
    digest_mail.init_app(app)
