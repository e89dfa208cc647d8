"""Which column of a spreadsheet means what, remembered for the next file with the same head."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from crm.core import audit, db
from crm.core.text import fold

#: Under this name, which no column has, stands what was said beside the columns.
_BESIDE = ""


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


def recall(importer: str, head: Sequence[str]) -> tuple[dict[str, str], dict[str, Any]] | None:
    """What was said last of this head: column → field, and what was said beside; or None."""
    found = db.session.scalars(_same(importer, head)).one_or_none()
    if found is None:
        return None
    # The same head may be written otherwise: `E-Mail` for `Email`.
    written = {fold(column): field for column, field in found.fields.items() if column}
    columns = {column: written[fold(column)] for column in head if fold(column) in written}
    return columns, dict(found.fields.get(_BESIDE) or {})


def remember(
    importer: str,
    head: Sequence[str],
    columns: dict[str, str],
    beside: dict[str, Any] | None = None,
    *,
    by: Any,
) -> None:
    """Keep what somebody said of a head for the next time."""
    fields: dict[str, Any] = {**columns, _BESIDE: beside} if beside else dict(columns)
    by_id = by.id if by is not None else None
    # Of two that say it of the same new head at once the second finds what the first has kept.
    db.take_turn("column mapping")
    kept = db.session.scalars(_same(importer, head)).one_or_none()
    if kept is None:
        kept = ColumnMapping(importer=importer, head=_key(head), fields=fields, by_id=by_id)
        db.session.add(kept)
    elif kept.fields != fields:
        kept.fields, kept.by_id, kept.used_at = fields, by_id, db.now()
    else:
        return
    db.session.flush()
    audit.record(
        "remember_columns", "column_mapping", kept.id, by=by, changes={"importer": importer}
    )


def _same(importer: str, head: Sequence[str]) -> Any:
    return select(ColumnMapping).where(
        ColumnMapping.importer == importer, ColumnMapping.head == _key(head)
    )


def _key(head: Sequence[str]) -> str:
    return "\n".join(map(fold, head))
