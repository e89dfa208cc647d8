"""People who sign in: invitations, passwords, sessions, preferences."""

from flask import Flask

from crm.accounts import models as models


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
