"""`crm import members`: a roster, whole or not at all."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
from flask_babel import gettext as _

from crm.core.access import Scope
from crm.core.bulk import batched
from crm.core.changes import Change, conclude, with_changes
from crm.core.cli import importers, in_unit_of_work, progress
from crm.core.errors import Refused
from crm.core.judged import CHOICES
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
from crm.members import queries
from crm.members.disclosure import NOBODY, Exit, disclose
from crm.members.sheets.check import check_rows
from crm.members.sheets.fields import all_fields
from crm.members.sheets.meaning import checked, meaning, understood
from crm.members.sheets.store import Store
from crm.members.sheets.writing import import_rows

_EVERYWHERE = Scope(everywhere=True, chapter_ids=frozenset())


@importers.command("members")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--chapter", "slug", help="Slug of the chapter of rows that name none.")
@mapping_option
@encoding_option
@sheet_option
@dates_option
@click.option(
    "--duplicates", type=click.Choice(CHOICES), default="skip", show_default=True,
    help="What to do with rows that look like a member who is here.",
)  # fmt: skip
@only_clean_option
@with_changes
@in_unit_of_work
def members(
    file: Path,
    slug: str | None,
    mapping_file: Path | None,
    encoding: str | None,
    sheet: str | None,
    dates: str | None,
    duplicates: str,
    only_clean: bool,
    dry_run: bool,
    changes: Path | None,
) -> None:
    """Import members from FILE: CSV, XLSX or ODS, with a row for each.

    Consents are not imported: a paper or a guardian's own answer proves them.
    """
    today = datetime.now(UTC).date()
    chapter = queries.find_chapter(slug) if slug else None
    if slug and chapter is None:
        known = ", ".join(queries.slugs()) or _("none yet")
        raise Refused(_("There is no chapter %(slug)s. Chapters: %(known)s",
                        slug=slug, known=known))  # fmt: skip
    table = open_table(file, file.name, Reading(encoding=encoding, sheet=sheet))
    mapped = (
        checked(read_mapping(mapping_file), table.head)
        if mapping_file
        else understood(table, all_fields())[0]
    )
    said = meaning(
        table, mapped, chapter_id=chapter.id if chapter else None, scope=_EVERYWHERE, today=today,
        order=ORDERS.get(dates or ""),  # type: ignore[arg-type]
    )  # fmt: skip
    tell_columns(table.head, mapped)
    with (
        tempfile.TemporaryDirectory(prefix="crm-") as folder,
        Store(Path(folder) / "rows.sqlite3") as store,
    ):
        with progress(_("Looking at the rows")) as moved:
            counts = check_rows(table, said, store, scope=_EVERYWHERE, progress=moved)
        refuse_errors(table, store, counts["error"], only_clean)
        settle_duplicates(table, store, counts["duplicate"], duplicates)
        with progress(_("Writing")) as moved:
            done = import_rows(
                store, file=table.name, with_duplicates=True, by=None, today=today, progress=moved
            )
        click.echo(str(done) if dry_run else f"{done} (import {done.run_id})")
        conclude(_lines(store), dry_run=dry_run, changes=changes)


def _lines(store: Store) -> Iterator[Change]:
    """Lines of the changes file: it names nobody, so members are called by their pseudonyms."""
    for lines in batched(store.changes(), 500):
        shown = disclose([int(key) for _kind, key, *_ in lines], to=NOBODY, exit=Exit.LOG)
        for kind, key, _name, old, new in lines:
            yield Change(kind, shown[int(key)].name, "", old, new)
