"""Who does what by when, and the hours it took."""

from flask import Flask
from flask_babel import lazy_gettext as _l

from crm.core import shell
from crm.core.access import Can
from crm.core.shell import NavItem, Panel
from crm.targets.handover import offer
from crm.tasks import board_views as board_views
from crm.tasks import (
    calendar_views,
    carriers,
    handover,
    history,
    hours_everywhere,
    hours_views,
    own_views,
    panels,
    series,
)
from crm.tasks import handing_out_views as handing_out_views
from crm.tasks import led as led
from crm.tasks import mailed as mailed
from crm.tasks import merging as merging
from crm.tasks import models as models
from crm.tasks import own as own
from crm.tasks import task_views as task_views
from crm.tasks import today_views as today_views
from crm.tasks.views import blueprint


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    carriers.init_app(app)
    mailed.init_app(app)
    series.init_app(app)
    app.register_blueprint(blueprint)
    history.init_app(app)
    offer(app, handover.OF_TASKS)
    shell.add_nav(app, NavItem(_l("Today"), "tasks.today", "sun", Can.DO_TASKS, 5, "tasks/today"))
    shell.add_nav(app, NavItem(_l("Tasks"), "tasks.index", "kanban", Can.ASSIGN_TASKS, 25, "tasks"))
    shell.add_panel(app, "me", Panel(10, "tasks/_of_me.html", own_views.of_me))
    shell.add_panel(app, "front-top", Panel(10, "tasks/_of_front.html", panels.of_front))
    shell.add_panel(app, "target", Panel(45, "tasks/_open.html", panels.of_target))
    shell.add_panel(app, "member", Panel(45, "tasks/_open.html", panels.of_member))
    shell.add_panel(app, "text", Panel(30, "tasks/_of_text.html", panels.of_text))
    shell.add_panel(app, "campaign", Panel(30, "tasks/_of_campaign.html", panels.of_campaign))
    hours_everywhere.init_app(app)
    hours_views.init_app(app)
    calendar_views.init_app(app)
