"""All data in a form that another system can read, and back from it.

The lines of JSON are the truth. The tables for spreadsheets beside them are for people: what a
spreadsheet would run is defused there. What opens doors (passwords, sessions, links) is left out:
people are invited anew.
"""

import inspect
import re
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crm.core import archives, audit, backups, db, restoring, whole
from crm.core.archives import Contents, Plain
from crm.core.errors import Refused

#: What only the program that wrote it can use: sealed messages, and who works on them.
_OWN = ("outbox", "schedule_run", "worker_seen")
_KINDS = {
    "text": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "day": "a date without a time: 2026-05-01",
    "moment": "a moment in UTC: 2026-05-01T12:00:00.000000Z",
    "json": "any JSON; null is JSON's own null",
    "bytes": "bytes in base64",
}
_README = """\
All data of a campaign outreach CRM, made at {made_at} UTC.

These files name people, some of them children. Keep them closed, and delete them when they have
served.

tables/NAME.jsonl  the rows of a table: an object of JSON a line, in UTF-8. A column that is not
                   named in a line is empty. These are the truth: `crm import all` reads them.
csv/NAME.csv       the same for spreadsheets. A text that a spreadsheet would take for a formula
                   has a ' before it, so this is not always what was typed.
schema.json        every table and column: type, what it refers to, what it means.
pictures/, documents/  photos and scans, under the names that rows give them.
head.json, manifest.json  what made this, how many rows and files there are, and their hashes.

Left out: passwords, sessions, and the digests of links and cards, for all of these open doors, and
messages that were waiting to be sent. People are invited anew; links and cards are made anew.
"""


def left_out() -> dict[str, list[str]]:
    """Table → columns that open doors."""
    found = {
        table.name: [column.name for column in table.columns if column.info.get("secret")]
        for table in db.metadata.sorted_tables
    }
    return {name: columns for name, columns in found.items() if columns}


def export_all(
    path: Path, *, reason: str, moved: backups.Moved = lambda _: None
) -> tuple[Path, Contents]:
    """Write all data to a new folder, or to a zip if the name says so; recorded with its reason.

    Raises `Refused` or OSError, and leaves nothing then.
    """
    if not reason.strip():
        raise Refused("Say with --reason what it is needed for; that is recorded.")
    if path.exists():
        raise Refused(f"{path} is there already. Name a new one.")
    with db.unit_of_work():
        audit.record(
            "export_all", "report", None, by=None, changes={"form": _form(path)}, reason=reason
        )
    with _writer(path) as out:
        return path, _write(out, moved)


def _form(path: Path) -> str:
    return "zip" if path.suffix.lower() == ".zip" else "folder"


@contextmanager
def _writer(path: Path) -> Iterator[Plain]:
    """What writes beside the place, and moves there once it is whole."""
    if _form(path) == "zip":
        with (
            backups.beside(path) as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as packed,
        ):
            yield archives.in_zip(packed)
        return
    part = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
    try:
        with backups.told_of(path):
            yield archives.in_folder(part)
            part.replace(path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _write(out: Plain, moved: backups.Moved) -> Contents:
    moment, hidden = db.now(), left_out()
    with backups.apart() as connection:
        shapes = whole.shapes(connection)
        head = backups.head_of(archives.EXPORT, shapes, whole.revision(connection), moment)
        told = Contents(head | {"left_out": hidden | {name: ["*"] for name in _OWN}})
        out.text("README.txt", _README.format(made_at=f"{moment:%Y-%m-%d %H:%M}").encode())
        out.text(archives.HEAD, backups.as_json(told.head))
        out.text("schema.json", backups.as_json(_schema(shapes, hidden)))
        done = 0
        for shape in shapes:
            without = hidden.get(shape.name, [])
            own = shape.name in _OWN
            pieces = iter(()) if own else whole.lines(connection, shape, without=without)
            told.tables[shape.name] = out.table(shape.name, pieces)
            shown = [name for name in shape.names if name not in without]
            out.sheet(shape.name, shown, iter(()) if own else whole.rows(connection, shape))
            moved(done := done + told.tables[shape.name].rows)
        named = backups.named_in(shapes)
    backups.add_files(out, told, named, moved)
    out.text(archives.MANIFEST, backups.as_json(told.manifest()))
    return told


def import_all(
    path: Path, *, checked: backups.Moved = lambda _: None, moved: backups.Moved = lambda _: None
) -> restoring.Back:
    """Read an export into an empty place. Accounts have no password then."""
    columns = {
        name: [each for each in db.metadata.tables[name].columns if each.info.get("secret")]
        for name in left_out()
    }

    def fresh(table: str, row: dict[str, Any]) -> None:
        for column in columns.get(table, ()):
            # Something nobody knows, where there must be something.
            if not column.nullable:
                row.setdefault(column.name, secrets.token_hex(32))

    return restoring.restore(path, fresh=fresh, checked=checked, moved=moved)


# What the tables mean


def _schema(shapes: list[whole.Shape], hidden: dict[str, list[str]]) -> dict[str, Any]:
    models = {
        mapper.local_table.name: mapper.class_  # type: ignore[attr-defined]
        for mapper in db.Base.registry.mappers
    }
    return {
        "kinds": _KINDS,
        "tables": {
            shape.name: _told(shape, models.get(shape.name), hidden.get(shape.name, []))
            for shape in shapes
        },
    }


def _told(shape: whole.Shape, model: Any, without: list[str]) -> dict[str, Any]:
    table = db.metadata.tables.get(shape.name)
    means = _comments(model) if model else {}
    columns = {}
    for column in shape.columns:
        told: dict[str, Any] = {"kind": column.kind}
        if column.name in without:
            told["left_out"] = True
        if table is not None and column.name in table.c:
            known = table.c[column.name]
            told["may_be_empty"] = bool(known.nullable)
            if key := next(iter(known.foreign_keys), None):
                told["refers_to"] = key.target_fullname
        if meaning := means.get(column.name):
            told["meaning"] = meaning
        columns[column.name] = told
    told = {"key": list(shape.key), "columns": columns}
    meaning = " ".join((inspect.getdoc(model) or "").split()) if model else ""
    return {"meaning": meaning, **told} if meaning else told


def _comments(model: Any) -> dict[str, str]:
    """Column → the comment that stands before it where it is declared."""
    try:
        source = inspect.getsource(model)
    except OSError:
        return {}
    found = re.findall(r"((?:^ *#:.*\n)+) +(\w+): Mapped", source, flags=re.MULTILINE)
    return {name: " ".join(re.sub(r"^ *#:", "", said, flags=re.M).split()) for said, name in found}
