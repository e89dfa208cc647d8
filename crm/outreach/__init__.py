"""The heart: actions logged against targets, and what came back."""

from datetime import date

from flask import Flask
from flask_babel import lazy_gettext as _l

from crm.campaigns import evidence, indicators, measures
from crm.core import files, mail, outbox, schedule, shell
from crm.core.access import Can
from crm.core.schedule import Daily, Schedule
from crm.core.shell import NavItem, Panel
from crm.members import departures
from crm.members.consent_rules import Purpose
from crm.outreach import (
    asking,
    commitment_views,
    handover,
    history_views,
    indicator_counts,
    kept,
    kept_cli,
    kept_months,
    list_rule,
    list_views,
    own,
    panels,
    reply_views,
)
from crm.outreach import log_views as log_views
from crm.outreach import map_views as map_views
from crm.outreach import merging as merging
from crm.outreach import models as models
from crm.outreach.as_evidence import OutreachEvidence
from crm.outreach.channels import channels
from crm.outreach.views import blueprint
from crm.targets import list_rules
from crm.targets.handover import offer


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    measures.offer(app, channels)
    evidence.offer(app, OutreachEvidence())
    indicators.offer(app, *indicator_counts.COUNTS)
    list_rules.offer(app, *list_rule.KINDS)
    app.register_blueprint(blueprint)
    kept_cli.init_app(app)
    history_views.init_app(app)
    files.add_column(app, models.ActionPhoto.file)
    files.add_column(app, models.Outcome.scan)
    files.add_column(app, models.OutcomeFile.file)
    offer(app, handover.AWAITED)
    shell.add_nav(app, NavItem(_l("Outreach"), "outreach.index", "send", Can.SEE, 20, "outreach"))
    departures.offer(app, departures.Source(frozenset({Purpose.PHOTO}), panels.photos_of_member))
    shell.add_panel(app, "target", Panel(45, "outreach/_promised.html", commitment_views.of_target))
    shell.add_panel(app, "target", Panel(50, "outreach/_of_target.html", panels.of_target))
    shell.add_panel(app, "member", Panel(50, "outreach/_of_member.html", panels.of_member))
    shell.add_panel(app, "me", Panel(50, "outreach/_did.html", own.did))
    shell.add_panel(app, "me", Panel(60, "outreach/_hours.html", own.worked))
    shell.add_panel(app, "forget", Panel(50, "outreach/_stays.html", own.stays))
    shell.add_panel(app, "campaign", Panel(20, "outreach/_of_campaign.html", panels.of_campaign))
    shell.add_panel(app, "target_list", Panel(20, "outreach/_of_list.html", list_views.of_list))
    front = Panel(15, "outreach/_replies_due.html", reply_views.of_front)
    shell.add_panel(app, "front-top", front)
    shell.add_panel(app, "front", Panel(40, "outreach/_overdue.html", commitment_views.of_front))
    outbox.job(app, outbox.Job(asking.JOB, _l("Ask whether answers came"), asking.take_step))
    why = _l("you answer for outreach that waits")
    mail.add_kind(app, mail.Kind("any_reply", _l("Any reply?"), why=why))
    schedule.add(
        app, Schedule("reply_windows", _l("Ask whether answers came"), Daily(6), asking.begin)
    )
    schedule.add(
        app,
        Schedule("kept_totals", _l("Add up kept totals"), Daily(3, 40), _add_up),
    )
    shell.add_panel(app, "front", Panel(50, "outreach/_of_front.html", panels.of_front))
    latest = Panel(55, "outreach/_latest_of_front.html", panels.latest_of_front)
    shell.add_panel(app, "front-plain", latest)


def _add_up(_on: date) -> None:
    kept.fold()
    kept_months.fold()
