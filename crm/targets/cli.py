"""`crm import congress`, `crm import openstates` and `crm import governments`."""

from datetime import UTC, datetime
from pathlib import Path

import click
from flask_babel import gettext as _

from crm.core.changes import conclude, with_changes
from crm.core.cli import importers, in_unit_of_work, progress
from crm.core.settings import in_force
from crm.targets import operations
from crm.targets.intake import Taken


@importers.command("congress")
@click.argument("source", required=False)
@with_changes
@in_unit_of_work
def congress(source: str | None, dry_run: bool, changes: Path | None) -> None:
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
    conclude(taken.changes, dry_run=dry_run, changes=changes)


@importers.command("openstates")
@click.argument("source")
@click.option("--state", help="Which state, where SOURCE holds several: two letters, such as wv.")
@with_changes
@in_unit_of_work
def openstates(source: str, state: str | None, dry_run: bool, changes: Path | None) -> None:
    """Import a state's legislature from SOURCE, files of openstates/people.

    SOURCE is the state's folder, the folder or a zip of all states, an https address of a zip, or
    two letters (`wv`): that state from the setting CRM_OPENSTATES_SOURCE, or else from the public
    address.
    """
    today = datetime.now(UTC).date()
    with progress(_("State legislature")) as moved:
        taken = operations.import_openstates(
            source,
            state=state,
            public=in_force().openstates_source,
            by=None,
            today=today,
            progress=moved,
        )
    _tell(taken)
    conclude(taken.changes, dry_run=dry_run, changes=changes)


@importers.command("governments")
@with_changes
@in_unit_of_work
def governments(dry_run: bool, changes: Path | None) -> None:
    """Import the 197 states that come with the project."""
    with progress(_("Governments")) as moved:
        taken = operations.import_governments(by=None, progress=moved)
    _tell(taken)
    conclude(taken.changes, dry_run=dry_run, changes=changes)


def _tell(taken: Taken) -> None:
    for warning in taken.warnings:
        click.echo(warning, err=True)
    click.echo(str(taken))
