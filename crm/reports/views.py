"""The search, and the reports: on screen and as files."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    render_template,
    request,
    url_for,
)
from flask_babel import get_locale
from flask_login import current_user

from crm.core import reads, shell
from crm.core.access import Can, requires
from crm.core.forms import WithNames
from crm.core.i18n import timezone_name
from crm.core.paging import page_within
from crm.core.tables import FORMATS, Column, Row
from crm.members.disclosure import Exit, Viewer
from crm.outreach.filters import LABELS, NAMES
from crm.reports.answering import SHOWN, Order, answer, file_of
from crm.reports.catalogue import Question, Report, reports
from crm.reports.forms import Asked, parse
from crm.reports.operations import export_people

blueprint = Blueprint("reports", __name__)

#: Hits of each kind on the search page.
HITS = 20


@blueprint.get("/search")
@requires(Can.SEE)
def search() -> Any:
    """Targets, members, campaigns: whatever the rooms can find, by heading."""
    query = request.args.get("q", "").replace("\x00", "").strip()[:100]
    found = shell.search(query, HITS) if query else []
    return render_template("reports/search.html", query=query, found=found, limit=HITS)


@blueprint.get("/reports")
@requires(Can.SEE_REPORTS)
def index() -> Any:
    """The catalogue."""
    return render_template("reports/index.html", reports=reports().values())


@blueprint.get("/reports/<name>")
@requires(Can.SEE_REPORTS)
def page(name: str) -> Any:
    """One report on screen."""
    report = _report(name)
    return _show(
        report, parse(request.args, report, Viewer.of(current_user)), WithNames(formdata=None), 200
    )


@blueprint.get("/reports/<name>.<any(csv, xlsx, json):format>")
@requires(Can.EXPORT_REPORTS)
def download(name: str, format: str) -> Any:
    """One report as a file: the rows of the page, in its order. Members are numbers."""
    report = _report(name)
    asked = parse(request.args, report, Viewer.of(current_user))
    if asked.problems:
        return _show(report, asked, WithNames(formdata=None), 422)
    return _send(report, asked, format, Viewer.of(current_user))


@blueprint.post("/reports/<name>")
@requires(Can.EXPORT_PEOPLE)
def download_names(name: str) -> Any:
    """The same file with names, for a reason that is kept."""
    report, form = _report(name), WithNames()
    asked = parse(request.args, report, Viewer.of(current_user))
    if asked.problems or not form.validate_on_submit():
        return _show(report, asked, form, 422)

    whole = report.asked_by(asked.by)
    viewer = form.carry(
        lambda: export_people(
            report=whole,
            question=_question(asked, Viewer.of(current_user, exports_people=True)),
            reason=form.reason.data,
            given=asked.given,
            format=form.format.data,
            by=current_user,
        )
    )
    if viewer is None:
        return _show(report, asked, form, 422)
    return _send(report, asked, form.format.data, viewer)


def _question(asked: Asked, viewer: Viewer) -> Question:
    return Question(wanted=asked.wanted, viewer=viewer, exit=Exit.EXPORT, outcome=asked.outcome)


def _report(name: str) -> Report:
    return reports().get(name) or abort(404)


def _send(report: Report, asked: Asked, format: str, viewer: Viewer) -> Response:
    if not viewer.exports_people:
        # A file with names was recorded with its reason already.
        filters = {**asked.given, **({"by": asked.by} if asked.by else {})}
        reads.export(report.name, format=format, filters=filters)
    order = Order(
        report=report.asked_by(asked.by),
        question=_question(asked, viewer),
        format=format,
        sort=request.args.get("sort"),
        facts=asked.told(Exit.EXPORT),
        made_at=datetime.now(ZoneInfo(timezone_name())),
        made_by=current_user.name,
        locale=str(get_locale()),
    )
    response = Response(file_of(_application(), order), mimetype=FORMATS[format].mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=order.filename)
    return response


def _show(report: Report, asked: Asked, form: WithNames, status: int) -> Any:
    sort, whole = request.args.get("sort"), report
    report = whole.asked_by(asked.by)
    found = None
    if not asked.problems:
        question = Question(
            wanted=asked.wanted, viewer=Viewer.of(current_user), outcome=asked.outcome
        )
        found = answer(_application(), report, question, sort)
    given: dict[str, Any] = {**asked.given, **({"sort": sort} if sort else {})}
    if asked.by:
        given["by"] = asked.by
    body = render_template(
        "reports/page.html",
        report=report,
        ways=whole.ways,
        asked=asked,
        answer=found,
        page=page_within(found.rows, size=SHOWN) if found else None,
        sort=sort,
        names=NAMES,
        labels=LABELS,
        formats=FORMATS.values(),
        form=form,
        link=Links(report, asked.given),
        mail_given=given,
        here=url_for("reports.page", name=report.name, **given),
        files={
            each: url_for("reports.download", name=report.name, format=each, **given)
            for each in FORMATS
        },
    )
    return body, 422 if asked.problems else status


def _application() -> Flask:
    # The application itself: a request's proxy is gone when its file is still being sent.
    return current_app._get_current_object()  # type: ignore[attr-defined]


class Links:
    """From every number of a report to the records behind it, under the same filter."""

    def __init__(self, report: Report, given: Mapping[str, str]):
        self.report = report
        self.given = given

    def record(self, row: Row) -> str | None:
        """The page of what the row is about."""
        found = self.report.record(row) if self.report.record else None
        return url_for(found[0], **found[1]) if found else None

    def records(self, column: Column, row: Row | None) -> str | None:
        """The list behind a number; of the total without a row."""
        if column.key in self.report.plain:
            return None
        narrow: Mapping[str, str] = {}
        if row is not None:
            if self.report.narrow is None:
                return self.record(row)
            narrow = self.report.narrow(row)
        values: dict[str, Any] = {**self.given, **narrow}
        if outcome := self.report.lists_outcomes.get(column.key):
            return url_for("reports.page", name="answers", **{"outcome": outcome} | values)
        values.pop("outcome", None)
        return url_for("outreach.index", **values)
