"""`crm import targets`: a spreadsheet, whole or not at all."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click
from flask_babel import gettext as _

from crm.core.changes import Change, conclude, with_changes
from crm.core.cli import importers, in_unit_of_work, progress
from crm.core.columns import checked
from crm.core.errors import Refused
from crm.core.sheet_cli import (
    ORDERS,
    dates_option,
    encoding_option,
    mapping_option,
    only_clean_option,
    read_mapping,
    refuse_errors,
    settle_duplicates,
    sheet_option,
    tell_columns,
)
from crm.core.sheets import Reading, open_table
from crm.targets import rules
from crm.targets.sheets.check import check_rows
from crm.targets.sheets.fields import FIELDS, FIXED
from crm.targets.sheets.meaning import OWN, checked_scheme, likely_kind, meaning, understood
from crm.targets.sheets.store import CHOICES, Store
from crm.targets.sheets.writing import import_rows


@importers.command("targets")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--kind", type=click.Choice(list(rules.KINDS)), help="What they are; else by the columns."
)
@click.option("--scheme", help="Whose keys the column of keys holds, such as parlparse; else own.")
@mapping_option
@click.option(
    "--set", "fixed", multiple=True, metavar="FIELD=TEXT",
    help=f"A value for rows that have none: {', '.join(FIXED)}.",
)  # fmt: skip
@click.option("--list", "list_name", help="Put all of the file on this list.")
@encoding_option
@sheet_option
@dates_option
@click.option(
    "--duplicates", type=click.Choice(CHOICES), default="skip", show_default=True,
    help="What to do with rows that look like a target that is here, under no such key.",
)  # fmt: skip
@only_clean_option
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
    mapped = checked(read_mapping(mapping_file), table.head, FIELDS) if mapping_file else known
    scheme = checked_scheme(scheme or beside.get("scheme") or OWN)
    said = meaning(
        table,
        mapped,
        kind=kind or beside.get("kind") or likely_kind(mapped),
        fixed={**(beside.get("fixed") or {}), **_read_fixed(fixed)},
        order=ORDERS.get(dates or ""),  # type: ignore[arg-type]
    )
    tell_columns(table.head, mapped)
    with (
        tempfile.TemporaryDirectory(prefix="crm-") as folder,
        Store(Path(folder) / "rows.sqlite3") as store,
    ):
        with progress(_("Looking at the rows")) as moved:
            counts = check_rows(table, said, store, scheme=scheme, today=today, progress=moved)
        refuse_errors(table, store, counts["error"], only_clean)
        settle_duplicates(table, store, counts["duplicate"], duplicates)
        with progress(_("Writing")) as moved:
            done = import_rows(
                store, file=table.name, scheme=scheme, with_duplicates=True,
                list_name=list_name, by=None, today=today, progress=moved,
            )  # fmt: skip
        click.echo(str(done) if dry_run else f"{done} (import {done.run_id})")
        lines = (Change(*line) for line in store.changes())
        conclude(lines, dry_run=dry_run, changes=changes)


def _read_fixed(given: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for each in given:
        name, sign, text = each.partition("=")
        if not sign:
            raise Refused(_("Write --set as FIELD=TEXT, such as body=“House of Commons”."))
        pairs[name.strip()] = text.strip()
    return pairs
