"""Volunteers, their chapters, and who holds which role where."""

from flask import Flask
from flask_babel import lazy_gettext as _l

from crm.core import access, shell
from crm.core.access import Can
from crm.members import history_views, queries
from crm.members import models as models
from crm.members import record_views as record_views
from crm.members import user_views as user_views
from crm.members.cli import user_commands
from crm.members.views import blueprint, find_hits


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    access.load_grants = queries.grants_of
    app.register_blueprint(blueprint)
    history_views.init_app(app)
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
    shell.add_search(app, _l("Members"), Can.SEE_MEMBERS, find_hits)
