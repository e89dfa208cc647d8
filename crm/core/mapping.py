"""Which column of a spreadsheet means what, remembered for the next file with the same head."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm.core import db


class ColumnMapping(db.Model):
    """What somebody said last of a file with this head, for one importer (`targets`, `members`)."""

    __tablename__ = "column_mapping"
    __table_args__ = (UniqueConstraint("importer", "head"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    importer: Mapped[str]
    #: The folded names of the columns in their order, one a line.
    head: Mapped[str]
    #: What each means: name of the column as it is written → field; columns left out are absent.
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)
    used_at: Mapped[datetime] = mapped_column(default=db.now)
    by_id: Mapped[int | None]
