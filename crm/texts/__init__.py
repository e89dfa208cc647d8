"""What is written: texts in versions and languages, filled for a target and a member."""

from flask import Flask
from flask_babel import lazy_gettext as _l

from crm.core import shell
from crm.core.access import Can
from crm.core.merging import WAYS, fold_filling
from crm.core.shell import NavItem, Panel
from crm.texts import address_views, cli, panels
from crm.texts import check_views as check_views
from crm.texts import models as models
from crm.texts import version_views as version_views
from crm.texts.views import blueprint, find

# A target is addressed in one way in each language: what the kept one has stands.
WAYS["address_form.target_id"] = fold_filling


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    app.register_blueprint(blueprint)
    app.cli.add_command(cli.texts)
    panels.init_app(app)
    shell.add_nav(app, NavItem(_l("Texts"), "texts.index", "file-text", Can.SEE, 55, "texts"))
    shell.add_search(app, _l("Texts"), Can.SEE, find)
    shell.add_panel(app, "front-top", Panel(20, "texts/_of_front.html", panels.of_front))
    shell.add_panel(app, "campaign", Panel(40, "texts/_of_campaign.html", panels.of_campaign))
    shell.add_panel(app, "target", Panel(60, "texts/_of_target.html", address_views.of_target))
