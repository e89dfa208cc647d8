"""Imports somebody carried out, of whatever room: where from, when, by whom, and the way back.

A room that imports registers how its imports are undone; `crm import undo ID` and the lists of past
imports ask here.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from flask_babel import gettext as _
from sqlalchemy import JSON, ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.accounts.models import User
from crm.core import db
from crm.core.errors import Refused


class ImportRun(db.Model):
    """One import that was carried out: from where, when, and what it changed."""

    __tablename__ = "import_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    importer: Mapped[str]
    source: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=db.now)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    #: Words of the summary → how many.
    counts: Mapped[dict[str, int]] = mapped_column(JSON)
    #: What an undo needs beside the changes; None where the import cannot be undone.
    kept: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    undone_at: Mapped[datetime | None]
    #: What must be imported once and no more (a file that was sent), so that a second try finds it.
    once: Mapped[str | None] = mapped_column(unique=True)
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))

    by: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[by_id])
    undone_by: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[undone_by_id])


class Undoing(NamedTuple):
    """How imports of one importer are undone, and what they bring in."""

    #: `undo(run_id, by=…)`, giving how many were `removed` and how many changes `restored`. Raises
    #: `Refused` while something depends on it, or `by` may not.
    undo: Callable[..., dict[str, int]]
    #: `targets`, in the reader's words.
    what: Any


#: By importer; a room adds its own.
UNDOING: dict[str, Undoing] = {}


def undo_run(run_id: int, *, by: User | None) -> dict[str, int]:
    """Take an import back whole. Raises `NoResultFound`, or `Refused` where it cannot be."""
    db.take_turn("import")
    run = db.session.scalars(
        select(ImportRun).where(ImportRun.id == run_id).with_for_update()
    ).one()
    if run.undone_at is not None:
        raise Refused(_("This import was undone already."))
    undoing = UNDOING.get(run.importer)
    if undoing is None or run.kept is None:
        raise Refused(_("Only an import from a spreadsheet can be undone."))
    return undoing.undo(run_id, by=by)
