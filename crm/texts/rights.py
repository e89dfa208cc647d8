"""Who may write, read and approve a text: by the chapter it belongs to, or everywhere."""

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, exists, or_, select

from crm.accounts.models import User
from crm.core import access, db
from crm.core.access import ROLES, Can
from crm.members.models import Chapter, ChapterRole
from crm.texts.models import Text


def may_write_in(chapter_id: int | None, by: Any) -> bool:
    """Whether somebody may write texts of a chapter; None: of the whole coalition."""
    return _holds(Can.WRITE_TEXTS, chapter_id, by)


def may_write(text: Text, by: Any) -> bool:
    """Whether somebody may write this text."""
    return may_write_in(text.chapter_id, by)


def may_approve(text: Text, by: Any) -> bool:
    """Whether somebody may approve this text, when another wrote it."""
    return _holds(Can.APPROVE_TEXTS, text.chapter_id, by)


def who_approves(text: Text) -> str:
    """Who may, for those who may not: a sentence."""
    if text.chapter_id is None:
        return _("A text of all is approved by an administrator, or by staff of all.")
    return _("A coordinator of its chapter, or of one above, approves it; so do staff there.")


def may_read_drafts(text: Text, by: Any) -> bool:
    """Whether somebody reads words that are not approved: who writes there or for all."""
    if text.chapter_id is None:
        return access.may(by, Can.WRITE_TEXTS)
    return access.may(by, Can.WRITE_TEXTS, text.chapter_id)


def _holds(can: Can, chapter_id: int | None, by: Any) -> bool:
    scope = access.scope(by, can)
    return scope.everywhere if chapter_id is None else scope.includes(chapter_id)


def others_approve(text: Text, but: User) -> bool:
    """Whether somebody else who signs in may approve the text. At most two statements."""
    roles = [role for role, carried in ROLES.items() if Can.APPROVE_TEXTS in carried]
    where: ColumnElement[bool] = ChapterRole.chapter_id.is_(None)
    if text.chapter_id is not None:
        path = db.session.scalars(select(Chapter.path).where(Chapter.id == text.chapter_id)).one()
        above = [int(part) for part in path.split("/") if part]
        where = or_(where, ChapterRole.chapter_id.in_(above))
    found = exists().where(
        ChapterRole.user_id == User.id,
        User.active,
        User.id != but.id,
        ChapterRole.role.in_(roles),
        where,
    )
    return bool(db.session.scalar(select(found)))
