"""Freeze a report, read what was frozen, and see what is different now."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from flask import (
    Flask,
    Response,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import format_date, get_locale
from flask_babel import gettext as _
from flask_login import current_user

from crm.core import db, pdf, reads
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.i18n import timezone_name
from crm.core.paging import page_number, page_of, page_within
from crm.core.streams import stream
from crm.core.tables import FORMATS, Column, Kind, Row, Table
from crm.members.disclosure import Viewer, maker_name
from crm.reports import comparing, documents, explorer, frozen, sources
from crm.reports.code_version import code_version
from crm.reports.differences import Cell, Difference, compare_all
from crm.reports.extracts import Extract
from crm.reports.frozen import Frozen
from crm.reports.keep_forms import FreezeForm
from crm.reports.models import FrozenReport
from crm.reports.progress import paper as progress_paper
from crm.reports.progress.document import Document
from crm.reports.sources import Lead, Source, own_key
from crm.reports.views import blueprint

#: Rows, and differences, of a page.
SHOWN = 100
#: What is set as one document of many tables.
PROGRESS = "progress"
#: Others of the same report that one may be compared with.
_OTHERS = 50
_DIFFERENCES = ("table", "line", "what", "column", "before", "after")


@blueprint.context_processor
def _frozen() -> dict[str, Any]:
    return {"frozen_recent": recent}


@blueprint.post("/reports/<name>/freeze")
@requires(Can.EXPORT_REPORTS)
def freeze(name: str) -> Any:
    """Keep what the report of the address says now."""
    source = sources.source(name) or abort(404)
    form = FreezeForm()
    given = sources.given_by(request.args)

    def keep() -> FrozenReport:
        # The write lock is taken when it is kept, not while it is reckoned.
        db.release()
        answered = frozen.ask(name, given, viewer=Viewer.of(current_user))
        return frozen.freeze(answered, reason=form.reason.data, by=current_user)

    row = form.carry(keep)
    if row is None:
        body = render_template(
            "reports/freeze.html", source=source, form=form, given=given,
            address=source.address(given),
        )  # fmt: skip
        return body, 422
    flash(_("Frozen as %(code)s. It stays as it is.", code=row.code), "success")
    return redirect(url_for(".frozen_page", code=row.code), 303)


@blueprint.get("/reports/frozen")
@requires(Can.SEE_REPORTS)
def frozen_list() -> Any:
    """Those the reader may open, the newest first; of one report, or one's own, where asked."""
    found = frozen.visible_to(current_user)
    if own := "own" in request.args:
        found = found.where(FrozenReport.frozen_by_id == current_user.id)
    if wanted := request.args.get("report", ""):
        found = frozen.of_report(found, wanted)
    return render_template(
        "reports/frozen_list.html",
        page=page_of(found, number=page_number()),
        wanted=wanted,
        own=own,
        sources=sources.sources(),
        titles={each.name: each.title for each in sources.sources()},
    )


@blueprint.get("/reports/frozen/<code>")
@requires(Can.SEE_REPORTS)
def frozen_page(code: str) -> Any:
    """What was said, word for word."""
    found = _found(code)
    row = found.row
    number = _table_number(found)
    extract = found.extracts[number] if found.extracts else None
    others = db.session.scalars(
        frozen.of_report(frozen.visible_to(current_user), row.report)
        .where(FrozenReport.id != row.id)
        .limit(_OTHERS)
    ).all()
    return render_template(
        "reports/frozen.html",
        frozen=found,
        row=row,
        extract=extract,
        number=number,
        page=page_within(extract.rows, size=SHOWN) if extract else None,
        cited=_cited(row),
        address=_live(found),
        others=others,
        formats=FORMATS.values(),
        document=url_for(".frozen_document", code=row.code, table=number + 1)
        if _is_printed(found, number)
        else None,
    )


@blueprint.get("/reports/frozen/<code>.<any(csv, xlsx, json):format>")
@requires(Can.EXPORT_REPORTS)
def frozen_file(code: str, format: str) -> Any:
    """A table of it as a file; as JSON the whole text, byte for byte as its digest was taken."""
    found = _found(code)
    reads.export(found.row.report, format=format, filters={"frozen": found.row.code})
    if format == "json":
        return _file(found.row.content.encode(), f"{found.row.code}.json", "json")
    if not found.extracts:
        abort(404)
    number = _table_number(found)
    table = _table(found, found.extracts[number])
    name = f"{found.row.code}-{number + 1}" if len(found.extracts) > 1 else found.row.code
    pieces = stream(_application(), lambda: table, format=format, locale=str(get_locale()))
    return _file(pieces, f"{name}.{format}", format)


