"""Packs as tasks: a member's pieces are handed out as a task, and doing it prepares them."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import select

from crm.accounts.models import User
from crm.core import db
from crm.mailings.models import Mailing, Piece, Posting


def tasks_of(piece_ids: Iterable[int]) -> list[int]:
    """The tasks of these pieces."""
    return []


def tell(task_ids: Iterable[int], *, by: User | None, today: date) -> None:
    """Let tasks know how many of their pieces are done."""


def open_tasks(mailing_id: int) -> list[int]:
    """Tasks of the pack that are not done."""
    return list(
        db.session.scalars(
            select(Piece.task_id)
            .where(Piece.mailing_id == mailing_id, Piece.task_id.is_not(None))
            .distinct()
        )
    )


def call_off(task_ids: Iterable[int], *, by: User | None, reason: str | None) -> None:
    """Cancel tasks of a pack that is put away."""


def follow(mailing: Mailing, posting: Posting, *, by: User | None, today: date) -> None:
    """Make the tasks that follow a posting."""
