"""What the record of who did what is asked: filtered, the newest first, by page or as a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from crm.core import db
from crm.core.audit import AuditEntry

#: Entries read at once for a file.
_AT_ONCE = 1000


@dataclass(frozen=True)
class RecordFilter:
    """Which entries. `by_id` 0 means those nobody signed in for; days are the reader's; a number of
    a record means something with its kind only.
    """

    by_id: int | None = None
    verb: str | None = None
    kind: str | None = None
    record_id: int | None = None
    since: date | None = None
    until: date | None = None

    @property
    def given(self) -> dict[str, Any]:
        """What is asked for, as the address says it."""
        named = {
            "by": self.by_id,
            "verb": self.verb,
            "kind": self.kind,
            "record": self.record_id,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
        }
        return {name: value for name, value in named.items() if value is not None}


def entries(wanted: RecordFilter, zone: str) -> Select[AuditEntry]:
    """The entries, the newest first. Each filter has an index that ends with the moment."""
    return (
        select(AuditEntry)
        .where(*_conditions(wanted, zone))
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
    )


def _conditions(wanted: RecordFilter, zone: str) -> list[ColumnElement[bool]]:
    """What is asked for. The narrowest filter goes by its index; of the others the database is not
    told that they could, for one without figures of its tables picks any.
    """
    found: list[ColumnElement[bool]] = []
    if wanted.record_id is not None and wanted.kind is not None:
        found += [AuditEntry.kind == wanted.kind, AuditEntry.record_id == wanted.record_id]
    elif wanted.kind is not None:
        narrow = wanted.by_id is not None or wanted.verb is not None
        found.append((AuditEntry.kind + "" if narrow else AuditEntry.kind) == wanted.kind)
    if wanted.by_id is not None:
        by: ColumnElement[Any] = AuditEntry.by_id + 0 if found and wanted.record_id else (
            AuditEntry.by_id  # type: ignore[assignment]
        )  # fmt: skip
        found.append(by == wanted.by_id if wanted.by_id else by.is_(None))
    if wanted.verb is not None:
        narrow = wanted.by_id is not None or wanted.record_id is not None
        found.append((AuditEntry.verb + "" if narrow else AuditEntry.verb) == wanted.verb)
    if wanted.since is not None:
        found.append(AuditEntry.at >= _beginning(wanted.since, zone))
    if wanted.until is not None:
        found.append(AuditEntry.at < _beginning(wanted.until + timedelta(days=1), zone))
    return found


def _beginning(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))


def verbs() -> list[str]:
    """The verbs there are, each found by a step in its index and not by reading all."""
    return _distinct(AuditEntry.verb)


def kinds() -> list[str]:
    """The kinds there are."""
    return _distinct(AuditEntry.kind)


def people() -> list[int]:
    """The users who did something."""
    return _distinct(AuditEntry.by_id)


def _distinct(column: InstrumentedAttribute[Any]) -> list[Any]:
    step = select(func.min(column).label("value")).cte("step", recursive=True)
    following = select(func.min(column)).where(column > step.c.value).scalar_subquery()
    step = step.union_all(select(following).where(step.c.value.is_not(None)))
    return list(db.session.scalars(select(step.c.value).where(step.c.value.is_not(None))))


def pieces(app: Flask, wanted: RecordFilter, zone: str) -> Iterator[list[AuditEntry]]:
    """All the entries, a thousand at a time, while a file is being sent."""
    last: ColumnElement[bool] | None = None
    while True:
        with db.apart(app):
            found = entries(wanted, zone).limit(_AT_ONCE)
            if last is not None:
                found = found.where(last)
            some = list(db.session.scalars(found))
            db.session.expunge_all()
        if some:
            yield some
        if len(some) < _AT_ONCE:
            return
        end = some[-1]
        last = and_(AuditEntry.at <= end.at, or_(AuditEntry.at < end.at, AuditEntry.id < end.id))
