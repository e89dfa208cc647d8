"""What a report said, kept word for word for good: frozen once, cited, shown again, never changed.

The content is one canonical text with everything in it that says what it is; its SHA-256 is its
digest. The database refuses to change or delete a row (migration 0007), and whoever goes past that
is found by the digest.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Flask, current_app
from flask_babel import force_locale, get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, or_, select, text
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import defer, joinedload

from crm.accounts.models import User
from crm.core import access, audit, db, history
from crm.core.access import Can, Scope
from crm.core.errors import Refused
from crm.core.i18n import LANGUAGES, today
from crm.members.disclosure import Viewer
from crm.members.models import new_code
from crm.reports import sources
from crm.reports.code_version import code_version
from crm.reports.extracts import Extract, canonical, digest
from crm.reports.models import FrozenReport
from crm.reports.sources import Reading, Source

#: How the content is laid out, for readers of later versions.
LAYOUT = 1
#: Asked again within it, the same that was said is kept once.
AGAIN = timedelta(minutes=1)
#: Characters of a digest in a citation.
_CITED = 12
#: What reading a content raises that somebody wrote past the database's guard.
_NOT_OURS = (AttributeError, IndexError, KeyError, TypeError, ValueError)
#: What refuses to change a row, by database.
_GUARDS = {
    "sqlite": (
        "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'frozen_report'",
        3,
    ),
    "postgresql": (
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'frozen_report'::regclass"
        " AND NOT tgisinternal AND tgenabled IN ('O', 'A')",
        1,
    ),
}


def init_app(app: Flask) -> None:
    """Say how frozen reports are told in the record."""
    history.add_kind(
        app,
        "frozen_report",
        history.Kind(
            _l("Frozen report"),
            verbs={"freeze_report": _l("Frozen")},
            fields={
                "code": _l("Code"),
                "report": _l("Report"),
                "filters": _l("Filters"),
                "as_of": _l("As of"),
                "digest": _l("SHA-256"),
            },
            names=history.names_of(FrozenReport.id, FrozenReport.code),
        ),
    )


# What was said


@dataclass(frozen=True)
class Frozen:
    """A frozen report read back: its row, and what stands in its content."""

    row: FrozenReport

    @cached_property
    def head(self) -> Mapping[str, Any]:
        """All of the content but its tables; empty where it cannot be read."""
        try:
            found = json.loads(self.row.content)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def extracts(self) -> list[Extract]:
        """Its tables; none where they cannot be read."""
        try:
            return [Extract.from_json(each) for each in self.head.get("extracts", ())]
        except _NOT_OURS:
            return []

    @property
    def given(self) -> dict[str, str]:
        """Its filters, as its address has them."""
        return dict(parse_qsl(self.row.query))

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Its filters in words."""
        try:
            return [(label, value) for label, value in self.head.get("facts", ())]
        except _NOT_OURS:
            return []

    @property
    def is_whole(self) -> bool:
        """Whether it still says what was frozen, and its row what its content says."""
        row = self.row
        told = (row.code, row.report, row.title, row.query, row.as_of.isoformat(),
                row.frozen_at.isoformat(), row.frozen_by_id, row.reason, row.code_version,
                row.locale, row.sees, row.shows_people)  # fmt: skip
        return digest(row.content) == row.digest and told == tuple(
            self.head.get(name) for name in _TOLD
        )


#: What stands in the row and in the content both.
_TOLD = ("code", "report", "title", "query", "as_of", "frozen_at", "frozen_by", "reason",
         "code_version", "locale", "sees", "shows_people")  # fmt: skip


def cite(row: FrozenReport, day: str) -> str:
    """`F-7K2QX9RB, Activity by target, frozen 27 Nov 2026, sha256 ab12…`."""
    return _(
        "%(code)s, %(title)s, frozen %(day)s, sha256 %(digest)s…",
        code=row.code,
        title=row.title,
        day=day,
        digest=row.digest[:_CITED],
    )


# Who may open it


def visible_to(user: Any) -> Select[FrozenReport]:
    """Those the user may open, the newest first, without their content.

    What tells of members, or is less for who sees fewer, is for those who see all it was made of.
    """
    found = (
        select(FrozenReport)
        .options(defer(FrozenReport.content, raiseload=True), joinedload(FrozenReport.frozen_by))
        .order_by(FrozenReport.frozen_at.desc(), FrozenReport.id.desc())
    )
    scope = access.scope(user, Can.SEE_MEMBERS)
    if scope.everywhere:
        return found
    rows = db.session.execute(
        select(FrozenReport.id, FrozenReport.sees).where(FrozenReport.shows_people)
    )
    ids = [number for number, sees in rows if _covers(scope, sees)]
    return found.where(or_(FrozenReport.shows_people.is_(False), FrozenReport.id.in_(ids)))


def of_report(found: Select[FrozenReport], report: str) -> Select[FrozenReport]:
    """Only those of one report."""
    return found.where(FrozenReport.report == report)


def frozen(code: str, *, to: Any) -> Frozen:
    """The one of this code. Raises `NoResultFound` where there is none, or not for this user."""
    row = db.session.scalars(
        select(FrozenReport)
        .where(FrozenReport.code == code.upper())
        .options(joinedload(FrozenReport.frozen_by))
    ).one_or_none()
    if row is None or not may_open(row, to):
        # Whoever may not open one does not learn that it is there.
        raise NoResultFound
    return Frozen(row)


def may_open(row: FrozenReport, user: Any) -> bool:
    """Whether the user may read it: reports at all, and as much of members as it tells."""
    if not access.may(user, Can.SEE_REPORTS):
        return False
    return not row.shows_people or _covers(access.scope(user, Can.SEE_MEMBERS), row.sees)


