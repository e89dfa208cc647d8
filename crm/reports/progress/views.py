"""The progress report on screen and as files: PDF, a workbook of a sheet a table, CSVs, JSON.

None of them names a member but the PDF for a school that is asked for with a reason (first names).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Response, current_app, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from crm.campaigns import strategy_queries
from crm.campaigns.indicators import Measured, measured
from crm.campaigns.models import Campaign, Objective, Strategy
from crm.core import access, db, pdf, reads, shell
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import Form, text
from crm.core.i18n import timezone_name, today
from crm.core.shell import Panel
from crm.core.text import slugify
from crm.members.disclosure import Viewer, maker_name
from crm.members.models import Chapter
from crm.reports import periods, sources
from crm.reports.progress import files as progress_files
from crm.reports.progress import paper as progress_paper
from crm.reports.progress.asked import SOURCE, flat, wished
from crm.reports.progress.audiences import AUDIENCES
from crm.reports.progress.document import ALWAYS, SECTIONS, Document, document, question_of
from crm.reports.progress.names import first_names, record_names
from crm.reports.progress.pictures import across, narrowed, pictures
from crm.reports.views import blueprint

FILES = {
    "pdf": "PDF",
    "xlsx": "Excel",
    "zip": "CSV",
    "json": "JSON",
}


class NamesForm(Form):
    """Asks why the paper is to name people."""

    reason = text(
        _l("What do you need the names for?"), most=300, required=True,
        description=_l("Kept with your name and the time, for whoever answers for the members."),
    )  # fmt: skip


def init_app(app: Flask) -> None:
    """Hang what leads here on pages of lower rooms, and let reports be kept."""
    sources.add_source(app, SOURCE)
    shell.add_panel(app, "strategy", Panel(10, "reports/_progress_of.html", _of_strategy))
    for place in ("front", "front-whole"):
        shell.add_panel(app, place, Panel(45, "reports/_progress_front.html", _of_front))


def _of_strategy(strategy: Strategy) -> dict[str, Any] | None:
    if not access.may(current_user, Can.SEE_REPORTS):
        return None
    return {"strategy": strategy}


def _of_front(user: Any) -> dict[str, Any] | None:
    """The objectives of the strategies of the day, for who reports: the first of them."""
    if not access.may(user, Can.EXPORT_REPORTS):
        return None
    listed = strategy_queries.indicators_running(today())
    if not listed:
        return None
    strategy = listed[0].objective.goal.strategy
    found = measured(listed, since=strategy.starts_on, on=today())
    by_objective: dict[Objective, list[Measured]] = {}
    for each in listed:
        by_objective.setdefault(each.objective, []).append(found[each.id])
    return {
        "strategy": strategy,
        "objectives": [(each, of_it, _mean(of_it)) for each, of_it in by_objective.items()],
    }


def _mean(found: Sequence[Measured]) -> int | None:
    """How far an objective is: the mean way of its indicators, in percent."""
    parts = [each.course.part for each in found if each.course.part is not None]
    return round(100 * sum(parts) / len(parts)) if parts else None


@blueprint.get("/reports/progress", endpoint="progress")
@requires(Can.SEE_REPORTS)
def page() -> Any:
    """The form; and the report where enough is asked for."""
    return _show(request.args, 200)


@blueprint.get("/reports/progress.<any(pdf, xlsx, zip, json):format>", endpoint="progress_file")
@requires(Can.EXPORT_REPORTS)
def download(format: str) -> Any:
    """The report as a file."""
    try:
        wish = wished(flat(request.args), today())
    except Refused as refusal:
        return _show(request.args, 422, [str(refusal.message)])
    found = document(_application(), wish, Viewer.of(current_user))
    reads.export("progress", format=format, filters=flat(request.args))
    if format == "pdf":
        return _paper(found)
    made = datetime.now(ZoneInfo(timezone_name()))
    body, mimetype = progress_files.made(found, format, made=made, made_by=maker_name(current_user))
    response = Response(body, mimetype=mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=_filename(found, format))
    return response


@blueprint.post("/reports/progress", endpoint="progress_names")
@requires(Can.EXPORT_PEOPLE)
def download_names() -> Any:
    """The PDF for a school with first names, for a reason that is kept."""
    form = NamesForm()
    try:
        wish = wished(flat(request.args), today())
    except Refused as refusal:
        return _show(request.args, 422, [str(refusal.message)])
    viewer = Viewer.of(current_user)
    named = form.carry(
        lambda: first_names(
            wish, question_of(wish, viewer), reason=form.reason.data, by=current_user
        )
    )
    if named is None:
        return _show(request.args, 422, form=form)
    # Set first: that lets go of the database. What leaves is recorded before it does.
    response = _paper(document(_application(), wish, viewer), named.data)
    record_names(wish, named, reason=form.reason.data, by=current_user)
    return response


def _paper(found: Document, names: dict[str, Any] | None = None) -> Response:
    made = datetime.now(ZoneInfo(timezone_name()))
    body = progress_paper.paper(
        found, paper=pdf.paper_named(request.args.get("paper")), made=made,
        made_by=maker_name(current_user), names=names,
    )  # fmt: skip
    response = Response(body, mimetype="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename=_filename(found, "pdf"))
    return response


def _filename(found: Document, format: str) -> str:
    return f"progress-{slugify(str(found.head['about']))}-{today().isoformat()}.{format}"


def _show(
    args: Any, status: int, problems: list[str] | None = None, form: NamesForm | None = None
) -> Any:
    problems, found, wish = list(problems or ()), None, None
    if args.get("audience") and not problems:
        try:
            wish = wished(flat(args), today())
            found = document(_application(), wish, Viewer.of(current_user))
        except Refused as refusal:
            problems.append(str(refusal.message))
        except NoResultFound:
            problems.append(_("This strategy is not there any more."))
    given: dict[str, Any] = flat(args)
    strategies = _pairs(Strategy)
    if not args and (running := strategy_queries.running(today())):
        # What most come for.
        given = {"strategy": running.slug}
    return render_template(
        "reports/progress.html",
        found=found,
        wish=wish,
        problems=problems,
        given=given,
        chosen=set(given["sections"].split(",")) if "sections" in given else set(SECTIONS),
        audiences=AUDIENCES.values(),
        sections=[each for each in SECTIONS.values() if each.key not in ALWAYS],
        strategies=strategies,
        campaigns=_pairs(Campaign),
        chapters=_pairs(Chapter),
        files={
            name: (label, url_for("reports.progress_file", format=name, **given))
            for name, label in FILES.items()
        },
        periods=periods.NAMES,
        pictures=pictures,
        across=across,
        narrowed=narrowed,
        form=form or NamesForm(formdata=None),
        here=url_for("reports.progress_names", **given),
        rows_by_key=lambda each: dict(zip(each.keys, each.rows, strict=True)),
    ), 422 if problems else status


def _pairs(model: Any) -> list[tuple[str, str]]:
    rows = db.session.execute(select(model.slug, model.name).order_by(model.name, model.id))
    return [(slug, name) for slug, name in rows]


def _application() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined]
