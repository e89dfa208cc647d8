"""The heart: actions logged against targets, and what came back."""

from flask import Flask

from crm.outreach import models as models


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
