"""Who does what by when, and the hours it took."""

from flask import Flask

from crm.tasks import carriers
from crm.tasks import models as models
from crm.tasks.views import blueprint


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    carriers.init_app(app)
    app.register_blueprint(blueprint)
