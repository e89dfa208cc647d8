"""The campaign outreach CRM: rooms stacked in a fixed order, each importing only what lies below.

Every room is a package with the same few files (`models rules queries operations forms views`)
and one function `init_app(app)` that hangs its pages, panels and commands on the application.
"""

from importlib import import_module

from flask import Flask

from crm.core import init_app as init_core
from crm.core.settings import Settings

#: From the lowest to the highest. `core` lies below all. The import-linter contract in
#: `pyproject.toml` holds the same order.
ROOMS = (
    "accounts",
    "members",
    "targets",
    "treaties",
    "campaigns",
    "outreach",
    "texts",
    "tasks",
    "mailings",
    "reports",
)


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application; settings come from the environment unless given."""
    app = init_core(settings or Settings.from_environment())
    for room in ROOMS:
        import_module(f"crm.{room}").init_app(app)
    # The commands that know all rooms; their module imports this one.
    import_module("crm.cli").init_app(app)
    return app