@blueprint.get("/reports/frozen/<code>.pdf")
@requires(Can.EXPORT_REPORTS)
def frozen_document(code: str) -> Any:
    """It as a document that says what it is, and by which digest: a progress report whole, of
    others a table.
    """
    found = _found(code)
    row = found.row
    number = _table_number(found)
    if not _is_printed(found, number):
        abort(404)
    body = _document(found, number)
    reads.export(row.report, format="pdf", filters={"frozen": row.code})
    response = Response(body, mimetype="application/pdf")
    response.headers.set("Content-Disposition", "attachment", filename=f"{row.code}.pdf")
    return response


@blueprint.get("/reports/frozen/<code>/now")
@requires(Can.SEE_REPORTS)
def frozen_now(code: str) -> Any:
    """What the same question is answered now, and how that differs."""
    found = _found(code)
    try:
        now, reading, at = frozen.ask_now(found)
    except Refused as refusal:
        flash(str(refusal.message), "warning")
        return redirect(url_for(".frozen_page", code=found.row.code), 303)
    return _show(found, now, reading.now, at=at)


@blueprint.get("/reports/frozen/<code>/against")
@requires(Can.SEE_REPORTS)
def frozen_against(code: str) -> Any:
    """What another frozen report of the same kind says, and how that differs."""
    found = _found(code)
    if not request.args.get("other"):
        return redirect(url_for(".frozen_page", code=found.row.code), 303)
    other = _found(request.args["other"])
    if other.row.report != found.row.report:
        abort(404)
    return _show(found, other.extracts, other.given, other=other)


# Differences


@dataclass(frozen=True)
class Line:
    """One row that came, went or changed, as a page shows it."""

    table: str
    #: changed | new | gone
    what: str
    row: Row
    columns: Sequence[Column]
    cells: Sequence[Cell]
    url: str | None


def _show(
    found: Frozen,
    later: Sequence[Extract],
    given: Mapping[str, str],
    *,
    at: Any = None,
    other: Frozen | None = None,
) -> Any:
    differences, came, went = compare_all(found.extracts, later)
    if request.args.get("format") == "csv":
        return _differences_file(found, differences)
    source = sources.source(found.row.report)
    lead = _lead(source, given)
    lines = [line for each in differences for line in _lines(each, lead)]
    return render_template(
        "reports/frozen_difference.html",
        frozen=found,
        row=found.row,
        other=other,
        at=at,
        programs=_programs(found, other),
        differences=differences,
        came=came,
        went=went,
        page=page_within(lines, size=SHOWN),
        nothing=not (came or went) and all(each.is_nothing for each in differences),
        several=len(differences) > 1,
        address=source.address(given) if source else None,
        sums={
            "changed": sum(len(each.changed) for each in differences),
            "new": sum(len(each.added) for each in differences),
            "gone": sum(len(each.gone) for each in differences),
        },
    )


def _programs(found: Frozen, other: Frozen | None) -> tuple[str, str] | None:
    """Which programs told the one and the other, where it was not the same."""
    later = other.row.code_version if other else code_version()
    return (found.row.code_version, later) if found.row.code_version != later else None


def _lead(source: Source | None, given: Mapping[str, str]) -> Lead:
    """Where the records of a line are, as far as this reader may go there."""
    if source is not None:
        with suppress(Refused):
            return source.leads(_application(), given, Viewer.of(current_user))
    return lambda *_row: None


def _lines(difference: Difference, lead: Lead) -> Iterator[Line]:
    frame, columns = difference.frame, difference.columns
    for each in difference.changed:
        url = lead(frame, each.key, each.after)
        yield Line(difference.title, "changed", each.after, columns, each.cells, url)
    for what, rows in (("new", difference.added), ("gone", difference.gone)):
        shown = columns if what == "new" else difference.before
        for key, row in rows:
            yield Line(difference.title, what, row, shown, (), lead(frame, key, row))


def _differences_file(found: Frozen, differences: Sequence[Difference]) -> Response:
    """Every cell that differs, one a line."""
    labels = (_("Table"), _("Line"), _("What"), _("Column"), _("Before"), _("After"))
    table = Table(
        name=f"{found.row.code}-differences",
        title=found.row.title,
        columns=[Column(key, label) for key, label in zip(_DIFFERENCES, labels, strict=True)],
        rows=list(_cells(differences)),
        made_at=db.now().astimezone(ZoneInfo(timezone_name())),
        made_by=maker_name(current_user),
    )
    reads.export(found.row.report, format="csv", filters={"differences": found.row.code})
    return _file(FORMATS["csv"].write(table), f"{table.name}.csv", "csv")