def _covers(scope: Scope, sees: Sequence[int] | None) -> bool:
    if scope.everywhere:
        return True
    return sees is not None and scope.chapter_ids >= set(sees)


def viewer_of(row: FrozenReport) -> Viewer:
    """Who it was made for: asked again for the same eyes, what differs is what happened since."""
    everywhere = row.sees is None
    return Viewer(sees=Scope(everywhere=everywhere, chapter_ids=frozenset(row.sees or ())))


# Freezing


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a report says now, ready to be kept."""

    source: Source
    reading: Reading
    viewer: Viewer
    extracts: Sequence[Extract]


def ask(name: str, given: Mapping[str, str], *, viewer: Viewer) -> Answered:
    """Ask a report by its address, as a file for this viewer would have it. Raises `Refused`."""
    source = sources.source(name)
    if source is None:
        raise Refused(_("There is no report called “%(name)s”.", name=name[:80]))
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    # Reckoning takes a while, and holds up nobody who writes.
    with db.apart(app):
        reading = source.read(given, viewer, today())
        extracts = source.answer(app, reading.given, viewer)
    return Answered(source=source, reading=reading, viewer=viewer, extracts=extracts)


def freeze(answered: Answered, *, reason: str | None, by: User | None) -> FrozenReport:
    """Keep what a report says, for good. Raises `Refused`.

    Members are numbers in it, so nobody's name leaves, and nobody's can be asked to be taken out.
    """
    if by is not None and not access.may(by, Can.EXPORT_REPORTS):
        raise Refused(_("You may not freeze reports."))
    reading, sees = answered.reading, answered.viewer.sees
    row = FrozenReport(
        code=f"F-{new_code()}",
        report=answered.source.name,
        title=str(answered.source.title),
        query=urlencode(sorted(reading.given.items())),
        as_of=reading.as_of,
        frozen_at=db.now(),
        frozen_by_id=by.id if by is not None else None,
        reason=(reason or "").strip() or None,
        code_version=code_version(),
        locale=str(get_locale() or "en"),
        sees=None if sees.everywhere else sorted(sees.chapter_ids),
        shows_people=reading.tells_of_members,
    )
    if by is not None and (same := _just_frozen(row, answered, by)) is not None:
        return same
    row.content = canonical(_content(row, answered))
    row.digest = digest(row.content)
    db.session.add(row)
    db.session.flush()
    audit.record(
        "freeze_report",
        "frozen_report",
        row.id,
        by=by,
        reason=row.reason,
        changes={
            "code": row.code,
            "report": row.report,
            "filters": dict(reading.given),
            "as_of": row.as_of,
            "digest": row.digest,
        },
    )
    return row


def _just_frozen(row: FrozenReport, answered: Answered, by: User) -> FrozenReport | None:
    """What the same person froze a moment ago, if it says the same: a button pressed twice."""
    db.take_turn(f"freeze-{by.id}")
    last = db.session.scalars(
        select(FrozenReport)
        .where(
            FrozenReport.frozen_by_id == by.id,
            FrozenReport.report == row.report,
            FrozenReport.query == row.query,
            FrozenReport.frozen_at > row.frozen_at - AGAIN,
        )
        .order_by(FrozenReport.id.desc())
        .limit(1)
    ).one_or_none()
    if last is None or (last.as_of, last.reason, last.locale) != (
        row.as_of, row.reason, row.locale
    ):  # fmt: skip
        return None
    if digest(last.content) != last.digest:
        return None
    said = json.loads(last.content)["extracts"]
    now = json.loads(canonical([each.as_json() for each in answered.extracts]))
    return last if said == now else None


def _content(row: FrozenReport, answered: Answered) -> dict[str, Any]:
    return {
        "layout": LAYOUT,
        "code": row.code,
        "report": row.report,
        "title": row.title,
        "query": row.query,
        "facts": [[str(label), str(value)] for label, value in answered.reading.facts],
        "as_of": row.as_of.isoformat(),
        "frozen_at": row.frozen_at.isoformat(),
        "frozen_by": row.frozen_by_id,
        "reason": row.reason,
        "code_version": row.code_version,
        "locale": row.locale,
        "sees": row.sees,
        "shows_people": row.shows_people,
        "extracts": [each.as_json() for each in answered.extracts],
    }


def ask_now(found: Frozen) -> tuple[Sequence[Extract], Reading, datetime]:
    """The same question asked now, in the words and for the eyes it was frozen with: its tables,
    how it was read, and when. Raises `Refused` where it cannot be asked any more.
    """
    row = found.row
    source = sources.source(row.report)
    if source is None:
        raise Refused(_("This report is not there any more, so it cannot be asked again."))
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with force_locale(row.locale if row.locale in LANGUAGES else "en"), db.apart(app):
        viewer = viewer_of(row)
        reading = source.read(found.given, viewer, row.as_of)
        return source.answer(app, reading.now, viewer), reading, db.now()


# Whether all of it is whole


def faults() -> Iterator[str]:
    """The codes of those that do not say any more what was frozen, one read at a time."""
    for number in db.session.scalars(select(FrozenReport.id).order_by(FrozenReport.id)).all():
        row = db.session.get_one(FrozenReport, number)
        if not Frozen(row).is_whole:
            yield row.code
        db.session.expunge(row)


def how_many() -> int:
    """How many there are."""
    return db.session.scalar(select(func.count()).select_from(FrozenReport)) or 0


def is_guarded() -> bool:
    """Whether the database itself still refuses to change them."""
    statement, wanted = _GUARDS[db.session.get_bind().dialect.name]
    return bool(db.session.scalar(text(statement)) == wanted)
