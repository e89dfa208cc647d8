"""What leaves with names on it is recorded before it leaves."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from flask import Flask, current_app
from flask_babel import gettext as _

from crm.core import audit
from crm.core.errors import Refused
from crm.members import departures
from crm.members.disclosure import Exit, Viewer
from crm.reports.as_of import known
from crm.reports.catalogue import Question, Report


def export_people(
    *,
    report: Report,
    question: Question,
    reason: str,
    given: Mapping[str, str],
    format: str,
    by: Any,
) -> Viewer:
    """Record that a file naming members leaves: which, why, with whom, for whom.

    Gives the viewer it leaves for, to whom nobody is named but those it was recorded of. Raises
    `Refused`.
    """
    if not report.shows_people:
        raise Refused(_("This report names nobody. Use the ordinary download."))
    if not reason.strip():
        raise Refused(_("Say what you need the names for."), "reason")
    named = _named(report, question)
    record_people(
        exit=Exit.EXPORT,
        what=_("%(title)s, %(format)s", title=report.title, format=format.upper()),
        member_ids=named,
        reason=reason,
        changes={"report": report.name, "format": format, "filters": dict(given)},
        by=by,
    )
    return replace(question.viewer, recorded=named)


def record_people(
    *,
    exit: Exit,
    what: str,
    member_ids: Collection[int],
    reason: str,
    changes: Mapping[str, Any],
    by: Any,
) -> None:
    """Keep who leaves by name and why, before it is sent. A withdrawal lists it."""
    departures.record(exit=exit, what=what, member_ids=member_ids, reason=reason.strip(), by=by)
    audit.record("export_people", "report", None, by=by, reason=reason.strip(), changes=changes)


def _named(report: Report, question: Question) -> frozenset[int]:
    """The members the file will name, on the day it is asked for."""
    if report.named is None:
        return frozenset()
    if question.as_of is None:
        return frozenset(report.named(question))
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with known(app, question.as_of):
        return frozenset(report.named(question))
