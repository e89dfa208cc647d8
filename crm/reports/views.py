"""The search, and the reports: on screen and as files."""

from dataclasses import replace
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
from flask_babel import gettext as _
from flask_login import current_user

from crm.core import pdf, reads, shell
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import WithNames
from crm.core.i18n import timezone_name, today
from crm.core.paging import page_within
from crm.core.tables import FORMATS
from crm.members.disclosure import Exit, Viewer, maker_name
from crm.outreach.filters import BAR, LABELS, REST
from crm.reports import documents, periods
from crm.reports.answering import SHOWN, Order, answer, file_of
from crm.reports.catalogue import find_report, reports
from crm.reports.cells import lines, total_line
from crm.reports.drilling import links_of
from crm.reports.forms import WORDS, Asked, heeds, is_day, may_compare, parse
from crm.reports.operations import export_people
from crm.reports.rules import is_right

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
    return _show(_asked(name), WithNames(formdata=None))


@blueprint.get("/reports/<name>/print")
@requires(Can.SEE_REPORTS)
def print_page(name: str) -> Any:
    """The same with all its lines, for a printer."""
    return _show(_asked(name), WithNames(formdata=None), whole=True)


@blueprint.get("/reports/<name>.<any(csv, xlsx, json):format>")
@requires(Can.EXPORT_REPORTS)
def download(name: str, format: str) -> Any:
    """One report as a file: the rows of the page, in its order. Members are numbers."""
    asked = _asked(name)
    if asked.problems:
        return _show(asked, WithNames(formdata=None), 422)
    return _send(asked, format, Viewer.of(current_user))


@blueprint.get("/reports/<name>.pdf")
@requires(Can.EXPORT_REPORTS)
def document(name: str) -> Any:
    """One report as a designed document. Members are numbers."""
    asked = _asked(name)
    if asked.problems:
        return _show(asked, WithNames(formdata=None), 422)
    sort = request.args.get("sort")
    try:
        data = documents.made(
            _application(),
            asked,
            Viewer.of(current_user),
            sort=sort,
            made_at=datetime.now(ZoneInfo(timezone_name())),
            made_by=maker_name(current_user),
            paper=pdf.paper_named(request.args.get("paper")),
        )
    except Refused as refusal:
        return _show(replace(asked, problems=[str(refusal)]), WithNames(formdata=None), 422)
    _note_export(asked, "pdf")
    response = Response(data, mimetype="application/pdf")
    filename = documents.filename(asked, today())
    response.headers.set("Content-Disposition", "inline", filename=filename)
    return response


@blueprint.post("/reports/<name>")
@requires(Can.EXPORT_PEOPLE)
def download_names(name: str) -> Any:
    """The same file with names, for a reason that is kept."""
    asked, form = _asked(name), WithNames()
    if asked.problems or not form.validate_on_submit():
        return _show(asked, form, 422)
    viewer = form.carry(
        lambda: export_people(
            report=asked.shown,
            question=asked.question(Viewer.of(current_user, exports_people=True), Exit.EXPORT),
            reason=form.reason.data,
            given=asked.address,
            format=form.format.data,
            by=current_user,
        )
    )
    if viewer is None:
        return _show(asked, form, 422)
    return _send(asked, form.format.data, viewer)


def _asked(name: str) -> Asked:
    report = find_report(name) or abort(404)
    return parse(request.args, report, Viewer.of(current_user))


def _note_export(asked: Asked, format: str) -> None:
    reads.export(asked.report.name, format=format, filters=asked.address)


def _send(asked: Asked, format: str, viewer: Viewer) -> Response:
    if not viewer.exports_people:
        # A file with names was recorded with its reason already.
        _note_export(asked, format)
    order = Order(
        report=asked.shown,
        question=asked.question(viewer, Exit.EXPORT),
        format=format,
        sort=request.args.get("sort"),
        facts=asked.told(Exit.EXPORT),
        made_at=datetime.now(ZoneInfo(timezone_name())),
        made_by=maker_name(current_user),
        locale=str(get_locale()),
    )
    response = Response(file_of(_application(), order), mimetype=FORMATS[format].mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=order.filename)
    return response


def _show(asked: Asked, form: WithNames, status: int = 200, *, whole: bool = False) -> Any:
    sort, report, found = request.args.get("sort"), asked.shown, None
    if not asked.problems:
        most = documents.MOST if whole else SHOWN
        question = asked.question(Viewer.of(current_user))
        found = answer(_application(), report, question, sort, most)
    address: dict[str, Any] = {**asked.address, **({"sort": sort} if sort else {})}
    rows, links = found.rows if found else [], links_of(asked)
    page = page_within(rows, size=max(SHOWN, len(rows)) if whole else SHOWN) if found else None
    body = render_template(
        "reports/page.html",
        report=report,
        printing=whole and found is not None,
        note_label=_("Note"),
        is_day=is_day,
        is_right=is_right,
        ways=asked.report.ways,
        own_way=next(
            (key for key, way in asked.report.ways.items() if way.rows is asked.report.rows), None
        ),
        asked=asked,
        answer=found,
        page=page,
        sort=sort,
        bar=[name for name in BAR if heeds(asked.report, name)],
        rest=[name for name in REST if heeds(asked.report, name)],
        may_compare=may_compare(report if asked.compare is None else asked.report),
        periods=periods.NAMES,
        compared=periods.COMPARED,
        labels=LABELS,
        words=WORDS,
        formats=FORMATS.values(),
        form=form,
        lines=list(lines(report, page.rows, links)) if page else [],
        total=total_line(report, found.totals, links) if found else (),
        address=address,
        here=url_for("reports.page", name=asked.report.name, **address),
        printed=url_for("reports.print_page", name=asked.report.name, **address),
        files={
            **{
                each: url_for("reports.download", name=asked.report.name, format=each, **address)
                for each in FORMATS
            },
            "pdf": url_for("reports.document", name=asked.report.name, **address),
        },
        made_at=datetime.now(ZoneInfo(timezone_name())) if whole else None,
        made_by=maker_name(current_user) if whole else "",
    )
    return body, 422 if asked.problems else status


def _application() -> Flask:
    # The application itself: a request's proxy is gone when its file is still being sent.
    return current_app._get_current_object()  # type: ignore[attr-defined]
