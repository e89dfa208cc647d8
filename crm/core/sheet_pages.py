"""What the pages of an import by spreadsheet do alike in every room: take the file, show a part."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import request
from flask_babel import gettext as _

from crm.core import db, paging, staging
from crm.core.errors import Refused
from crm.core.judged import CHOICES, VERDICTS, Store
from crm.core.sheet_forms import UploadForm, choices_from, reading_from
from crm.core.sheets import MAX_BYTES, Reading, Table, open_table
from crm.core.staging import Staged

#: Cells beside a column's name, rows these are looked for in, characters of each.
_SAMPLES, _LOOKED_AT, _CELL = 3, 20, 60
#: Rows a guess looks at.
_SAMPLE = 200


def keep_upload(purpose: str, form: UploadForm, *, by_id: int) -> Staged:
    """Stage the file or what was pasted, if it can be read at all. Raises `Refused`."""
    # A large file takes its time: others may write meanwhile.
    db.release()
    upload = form.file.data
    if upload and upload.filename:
        name, pieces = upload.filename, iter(lambda: upload.stream.read(1 << 16), b"")
    elif form.pasted.data:
        name, pieces = _("pasted rows"), iter([form.pasted.data.encode()])
    else:
        raise Refused(_("Choose a file, or paste rows."), "file")
    staged = staging.stage(purpose, name, pieces, by_id=by_id, most=MAX_BYTES)
    try:
        open_table(staged.file, staged.name)
    except Refused as refusal:
        staging.forget(staged)
        raise Refused(refusal.message, "file" if upload else "pasted") from refusal
    return staged


def table_of(staged: Staged) -> Table:
    """The table as it is to be read."""
    return open_table(staged.file, staged.name, Reading(**staged.about.get("reading", {})))


def read_otherwise(staged: Staged) -> None:
    """Read the file as was sent; what was found out before goes. Raises `Refused`."""
    reading = reading_from(request.form)
    open_table(staged.file, staged.name, reading)
    for name in ("mapping", "counts"):
        staged.about.pop(name, None)
    staged.about["reading"] = asdict(reading)
    staged.keep()


def first_rows(table: Table) -> list[list[str]]:
    """Rows a guess looks at, those that are whole."""
    found = []
    for row in table.rows():
        found.append(row.cells)
        if len(found) == _SAMPLE:
            break
    return [row for row in found if len(row) == len(table.head)]


def samples(table: Table) -> dict[str, list[str]]:
    """Column → its first cells that hold anything."""
    found: dict[str, list[str]] = {name: [] for name in table.head}
    for number, row in enumerate(table.rows()):
        for name, cell in zip(table.head, row.cells, strict=False):
            if cell and len(found[name]) < _SAMPLES:
                found[name].append(cell[:_CELL] + "…" if len(cell) > _CELL else cell)
        if number >= _LOOKED_AT:
            break
    return found


def keep_choices(store: Store[Any]) -> None:
    """What was said of likely duplicates: of each, or of all."""
    if (for_all := request.form.get("all", "")) in CHOICES:
        store.choose_all(for_all)
    else:
        store.choose(choices_from(request.form))


def asked_verdict() -> str | None:
    """The verdict whose rows are asked for; None for all."""
    asked = request.args.get("verdict", "")
    return asked if asked in VERDICTS else None


def page_of_rows(store: Store[Any], counts: Mapping[str, int]) -> paging.Page:
    """The rows the address asks for."""
    verdict = asked_verdict()
    total = counts[verdict] if verdict else sum(counts.values())
    number = min(paging.page_number(), max(1, -(-total // paging.SIZE)))
    rows = store.page(verdict, first=(number - 1) * paging.SIZE, size=paging.SIZE)
    return paging.Page(rows=rows, number=number, size=paging.SIZE, total=total, capped=False)
