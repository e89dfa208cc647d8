"""The heart: actions logged against targets, and what came back."""

from flask import Flask

from crm.campaigns import measures
from crm.outreach import models as models
from crm.outreach.channels import channels
from crm.outreach.views import blueprint


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    measures.offer(app, channels)
    app.register_blueprint(blueprint)
