"""The two treaties: what states did and when, and what follows from it on any date."""

from flask import Flask
from flask_babel import lazy_gettext as _l

from crm.core import shell
from crm.core.access import Can
from crm.core.merging import WAYS, fold
from crm.core.shell import NavItem, Panel
from crm.targets import list_rules
from crm.treaties import cli, list_rule, panels
from crm.treaties import event_views as event_views
from crm.treaties import meeting_views as meeting_views
from crm.treaties import models as models
from crm.treaties.claims import cli as claims_cli
from crm.treaties.claims import views as views
from crm.treaties.views import blueprint

# A state takes part in a meeting once.
WAYS["treaty_attendance.target_id"] = fold


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    app.register_blueprint(blueprint)
    shell.add_nav(app, NavItem(_l("Treaties"), "treaties.index", "globe", Can.SEE, 35, "treaties"))
    shell.add_panel(app, "target", Panel(20, "treaties/_of_target.html", panels.of_target))
    shell.add_panel(app, "front", Panel(60, "treaties/_of_front.html", panels.of_front))
    list_rules.offer(app, *list_rule.KINDS)
    for command in (cli.treaty_commands, cli.figure, claims_cli.check_claims):
        app.cli.add_command(command)
