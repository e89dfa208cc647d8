"""`crm import congress` and `crm import governments`."""

from datetime import UTC, datetime

import click
from flask_babel import gettext as _

from crm.core.cli import importers, in_unit_of_work, progress
from crm.core.settings import in_force
from crm.targets import operations
from crm.targets.intake import Taken


@importers.command("congress")
@click.argument("source", required=False)
@in_unit_of_work
def congress(source: str | None) -> None:
    """Import Congress from SOURCE: a folder, a file or an https address.

    Without SOURCE, from the setting CRM_CONGRESS_SOURCE, or else from the public address of
    unitedstates/congress-legislators.
    """
    settings = in_force()
    today = datetime.now(UTC).date()
    with progress(_("Congress")) as moved:
        taken = operations.import_congress(
            source or settings.congress_source, by=None, today=today, progress=moved
        )
    _tell(taken)


@importers.command("governments")
@in_unit_of_work
def governments() -> None:
    """Import the 197 states that come with the project."""
    with progress(_("Governments")) as moved:
        taken = operations.import_governments(by=None, progress=moved)
    _tell(taken)


def _tell(taken: Taken) -> None:
    for warning in taken.warnings:
        click.echo(warning, err=True)
    click.echo(str(taken))
