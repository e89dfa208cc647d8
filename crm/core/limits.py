"""How often somebody may try."""

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

#: Counts in this process's memory; a setting for a shared store comes with several hosts.
limiter = Limiter(get_remote_address, storage_uri="memory://")


def init_app(app: Flask) -> None:
    """Bind the limiter; the test suite runs without, save where it asks for it."""
    app.config["RATELIMIT_ENABLED"] = not app.config["TESTING"]
    limiter.init_app(app)
