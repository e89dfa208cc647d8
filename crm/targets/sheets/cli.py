"""`crm import targets` and `crm import undo`."""

import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click
from flask_babel import gettext as _

from crm.accounts.imports import ImportRun
from crm.core import db
from crm.core.changes import Change, conclude, with_changes
from crm.core.cli import importers, in_unit_of_work, progress
from crm.core.columns import checked
from crm.core.errors import Refused
from crm.core.sheets import Reading, Table, open_table
from crm.targets import rules
from crm.targets.sheets.check import check_rows
from crm.targets.sheets.fields import FIELDS, FIXED
from crm.targets.sheets.meaning import OWN, checked_scheme, likely_kind, meaning, understood
from crm.targets.sheets.store import CHOICES, Store
from crm.targets.sheets.undo import undo_import
from crm.targets.sheets.writing import import_rows

#: Errors that are told one by one.
_TOLD = 20
_ORDERS = {"day-first": "day", "month-first": "month"}


@importers.command("targets")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--kind", type=click.Choice(list(rules.KINDS)), help="What they are; else by the columns."
)
@click.option("--scheme", help="Whose keys the column of keys holds, such as parlparse; else own.")
@click.option(
    "--mapping",
    "mapping_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file: name of a column to the field it fills. Without it columns are known from "
    "the last time, or guessed.",
)
@click.option(
    "--set", "fixed", multiple=True, metavar="FIELD=TEXT",
    help=f"A value for rows that have none: {', '.join(FIXED)}.",
)  # fmt: skip
@click.option("--list", "list_name", help="Put all of the file on this list.")
@click.option("--encoding", help="How the text is written, such as cp1250; else found out.")
@click.option("--sheet", help="Which sheet of a workbook; else the first.")
@click.option("--dates", type=click.Choice(list(_ORDERS)), help="What 03/04/2026 means.")
@click.option(
    "--duplicates", type=click.Choice(CHOICES), default="skip", show_default=True,
    help="What to do with rows that look like a target that is here, under no such key.",
)  # fmt: skip
@click.option("--only-clean", is_flag=True, help="Leave rows with errors out; else all is refused.")
@with_changes
@in_unit_of_work
def targets(
    file: Path,
    kind: str | None,
    scheme: str | None,
    mapping_file: Path | None,
    fixed: tuple[str, ...],
    list_name: str | None,
    encoding: str | None,
    sheet: str | None,
    dates: str | None,
    duplicates: str,
    only_clean: bool,
    dry_run: bool,
    changes: Path | None,
) -> None:
    """Import targets from FILE: CSV, XLSX or ODS, with a row for each."""
    today = datetime.now(UTC).date()
    table = open_table(file, file.name, Reading(encoding=encoding, sheet=sheet))
    known, beside = understood(table)
    mapped = checked(_read_mapping(mapping_file), table.head, FIELDS) if mapping_file else known
    scheme = checked_scheme(scheme or beside.get("scheme") or OWN)
    said = meaning(
        table,
        mapped,
        kind=kind or beside.get("kind") or likely_kind(mapped),
        fixed={**(beside.get("fixed") or {}), **_read_fixed(fixed)},
        order=_ORDERS.get(dates or ""),  # type: ignore[arg-type]
    )
    for column in table.head:
        click.echo(f"{column} → {mapped.get(column, '–')}", err=True)
    with (
        tempfile.TemporaryDirectory(prefix="crm-") as folder,
        Store(Path(folder) / "rows.sqlite3") as store,
    ):
        with progress(_("Looking at the rows")) as moved:
            counts = check_rows(table, said, store, scheme=scheme, today=today, progress=moved)
        if counts["error"]:
            _refuse_errors(table, store, counts["error"], only_clean)
        if counts["duplicate"]:
            _tell_duplicates(table, store, counts["duplicate"], duplicates)
            store.choose_all(duplicates)
        with progress(_("Writing")) as moved:
            done = import_rows(
                store, file=table.name, scheme=scheme, with_duplicates=True,
                list_name=list_name, by=None, today=today, progress=moved,
            )  # fmt: skip
        click.echo(str(done) if dry_run else f"{done} (import {done.run_id})")
        lines = (Change(*line) for line in store.changes())
        conclude(lines, dry_run=dry_run, changes=changes)


def _read_mapping(path: Path) -> Mapping[str, object]:
    found = None
    with suppress(ValueError):
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(found, dict):
        raise Refused(
            _("%(file)s is no JSON object from columns to fields, such as %(example)s.",
              file=path.name, example='{"Surname": "family_name"}')
        )  # fmt: skip
    return found


def _read_fixed(given: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for each in given:
        name, sign, text = each.partition("=")
        if not sign:
            raise Refused(_("Write --set as FIELD=TEXT, such as body=“House of Commons”."))
        pairs[name.strip()] = text.strip()
    return pairs


def _refuse_errors(table: Table, store: Store, number: int, only_clean: bool) -> None:
    """Say what is wrong: all of it is an error, unless rows with errors may be left out."""
    lines = [
        f"{table.name}, row {row.number}: {field} {sentence}"
        for row in store.page("error", first=0, size=_TOLD)
        for field, sentence in row.told
    ][:_TOLD]
    if number > _TOLD:
        lines.append(_("… and more: %(rows)s rows with errors in all.", rows=number))
    if only_clean:
        for line in lines:
            click.echo(line, err=True)
        return
    lines.append(_("Nothing was imported. With --only-clean the other rows are."))
    raise Refused("\n".join(lines))


def _tell_duplicates(table: Table, store: Store, number: int, choice: str) -> None:
    for row in store.page("duplicate", first=0, size=_TOLD):
        click.echo(
            _("%(file)s, row %(row)s: %(name)s looks like one that is here: %(reason)s.",
              file=table.name, row=row.number, name=row.name, reason=row.reason),
            err=True,
        )  # fmt: skip
    click.echo(
        _("%(rows)s likely duplicates: --duplicates is %(choice)s.", rows=number, choice=choice),
        err=True,
    )


@importers.command("undo")
@click.argument("run_id", metavar="ID", type=click.IntRange(1, 2**31 - 1))
@in_unit_of_work
def undo(run_id: int) -> None:
    """Take an import from a spreadsheet back, whole, while nothing depends on it."""
    if db.session.get(ImportRun, run_id) is None:
        raise Refused(_("There is no import %(number)s.", number=run_id))
    counts = undo_import(run_id, by=None)
    click.echo(
        _("Import %(number)s undone: %(removed)s targets removed, %(restored)s changes taken back.",
          number=run_id, **counts)
    )  # fmt: skip
