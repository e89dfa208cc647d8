"""Who left longer ago than the retention rule keeps people: told once a month to whoever may forget
them. Nobody is forgotten by the clock: a person looks, and decides where the year is closed.
"""

from datetime import date

from flask import Flask
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from crm.accounts.models import User
from crm.core import db, links, mail, schedule
from crm.core.access import Can, Scope
from crm.core.schedule import Monthly, Schedule
from crm.core.settings import in_force
from crm.members import queries
from crm.members.models import Chapter, ChapterRole, Member, Membership
from crm.members.year_end import left_long_ago

KIND = mail.Kind("retention", _l("Members to be forgotten"), why=_l("you decide who is forgotten"))


def init_app(app: Flask) -> None:
    """Tell it on the first of the month."""
    mail.add_kind(app, KIND)
    schedule.add(app, Schedule("retention", _l("Tell who left long ago"), Monthly(1, 8), tell))


def waiting(scope: Scope, today: date) -> list[tuple[Chapter, int]]:
    """Chapters in which members wait to be forgotten, and how many: one statement."""
    found = (
        select(Chapter, func.count(Member.id.distinct()))
        .join(Membership, Membership.chapter_id == Chapter.id)
        .join(Member, Member.id == Membership.member_id)
        .where(*left_long_ago(today))
        .group_by(Chapter.id)
        .order_by(Chapter.name)
    )
    if not scope.everywhere:
        found = found.where(Chapter.id.in_(scope.chapter_ids))
    return [(chapter, count) for chapter, count in db.session.execute(found)]


def tell(on: date) -> None:
    """Write to everybody who may forget members, of the chapters in which they may."""
    if not mail.is_configured():
        return
    users = db.session.scalars(
        select(User).where(User.active, User.id.in_(select(ChapterRole.user_id))).order_by(User.id)
    )
    for user in users:
        scope = queries.grants_of(user.id).scope(Can.FORGET_MEMBERS)
        found = waiting(scope, on) if scope else []
        if not found:
            continue
        mail.send(
            KIND.name,
            to=user.email,
            subject=_l("Members who left long ago"),
            language=user.language,
            key=f"retention:{on.isoformat()}:{user.id}",
            name=user.name,
            years=int(in_force().retention_years),
            chapters=[(chapter.name, count) for chapter, count in found],
            page=links.absolute("members.close_year", chapter=found[0][0].slug),
        )
