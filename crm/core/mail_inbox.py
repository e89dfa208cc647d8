"""Mail to us out of a folder: a Maildir, or one with `.eml` files that another program fills.

What was read moves on (`cur`, or `done` beside the files), so nothing is lost; a file that was kept
and not moved is known again by what it says, so nothing is taken twice.
"""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core import db, incoming, outbox, schedule
from crm.core.cli import ensure_database, in_words
from crm.core.errors import Refused
from crm.core.links import digest
from crm.core.mail_models import IncomingMail
from crm.core.schedule import Every, Schedule
from crm.core.settings import Settings, in_force

#: Files of one go; the next comes in five minutes.
MOST_FILES = 200


def init_app(app: Flask, settings: Settings) -> None:
    """Register the command, and the clock where a folder is set."""
    app.cli.add_command(mail_commands)
    if settings.mail_inbox:
        outbox.job(app, outbox.Job("mail-inbox", "Mail to us", _take_one))
        schedule.add(
            app, Schedule("mail-inbox", _l("Take in mail to us"), Every(minutes=5), _ask_for_each)
        )


def _ask_for_each(on: date) -> None:
    """Ask for each file by itself: one that cannot be read keeps none of the others waiting."""
    del on
    for path in files(Path(in_force().mail_inbox)):
        # A key for ever: a file is asked for once, and its name is no other's in a mailbox.
        with suppress(FileNotFoundError):
            mark = digest(f"{path.name}:{path.stat().st_mtime_ns}")
            outbox.put("mail-inbox", {"file": str(path)}, key=f"mail-inbox:{mark}")


def files(folder: Path) -> list[Path]:
    """What lies there to be read, the oldest first. Raises `Refused` where there is no folder."""
    if not folder.is_dir():
        raise Refused(_("There is no folder %(folder)s.", folder=str(folder)))
    found = list(_lying(folder))
    return sorted(found, key=lambda path: (path.stat().st_mtime, path.name))[:MOST_FILES]


def _lying(folder: Path) -> Iterator[Path]:
    maildir = folder / "new"
    where = maildir if maildir.is_dir() else folder
    for path in where.iterdir():
        # A link could lead to any file of this machine.
        is_wanted = where is maildir or path.suffix.lower() == ".eml"
        if is_wanted and path.is_file() and not path.is_symlink() and path.name[0] != ".":
            yield path


def _take_one(payload: Mapping[str, Any]) -> None:
    _one(Path(payload["file"]))


def _one(path: Path) -> IncomingMail | None:
    """Take one file in, in the present unit of work, and move it once that is kept."""
    try:
        # Asked anew: what was a file when it was listed may be a link since.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            raw = file.read(incoming.MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None
        raise
    row = incoming.take_in(raw)
    db.after_commit(lambda: _put_away(path))
    return row


def _put_away(path: Path) -> None:
    folder = path.parent
    if folder.name == "new":
        there, name = folder.parent / "cur", f"{path.name}:2,S"
    else:
        there, name = folder / "done", path.name
    # Where it cannot be moved it is known again next time.
    with suppress(OSError):
        there.mkdir(mode=0o700, exist_ok=True)
        target = there / name
        number = 1
        while target.exists():
            number += 1
            target = there / f"{number}-{name}"
        path.rename(target)


@click.group("mail")
def mail_commands() -> None:
    """Mail that comes back or is forwarded to us."""


@mail_commands.command("take-in")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@with_appcontext
def take_in(folder: Path | None) -> None:
    """Take in a Maildir or a folder of .eml files (CRM_MAIL_INBOX without FOLDER)."""
    where = folder or (Path(in_force().mail_inbox) if in_force().mail_inbox else None)
    if where is None:
        raise click.ClickException("Name a folder, or set CRM_MAIL_INBOX.")
    counts: dict[str, int] = {}
    with in_words():
        ensure_database()
        while found := files(where):
            for path in found:
                with db.unit_of_work():
                    row = _one(path)
                    told = f"{row.kind}, {row.state}" if row is not None else "gone"
                counts[told] = counts.get(told, 0) + 1
            if any(path.exists() for path in found):
                raise click.ClickException(f"What was read cannot be moved away in {where}.")
    for told, number in sorted(counts.items()):
        click.echo(f"{number:>6}  {told}")
    click.echo(f"Taken in: {sum(counts.values())}.")
