"""People who sign in."""

import secrets
from datetime import datetime

from flask_login import UserMixin
from sqlalchemy.orm import Mapped, mapped_column

from crm.core import db


def new_session_key() -> str:
    """A fresh key; setting it ends every session and spends every link of a user."""
    return secrets.token_urlsafe(24)


class User(UserMixin, db.Model):
    """Somebody who signs in. Without a password hash the invitation is still open."""

    __tablename__ = "user_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str | None] = mapped_column(info=db.SECRET)
    session_key: Mapped[str] = mapped_column(default=new_session_key, info=db.SECRET)
    active: Mapped[bool] = mapped_column(default=True)
    language: Mapped[str | None]
    timezone: Mapped[str | None]
    theme: Mapped[str | None]
    signed_in_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=db.now)

    @property
    def is_active(self) -> bool:
        """Whether the person may sign in (asked by Flask-Login)."""
        return self.active

    def get_id(self) -> str:
        """What the session cookie holds: ends to be valid when the key changes."""
        return f"{self.id}.{self.session_key}"
