"""Who did what to which record, from what to what: one entry an operation, in its transaction."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from flask import g, has_request_context
from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column

from crm.core import db


class AuditEntry(db.Model):
    """Append-only. `by_id` has no foreign key: the record outlives the user."""

    __tablename__ = "audit_entry"
    __audited__ = False
    __table_args__ = (Index(None, "kind", "record_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=db.now)
    by_id: Mapped[int | None]
    verb: Mapped[str]
    kind: Mapped[str]
    record_id: Mapped[int | None]
    changes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    request_id: Mapped[str | None]
    #: Why, in the person's own words.
    reason: Mapped[str | None]
    #: Place in the chain, from 1 without a gap; given when the entry is sealed at the commit.
    seq: Mapped[int | None] = mapped_column(unique=True)
    #: Salt and salted SHA-256 of `changes` and `reason`: these can be erased with the salt when
    #: somebody is forgotten, and the chain still holds.
    salt: Mapped[str | None]
    digest: Mapped[str | None]
    #: SHA-256 over the entry before, all of this one but what may be erased, and `digest`.
    hash: Mapped[str | None]


def record(
    verb: str,
    kind: str,
    record_id: int | None,
    *,
    by: Any,
    changes: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Add the entry of an operation.

    `verb` is the operation's name, `kind` the table's; `by` is the user or None for a command.
    `changes` maps a field to its new value or to `[old, new]`.
    """
    db.session.add(
        AuditEntry(
            by_id=by.id if by is not None else None,
            verb=verb,
            kind=kind,
            record_id=record_id,
            changes={name: _plain(value) for name, value in (changes or {}).items()},
            request_id=g.get("request_id") if has_request_context() else None,
            reason=reason or None,
        )
    )


def difference(record: object, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What `values` would change of `record`: field → [old, new]."""
    return {
        name: [getattr(record, name), value]
        for name, value in values.items()
        if getattr(record, name) != value
    }


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value
