"""Packs whose day has passed and that nobody posted: asked about once, “Were these 155 posted?”

The question is a task of whoever made the pack, and a line on the front page of those who may post
it. It is made once for each pack. Posting the pack, or putting it away, answers it; so does calling
the task off: then nobody is asked again.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from sqlalchemy import ColumnElement, String, cast, exists, func, literal, select
from sqlalchemy.orm import joinedload

from crm.core import access, db, schedule
from crm.core.access import Can
from crm.core.i18n import today
from crm.core.schedule import Daily, Schedule
from crm.mailings.models import Mailing, Piece, Posting
from crm.mailings.rules import State
from crm.members.models import Chapter
from crm.members.queries import in_scope
from crm.tasks.models import Task
from crm.tasks.operations import Draft, add_tasks, cancel
from crm.tasks.rules import OPEN

#: What is older than this, when it is first seen, is history.
_DAYS = 60
#: Packs the front page names.
_SHOWN = 5


def init_app(app: Flask) -> None:
    """Let it be asked every morning, before the day's reminders."""
    schedule.add(
        app, Schedule("late-packs", _l("Ask whether packs were posted"), Daily(5), ask_all)
    )


def ask_all(on: date) -> int:
    """Ask about each pack once, and take back what has been answered since; how many were asked."""
    _answered(on)
    late = _late(on)
    for pack, pieces in late:
        add_tasks(
            [
                Draft(
                    title=_("Were these %(num)s posted? %(pack)s", num=pieces, pack=pack.name)[
                        :200
                    ],
                    chapter_id=pack.chapter_id,
                    leader_id=pack.made_by_id,
                    campaign_id=pack.campaign_id,
                    due_on=on,
                    note=_(
                        "If they were, post the pack by its code, %(code)s, and say when. If they"
                        " will not be, put the pack away.",
                        code=pack.code_written,
                    ),
                    origin="pack",
                )
            ],
            by=None,
            today=on,
            client_key=f"pack-late-{pack.id}",
        )
    return len(late)


def _key() -> ColumnElement[str]:
    return literal("pack-late-") + cast(Mailing.id, String) + "-0"


def _unposted() -> Any:
    pieces = (Piece.mailing_id == Mailing.id, Piece.state != State.POSTED)
    return select(func.count()).where(*pieces).scalar_subquery()


def _nobody_posted(on: date) -> tuple[ColumnElement[bool], ...]:
    return (
        Mailing.closed_at.is_(None),
        Mailing.planned_on < on,
        ~exists().where(Posting.mailing_id == Mailing.id),
        _unposted() > 0,
    )


def _late(on: date) -> Sequence[Any]:
    return db.session.execute(
        select(Mailing, _unposted())
        .join(Chapter, Chapter.id == Mailing.chapter_id)
        .where(
            *_nobody_posted(on),
            Mailing.planned_on >= on - timedelta(days=_DAYS),
            Chapter.closed_on.is_(None),
            ~exists().where(Task.client_key == _key()),
        )
        .order_by(Mailing.id)
    ).all()


def _answered(on: date) -> None:
    asked = select(Task.id).where(
        Task.state.in_(OPEN),
        Task.client_key.like("pack-late-%"),
        ~exists().where(Task.client_key == _key(), *_nobody_posted(on)),
    )
    if ids := db.session.scalars(asked).all():
        cancel(ids, by=None, reason=_("The pack was posted, or put away."))


def of_front(_user: Any) -> dict[str, Any] | None:
    """Packs nobody posted, for those who may; while the question is open. One statement."""
    scope = access.scope(current_user, Can.MAKE_PACKS)
    if not scope:
        return None
    found = db.session.execute(
        select(Mailing, _unposted(), Task.id)
        .join(Task, Task.client_key == _key())
        .where(*_nobody_posted(today()), Task.state.in_(OPEN), in_scope(Mailing.chapter_id, scope))
        .options(joinedload(Mailing.chapter))
        .order_by(Mailing.planned_on, Mailing.id)
        .limit(_SHOWN)
    ).all()
    return {"packs": found} if found else None
