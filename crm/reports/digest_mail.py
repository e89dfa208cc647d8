"""The weekly digest as a message: on Monday morning, to everybody there is something to tell.

Who signs in gets what their roles are told; a member without an account their own tasks and hours,
where they may be written to. An empty digest is not sent.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Flask
from flask_babel import force_locale, format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from crm.accounts.models import User
from crm.core import db, mail, mail_pictures, outbox, schedule
from crm.core.i18n import LANGUAGES
from crm.core.outbox import Job
from crm.core.schedule import Schedule, Weekly
from crm.members import chaperone
from crm.members.disclosure import NOBODY, Exit, disclose, first_name
from crm.members.models import Member
from crm.members.queries import present
from crm.reports.digest import Part, Week, of_member, parts_for
from crm.tasks.models import Task
from crm.tasks.rules import OPEN

NAME = "digest"
KIND = mail.Kind(
    NAME, _l("The weekly digest"), why=_l("you work for the campaign, and this sums up a week")
)


def init_app(app: Flask) -> None:
    """Register the message, what writes it, and the clock."""
    mail.add_kind(app, KIND)
    outbox.job(app, Job(NAME, _l("Write a weekly digest"), write))
    schedule.add(app, Schedule("digests", _l("Weekly digests"), Weekly(0, 7), ask_for_all))


def ask_for_all(on: date) -> None:
    """Ask for a digest for everybody who may have something to read: three statements."""
    if not mail.is_configured():
        return
    users = db.session.scalars(
        select(User.id).where(User.active, User.password_hash.is_not(None)).order_by(User.id)
    ).all()
    members = db.session.scalars(
        select(Member.id)
        .where(
            Member.user_id.is_(None),
            Member.email.is_not(None),
            *present(),
            Member.id.in_(select(Task.member_id).where(Task.state.in_(OPEN))),
        )
        .order_by(Member.id)
    ).all()
    wanted = [{"user": each} for each in users] + [{"member": each} for each in members]
    outbox.put_many(
        NAME, [{"payload": {**each, "on": on.isoformat()}, "about": NAME} for each in wanted]
    )


def write(payload: Mapping[str, Any]) -> mail.Sent:
    """Write one digest, if there is anything in it."""
    week = Week(date.fromisoformat(payload["on"]))
    user = db.session.get(User, payload["user"]) if "user" in payload else None
    member = db.session.get(Member, payload["member"]) if "member" in payload else None
    if (user is None or not user.active) and member is None:
        return mail.Sent(False)
    chosen = user.language if user is not None else None
    language = chosen if chosen in LANGUAGES else mail.usual_language()
    with force_locale(language):
        parts = parts_for(user, week) if user is not None else of_member(None, member, week)
        parts = [part for part in parts if part]
        values = {
            "parts": parts,
            "first": format_date(week.first, "medium"),
            "last": format_date(week.last, "medium"),
            "key": f"{NAME}:{'u' if user else 'm'}{(user or member).id}:{week.on}",  # type: ignore[union-attr]
        }
        # Named as the definition shows them.
        pictures = {
            f"p{place}": part.chart.still(mail_pictures.WIDTH)
            for place, part in enumerate(parts, start=1)
            if part.chart is not None
        }
        subject = _("Your week: %(what)s", what=_summary(parts)) if parts else ""
    if not parts:
        return mail.Sent(False)
    if user is not None:
        name = first_name(user.name)
        return mail.send(
            NAME,
            to=user.email,
            subject=subject,
            language=language,
            name=name,
            pictures=pictures,
            **values,
        )
    if member is None:
        return mail.Sent(False)
    name = disclose([member.id], to=NOBODY, exit=Exit.MAIL)[member.id].name
    return chaperone.send_to_member(member, NAME, subject=subject, name=name, **values)


def _summary(parts: list[Part]) -> str:
    """What is in it, in the fewest words: a subject that differs from week to week."""
    first, *rest = [part.heading for part in parts[:2]]
    return ", ".join([first, *(each.lower() for each in rest)])
