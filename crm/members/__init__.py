"""Volunteers, their chapters, and who holds which role where."""

from flask import Flask
from flask_babel import lazy_gettext as _l

from crm.core import access, mail, shell
from crm.core.access import Can
from crm.members import (
    chaperone,
    consent_link_views,
    consent_overview_views,
    consent_views,
)
from crm.members import guardian_views as guardian_views
from crm.members import models as models
from crm.members import user_views as user_views
from crm.members.cli import user_commands
from crm.members.views import blueprint, find_hits


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    access.load_grants = chaperone.grants_of
    mail.chaperone = chaperone.ruling
    # Their pages send no referrer, which the check for forged requests would ask for over HTTPS;
    # their forms carry its token all the same.
    for view in (consent_link_views.answer_consent, consent_link_views.ask_again):
        app.extensions["csrf"].exempt(view)
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
    shell.add_panel(
        app, "member-aside", shell.Panel(10, "members/_consent_card.html", consent_views.card_of)
    )
    shell.add_panel(
        app,
        "chapter",
        shell.Panel(20, "members/_consents_of_chapter.html", consent_overview_views.card_of),
    )
    shell.add_search(app, _l("Members"), Can.SEE_MEMBERS, find_hits)
