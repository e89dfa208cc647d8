"""Campaigns: asks, goals and the targets they are for."""

from flask import Flask

from crm.campaigns import models as models


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
