"""Commands for what is kept: take away what nothing names, carry it from one place to another."""

import hashlib
from contextlib import suppress
from pathlib import Path

import click
from flask import Flask
from flask.cli import with_appcontext

from crm.core import files, store
from crm.core.cli import ensure_database, in_words, progress
from crm.core.settings import BadSetting, Settings, in_force

#: As many may always go; of more, half at most: else this is not the database they belong to.
_FEW = 20


@click.group("files")
def file_commands() -> None:
    """Look after photos and documents."""


def init_app(app: Flask) -> None:
    """Register the group."""
    app.cli.add_command(file_commands)


@file_commands.command("sweep")
@click.option("--delete", is_flag=True, help="Take them away.")
@click.option("--most", is_flag=True, help="Even when they are most of all there is.")
@with_appcontext
def sweep(delete: bool, most: bool) -> None:
    """Name the files that no row names and that are older than a day; with --delete they go.

    They are left by forms that were given up, and by photos that were replaced.
    """
    with in_words():
        ensure_database()
        found = files.unnamed()
        for each in found:
            click.echo(f"{each.name}  {each.size} bytes  {each.since:%Y-%m-%d}")
        if not delete:
            click.echo(f"Files that no row names: {len(found)}. With --delete they are taken away.")
            return
        if not most and is_suspicious(len(found), sum(1 for _ in store.here().names())):
            raise click.ClickException(
                f"{len(found)} files are named by no row, most of all there are. If this is the "
                "database they belong to, say --most; nothing was deleted."
            )
        click.echo(f"Taken away: {sweep_away(found)}.")


def is_suspicious(found: int, of: int) -> bool:
    """Whether so many are named by no row that the database may be another's."""
    return found > _FEW and found * 2 > of


def sweep_away(found: list[store.Named]) -> int:
    """Take files away, and the halves of files; returns how many files went."""
    place = store.here()
    for each in found:
        place.forget(each.name)
    place.tidy()
    return len(found)


@file_commands.command("move")
@click.option("--from", "origin", default="folder", help="`folder`, a path, or s3://…")
@click.option("--to", "goal", default=None, help="The same. Default: where CRM_FILES_URL says.")
@with_appcontext
def move(origin: str, goal: str | None) -> None:
    """Copy all files from one place to another, each checked after it was written.

    Nothing is taken away from where they were. Run it again after CRM_FILES_URL was changed and the
    server was started anew: it copies what has come since. Both ends use the same key.
    """
    with in_words():
        settings = in_force()
        try:
            here = _place(settings, origin)
            there = _place(settings, (settings.files_url or "folder") if goal is None else goal)
        except BadSetting as error:
            raise click.ClickException(str(error)) from None
        except ValueError as error:
            raise click.ClickException(f"This is no address of a place: {error}.") from None
        if str(here) == str(there):
            raise click.ClickException(f"Both are {here}. Name the other with --to or --from.")
        copied, same = 0, 0
        with progress("Copying files") as moved:
            names = sorted(each.name for each in here.names())
            for number, name in enumerate(names, 1):
                if _copied(name, here, there):
                    copied += 1
                else:
                    same += 1
                moved(number, len(names))
        click.echo(
            f"From {here} to {there}: {copied} copied, {same} were there already; all were read "
            "again and are the same. Nothing was taken away."
        )


def _place(settings: Settings, address: str) -> store.Place:
    if address == "folder":
        return store.place_of(settings, "")
    if "://" in address:
        return store.place_of(settings, address)
    path = Path(address).resolve()
    if not path.is_dir():
        raise click.ClickException(f"There is no folder {path}.")
    return store.InFolder(path)


def _copied(name: str, here: store.Place, there: store.Place) -> bool:
    """Copy a file unless the same is there; whether it was copied."""
    try:
        data = b"".join(here.read(name).pieces)
    except FileNotFoundError:
        # Somebody took it away since it was listed.
        return False
    wanted = hashlib.sha256(data).digest()
    with suppress(FileNotFoundError):
        if store.digest(there, name) == wanted:
            return False
    there.keep(name, data)
    if store.digest(there, name) != wanted:
        raise click.ClickException(f"{name} came out changed at {there}. Run it again.")
    return True
