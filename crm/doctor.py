"""What is configured, what is missing and what stands in the way, in words. It changes nothing,
save that a probe is put among the files and taken away again.
"""

import os
import shutil
import socket
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from urllib.parse import urlsplit

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from crm.accounts.models import User
from crm.core import audit_check, db, store
from crm.core.access import Role
from crm.core.cli import State, database_state
from crm.core.errors import Refused
from crm.core.settings import Settings, in_force
from crm.demo_data.people import USERS
from crm.members.models import ChapterRole

#: Names beginning with `CRM_` that others read.
_NOT_OURS = {"CRM_REQUIRE_ALL"}
#: Bytes of free disk below which it says so.
_LITTLE = 500 * 1024 * 1024
#: Seconds a mail server may take to answer.
_PATIENCE = 3


class Level(Enum):
    """How grave a finding is."""

    GOOD = "ok"
    NOTE = "note"
    STOP = "STOP"


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    level: Level
    about: str
    text: str

    @property
    def stops(self) -> bool:
        """Whether the CRM cannot run like this."""
        return self.level is Level.STOP


def good(about: str, said: str) -> Finding:
    return Finding(Level.GOOD, about, said)


def note(about: str, said: str) -> Finding:
    return Finding(Level.NOTE, about, said)


def stop(about: str, said: str) -> Finding:
    return Finding(Level.STOP, about, said)


def examine(environ: Mapping[str, str]) -> list[Finding]:
    """Look at everything, in the order somebody would set it up."""
    settings = in_force()
    return [
        good("Python", sys.version.split()[0]),
        *_names(environ),
        *_folder(settings),
        *_key(settings),
        *_database(),
        *_files(),
        *_hosts(settings),
        *_web(settings),
        *_mail(settings),
    ]


def _names(environ: Mapping[str, str]) -> Iterator[Finding]:
    known = {f"CRM_{field.name.upper()}" for field in fields(Settings)} | _NOT_OURS
    given = {name for name in environ if name.startswith("CRM_")}
    for name in sorted(given - known):
        yield note("settings", f"{name} is not a setting and is not read (docs/settings.md).")
    if ours := sorted(given & known - _NOT_OURS):
        yield good("settings", f"{', '.join(ours)} from the environment, all else by default.")
    else:
        yield good("settings", "all by default (docs/settings.md lists them).")


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.folder
    if not os.access(folder, os.W_OK | os.X_OK):
        yield stop("folder", f"{folder} cannot be written to by this user.")
        return
    yield good("folder", f"{folder} can be written to.")
    if folder.stat().st_mode & stat.S_IROTH:
        yield note("folder", f"Other users of this machine can look into it: chmod 700 {folder}")
    free = shutil.disk_usage(folder).free
    if free < _LITTLE:
        yield note("folder", f"Only {free // 2**20} MB are free on its disk.")


def _key(settings: Settings) -> Iterator[Finding]:
    path = settings.folder / "secret-key"
    if settings.secret_key:
        if len(settings.secret_key) < 32:
            yield note("secret key", "CRM_SECRET_KEY is short: 32 random characters or more.")
        else:
            yield good("secret key", "from CRM_SECRET_KEY.")
    elif path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield note("secret key", f"Others can read it: chmod 600 {path}")
    else:
        yield good("secret key", f"kept in {path}, readable by its owner alone.")


def _database() -> Iterator[Finding]:
    engine = db.extension.engine
    where = engine.url.render_as_string(hide_password=True)
    try:
        state = database_state()
        if state is not State.CURRENT:
            level = Level.NOTE if state is State.EMPTY else Level.STOP
            yield Finding(level, "database", f"{where}: {state.value}")
            return
        revision = db.session.scalar(text("SELECT version_num FROM alembic_version"))
        yield good("database", f"{where} is up to date (revision {revision}).")
        yield from _record()
        yield from _people()
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        yield stop("database", f"{where} cannot be used: {reason}")


def _record() -> Iterator[Finding]:
    """The head of the record of who did what. Walking it is for `crm audit verify`."""
    yield good("record", f"ends at {audit_check.head()}; `crm audit verify` walks all of it.")
    if not audit_check.is_guarded():
        yield note("record", "The database does not refuse to change it: its triggers are missing.")


