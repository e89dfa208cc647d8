"""Making and ending the secret link to a calendar: a user has one, or none."""

import secrets

from flask_babel import gettext as _
from sqlalchemy import select, update

from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.core.links import digest
from crm.tasks.models import CalendarFeed


def make_calendar_link(*, by: User) -> str:
    """A new link; an earlier one opens nothing any more. Returns its secret part, kept nowhere."""
    if not access.may(by, Can.DO_TASKS):
        raise Refused(_("You have no tasks of which a calendar could tell."))
    _end(by)
    token = secrets.token_urlsafe(24)
    feed = CalendarFeed(user_id=by.id, token_hash=digest(token))
    db.session.add(feed)
    db.session.flush()
    audit.record("make_calendar_link", "calendar_feed", feed.id, by=by)
    return token


def revoke_calendar_link(*, by: User) -> int:
    """End a user's link; returns how many there were. Without one nothing is done."""
    ended = _end(by)
    for feed_id in ended:
        audit.record("revoke_calendar_link", "calendar_feed", feed_id, by=by)
    return len(ended)


def _end(by: User) -> list[int]:
    # One form of a user at a time: of two that are sent at once one link is left.
    db.session.execute(select(User.id).where(User.id == by.id).with_for_update())
    working = CalendarFeed.user_id == by.id, CalendarFeed.revoked_at.is_(None)
    ended = list(db.session.scalars(select(CalendarFeed.id).where(*working)))
    if ended:
        db.session.execute(
            update(CalendarFeed).where(CalendarFeed.id.in_(ended)).values(revoked_at=db.now()),
            execution_options={"synchronize_session": False},
        )
    return ended
