"""Every report and export, and the front page."""

from flask import Flask

from crm.reports.views import blueprint


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    app.register_blueprint(blueprint)
