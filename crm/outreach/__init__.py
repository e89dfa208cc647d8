"""The heart: actions logged against targets, and what came back."""

from flask import Flask

from crm.outreach import models as models
from crm.outreach.views import blueprint


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    app.register_blueprint(blueprint)
