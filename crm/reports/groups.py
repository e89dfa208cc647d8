"""The heading a report stands under on the page of reports; one nobody placed is a record."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import lazy_gettext as _l

from crm.reports.catalogue import Report

#: In the order of the page.
HEADINGS: Mapping[str, Any] = {
    "activity": _l("What was done"),
    "came": _l("What came of it"),
    "people": _l("People and work"),
    "records": _l("Records"),
}
#: By how the report's name begins; the longest beginning counts.
_BEGINS = {
    "activity": "activity",
    "activity-by-member": "people",
    "activity-by-team": "people",
    "activity-by-chapter": "people",
    "outcomes": "came",
    "response": "came",
    "commitments": "came",
    "coverage": "came",
    "changes": "came",
    "positions": "came",
    "treaty": "came",
    "tasks": "people",
    "hours": "people",
    "service-hours": "people",
}


def grouped(reports: Iterable[Report]) -> list[tuple[Any, list[Report]]]:
    """The reports under their headings, in their order; a heading without any is left out."""
    found: dict[str, list[Report]] = {key: [] for key in HEADINGS}
    for report in reports:
        found[heading_of(report.name)].append(report)
    return [(HEADINGS[key], those) for key, those in found.items() if those]


def heading_of(name: str) -> str:
    """The heading a report's name puts it under."""
    begins = [each for each in _BEGINS if name.startswith(each)]
    return _BEGINS[max(begins, key=len)] if begins else "records"
