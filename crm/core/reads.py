"""Reads that are themselves recorded: who looked at a minor's contact or consent, and who took
what away as a file.

A page notes what it shows; once it is answered, and before it leaves, the notes become audit
entries in a transaction of their own: one a record, so that who looked at one member is found
through an index. Where that fails, the page is not sent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, g, has_request_context
from flask_login import current_user

from crm.core import audit, db

#: The verbs of what was read and of what left as a file.
READ, EXPORT = "read", "export"


@dataclass(frozen=True)
class _Reader:
    """Who asked: the session's own user is read anew after every rollback."""

    id: int | None


def init_app(app: Flask) -> None:
    """Record what was noted, before the unit of work of a request ends (`db.init_app` first)."""
    app.after_request(_record)


def note(kind: str, record_ids: Iterable[int], what: str) -> None:
    """Note that `what` of these records is about to be shown to whoever asked.

    `kind` is the table's name, as in an audit entry; `what` is one of a few words (`contact`,
    `consent`, `history`). Outside of a request nothing is noted: a command records itself.
    """
    if not has_request_context():
        return
    noted: dict[tuple[str, str], set[int]] = g.setdefault("reads", {})
    noted.setdefault((kind, what), set()).update(record_ids)


def export(name: str, *, format: str, filters: Mapping[str, Any] | None = None) -> None:
    """Note that a report or list is about to leave as a file; in a command, record it at once.

    `filters` say of what: slugs and numbers, never a name.
    """
    values = {"report": name, "format": format, "filters": dict(filters or {})}
    if has_request_context():
        g.setdefault("exports", []).append(values)
        return
    with db.unit_of_work():
        audit.record(EXPORT, "report", None, by=None, changes=values)


def _record(response: Response) -> Response:
    noted: dict[tuple[str, str], set[int]] = g.pop("reads", {})
    exports: list[dict[str, Any]] = g.pop("exports", [])
    # A form that comes back (422) shows what it is about; an error page shows nothing.
    if (response.status_code >= 400 and response.status_code != 422) or not (noted or exports):
        return response
    by = _Reader(current_user.id if current_user.is_authenticated else None)
    if response.status_code < 400 and not db.is_reading():
        # Kept with what the request wrote.
        _write(noted, exports, by)
    else:
        with db.unit_of_work():
            _write(noted, exports, by)
    return response


def _write(
    noted: Mapping[tuple[str, str], Iterable[int]],
    exports: Iterable[Mapping[str, Any]],
    by: _Reader,
) -> None:
    looked: dict[str, dict[int, list[str]]] = {}
    for (kind, what), ids in sorted(noted.items()):
        for record_id in sorted(ids):
            looked.setdefault(kind, {}).setdefault(record_id, []).append(what)
    for kind, whats in looked.items():
        changes = {record_id: {"what": each} for record_id, each in whats.items()}
        audit.record_each(READ, kind, changes, by=by)
    for values in exports:
        audit.record(EXPORT, "report", None, by=by, changes=values)
