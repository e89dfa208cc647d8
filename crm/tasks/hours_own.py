"""What signed hours mean for one member: told to themself, in their file, in their history, and
when they are merged. A forgotten member's stay, as what they did does: minutes, and who signed.
"""

from dataclasses import replace
from typing import Any

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Column, select

from crm.accounts.models import User
from crm.core import db, history, shell
from crm.core.history import Kind
from crm.core.i18n import day, today
from crm.core.merging import WAYS, Merging
from crm.core.shell import Panel
from crm.members import merging, own_data
from crm.members.disclosure import first_name
from crm.members.own_data import Asked, Section
from crm.members.rules import school_year
from crm.outreach.channels import channels
from crm.outreach.models import Action
from crm.outreach.own import said
from crm.tasks.hours import Year, lines_of, sums
from crm.tasks.models import HoursSigned, Task


def init_app(app: Flask) -> None:
    """Say how signing is told in a member's history, and hang it on their own page."""
    member = app.extensions["crm_history"]["member"]
    verbs = {"sign_hours": _l("Hours signed for"), "unsign_hours": _l("Signature taken back")}
    fields = {
        "school_year": _l("School year"),
        "lines": _l("Lines"),
        "minutes": _l("Minutes"),
        "action_id": _l("Outreach"),
        "task_id": _l("Tasks"),
    }
    told = replace(
        member, verbs={**member.verbs, **verbs}, fields={**member.fields, **fields},
        lists={*member.lists, "action_id", "task_id"},
    )  # fmt: skip
    history.add_kind(app, "member", told)
    history.add_kind(app, "hours_signed", Kind(_l("Signed hours")))
    shell.add_panel(app, "me", Panel(61, "tasks/hours_of_me.html", of_me))


def of_me(member: Any) -> dict[str, Any] | None:
    """A member's own page: how much of this school year's hours is signed."""
    year = Year(school_year(today()))
    lines = lines_of([member.id], year)[member.id]
    if not lines:
        return None
    return {
        "sums": sums(lines),
        "year": year,
        "said": said,
        "tasks": [each for each in lines if each.key[0] == "t"],
        "changed": [each for each in lines if each.signature and not each.is_signed],
    }


def _section(asked: Asked) -> Section | None:
    """A member's file: what somebody signed for."""
    found = db.session.execute(
        select(HoursSigned, Action, Task, User)
        .outerjoin(Action, Action.id == HoursSigned.action_id)
        .outerjoin(Task, Task.id == HoursSigned.task_id)
        .outerjoin(User, User.id == HoursSigned.signed_by_id)
        .where(HoursSigned.member_id == asked.member.id)
        .order_by(HoursSigned.signed_at.desc(), HoursSigned.id.desc())
    ).all()
    if not found:
        return None
    ways = channels()
    rows = [
        (
            day(action.happened_on) if action else "",
            str(ways[action.channel].label) if action else task.title,
            str(signed.minutes),
            day(signed.signed_at.date()),
            first_name(user.name) if user else "",
        )
        for signed, action, task, user in found
    ]
    heads = (_("Day"), _("What you did"), _("Minutes"), _("Signed on"), _("By"))
    return Section("hours-signed", _("Hours signed for"), heads=heads, rows=rows)


own_data.SECTIONS[95] = _section


def _signed_for(work: Merging, column: Column[Any]) -> None:
    """Of an action in which both took part one signature stays.

    The minutes may be others then than those it is for, and the line says so.
    """
    table, journal = column.table, work.journal
    there = {
        (row["action_id"], row["task_id"]) for row in journal.rows(table, member_id=work.kept_id)
    }
    for row in journal.rows(table, member_id=work.merged_id):
        if (row["action_id"], row["task_id"]) in there:
            journal.delete(table, row)
    journal.move(column, work.merged_id, work.kept_id)


WAYS["hours_signed.member_id"] = _signed_for
merging.MOVES["hours_signed.member_id"] = _l("Signed hours")
