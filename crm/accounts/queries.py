"""Finding who signs in: by address, by link, by session."""

from sqlalchemy import select

from crm.accounts import rules
from crm.accounts.models import User
from crm.accounts.rules import Link
from crm.core import db, links


def find_user(email: str) -> User | None:
    """Whoever signs in with this address, however it is capitalised."""
    return db.session.scalars(select(User).where(User.email == email.strip().lower())).one_or_none()


def find_by_session(session_id: str) -> User | None:
    """The user a session cookie stands for, unless the session was ended."""
    number, _, key = session_id.partition(".")
    user = db.session.get(User, int(number)) if number.isdecimal() else None
    return user if user is not None and user.active and user.session_key == key else None


def find_by_link(link: Link, token: str, *, to_use: bool = False) -> User | None:
    """Whoever may use this link: not expired, not used, not replaced by a newer password.

    `to_use` locks the row, so that of two people who hold the same link one comes first.
    """
    signed = links.read(link.purpose, token, hours=link.hours)
    if signed is None:
        return None
    user_id, digest = signed
    user = db.session.get(User, user_id, with_for_update=to_use)
    if user is None or not user.active or rules.digest(user.session_key) != digest:
        return None
    if link is rules.INVITATION and user.password_hash is not None:
        return None
    return user
