"""Volunteers, their chapters, and who holds which role where."""

from flask import Flask

from crm.members import models as models


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
