"""`crm import undo`: of whatever room the import was."""

import click
from flask_babel import gettext as _

from crm.accounts.imports import UNDOING, ImportRun, undo_run
from crm.core import db
from crm.core.cli import importers, in_unit_of_work
from crm.core.errors import Refused


@importers.command("undo")
@click.argument("run_id", metavar="ID", type=click.IntRange(1, 2**31 - 1))
@in_unit_of_work
def undo(run_id: int) -> None:
    """Take an import from a spreadsheet back, whole, while nothing depends on it."""
    run = db.session.get(ImportRun, run_id)
    if run is None:
        raise Refused(_("There is no import %(number)s.", number=run_id))
    importer = run.importer
    counts = undo_run(run_id, by=None)
    click.echo(
        _("Import %(number)s undone: %(removed)s %(what)s removed, %(restored)s changes taken "
          "back.", number=run_id, what=UNDOING[importer].what, **counts)
    )  # fmt: skip
