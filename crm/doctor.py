"""What is configured, what is missing and what stands in the way, in words. It changes nothing,
save that a probe is put among the files and taken away again.
"""

import os
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from crm import doctor_around
from crm.accounts.models import User
from crm.core import audit_check, db, health
from crm.core.access import Role
from crm.core.cli import State, database_state
from crm.core.settings import Settings, in_force
from crm.demo_data.people import USERS
from crm.findings import Finding, Level, good, note, stop
from crm.members.models import ChapterRole
from crm.outreach import kept
from crm.reports import frozen

#: Names beginning with `CRM_` that others read.
_NOT_OURS = {"CRM_REQUIRE_ALL", "CRM_FAULTS", "CRM_FIGURES"}
#: Bytes of free disk below which it says so.
_LITTLE = 500 * 1024 * 1024


def examine(environ: Mapping[str, str]) -> list[Finding]:
    """Look at everything, in the order somebody would set it up."""
    settings = in_force()
    return [
        good("Python", sys.version.split()[0]),
        *_names(environ),
        *_folder(settings),
        *_key(settings),
        *_database(settings),
        *doctor_around.files(),
        *doctor_around.hosts(settings),
        *_web(settings),
        *doctor_around.proxy(settings),
        *doctor_around.mail(settings),
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
    yield from _disk(folder)


def _disk(folder: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(folder).free
    if free < health.NO_ROOM:
        yield stop("disk", f"Full: {free // 2**20} MB are free where {folder} is.")
    elif free < _LITTLE:
        yield note("disk", f"Only {free // 2**20} MB are free where {folder} is.")
    else:
        yield good("disk", f"{free / 2**30:.1f} GB are free where {folder} is.")
    # A disk of many small files may be full of them.
    if (inodes := os.statvfs(folder)).f_files and inodes.f_favail < 1000:
        yield note("disk", f"Only {inodes.f_favail} more files fit on it.")


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


def _database(settings: Settings) -> Iterator[Finding]:
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
        if not kept.is_guarded():
            yield stop("kept sums", "The triggers that keep them are missing: reports are wrong.")
        yield from _frozen()
        yield from _people()
        yield from doctor_around.clock()
        yield from doctor_around.queue(settings)
        yield from doctor_around.backup(settings)
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        yield stop("database", f"{where} cannot be used: {reason}")


def _record() -> Iterator[Finding]:
    """The head of the record of who did what. Walking it is for `crm audit verify`."""
    yield good("record", f"ends at {audit_check.head()}; `crm audit verify` walks all of it.")
    if not audit_check.is_guarded():
        yield note("record", "The database does not refuse to change it: its triggers are missing.")


def _frozen() -> Iterator[Finding]:
    """Whether what was frozen is as it was: each is read and its digest taken anew."""
    if not (number := frozen.how_many()):
        return
    if changed := list(frozen.faults()):
        yield stop("frozen reports", f"not what was frozen: {', '.join(changed)}.")
    else:
        yield good("frozen reports", f"all {number} are as they were.")
    if not frozen.is_guarded():
        yield note("frozen reports", "The database does not refuse to change them: its triggers "
                   "are missing.")  # fmt: skip


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
        yield note(
            "people", f"people of the demo who can sign in: {demo}. Not for a public server."
        )


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
