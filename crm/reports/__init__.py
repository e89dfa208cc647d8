"""Every report and export, and the front page."""

from flask import Flask



def init_app(app: Flask) -> None:
    """Hang the room on the application."""
