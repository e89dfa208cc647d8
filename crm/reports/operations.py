"""What leaves with names on it is recorded before it leaves."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from crm.core import audit
from crm.core.errors import Refused
from crm.reports.catalogue import Report


def export_people(
    *, report: Report, reason: str, given: Mapping[str, str], format: str, by: Any
) -> None:
    """Record that a file naming members leaves: which, why, for whom. Raises `Refused`."""
    if not report.shows_people:
        raise Refused(_("This report names nobody. Use the ordinary download."))
    if not reason.strip():
        raise Refused(_("Say what you need the names for."), "reason")
    audit.record(
        "export_people",
        "report",
        None,
        by=by,
        reason=reason.strip(),
        changes={
            "report": report.name,
            "format": format,
            "filters": dict(given),
        },
    )
