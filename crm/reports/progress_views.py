"""The progress report on screen and as files: PDF, a workbook of a sheet a table, CSVs, JSON.

None of them names a member but the PDF for a school that is asked for with a reason.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Response, current_app, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from crm.campaigns import strategy_queries
from crm.campaigns.indicators import Measured, measured
from crm.campaigns.models import Campaign, Strategy
from crm.core import access, db, pdf, reads, shell
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.i18n import timezone_name, today
from crm.core.shell import Panel
from crm.core.text import slugify
from crm.members.disclosure import Viewer
from crm.members.models import Chapter
from crm.reports import progress_files, progress_paper
from crm.reports.audiences import AUDIENCES
from crm.reports.progress import ALWAYS, SECTIONS, Wish, document
from crm.reports.progress_pictures import pictures
from crm.reports.views import blueprint

#: What an address may say; sections by `section=`, several times.
NAMES = ("strategy", "campaign", "chapter", "since", "until", "audience")
FILES = {
    "pdf": "PDF",
    "xlsx": "Excel",
    "zip": "CSV",
    "json": "JSON",
}


def init_app(app: Flask) -> None:
    """Hang what leads here on pages of lower rooms."""
    shell.add_panel(app, "strategy", Panel(10, "reports/_progress_of.html", _of_strategy))
    shell.add_panel(app, "front", Panel(45, "reports/_progress_front.html", _of_front))


def _of_strategy(strategy: Strategy) -> dict[str, Any] | None:
    if not access.may(current_user, Can.SEE_REPORTS):
        return None
    return {"strategy": strategy}


def _of_front(user: Any) -> dict[str, Any] | None:
    """The objectives of the strategies of the day, for who reports: the first of them."""
    if not access.may(user, Can.EXPORT_REPORTS):
        return None
    strategies = strategy_queries.running(today(), 1)
    if not strategies:
        return None
    strategy = strategies[0]
    found = measured(strategy_queries.indicators(strategy), since=strategy.starts_on, on=today())
    objectives = [
        (each, [found[one.id] for one in each.indicators])
        for each in strategy_queries.objectives(strategy)
    ]
    return {
        "strategy": strategy,
        "objectives": [(each, of_it, _mean(of_it)) for each, of_it in objectives if of_it],
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
        wish = wished(request.args, today())
    except Refused as refusal:
        return _show(request.args, 422, [str(refusal.message)])
    found = document(_application(), wish, Viewer.of(current_user))
    made = datetime.now(ZoneInfo(timezone_name()))
    made_by = current_user.name
    reads.export("progress", format=format, filters=given_of(request.args))
    name = f"progress-{slugify(str(found.head['about']))}-{wish.until.isoformat()}.{format}"
    if format == "pdf":
        paper = pdf.paper_named(request.args.get("paper"))
        body = progress_paper.paper(found, paper=paper, made=made, made_by=made_by)
        response = Response(body, mimetype="application/pdf")
        response.headers.set("Content-Disposition", "inline", filename=name)
        return response
    body, mimetype = progress_files.made(found, format, made=made, made_by=made_by)
    response = Response(body, mimetype=mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def wished(args: Any, day: date) -> Wish:
    """What an address asks for. Raises `Refused` with what cannot be meant."""
    audience = AUDIENCES.get(args.get("audience", ""))
    if audience is None:
        raise Refused(_("Choose whom the report is for."), "audience")
    strategy = _strategy(args.get("strategy"))
    since = _day(args.get("since"), "since") or (
        max(strategy.starts_on, _year_before(day)) if strategy else _year_before(day)
    )
    until = _day(args.get("until"), "until") or day
    if until < since:
        raise Refused(_("The period ends before it starts: swap From and To."), "until")
    campaign, chapter = args.get("campaign") or None, args.get("chapter") or None
    for name, value, column in (
        ("campaign", campaign, Campaign.slug), ("chapter", chapter, Chapter.slug),
    ):  # fmt: skip
        if value and db.session.scalar(select(column).where(column == value)) is None:
            raise Refused(_("Nothing is known as “%(value)s”.", value=value[:80]), name)
    if audience.needs_chapter and not chapter:
        raise Refused(_("Choose the school that it is for."), "chapter")
    wanted = frozenset(args.getlist("section") if hasattr(args, "getlist") else ()) & set(SECTIONS)
    return Wish(
        audience=audience,
        since=since,
        until=until,
        on=min(until, day),
        strategy=strategy.slug if strategy else None,
        campaign=campaign,
        chapter=chapter,
        sections=(wanted | set(ALWAYS)) if wanted else frozenset(SECTIONS),
    )


def given_of(args: Any) -> dict[str, Any]:
    """The part of an address that is meant, to carry along."""
    found: dict[str, Any] = {name: value for name in NAMES if (value := args.get(name))}
    if sections := [each for each in args.getlist("section") if each in SECTIONS]:
        found["section"] = sections
    return found


def _strategy(slug: str | None) -> Strategy | None:
    if not slug:
        return None
    found = db.session.scalars(select(Strategy).where(Strategy.slug == slug)).one_or_none()
    if found is None:
        raise Refused(_("Nothing is known as “%(value)s”.", value=slug[:80]), "strategy")
    return found


def _day(typed: str | None, name: str) -> date | None:
    if not typed:
        return None
    try:
        return date.fromisoformat(typed)
    except ValueError as error:
        raise Refused(
            _("“%(value)s” is not a date such as 2026-03-31.", value=typed[:40]), name
        ) from error


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def _show(args: Any, status: int, problems: list[str] | None = None) -> Any:
    problems, found, wish = list(problems or ()), None, None
    if args.get("audience") and not problems:
        try:
            wish = wished(args, today())
            found = document(_application(), wish, Viewer.of(current_user))
        except Refused as refusal:
            problems.append(str(refusal.message))
        except NoResultFound:
            problems.append(_("This strategy is not there any more."))
    given = given_of(args)
    strategies = _pairs(Strategy)
    if not args and (running := strategy_queries.running(today(), 1)):
        # What most come for.
        given = {"strategy": running[0].slug}
    return render_template(
        "reports/progress.html",
        found=found,
        wish=wish,
        problems=problems,
        given=given,
        chosen=set(args.getlist("section")) or set(SECTIONS),
        audiences=AUDIENCES.values(),
        sections=[each for each in SECTIONS.values() if each.key not in ALWAYS],
        strategies=strategies,
        campaigns=_pairs(Campaign),
        chapters=_pairs(Chapter),
        files={
            name: (label, url_for("reports.progress_file", format=name, **given))
            for name, label in FILES.items()
        },
        papers=pdf.PAPERS,
        usual=pdf.usual_paper(),
        pictures=pictures,
        rows_by_key=lambda each: dict(zip(each.keys, each.rows, strict=True)),
    ), 422 if problems else status


def _pairs(model: Any) -> list[tuple[str, str]]:
    rows = db.session.execute(select(model.slug, model.name).order_by(model.name, model.id))
    return [(slug, name) for slug, name in rows]


def _application() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined]
