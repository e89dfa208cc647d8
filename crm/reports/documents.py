"""A report as a document somebody signs: `templates/print/report.typ`, from one extract.

Members are numbers in it, as in every file that leaves without a reason.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from flask import Flask
from flask_babel import format_datetime, get_locale
from flask_babel import gettext as _

from crm.core import pdf
from crm.core.shell import number
from crm.members.disclosure import Exit, Viewer
from crm.reports.answering import whole
from crm.reports.extracts import Extract
from crm.reports.forms import Asked
from crm.reports.rules import is_right, written

#: Lines one document or printed page has at most.
MOST = 2_000
#: Characters across upright paper; what is wider lies on its side.
_UPRIGHT = 105
#: Width of a chart, in the units of its own drawing: its words are as large on either paper.
_CHART, _CHART_WIDE = 760, 1060


def filename(asked: Asked, on: date) -> str:
    """`activity-by-target-2026-11-23.pdf`."""
    day_of = f"as-of-{asked.as_of}" if asked.as_of else f"{on}"
    return f"{asked.report.name}-{day_of}.pdf"


def made(
    app: Flask,
    asked: Asked,
    viewer: Viewer,
    *,
    sort: str | None = None,
    made_at: datetime,
    made_by: str,
    paper: str,
) -> bytes:
    """The document. Raises `Refused` where it has more than `MOST` lines."""
    found = whole(
        app,
        asked.shown,
        asked.question(viewer, Exit.EXPORT),
        sort,
        asked.told(Exit.EXPORT),
        MOST,
    )
    return of_extract(
        found.extract,
        chart=found.chart,
        chart_title=str(asked.shown.chart_title),
        made_at=made_at,
        made_by=made_by,
        paper=paper,
    )


def of_extract(
    extract: Extract,
    *,
    chart: Any = None,
    chart_title: str = "",
    made_at: datetime,
    made_by: str,
    paper: str,
    notes: Mapping[str, str] | None = None,
) -> bytes:
    """An extract as a document; `notes` are more facts for its head, such as a frozen one's."""
    # A chart of another kind than `charts.Chart` cannot be drawn on its own.
    still = getattr(chart, "still", None)
    facts = [*extract.facts, *(notes or {}).items()]
    if not facts:
        facts = [(_("Asked for"), _("Everything that is recorded"))]
    is_wide = sum(column.width for column in extract.columns) > _UPRIGHT
    data = {
        "lang": str(get_locale() or "en").partition("_")[0],
        "preview": "",
        "kind": _("Report"),
        "title": extract.title,
        "facts": [[str(label), str(value)] for label, value in facts],
        "limits": [str(each) for each in extract.limits],
        "limits_title": _("Not in this document"),
        "chart": None if still is None else still(_CHART_WIDE if is_wide else _CHART),
        "chart_title": chart_title,
        "chart_told": str(getattr(chart, "summary", "") or chart_title),
        "columns": [
            {"label": str(column.label), "num": at > 0 and is_right(column), "width": column.width}
            for at, column in enumerate(extract.columns)
        ],
        "rows": [_cells(extract, row) for row in extract.rows],
        "empty": _("Nothing was done that this asks for."),
        "sums": _sums(extract),
        "totals": _last(extract, _("Total, each counted once"), extract.totals),
        "told_title": _("How it adds up"),
        "told": extract.told,
        "holds": extract.holds,
        "made": _(
            "Made %(moment)s by %(name)s",
            moment=format_datetime(made_at, "medium", rebase=False),
            name=made_by,
        ),
        "page": _("Page"),
        "of": _("of"),
        "wide": is_wide,
    }
    return pdf.render("report", data, paper=paper)


def _cells(extract: Extract, row: Any) -> list[str]:
    return [written(column, cell) for column, cell in zip(extract.columns, row, strict=True)]


def _last(extract: Extract, label: str, row: Any) -> list[str] | None:
    return None if row is None else [label, *_cells(extract, row)[1:]]


def _sums(extract: Extract) -> list[str] | None:
    """What the lines add up to, where that is something else than the total."""
    found = extract.more.get("of_lines")
    if not found:
        return None
    return [
        _("Sum of the lines"),
        *(number(found[c.key]) if c.key in found else "" for c in extract.columns[1:]),
    ]
