"""Whom the campaign wants to move: people in posts, governments, bodies, companies."""

from flask import Flask
from flask_babel import lazy_gettext as _l

from crm.core import shell
from crm.core.access import Can
from crm.targets import cli as cli
from crm.targets import (
    district_cli,
    district_views,
    handover,
    history_views,
    list_handover,
    list_kinds,
    list_rules,
)
from crm.targets import import_views as import_views
from crm.targets import list_views as list_views
from crm.targets import merge_views as merge_views
from crm.targets import models as models
from crm.targets.sheets import cli as sheets_cli  # noqa: F401 - its commands
from crm.targets.sheets import undo as sheets_undo  # noqa: F401 - the way back
from crm.targets.sheets import views as sheets_views  # noqa: F401 - its pages
from crm.targets.views import blueprint, find_for_search


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    app.register_blueprint(blueprint)
    history_views.init_app(app)
    list_rules.init_app(app)
    list_rules.offer(app, *list_kinds.KINDS)
    handover.init_app(app)
    handover.offer(app, list_handover.ON_LISTS)
    shell.add_nav(
        app, shell.NavItem(_l("Targets"), "targets.index", "bank", Can.SEE, 30, "targets")
    )
    shell.add_search(app, _l("Targets"), Can.SEE, find_for_search)
    shell.add_search(app, _l("By ZIP"), Can.SEE, district_views.find_for_search)
    app.cli.add_command(district_cli.district)