def _people() -> Iterator[Finding]:
    administrators = db.session.scalar(
        select(func.count(User.id.distinct()))
        .join(ChapterRole, ChapterRole.user_id == User.id)
        .where(
            ChapterRole.role == Role.ADMINISTRATOR,
            ChapterRole.chapter_id.is_(None),
            User.active,
            User.password_hash.is_not(None),
        )
    )
    if administrators:
        yield good("people", f"administrators who can sign in: {administrators}.")
    else:
        yield note(
            "people",
            "No administrator can sign in yet: `crm demo` makes some to try with, "
            "`crm user add EMAIL --role administrator` a real one.",
        )
    theirs = [each.email for each in USERS]
    demo = db.session.scalar(select(func.count(User.id)).where(User.email.in_(theirs)))
    if demo:
        yield note("people", f"{demo} people of the demo can sign in. Not for a public server.")


def _files() -> Iterator[Finding]:
    """Whether photos and documents can be kept: a probe is put there, read and taken away."""
    try:
        yield good("files", store.examine())
    except Refused as refusal:
        yield stop("files", f"{store.here()}: {refusal.message}")


def _hosts(settings: Settings) -> Iterator[Finding]:
    """What is shared, where anything says that there are several hosts."""
    if not (settings.queue_url or settings.files_url or settings.shared_folder):
        return
    lacking = []
    if not settings.secret_key:
        lacking.append("CRM_SECRET_KEY (each host would make a key of its own)")
    if settings.database.startswith("sqlite"):
        lacking.append("CRM_DATABASE_URL (SQLite is for one host)")
    if not settings.queue_url:
        lacking.append("CRM_QUEUE_URL (each process would count tries for itself)")
    if not settings.shared_folder:
        lacking.append("CRM_SHARED_FOLDER (an import begun at one host would be unknown at others)")
        if not settings.files_url:
            lacking.append("CRM_FILES_URL (a photo kept by one host would be unknown at others)")
    if lacking:
        yield note("hosts", f"Several hosts need these too: {'; '.join(lacking)}.")
    else:
        yield good("hosts", "database, Redis, files, uploads and key are shared.")


def _web(settings: Settings) -> Iterator[Finding]:
    address = settings.base_url
    alone = settings.host in ("127.0.0.1", "::1", "localhost")
    parts = urlsplit(address)
    if not address:
        yield note(
            "address",
            "CRM_BASE_URL is not set: commands print links to this machine, and no mail leaves.",
        )
    elif parts.scheme not in ("http", "https") or not parts.netloc:
        yield stop("address", f"CRM_BASE_URL must be like https://crm.school.org, not “{address}”.")
    else:
        yield good("address", f"links point to {address}")
    if settings.secure_cookies != "1" and (parts.scheme == "https" or not alone):
        yield note("address", "Set CRM_SECURE_COOKIES=1 once people come by HTTPS.")
    if parts.scheme == "https" and settings.proxies == "0":
        yield note(
            "address",
            "CRM_PROXIES is 0: behind a proxy that speaks HTTPS set how many stand in front.",
        )
    seen = "this machine alone" if alone else "every machine that can reach it"
    yield good("server", f"listens on {settings.host} port {settings.port}, for {seen}.")


def _mail(settings: Settings) -> Iterator[Finding]:
    if not settings.mail_server:
        yield note("mail", "Not set up: invitations and resets are shown as links to hand over.")
        return
    if not settings.mail_sender:
        yield note("mail", "CRM_MAIL_SENDER is not set, so no mail is sent.")
        return
    if not settings.base_url:
        yield note("mail", "CRM_BASE_URL is not set, so no mail is sent: its links would be lost.")
    where = f"{settings.mail_server} port {settings.mail_port}"
    try:
        with socket.create_connection((settings.mail_server, int(settings.mail_port)), _PATIENCE):
            yield good("mail", f"{where} answers; mail comes from {settings.mail_sender}.")
    except OSError as error:
        yield note("mail", f"{where} cannot be reached: {error.strerror or error}")
