"""The console script `crm`: the rooms' commands, plus serving, migrating, checking."""

import sys

import click
from flask.cli import FlaskGroup

from crm import create_app


@click.group(
    cls=FlaskGroup,
    create_app=create_app,
    add_default_commands=False,
    help="The campaign outreach CRM.",
)
def crm() -> None:
    """The group every command hangs on."""


def main() -> None:
    """Run a command; what a person did wrong is one line, not a usage page."""
    try:
        crm(standalone_mode=False)
    except click.ClickException as error:
        sys.exit(f"crm: {error.format_message()}")
    except click.exceptions.Abort:
        sys.exit("crm: stopped")
