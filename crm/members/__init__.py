"""Volunteers, their chapters, and who holds which role where."""

from flask import Flask
from flask_babel import lazy_gettext as _l

from crm.core import access, shell
from crm.core.access import Can
from crm.core.shell import Panel
from crm.members import duplicates_views, queries
from crm.members import models as models
from crm.members import user_views as user_views
from crm.members.cli import user_commands
from crm.members.sheets import cli as sheets_cli  # noqa: F401 - its commands
from crm.members.sheets import undo as sheets_undo  # noqa: F401 - the way back
from crm.members.sheets import views as sheets_views
from crm.members.views import blueprint, find_hits


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    access.load_grants = queries.grants_of
    app.register_blueprint(blueprint)
    app.cli.add_command(user_commands)
    shell.add_nav(
        app,
        shell.NavItem(
            _l("Members"), "members.index", "people", Can.SEE_MEMBERS, 40, "members chapters"
        ),
    )
    shell.add_nav(
        app,
        shell.NavItem(_l("Settings"), "members.users", "gear", Can.MANAGE_USERS, 90, "settings"),
    )
    shell.add_panel(app, "members-actions", sheets_views.BUTTON)
    for place, panel in (
        ("members-actions", Panel(30, "members/_duplicates_link.html", duplicates_views.may_look)),
        ("member-actions", Panel(80, "members/_merge_link.html", duplicates_views.may_merge)),
        ("member-aside", Panel(80, "members/_merges.html", duplicates_views.merges_of)),
    ):
        shell.add_panel(app, place, panel)
    shell.add_search(app, _l("Members"), Can.SEE_MEMBERS, find_hits)
