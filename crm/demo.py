"""Stand-in until the campaigns room brings the real demo; dropped at that merge."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from argon2 import PasswordHasher

from crm.accounts.models import User
from crm.core import audit, db
from crm.core.access import Role
from crm.members.models import Chapter, ChapterRole


@dataclass
class Demo:
    """Who can sign in."""

    people: list[tuple[str, str]]


def load_demo(*, password: str, today: date, progress: Callable[..., Any] | None = None) -> Demo:
    """One chapter and an administrator."""
    user = User(
        email="admin@example.org", name="Ada Brook", password_hash=PasswordHasher().hash(password)
    )
    chapter = Chapter(name="Mountain State", slug="mountain-state", kind="state", path="/1/")
    db.session.add_all([user, chapter])
    db.session.flush()
    db.session.add(ChapterRole(user_id=user.id, role=Role.ADMINISTRATOR))
    audit.record("load_demo", "user_account", user.id, by=None)
    return Demo([("admin@example.org", "administrator")])
