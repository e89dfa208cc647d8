"""Packs: a text for targets shared out to members, printed, prepared and posted."""

from flask import Flask

from crm.mailings import models as models
from crm.mailings.views import blueprint


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    app.register_blueprint(blueprint)
