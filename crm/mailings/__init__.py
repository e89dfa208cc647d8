"""Packs: a text for targets shared out to members, printed, prepared and posted."""

from flask import Flask
from flask_babel import lazy_gettext as _l

from crm.core import files, schedule, shell
from crm.core.access import Can
from crm.core.schedule import Daily, Schedule
from crm.core.shell import NavItem, Panel
from crm.mailings import (
    as_tasks,
    cli,
    handover,
    history,
    late,
    letter_own,
    letter_sending,
    letter_views,
    reply_confirming,
    reply_mail,
    reply_views,
    views,
)
from crm.mailings import asked as asked
from crm.mailings import making_views as making_views
from crm.mailings import models as models
from crm.mailings import own as own
from crm.mailings import posting_views as posting_views
from crm.mailings import print_views as print_views
from crm.mailings.views import blueprint
from crm.targets.handover import offer
from crm.tasks import carriers


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    carriers.offer(app, as_tasks.CARRIER)
    app.register_blueprint(blueprint)
    history.init_app(app)
    files.add_column(app, models.Mailing.picture)
    late.init_app(app)
    letter_own.init_app(app)
    letter_sending.init_app(app)
    offer(app, handover.OF_PACKS)
    cli.init_app(app)
    reply_mail.init_app(app)
    schedule.add(
        app,
        Schedule(
            "refused_mail",
            _l("Forget mail that was refused"),
            Daily(4),
            reply_confirming.forget_refused,
        ),
    )
    shell.add_panel(app, "replies", Panel(10, "mailings/_forwarded.html", reply_views.of_replies))
    shell.add_nav(
        app, NavItem(_l("Packs"), "mailings.index", "box-seam", Can.MAKE_PACKS, 56, "packs post")
    )
    shell.add_panel(app, "front-top", Panel(15, "mailings/_late_of_front.html", late.of_front))
    shell.add_panel(
        app, "members-actions", Panel(20, "mailings/_letter_button.html", letter_views.of_list)
    )
    shell.add_panel(app, "text", Panel(15, "mailings/_letter_of_text.html", letter_views.of_text))
    shell.add_panel(app, "text", Panel(20, "mailings/_of_text.html", views.of_text))
    shell.add_panel(app, "campaign", Panel(45, "mailings/_of_campaign.html", views.of_campaign))
