"""`crm import congress` and `crm import governments`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from flask import current_app
from flask_babel import gettext as _
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from crm.core.cli import importers, in_unit_of_work
from crm.core.errors import Refused
from crm.core.settings import Settings
from crm.targets import operations
from crm.targets.intake import Taken
from crm.targets.sources.reading import Progress as Told


@importers.command("congress")
@click.argument("source", required=False)
@in_unit_of_work
def congress(source: str | None) -> None:
    """Import Congress from SOURCE: a folder, a file or an https address.

    Without SOURCE, from the setting CRM_CONGRESS_SOURCE, or else from the public address of
    unitedstates/congress-legislators.
    """
    settings: Settings = current_app.extensions["crm_settings"]
    today = datetime.now(UTC).date()
    with _bar(_("Congress")) as progress:
        taken = operations.import_congress(
            source or settings.congress_source, by=None, today=today, progress=progress
        )
    _tell(taken)


@importers.command("governments")
@in_unit_of_work
def governments() -> None:
    """Import the 197 states that come with the project."""
    with _bar(_("Governments")) as progress:
        taken = operations.import_governments(by=None, progress=progress)
    _tell(taken)


@contextmanager
def _bar(label: str) -> Iterator[Told]:
    """A bar on the error stream while it works; a refusal becomes one line."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        try:
            yield lambda done, total: bar.update(task, completed=done, total=total)
        except Refused as refusal:
            raise click.ClickException(str(refusal.message)) from refusal


def _tell(taken: Taken) -> None:
    for warning in taken.warnings:
        click.echo(warning, err=True)
    click.echo(str(taken))
