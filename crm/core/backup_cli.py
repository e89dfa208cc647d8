"""`crm backup`, `crm restore`, `crm export all`, `crm import all`, `crm move`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from crm.core import audit_check, backups, db, exporting, moving, restoring
from crm.core.archives import Contents, Unreadable, verify
from crm.core.cli import (
    State,
    database_state,
    ensure_database,
    exporters,
    importers,
    in_words,
    progress,
)
from crm.core.settings import BadSetting, Settings, in_force


def init_app(app: Flask) -> None:
    """Add the commands."""
    for each in (backup, restore, move):
        app.cli.add_command(each)
    exporters.add_command(export_all)
    importers.add_command(import_all)


@contextmanager
def _told() -> Iterator[None]:
    with in_words():
        try:
            yield
        except Unreadable as error:
            raise click.ClickException(str(error)) from error


def _so_many(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _held(contents: Contents) -> str:
    rows = _so_many(contents.rows, "row", "rows")
    tables = sum(1 for table in contents.tables.values() if table.rows)
    return f"{rows} in {tables} tables, and {_so_many(len(contents.files), 'file', 'files')}"


def _tell_missing(contents: Contents) -> None:
    if contents.missing:
        click.echo(
            f"Named by rows and not there any more: {', '.join(contents.missing[:10])}"
            f"{' …' if len(contents.missing) > 10 else ''} ({len(contents.missing)})."
        )


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int], None]]:
    """A bar of which nobody knows the end: it shows that it goes on."""
    with progress(label) as moved:
        yield lambda done: moved(done, 0)


@click.command("backup")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Read the backup PATH and say whether it is whole.")
@click.option("--identity", type=click.Path(path_type=Path), help="The age identity, with --check.")
@with_appcontext
def backup(path: Path | None, check: bool, identity: Path | None) -> None:
    """Write everything to one file, while people work.

    PATH is a file or a folder; without it the backup goes where backups are kept. It is sealed if
    CRM_BACKUP_KEY is given.
    """
    with _told():
        if check:
            _check(path, identity)
            return
        # One of an earlier version too: before it is migrated is when it is wanted most.
        if (state := database_state()) not in (State.CURRENT, State.BEHIND):
            raise click.ClickException(f"The database cannot be backed up. {state.value}")
        with _bar("Writing the backup") as moved:
            written, contents = backups.make(path, moved=moved)
    size = written.stat().st_size / 1_000_000
    click.echo(f"{written}: {_held(contents)}, {size:.1f} MB.")
    _tell_missing(contents)
    if not in_force().backup_key:
        click.echo("It is not sealed: whoever has it can read it. CRM_BACKUP_KEY seals the next.")


def _check(path: Path | None, identity: Path | None) -> None:
    if path is None:
        newest = backups.newest()
        if newest is None:
            raise click.ClickException(f"There is no backup in {in_force().backups}.")
        path = newest.path
    with _bar("Reading the backup") as moved:
        contents = verify(path, key=in_force().backup_key, identity=_text_of(identity), moved=moved)
    click.echo(f"{path} is whole: {_held(contents)}, made at {contents.head['made_at']}.")
    _tell_missing(contents)


def _text_of(identity: Path | None) -> str:
    if identity is None:
        return ""
    try:
        return identity.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{identity} is no age identity file.") from error


@click.command("restore")
@click.argument("path", required=False, type=click.Path(path_type=Path, exists=True))
@click.option("--identity", type=click.Path(path_type=Path), help="An age identity file.")
@click.option(
    "--held",
    type=click.Choice(["send", "drop"]),
    help="What becomes of the messages and jobs a restore held; without PATH.",
)
@with_appcontext
def restore(path: Path | None, identity: Path | None, held: str | None) -> None:
    """Bring everything back from a backup, into an empty place.

    The backup is read and checked before anything is written; then all of it comes back, or
    nothing does.
    """
    if (path is None) is (held is None):
        raise click.UsageError("Name a backup, or say with --held what becomes of messages.")
    if path is None:
        with _told():
            ensure_database()
            click.echo(f"Messages and jobs: {restoring.let_go(send=held == 'send')}.")
        return
    with _told():
        with _bar("Checking it, then bringing it back") as moved:
            back = restoring.restore(path, identity=_text_of(identity), checked=moved, moved=moved)
        _tell_back(back)
    click.echo(
        "Members who were forgotten after it was made are here again, and letters to members are "
        "paused: forget them anew, and look at what a letter has sent before it goes on."
    )
    if back.held:
        click.echo(
            f"{_so_many(back.held, 'message or job was', 'messages and jobs were')} waiting when "
            "the backup was made and may have been sent or done since: held, until "
            "`crm restore --held send` or `drop`."
        )


def _tell_back(back: restoring.Back) -> None:
    contents = back.contents
    click.echo(f"Brought back: {_held(contents)}, as of {contents.head['made_at']}.")
    widest = max((len(name) for name in contents.tables), default=0)
    for name, table in contents.tables.items():
        if table.rows:
            click.echo(f"  {name:<{widest}} {table.rows:>10,}")
    if contents.head.get("left_out"):
        click.echo("Every row was read again, and is what it was but for what was left out.")
    else:
        click.echo("Every row was read again and is what it was.")
    _tell_missing(contents)
    if back.migrated:
        click.echo(f"It was of an earlier version and was brought to revision {back.migrated}.")
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    db.session.remove()
    with db.apart(app):
        verdict = audit_check.verify()
    if verdict.fault:
        # It came back as it was: the fault is older than the backup.
        click.echo(f"The record of who did what was changed before the backup: {verdict.fault}")
    else:
        click.echo(f"The record is whole: {verdict.checked} entries. Head: {verdict.head}")


@click.command("all")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--reason", metavar="TEXT", default="", help="What it is needed for; recorded.")
@with_appcontext
def export_all(path: Path, reason: str) -> None:
    """Everything as CSV and JSON lines, in a new folder or a .zip; it names people."""
    with _told():
        ensure_database()
        with _bar("Writing the export") as moved:
            written, contents = exporting.export_all(path, reason=reason, moved=moved)
    click.echo(f"{written}: {_held(contents)}.")
    click.echo("Passwords, sessions, links and waiting messages are left out. It names people.")
    _tell_missing(contents)


@click.command("all")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@with_appcontext
def import_all(path: Path) -> None:
    """What `crm export all` wrote, into an empty place. Nobody has a password then."""
    with _told():
        with _bar("Checking it, then bringing it in") as moved:
            back = exporting.import_all(path, checked=moved, moved=moved)
        _tell_back(back)
    click.echo(
        "Nobody has a password yet. `crm user add EMAIL --role administrator` lets a first person "
        "in, who invites the others anew."
    )


@click.command("move")
@click.option("--to", "address", required=True, metavar="ADDRESS", help="An empty database.")
@with_appcontext
def move(address: str) -> None:
    """Copy the database into another, row by row: SQLite to PostgreSQL, or back.

    Stop the server and the workers first: what is written meanwhile stays behind, and messages
    would leave from both.
    """
    with _told():
        ensure_database()
        try:
            goal = Settings(instance=in_force().instance, database_url=address).database
        except BadSetting as error:
            raise click.ClickException(str(error).replace("CRM_DATABASE_URL", "--to")) from error
        with _bar("Copying") as moved:
            tables = moving.move(goal, moved=moved)
        waiting = moving.waiting()
    widest = max(len(each.name) for each in tables)
    for each in tables:
        if each.rows:
            click.echo(f"  {each.name:<{widest}} {each.rows:>10,}  {each.sha256[:12]}")
    total = sum(each.rows for each in tables)
    click.echo(f"Copied: {_so_many(total, 'row', 'rows')}, each read again and the same.")
    click.echo("Set CRM_DATABASE_URL to the new address and start the server. Keep the same")
    click.echo("CRM_SECRET_KEY or secret-key file, and the photos where they are.")
    if waiting:
        click.echo(
            f"{_so_many(waiting, 'message or job waits', 'messages and jobs wait')} in both "
            "databases: never start the old server again, or they are sent twice."
        )
