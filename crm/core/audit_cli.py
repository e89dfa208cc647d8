"""`crm audit …`: whether the record of what was done is whole."""

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from crm.core import audit_check, db
from crm.core.cli import ensure_database, in_words, progress


def init_app(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(audit_commands)


@click.group("audit", help="The record of who did what.")
def audit_commands() -> None:
    """`crm audit …`."""


@audit_commands.command("verify")
@click.option(
    "--expect",
    "noted",
    metavar="NUMBER:HASH",
    help="The head an earlier run printed: shows also what was cut off or written anew.",
)
@with_appcontext
def verify(noted: str | None) -> None:
    """Walk the record, and say the first place where it is not what was sealed.

    Prints its head. Note that somewhere else, on paper if need be, and give it with --expect next
    time.
    """
    try:
        expected = audit_check.Head.parse(noted) if noted else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--expect") from error
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with in_words():
        ensure_database()
        db.session.remove()
        with db.apart(app), progress("Walking the record") as moved:
            of = audit_check.entries()
            verdict = audit_check.verify(expected, moved=lambda done: moved(done, of))
            guarded = audit_check.is_guarded()
    if verdict.fault:
        held = f"Entries 1 to {verdict.checked} hold. " if verdict.checked else ""
        raise click.ClickException(f"the record was changed. {held}Then: {verdict.fault}")
    click.echo(f"The record is whole: {verdict.checked} entries.")
    if not guarded:
        click.echo("The database does not refuse to change it: its triggers are missing.")
    click.echo(f"Head: {verdict.head}")
