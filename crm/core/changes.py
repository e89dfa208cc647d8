"""What an import would change or has changed, a line a change: on screen and as a CSV file."""

import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click
from flask_babel import gettext as _

from crm.core import db
from crm.core.tables import CHUNK, defused

Command = TypeVar("Command", bound=Callable[..., Any])

#: Head of a changes file.
COLUMNS = ("kind", "key", "name", "from", "to")


class Change(NamedTuple):
    """One change. `key` is the source's own name of the record, `kind` a word of the importer's."""

    kind: str
    key: str
    name: str
    old: str = ""
    new: str = ""


def write_changes(path: Path, changes: Iterable[Change]) -> None:
    """Write a changes file: whole under its name, or not at all. Raises OSError."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=".changes-", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            rows.writerows([defused(cell) for cell in change] for change in changes)
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def changes_bytes(changes: Iterable[Change]) -> Iterator[bytes]:
    """The same file for a download, with a byte order mark, so that Excel opens it right."""
    yield b"\xef\xbb\xbf"
    lines = ([defused(cell) for cell in change] for change in changes)
    rows: Iterator[Sequence[str]] = chain([COLUMNS], lines)
    while some := list(islice(rows, CHUNK)):
        text = StringIO(newline="")
        csv.writer(text).writerows(some)
        yield text.getvalue().encode()


def with_changes(command: Command) -> Command:
    """Give a command `--dry-run` and `--changes FILE.csv` (arguments `dry_run`, `changes`)."""
    dry_run = click.option("--dry-run", is_flag=True, help="Say what would change, change nothing.")
    changes = click.option(
        "--changes",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write a CSV file with a row per change: kind, key, name, from, to.",
    )
    return dry_run(changes(command))


def conclude(found: Iterable[Change], *, dry_run: bool, changes: Path | None) -> None:
    """End an import's command: write the file, and for a dry run take everything back."""
    if changes is not None:
        write_changes(changes, found)
    if dry_run:
        db.rollback()
        click.echo(_("Dry run: nothing was changed."))
