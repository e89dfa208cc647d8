"""Whom a letter reaches and whom not, as a file: with pseudonyms, or with names for a reason that
is kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core import db
from crm.core.errors import Refused
from crm.core.tables import Column, Row, Table
from crm.members import departures
from crm.members.disclosure import Exit, Viewer, disclose


@dataclass(frozen=True, kw_only=True)
class Listed:
    """Members with what is said of each: state, and why not."""

    title: str
    rows: Sequence[tuple[int, str, str]]
    facts: Sequence[tuple[str, str]]
    viewer: Viewer
    made_at: datetime
    made_by: str


def record(listed: Listed, *, reason: str | None, format: str, by: Any) -> Listed:
    """Record that names leave, before they do; the file as it may leave. Raises `Refused`."""
    reason = (reason or "").strip()
    if not reason:
        raise Refused(_("Say what you need the names for."), "reason")
    named = frozenset(
        shown.member_id
        for some in db.batches([row[0] for row in listed.rows])
        for shown in disclose(some, to=listed.viewer, exit=Exit.EXPORT).values()
        if shown.is_named
    )
    departures.record(
        exit=Exit.EXPORT,
        what=_("%(title)s, %(format)s", title=listed.title, format=format.upper()),
        member_ids=named,
        reason=reason,
        by=by,
    )
    return replace(listed, viewer=replace(listed.viewer, recorded=named))


def table(listed: Listed) -> Table:
    """The file's columns and rows: no address is in it."""
    names = listed.viewer.exports_people
    return Table(
        name="letter",
        title=listed.title,
        columns=[
            Column("name" if names else "pseudonym", _l("Name") if names else _l("Member"),
                   width=28),
            Column("chapters", _l("Chapters"), width=36),
            Column("state", _l("State"), width=14),
            Column("why", _l("Why not"), width=48),
        ],
        rows=_rows(listed),
        facts=listed.facts,
        made_at=listed.made_at,
        made_by=listed.made_by,
    )  # fmt: skip


def _rows(listed: Listed) -> Iterator[Row]:
    for some in db.batches(listed.rows):
        shown = disclose([each[0] for each in some], to=listed.viewer, exit=Exit.EXPORT)
        for number, state, why in some:
            if number in shown:
                yield shown[number].name, shown[number].chapters, state, why
