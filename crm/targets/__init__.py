"""Whom the campaign wants to move: people in posts, governments, bodies, companies."""

from flask import Flask

from crm.targets import cli as cli
from crm.targets import models as models


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
