"""The two treaties: what states did and when, and what follows from it on any date."""

from flask import Flask

from crm.treaties import cli
from crm.treaties import models as models


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    for command in (cli.treaty_commands, cli.figure):
        app.cli.add_command(command)
