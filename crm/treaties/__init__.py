"""The two treaties: what states did and when, and what follows from it on any date."""

from flask import Flask

from crm.targets import list_rules
from crm.targets.merging import WAYS, fold
from crm.treaties import cli, list_rule
from crm.treaties import models as models

# A state takes part in a meeting once.
WAYS["treaty_attendance.target_id"] = fold


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    list_rules.offer(app, *list_rule.KINDS)
    for command in (cli.treaty_commands, cli.figure):
        app.cli.add_command(command)
