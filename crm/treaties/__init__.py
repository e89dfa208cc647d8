"""The two treaties: what states did and when, and what follows from it on any date."""

from flask import Flask

from crm.targets import list_rules
from crm.treaties import cli, list_rule
from crm.treaties import models as models


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    list_rules.offer(app, *list_rule.KINDS)
    for command in (cli.treaty_commands, cli.figure):
        app.cli.add_command(command)
