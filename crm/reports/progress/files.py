"""The tables of a progress report as files: a workbook of a sheet each, CSVs in a ZIP, JSON."""

import json
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from flask_babel import gettext as _
from rustpy_xlsxwriter import FastExcel

from crm.core.tables import FORMATS, Table, csv_bytes, flat, widths, xlsx_cell
from crm.reports.extracts import Extract
from crm.reports.progress.document import Document

#: What Excel takes for the name of a sheet, and not in it.
_NAME, _NOT = 31, str.maketrans(dict.fromkeys("[]:*?/\\'", " "))


def made(found: Document, format: str, *, made: datetime, made_by: str) -> tuple[bytes, str]:
    """The file and its type."""
    if format == "json":
        return _json(found, made, made_by), FORMATS["json"].mimetype
    if format == "xlsx":
        return _workbook(found, made, made_by), FORMATS["xlsx"].mimetype
    return _archive(found, made, made_by), "application/zip"


def _json(found: Document, made: datetime, made_by: str) -> bytes:
    data: dict[str, Any] = {
        "report": "progress",
        **found.head,
        "made_at": made.isoformat(timespec="seconds"),
        "made_by": made_by,
        "facts": dict(found.facts),
        "summary": list(found.extracts[0].more["words"]),
        "sections": [
            {
                "key": section.key,
                "title": str(section.title),
                "tables": [each.as_json() for each in tables],
            }
            for section, tables in found.sections
        ],
    }
    return json.dumps(data, ensure_ascii=False, indent=1).encode()


def _archive(found: Document, made: datetime, made_by: str) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, each in enumerate(found.extracts, start=1):
            table = _table(each, made, made_by)
            archive.writestr(f"{number:02}-{each.name}.csv", b"".join(csv_bytes(table)))
        lines = [*found.extracts[0].more["words"], "", *(f"{a}: {b}" for a, b in found.facts)]
        lines += ["", *(f"{title}: {sentence}" for title, sentence in _told(found))]
        archive.writestr("00-about.txt", "\r\n".join(map(str, lines)))
    return file.getvalue()


def _told(found: Document) -> list[tuple[str, str]]:
    """By table how it adds up, and what of it whoever made the file does not see."""
    return [
        (each.title, " ".join([each.told, *each.limits]).strip())
        for each in found.extracts
        if each.told or each.limits
    ]


def _table(found: Extract, made: datetime, made_by: str) -> Table:
    return Table(
        name=found.name,
        title=found.title,
        columns=found.columns,
        rows=_rows(found),
        made_at=made,
        made_by=made_by,
    )


def _rows(found: Extract) -> Sequence[Any]:
    return [*found.rows, *([found.totals] if found.totals is not None else [])]


def _workbook(found: Document, made: datetime, made_by: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="crm-") as folder:
        path = Path(folder) / "progress.xlsx"
        book = (
            FastExcel(str(path))
            .format(datetime_format="yyyy-mm-dd", bold_headers=True)
            .freeze(row=1)
        )
        names: set[str] = {_("About").casefold()}
        for each in found.extracts:
            table = flat(_table(each, made, made_by))
            book = book.sheet(
                _sheet(each.title, names),
                _cells(table),
                column_widths=widths(table),
                autofilter=True,
            )
        book.sheet(_("About"), _about(found, made, made_by), column_widths=[24.0, 100.0]).save()
        return path.read_bytes()


def _sheet(title: str, taken: set[str]) -> str:
    """A name no other sheet has."""
    name = title.translate(_NOT).strip() or _("Table")
    if len(name) > _NAME:
        # Whole words, where there are some.
        name = name[: _NAME + 1].rpartition(" ")[0] or name[:_NAME]
    again = 1
    while name.casefold() in taken:
        again += 1
        end = f" {again}"
        name = name[: _NAME - len(end)] + end
    taken.add(name.casefold())
    return name


def _cells(table: Table) -> Iterator[dict[str, Any]]:
    empty = True
    for row in table.rows:
        empty = False
        yield dict(zip(table.labels, map(xlsx_cell, row), strict=True))
    if empty:
        # Without a row the writer would leave the heads out.
        yield dict.fromkeys(table.labels)


def _about(found: Document, made: datetime, made_by: str) -> Iterator[dict[str, str]]:
    what, value = _("What"), _("Value")
    for label, text in (
        (_("Report"), f"{found.title}: {found.head['about']}"),
        *found.facts,
        *((_("Summary"), each) for each in found.extracts[0].more["words"]),
        *_told(found),
        (_("Made at"), made.isoformat(" ", timespec="minutes")),
        (_("Made by"), made_by),
    ):
        yield {what: str(label), value: str(text)}
