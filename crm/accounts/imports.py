"""Imports somebody carried out, of whatever room: where from, when, by whom, and the way back.

A room that imports registers how its imports are undone; `crm import undo ID` and the lists of past
imports ask here.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.accounts.models import User
from crm.core import db


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
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))

    by: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[by_id])
    undone_by: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[undone_by_id])


#: Importer → how one of its runs is undone, `undo(run_id, by=…)`, giving how many were `removed`
#: and how many changes `restored`. Raises `Refused` while something depends on it.
UNDOING: dict[str, Callable[..., dict[str, int]]] = {}
