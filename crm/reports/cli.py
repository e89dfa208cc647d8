"""`crm report`: any report as a file, from a shell or a timer. Members are numbers there too."""

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_babel import get_locale

from crm.core import pdf, reads
from crm.core.access import Scope
from crm.core.cli import ensure_database, write_whole
from crm.core.errors import Refused
from crm.core.i18n import timezone_name
from crm.core.tables import FORMATS
from crm.members.disclosure import Exit, Viewer
from crm.outreach.filters import NAMES
from crm.reports import documents
from crm.reports.answering import Order, file_of
from crm.reports.catalogue import reports
from crm.reports.forms import WORDS, Asked, parse

#: Who a command is: it sees all chapters, and names nobody.
COMMAND = Viewer(sees=Scope(everywhere=True, chapter_ids=frozenset()), exports_people=False)


def init_app(app: Flask) -> None:
    """Add the command."""
    app.cli.add_command(report)


@click.command("report")
@click.argument("name", required=False)
@click.option("--list", "lists", is_flag=True, help="Name the reports and stop.")
@click.option("--format", "format", type=click.Choice([*FORMATS, "pdf"]), default="csv",
              show_default=True)  # fmt: skip
@click.option("--campaign", metavar="SLUG", help="Only this campaign.")
@click.option("--since", metavar="DATE", help="From this day on, such as 2025-09-01.")
@click.option("--until", metavar="DATE", help="Up to this day.")
@click.option("--channel", metavar="NAME", help="Only this channel, such as postcard.")
@click.option("--chapter", metavar="SLUG", help="Only this chapter and those below it.")
@click.option("--kind", metavar="KIND", help="Only this kind of target.")
@click.option("--area", metavar="STATE", help="Only targets of this state.")
@click.option("--region", metavar="REGION", help="Only targets of this region.")
@click.option("--party", metavar="PARTY", help="Only targets of this party.")
@click.option("--ask", metavar="ID", help="Only with this ask, by the number in its address.")
@click.option("--team", metavar="ID", help="Only with members of this team.")
@click.option("--committee", metavar="ID", help="Only targets on this committee.")
@click.option("--went", metavar="WHERE", help="Only what went to this kind of address.")
@click.option("--state", metavar="STATE", help="Only what is waiting, closed or answered.")
@click.option("--member", metavar="ID", help="Only what this member took part in.")
@click.option("--of-list", "list", metavar="SLUG", help="Only targets on this list.")
@click.option("--by", metavar="WHAT", help="Count by person or by post, where a report can.")
@click.option("--period", metavar="NAME", help="A period by its name, such as last-month.")
@click.option("--compare", metavar="WITH", help="Beside the period `before`, or a `year` earlier.")
@click.option("--as-of", "as_of", metavar="DATE", help="What was known at the end of this day.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
              help="File to write; without it, the standard output.")  # fmt: skip
@with_appcontext
def report(
    name: str | None, lists: bool, format: str, output: Path | None, **filters: str | None
) -> None:
    """Write the report NAME as a file."""
    known = reports()
    if lists:
        for each in known.values():
            click.echo(f"{each.name:32}{each.title}")
        return
    if name is None:
        raise click.UsageError("name a report; `crm report --list` lists them")
    if name not in known:
        raise click.UsageError(f"there is no report {name!r}; `crm report --list` lists them")
    if output is None and format in ("xlsx", "pdf") and sys.stdout.isatty():
        raise click.UsageError("such a file does not fit on a screen; give -o FILE")
    ensure_database()
    asked = parse(
        {key: filters[key] or "" for key in (*NAMES, "member", *WORDS)}, known[name], COMMAND
    )
    if asked.problems:
        raise click.UsageError(" ".join(asked.problems))
    reads.export(name, format=format, filters=asked.address)
    data = _file(asked, format)
    if output is None:
        for piece in data:
            click.echo(piece, nl=False)
    else:
        write_whole(output, data)


def _file(asked: Asked, format: str) -> Iterator[bytes]:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    made_at = datetime.now(ZoneInfo(timezone_name()))
    if format == "pdf":
        try:
            made = documents.made(
                app, asked, COMMAND, made_at=made_at, made_by="crm report",
                paper=pdf.usual_paper(),
            )  # fmt: skip
        except Refused as refusal:
            raise click.ClickException(str(refusal)) from refusal
        return iter([made])
    order = Order(
        report=asked.shown,
        question=asked.question(COMMAND, Exit.EXPORT),
        format=format,
        facts=asked.told(Exit.EXPORT),
        made_at=made_at,
        made_by="crm report",
        locale=str(get_locale() or "en"),
    )
    return file_of(app, order)