def _cells(differences: Sequence[Difference]) -> Iterator[Row]:
    for each in differences:
        for changed in each.changed:
            for cell in changed.cells:
                yield (each.title, changed.after[0], _("changed"), cell.column.label,
                       cell.before, cell.after)  # fmt: skip
        for key_row in each.added:
            for column, value in zip(each.columns, key_row[1], strict=True):
                yield each.title, key_row[1][0], _("new"), column.label, None, value
        for key_row in each.gone:
            for column, value in zip(each.before, key_row[1], strict=True):
                yield each.title, key_row[1][0], _("gone"), column.label, value, None
        for cell in each.totals:
            yield each.title, _("Total"), _("changed"), cell.column.label, cell.before, cell.after
        if each.told:
            yield each.title, _("How it adds up"), _("changed"), "", *each.told


# Parts


def _found(code: str) -> Frozen:
    return frozen.frozen(code, to=current_user)


def _application() -> Flask:
    # The application itself: a request's proxy is gone when its file is still being sent.
    return current_app._get_current_object()  # type: ignore[attr-defined]


def _table_number(found: Frozen) -> int:
    """Which of its tables the address asks for, from 1 on; the first for anything else."""
    text = request.args.get("table", "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1
    return number - 1 if 1 <= number <= len(found.extracts) else 0


def _table(found: Frozen, extract: Extract) -> Table:
    row = found.row
    facts = _facts(found, extract)
    facts += [(_("Not seen"), limit) for limit in extract.limits]
    columns, rows = comparing.for_files(
        extract.columns, [_filed(extract.columns, each) for each in extract.rows]
    )
    if row.report == explorer.NAME:
        keys = [own_key(each) for each in extract.keys]
        of = extract.more.get("query", {}).get("rows", "")
        columns, rows = explorer.for_files(of, columns, zip(keys, rows, strict=True))
    return Table(
        name=row.code,
        title=extract.title,
        columns=columns,
        rows=rows,
        facts=facts,
        made_at=row.frozen_at.astimezone(ZoneInfo(timezone_name())),
        made_by=_maker(row),
        closing=lambda: extract.told,
    )


def _is_printed(found: Frozen, number: int) -> bool:
    if not found.extracts:
        return False
    return found.row.report == PROGRESS or len(found.extracts[number].rows) <= documents.MOST


def _document(found: Frozen, number: int) -> bytes:
    row, extracts = found.row, found.extracts
    told: dict[str, Any] = {
        "made_by": _maker(row),
        "paper": pdf.paper_named(request.args.get("paper")),
    }
    made_at = row.frozen_at.astimezone(ZoneInfo(timezone_name()))
    if row.report == PROGRESS:
        first = replace(extracts[0], facts=_facts(found, extracts[0]))
        whole = Document([first, *extracts[1:]])
        return progress_paper.paper(whole, made=made_at, **told)
    extract = replace(extracts[number], facts=_facts(found, extracts[number]))
    return documents.of_extract(extract, made_at=made_at, **told)


def _facts(found: Frozen, extract: Extract) -> list[tuple[str, str]]:
    """What was asked for, as it was said then, and what makes it a frozen one."""
    row = found.row
    # Of one table as they are: there may be several notes.
    asked = found.facts
    if len(found.extracts) > 1:
        asked = list((dict(asked) | dict(extract.facts)).items())
    of_it = {
        _("Frozen as"): row.code,
        _("As of"): format_date(row.as_of, "medium"),
        _("SHA-256"): row.digest,
        _("Program"): row.code_version,
    }
    return [*(each for each in asked if each[0] not in of_it), *of_it.items()]


def _maker(row: FrozenReport) -> str:
    return maker_name(row.frozen_by) or _("a command")


def _filed(columns: Sequence[Column], row: Row) -> Row:
    """A row as a file of the live report has it."""
    return tuple(
        cell if cell is not None or column.kind is not Kind.TEXT else ""
        for column, cell in zip(columns, row, strict=True)
    )


def _file(data: Any, name: str, format: str) -> Response:
    response = Response(data, mimetype=FORMATS[format].mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _cited(row: FrozenReport) -> str:
    return frozen.cite(row, format_date(row.frozen_at, "medium"))


def _live(found: Frozen) -> str | None:
    """The live report with the same filters."""
    source = sources.source(found.row.report)
    return source.address(found.given) if source else None


def recent(limit: int = 3) -> Sequence[FrozenReport]:
    """The latest the reader may open."""
    return db.session.scalars(frozen.visible_to(current_user).limit(limit)).all()
