"""Packs: a text for targets shared out to members, printed, prepared and posted."""

import click
from flask import Flask

from crm.mailings import models as models
from crm.mailings import print_views as print_views
from crm.mailings.print_cli import print_command
from crm.mailings.views import blueprint


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    app.register_blueprint(blueprint)
    pack = app.cli.commands.get("pack") or click.Group("pack", help="Packs of letters and cards.")
    pack.add_command(print_command)  # type: ignore[attr-defined]
    app.cli.add_command(pack)
