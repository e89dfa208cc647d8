"""What is written: texts in versions and languages, filled for a target and a member."""

from flask import Flask

from crm.texts import models as models
from crm.texts.views import blueprint


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    app.register_blueprint(blueprint)
