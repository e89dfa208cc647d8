"""The first start: an empty database becomes a demo somebody can sign in to, and is served."""

import os
import secrets
import urllib.request
from collections.abc import Sequence

import click
from flask.cli import with_appcontext

from crm.core import db, mail
from crm.core.cli import (
    ensure_database,
    importers,
    in_words,
    progress,
)
from crm.core.i18n import today
from crm.core.serving import serve_until_stopped
from crm.core.settings import in_force
from crm.demo import is_empty, load_demo
from crm.demo_kept import freeze_one
from crm.demo_mail import add_mail
from crm.targets.sources.congress import LEGISLATORS, PUBLIC_ADDRESS
from crm.treaties import operations as treaties
from crm.treaties import queries as treaty_queries

#: Keeps the demo's sign-in beside the database, readable by its owner alone, for the next start.
KEPT = mail.DEMO_MARK
#: Seconds a first start waits to see whether the public files of Congress can be had from here.
PATIENCE = 4


@click.command("demo")
@with_appcontext
def demo() -> None:
    """Fill an empty database with a believable campaign."""
    ensure_database()
    click.echo(make_demo())


@click.command("start")
@with_appcontext
def start() -> None:
    """Make the database, fill it with the demo if it is empty, serve."""
    ensure_database()
    kept = in_force().folder / KEPT
    if is_empty():
        how = make_demo()
        _bring_congress()
    elif kept.exists():
        how = kept.read_text(encoding="utf-8").rstrip()
    else:
        how = "The database holds data and was left as it is. Sign in as you always do."
    if treaty_queries.is_empty():
        with in_words(), db.unit_of_work():
            treaties.load_reference(by=None)
    serve_until_stopped(saying=how, with_worker=True)


def make_demo() -> str:
    """Load the demo; returns how to sign in. Refuses a database that holds anybody's work."""
    settings = in_force()
    password = settings.demo_password or secrets.token_urlsafe(9)
    # Asked before the password is made and the bar is drawn; `load_demo` asks again.
    if not is_empty():
        raise click.ClickException("The database holds data already; the demo was not loaded.")
    with in_words(), progress("Making the demo") as moved, mail.quiet(), db.unit_of_work():
        # Of two that start at once the second waits here, and finds what the first has made.
        db.take_turn("first start")
        loaded = load_demo(password=password, today=today(), progress=moved)
    with in_words(), db.unit_of_work():
        # A report is reckoned from what is committed.
        freeze_one()
    how = _sign_in(loaded.people, password)
    path = settings.folder / KEPT
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{how}\n")
    # From here on mail is in its preview, unless the settings say otherwise: made-up people must
    # not be written to.
    if mail.mode() is mail.Mode.PREVIEW:
        with in_words(), db.unit_of_work():
            add_mail(today=today())
    return how


def _bring_congress() -> None:
    public = f"{PUBLIC_ADDRESS}{LEGISLATORS}.json"
    if not in_force().congress_source and not _answers(public):
        click.echo(
            "Congress was not imported: its public files cannot be read from here. The demo has a "
            "few of its members; `crm import congress FOLDER` brings all of them."
        )
        return
    try:
        importers.commands["congress"].main([], "crm import congress", standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"Congress was not imported: {error.format_message()}")


def _answers(address: str) -> bool:
    request = urllib.request.Request(address, method="HEAD")  # noqa: S310 - a fixed https address
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE):  # noqa: S310
            return True
    except OSError:
        return False


def _sign_in(people: Sequence[tuple[str, str]], password: str) -> str:
    widest = max(len(email) for email, _role in people)
    lines = [f"  {email:<{widest}}  {role}" for email, role in people]
    return "\n".join(["The demo's people, all with the password " + password, *lines])
