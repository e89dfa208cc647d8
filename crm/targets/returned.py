"""A contact point that failed: what came back marks it, and what is taken back clears it again."""

from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from crm.accounts.models import User
from crm.core import audit, db
from crm.core.audit import AuditEntry
from crm.core.i18n import day
from crm.targets.models import ContactPoint

#: The audit's word for it: tells it from marks that people set by hand.
_VERB = "mark_returned"


def mark_returned(point: ContactPoint, *, on: date, by: User | None, today: date) -> None:
    """Mark an address bad from which something came back; one that is not good stays as it is."""
    if point.status != "good":
        return
    values: dict[str, Any] = {
        "status": "bad",
        "checked_on": today,
        "note": _("returned undeliverable on %(day)s", day=day(on)),
    }
    changes = {name: [getattr(point, name), value] for name, value in values.items()}
    for name, value in values.items():
        setattr(point, name, value)
    db.session.flush()
    audit.record(_VERB, "contact_point", point.id, by=by, changes=changes)


def clear_returned(point: ContactPoint, *, by: User | None) -> None:
    """Let an address be good again if `mark_returned` was the last that was said of it."""
    last = db.session.scalars(
        select(AuditEntry)
        .where(AuditEntry.kind == "contact_point", AuditEntry.record_id == point.id)
        .order_by(AuditEntry.id.desc())
        .limit(1)
    ).one_or_none()
    if point.status != "bad" or last is None or last.verb != _VERB:
        return
    before = {name: old for name, (old, _new) in last.changes.items()}
    checked_on = before.get("checked_on")
    values: dict[str, Any] = {
        "status": "good",
        "checked_on": date.fromisoformat(checked_on) if checked_on else None,
        "note": before.get("note"),
    }
    changes = audit.difference(point, values)
    for name, value in values.items():
        setattr(point, name, value)
    db.session.flush()
    audit.record("clear_returned", "contact_point", point.id, by=by, changes=changes)
