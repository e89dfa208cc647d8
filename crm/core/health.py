"""Is it alive, and can it work? For what starts it, and for what sends people to it.

`/healthz`: the process answers; it asks nothing else, so that a database that is away does not get
a sound process killed. `/readyz`: what a page needs is there, a word each, 503 where one is not or
where the server is stopping. Rooms add what they need by `add_check`; `crm doctor` tells the same.
"""

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass

from alembic.script import ScriptDirectory
from flask import Blueprint, Flask, Response, current_app
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from crm.core import db, worker
from crm.core.access import public
from crm.core.limits import limiter
from crm.core.settings import in_force

#: Bytes of free disk below which nothing should be sent here any more.
NO_ROOM = 64 * 1024 * 1024

blueprint = Blueprint("health", __name__)


@dataclass(frozen=True)
class Check:
    """Something a page needs. `look()` gives None where it is there, else one word, no more: the
    answer is for everybody.
    """

    name: str
    look: Callable[[], str | None]
    #: Whether pages do not work without. What is only told must not take every host away at once.
    needed: bool = True


def init_app(app: Flask) -> None:
    """Answer the two addresses."""
    app.extensions["crm_checks"] = []
    app.extensions["crm_stopping"] = threading.Event()
    app.register_blueprint(blueprint)
    limiter.exempt(blueprint)
    add_check(app, Check("database", _database))
    add_check(app, Check("disk", _disk))
    # Without the queue what waits is carried out all the same, within a minute.
    add_check(app, Check("queue", _queue, needed=False))


def add_check(app: Flask, check: Check) -> None:
    """Let `/readyz` ask for more."""
    app.extensions["crm_checks"].append(check)


def stopping(app: Flask) -> threading.Event:
    """Set once the server finishes what it has begun and takes nothing new."""
    event: threading.Event = app.extensions["crm_stopping"]
    return event


def answers() -> dict[str, str]:
    """Each check and its word; `ok` where it is well."""
    found = {}
    for check in current_app.extensions["crm_checks"]:
        try:
            found[check.name] = check.look() or "ok"
        except Exception:
            # What it is about may hold a password: `crm doctor` says it to whoever runs this.
            found[check.name] = "failed"
    return found


@blueprint.get("/healthz")
@public
def alive() -> Response:
    return _said("ok\n", 200)


@blueprint.get("/readyz")
@public
def ready() -> Response:
    if stopping(current_app).is_set():
        return _said("server stopping\n", 503)
    found = answers()
    lines = "".join(f"{name} {word}\n" for name, word in found.items())
    needed = {check.name for check in current_app.extensions["crm_checks"] if check.needed}
    is_ready = all(word == "ok" for name, word in found.items() if name in needed)
    return _said(lines, 200 if is_ready else 503)


def _said(words: str, status: int) -> Response:
    return Response(words, status, mimetype="text/plain")


def _database() -> str | None:
    try:
        with db.extension.engine.connect() as connection:
            heads = set(connection.scalars(text("SELECT version_num FROM alembic_version")))
    except SQLAlchemyError as error:
        return "away" if db.is_away(error) else "empty"
    return None if heads == _wanted() else "other-version"


def _wanted() -> set[str]:
    """The revision this version works with; read from the migrations once."""
    kept: set[str] | None = current_app.extensions.get("crm_revision")
    if kept is None:
        config = current_app.extensions["migrate"].migrate.get_config()
        kept = set(ScriptDirectory.from_config(config).get_heads())
        current_app.extensions["crm_revision"] = kept
    return kept


def _queue() -> str | None:
    return None if worker.is_reachable() else "away"


def _disk() -> str | None:
    return "full" if shutil.disk_usage(in_force().folder).free < NO_ROOM else None
