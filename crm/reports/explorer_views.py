"""The explorer's page and files. Its address is the query; nothing here is written."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Response, current_app, render_template, request, url_for
from flask_babel import get_locale
from flask_login import current_user

from crm.core import reads
from crm.core.access import Can, requires
from crm.core.i18n import timezone_name
from crm.core.paging import page_within
from crm.core.streams import stream
from crm.core.tables import FORMATS, Kind, Table
from crm.members.disclosure import Exit, Viewer, maker_name
from crm.outreach.filters import BAR, LABELS, REST
from crm.reports import explorer
from crm.reports.answering import SHOWN
from crm.reports.catalogue import reports
from crm.reports.dimensions import DIMENSIONS, Told
from crm.reports.explorer import Asked, explore, for_files, limits, narrowed, parse, sort_key
from crm.reports.measures import MEASURES
from crm.reports.views import blueprint


@blueprint.get("/reports/explorer")
@requires(Can.SEE_REPORTS)
def explorer_page() -> Any:
    """Lines × columns × what is counted, as the address says."""
    asked = parse(request.args, Viewer.of(current_user))
    sort = request.args.get("sort")
    found = None if asked.problems else explore(_application(), asked, sort)
    query: dict[str, Any] = {**asked.query, **({"sort": sort} if sort else {})}
    body = render_template(
        "reports/explorer.html",
        asked=asked,
        found=found,
        page=page_within(found.lines, size=SHOWN) if found else None,
        limits=limits(asked),
        filters_said=[] if asked.problems else asked.filters(Exit.PAGE),
        link=Links(asked),
        dimensions=DIMENSIONS.values(),
        measures=MEASURES.values(),
        no_columns=explorer.NO_COLUMNS,
        what=explorer.CHOICES,
        bar=BAR,
        rest=REST,
        labels=LABELS,
        sort=sort,
        sort_key=sort_key,
        share=Kind.SHARE,
        formats=FORMATS.values(),
        files={each: url_for("reports.explorer_file", format=each, **query) for each in FORMATS},
    )
    return body, 422 if asked.problems else 200


@blueprint.get("/reports/explorer.<any(csv, xlsx, json):format>")
@requires(Can.EXPORT_REPORTS)
def explorer_file(format: str) -> Any:
    """The table as a file, in the order of its page."""
    asked = parse(request.args, Viewer.of(current_user))
    if asked.problems:
        return explorer_page()
    app, sort = _application(), request.args.get("sort")
    # Counted before the file begins: its columns are known only then.
    found = explore(app, asked, sort)
    made_at = datetime.now(ZoneInfo(timezone_name()))
    columns, rows = for_files(
        asked.rows.name,
        found.table_columns,
        [(line.key, found.row(line)) for line in found.lines],
    )
    table = Table(
        name=explorer.NAME,
        title=asked.title,
        columns=columns,
        rows=rows,
        facts=asked.told(Exit.EXPORT),
        made_at=made_at,
        made_by=maker_name(current_user),
        closing=lambda: " ".join([found.told, *limits(asked)]),
    )
    reads.export(explorer.NAME, format=format, filters=asked.query)
    data = stream(app, lambda: table, format=format, locale=str(get_locale()))
    response = Response(data, mimetype=FORMATS[format].mimetype)
    name = f"{explorer.NAME}-{made_at:%Y-%m-%d}.{format}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _application() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined]


class Links:
    """From every number to the records behind it."""

    def __init__(self, asked: Asked):
        self.asked = asked

    def __call__(self, *told: Told) -> str | None:
        """The list behind a number of this line and column; of the total without them."""
        values: dict[str, Any] | None = narrowed(self.asked, *told)
        if values is None:
            return None
        measure = self.asked.measure
        if measure.lists is not None:
            return url_for("reports.page", name="answers", **{"outcome": measure.lists, **values})
        if measure.report is not None and measure.report in reports():
            return url_for("reports.page", name=measure.report, **values)
        return url_for("outreach.index", **values)
