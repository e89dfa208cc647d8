"""`crm export members`: the list of members as a file, from a shell or a timer."""

import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_babel import get_locale
from werkzeug.datastructures import MultiDict

from crm.core import db
from crm.core.cli import ensure_database, exporters, in_words, write_whole
from crm.core.i18n import timezone_name
from crm.core.streams import stream
from crm.core.tables import FORMATS
from crm.members import exporting, filters
from crm.members.disclosure import Viewer
from crm.members.exporting import Listing
from crm.members.rules import Standing


@exporters.command("members")
@click.option(
    "--identifiable",
    is_flag=True,
    help="With names, and how to reach those who may be reached. Needs --reason.",
)
@click.option("--reason", metavar="TEXT", help="What the names are needed for; it is recorded.")
@click.option(
    "--format", "format", type=click.Choice(list(FORMATS)), default="csv", show_default=True
)
@click.option("--chapter", metavar="SLUG", help="Only this chapter and those below it.")
@click.option(
    "--standing",
    type=click.Choice([each.value for each in Standing]),
    default="current",
    show_default=True,
    help="Who is in a chapter now, who was, or all.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; without it, the standard output.",
)
@with_appcontext
def export_members(
    identifiable: bool, reason: str | None, format: str, chapter: str | None, standing: str,
    output: Path | None,
) -> None:  # fmt: skip
    """Write the list of members as a file. Members are pseudonyms unless --identifiable."""
    if identifiable and not (reason or "").strip():
        raise click.ClickException("Say with --reason what the names are needed for.")
    if reason and not identifiable:
        raise click.ClickException("--reason belongs to --identifiable: nobody is named here.")
    if output is None and format == "xlsx" and sys.stdout.isatty():
        raise click.UsageError("an Excel file does not fit on a screen; give -o FILE")
    with in_words():
        ensure_database()
        # Recorded and committed first: what has left is always recorded, even if it broke off.
        with db.unit_of_work():
            listed = _listing(chapter, standing, identifiable=identifiable)
            listed = exporting.record_export(listed, format=format, reason=reason, by=None)
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        locale = str(get_locale() or "en")
        pieces = stream(app, lambda: exporting.table(listed), format=format, locale=locale)
        if output is not None:
            write_whole(output, pieces)
            return
        for piece in pieces:
            click.echo(piece, nl=False)


def _listing(chapter: str | None, standing: str, *, identifiable: bool) -> Listing:
    asked_for = MultiDict({"standing": standing, **({"chapter": chapter} if chapter else {})})
    try:
        asked = filters.parse(asked_for, filters.COMMAND)
    except LookupError as error:
        raise click.ClickException(f"There is no chapter “{chapter}”.") from error
    everywhere = filters.COMMAND.sees
    return exporting.listing(
        asked,
        Viewer(sees=everywhere, exports_people=identifiable),
        made_at=datetime.now(ZoneInfo(timezone_name())),
        made_by="crm export members",
    )
