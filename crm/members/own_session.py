"""Whose own page is open: for each room that lets a member do something there.

What a key opens is asked anew at each request: an hour ago a guardian may have said no.
"""

from dataclasses import dataclass
from time import time

from flask import session
from flask_login import current_user

from crm.core import db, i18n
from crm.members import keys
from crm.members.keys import Kind
from crm.members.models import Member

#: Where the session keeps what was opened by a key: its id, and until when.
ENTRY = "own_page"


@dataclass(frozen=True)
class Mine:
    """Whose page this is, and how it was opened."""

    member: Member
    #: None: by signing in.
    kind: Kind | None
    #: Why nothing is shown.
    hindrance: str | None = None


def whose() -> Mine | None:
    """The page the reader opened; a key that opens nothing any more is let go."""
    today = i18n.today()
    entry = session.get(ENTRY)
    if entry is not None:
        key_id, until = entry
        key = keys.by_id(key_id) if until > time() else None
        member = keys.opens(key, now=db.now(), today=today)
        if key is not None and member is not None:
            return Mine(member, Kind(key.kind))
        session.pop(ENTRY, None)
    if not current_user.is_authenticated:
        return None
    member = keys.of_user(current_user.id)
    if member is None:
        return None
    return Mine(member, None, keys.hindrances([member.id], today=today).get(member.id))
