"""Packs: a text for targets shared out to members, printed, prepared and posted."""

from flask import Flask

from crm.mailings import as_tasks
from crm.mailings import models as models
from crm.mailings.views import blueprint
from crm.tasks import carriers


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    carriers.offer(app, as_tasks.CARRIER)
    app.register_blueprint(blueprint)
