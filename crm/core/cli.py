"""The console script's ground: groups the rooms add commands to, one unit of work a command, and
the database brought to what this version needs before anything reads it."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
from alembic import command as alembic
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from flask.cli import with_appcontext
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import inspect
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from crm.core import db
from crm.core.errors import Refused
from crm.core.serving import serve_until_stopped
from crm.core.worker import PATIENCE, Worker

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group("import")
def importers() -> None:
    """Bring targets and members in."""


@click.group("export")
def exporters() -> None:
    """Write what is kept as files."""


class State(Enum):
    """How the database stands to this version. The value says what to do about it."""

    EMPTY = "It has no tables yet; `crm migrate` makes them."
    CURRENT = "Its tables are what this version needs."
    BEHIND = "It is from an earlier version. Run `crm backup`, then `crm migrate`."
    AHEAD = "It is from a later version than this program. Update the program."
    FOREIGN = "It holds the tables of something else. Name another one in CRM_DATABASE_URL."


def init_app(app: Flask) -> None:
    """Register the groups and the commands that know no room."""
    for each in (importers, exporters, migrate, serve, worker):
        app.cli.add_command(each)


def database_state() -> State:
    """Compare the database's revision with the migrations'. Raises DBAPIError if out of reach."""
    with db.extension.engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        heads = set(MigrationContext.configure(connection).get_current_heads())
    script = ScriptDirectory.from_config(_alembic_config())
    if heads == set(script.get_heads()):
        return State.CURRENT
    if not heads:
        return State.FOREIGN if tables - {"alembic_version"} else State.EMPTY
    known = {revision.revision for revision in script.walk_revisions()}
    return State.BEHIND if heads <= known else State.AHEAD


def ensure_database() -> None:
    """Migrate an empty database; refuse any other that this version cannot work with."""
    state = database_state()
    if state is State.EMPTY:
        migrate_database()
    elif state is not State.CURRENT:
        raise click.ClickException(f"The database cannot be used. {state.value}")


def migrate_database() -> None:
    """Bring the database's tables to what this version needs: all of it or nothing."""
    # Writing from the first statement on: of two that start at once one waits, then finds it done.
    with db.unit_of_work():
        alembic.upgrade(_alembic_config(), "heads")


def _alembic_config() -> Any:
    return current_app.extensions["migrate"].migrate.get_config()


def in_unit_of_work(command: Command) -> Command:
    """For a command: on a database with tables, all of it is kept or nothing."""

    @wraps(command)
    @with_appcontext
    def run(*args: Any, **kwargs: Any) -> Any:
        with in_words():
            ensure_database()
            with db.unit_of_work():
                return command(*args, **kwargs)

    return run  # type: ignore[return-value]


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what a person can do something about into one sentence; a bug stays what it is."""
    try:
        yield
    except Refused as error:
        raise click.ClickException(str(error.message)) from error
    except DBAPIError as error:
        if not _is_out_of_reach(error):
            raise
        where = db.extension.engine.url.render_as_string(hide_password=True)
        reason = " ".join(str(error.orig).split())
        raise click.ClickException(f"The database {where} cannot be used: {reason}") from error
    except OSError as error:
        if not error.filename:
            raise
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar in a terminal, a line elsewhere. The block says `moved(done, of)` as it goes on."""
    console = Console(stderr=True)
    if not console.is_terminal:
        click.echo(f"{label} …", err=True)
        yield lambda _done, _of: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
        bar.update(task, completed=1, total=1)


def write_whole(path: Path, pieces: Iterator[bytes]) -> None:
    """Write the file beside its place and move it there: nobody finds half of one.

    Raises `click.ClickException` where that cannot be done.
    """
    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
        # A temporary file is its owner's alone; a report is as readable as any new file.
        umask = os.umask(0)
        os.umask(umask)
        Path(beside).chmod(0o666 & ~umask)
        Path(beside).replace(path)
    except OSError as error:
        Path(beside).unlink(missing_ok=True)
        raise click.ClickException(f"{path}: {error.strerror}") from error
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _is_out_of_reach(error: DBAPIError) -> bool:
    # SQLite calls a missing table operational too, and that is a bug; a file that is none of its
    # own it calls a plain database error.
    if type(error) is DatabaseError:
        return True
    bugs = ("no such", "near ")
    return isinstance(error, OperationalError) and not str(error.orig).startswith(bugs)


@click.command("migrate")
@with_appcontext
def migrate() -> None:
    """Bring the database to what this version needs."""
    state = database_state()
    if state in (State.AHEAD, State.FOREIGN):
        raise click.ClickException(f"The database was not touched. {state.value}")
    if state is not State.CURRENT:
        migrate_database()
    click.echo("The database is up to date.")


@click.command("serve")
@click.option("--with-worker", is_flag=True, help="Carry out mail and jobs in this process too.")
@with_appcontext
def serve(with_worker: bool) -> None:
    """Serve the pages until stopped with Ctrl-C."""
    ensure_database()
    serve_until_stopped(with_worker=with_worker)


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Carry out mail and jobs until stopped with Ctrl-C.

    Finishes what it has in hand first; a second Ctrl-C stops it at once.
    """
    ensure_database()
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    db.session.remove()
    working = Worker(app)

    def stop(number: int, _frame: Any) -> None:
        if working.stopping.is_set():
            os._exit(128 + number)
        working.stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    working.start()
    click.echo(f"Working as {working.name}  (Ctrl-C stops the worker)")
    working.stopping.wait()
    click.echo("Finishing what is in hand …")
    if not working.stop():
        click.echo(f"Not everything was finished within {PATIENCE} seconds.", err=True)
    click.echo("Stopped.")
