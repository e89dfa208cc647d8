"""The console script's shape: groups the rooms add commands to, and one unit of work a command."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click
from flask import Flask
from flask.cli import with_appcontext
from flask_migrate import upgrade
from sqlalchemy import inspect

from crm.core import db

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group("import", help="Bring targets in.")
def importers() -> None:
    """`crm import …`; the rooms add what they can read."""


def init_app(app: Flask) -> None:
    """Register the groups."""
    app.cli.add_command(importers)


def ensure_database() -> None:
    """Migrate an empty database; leave any other as it is."""
    if not inspect(db.extension.engine).has_table("alembic_version"):
        migrate_database()


def migrate_database() -> None:
    """Bring the database's tables to what this version needs."""
    upgrade()


def in_unit_of_work(command: Command) -> Command:
    """For a command: on a database with tables, all of it is kept or nothing."""

    @wraps(command)
    @with_appcontext
    def run(*args: Any, **kwargs: Any) -> Any:
        ensure_database()
        with db.unit_of_work():
            return command(*args, **kwargs)

    return run  # type: ignore[return-value]
