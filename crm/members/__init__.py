"""Volunteers, their chapters, and who holds which role where."""

from flask import Flask
from flask_babel import lazy_gettext as _l

from crm.core import access, files, mail, shell
from crm.core.access import Can
from crm.core.shell import Panel
from crm.members import (
    bad_mail,
    chaperone,
    consent_link_views,
    consent_overview_views,
    consent_views,
    duplicates_views,
    guardian_views,
    history_views,
    key_views,
    retention,
    year_end_views,
)
from crm.members import data_views as data_views
from crm.members import export_cli as export_cli
from crm.members import export_views as export_views
from crm.members import field_views as field_views
from crm.members import models as models
from crm.members import own_views as own_views
from crm.members import record_views as record_views
from crm.members import team_views as team_views
from crm.members import user_views as user_views
from crm.members.cli import user_commands
from crm.members.forget_cli import member_commands
from crm.members.sheets import cli as sheets_cli  # noqa: F401 - its commands
from crm.members.sheets import undo as sheets_undo  # noqa: F401 - the way back
from crm.members.sheets import views as sheets_views
from crm.members.views import blueprint, find_hits

#: What the parts of the room hang on its pages.
PANELS = (
    ("members-actions", sheets_views.BUTTON),
    ("members-actions", Panel(50, "members/_year_end_link.html", year_end_views.in_season)),
    ("members-more", Panel(30, "members/_duplicates_link.html", duplicates_views.may_look)),
    ("members-more", Panel(40, "members/_cards_link.html", key_views.of_list)),
    ("members-more", Panel(50, "members/_year_end_link.html", year_end_views.of_list)),
    ("member-actions", Panel(80, "members/_merge_link.html", duplicates_views.may_merge)),
    ("member-contact", Panel(20, "members/_guardians_to_reach.html", guardian_views.to_reach)),
    ("member-consent", Panel(10, "members/_consent_card.html", consent_views.card_of)),
    ("member-aside", Panel(60, "members/_own_keys.html", key_views.of_member)),
    ("member-aside", Panel(80, "members/_merges.html", duplicates_views.merges_of)),
    ("chapter", Panel(20, "members/_consents_of_chapter.html", consent_overview_views.card_of)),
    ("user", Panel(50, "members/_linked.html", key_views.of_user)),
)


#: What is written to members and to their guardians.
MESSAGES = (
    mail.Kind(
        "consent_request",
        _l("Questions about consent"),
        may_stop=False,
        why=_l("you, or your child, take part in the campaign"),
    ),
    mail.Kind(
        "own_link",
        _l("Links to a page of one's own"),
        may_stop=False,
        why=_l("the chapter sent you a link to your page"),
    ),
)


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    access.load_grants = chaperone.grants_of
    mail.chaperone = chaperone.ruling
    mail.gone = chaperone.gone
    # Their pages send no referrer, which the check for forged requests would ask for over HTTPS;
    # their forms carry its token all the same.
    for view in (consent_link_views.answer_consent, consent_link_views.ask_again):
        app.extensions["csrf"].exempt(view)
    app.register_blueprint(blueprint)
    history_views.init_app(app)
    files.add_column(app, models.Consent.scan)
    bad_mail.init_app(app)
    retention.init_app(app)
    app.cli.add_command(user_commands)
    app.cli.add_command(member_commands)
    shell.add_nav(
        app,
        shell.NavItem(
            _l("Members"),
            "members.index",
            "people",
            Can.SEE_MEMBERS,
            40,
            "members chapters letters",
        ),
    )
    shell.add_nav(
        app,
        shell.NavItem(_l("Settings"), "members.users", "gear", Can.MANAGE_USERS, 90, "settings"),
    )
    for kind in MESSAGES:
        mail.add_kind(app, kind)
    for place, panel in PANELS:
        shell.add_panel(app, place, panel)
    shell.add_search(app, _l("Members"), Can.SEE_MEMBERS, find_hits)
