"""`crm kept check` and `crm kept rebuild`: whether kept sums are what the rows say."""

import click
from flask import Flask
from flask.cli import AppGroup

from crm.core import audit, db
from crm.core.cli import in_unit_of_work
from crm.outreach import kept, kept_months

group = AppGroup("kept", help="Check and make anew the sums of outreach that are kept.")


def init_app(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(group)


@group.command("check")
def check() -> None:
    """Count everything and compare; fails where a sum is wrong."""
    if not kept.is_guarded():
        raise click.ClickException("The database does not keep the sums: its triggers are missing.")
    if wrong := {**kept.wrong(), **kept_months.wrong()}:
        told = ", ".join(f"{number} of {name}" for name, number in wrong.items())
        raise click.ClickException(f"Sums are wrong: {told}. `crm kept rebuild` makes them anew.")
    click.echo("All kept sums are what the rows say.")


@group.command("rebuild")
@in_unit_of_work
def rebuild() -> None:
    """Make all sums anew. Who saves outreach meanwhile waits."""
    kept.rebuild(db.session.connection())
    kept_months.rebuild()
    audit.record("rebuild_kept", "kept", None, by=None)
    click.echo("All kept sums were made anew.")
