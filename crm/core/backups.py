"""A backup: everything in one file, made while people work, by hand or by the clock.

The rows are those of one moment. Files are written once and never changed, so those the rows name
are the right ones; one that somebody took away meanwhile is named in the backup as missing.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import date, datetime
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from flask import Flask, current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection

from crm.core import archives, backup_rules, db, envelopes, files, outbox, schedule, store, whole
from crm.core.archives import Contents
from crm.core.errors import Refused
from crm.core.settings import Settings, in_force

Moved = Callable[[int], object]
#: Settings whose values a backup tells. Of the others it tells at most that they were given: an
#: address of a database or a queue holds a password.
_TOLD = frozenset(
    {
        "age_bounds", "backup_hour", "backup_keep", "base_url", "host", "language", "mail",
        "mail_security", "mail_sender", "mail_server", "port", "proxies", "retention_years",
        "secure_cookies", "threads", "timezone", "workers",
    }
)  # fmt: skip
#: What the last scheduled run came to, beside the backups.
_LAST = "last-run.json"
#: Seconds after which a worker says that it is still at it.
_RENEW = 60


@dataclass(frozen=True)
class Newest:
    """The newest backup there is, and whether the last scheduled run went well."""

    path: Path
    moment: datetime
    ok: bool
    told: str = ""


def program_version() -> str:
    """The program's version; empty for a tree that is not installed."""
    try:
        return version("campaign-outreach-crm")
    except PackageNotFoundError:
        return ""


def init_app(app: Flask, settings: Settings) -> None:
    """Let a worker make a backup by the clock."""
    # It may take long and holds no lock meanwhile; two begun by one night are two backups.
    outbox.job(app, outbox.Job("backup", _l("Backup"), _by_the_clock, patience=3600, alone=True))
    when = schedule.Daily(int(settings.backup_hour))
    schedule.add(app, schedule.Schedule("backup", _l("Backup"), when, _ask))


def _ask(on: date) -> None:
    outbox.put("backup", {"on": on.isoformat()}, key=f"backup-{on.isoformat()}")


def _by_the_clock(_payload: Mapping[str, Any], turn: outbox.Turn) -> None:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    renewed = time.monotonic()

    def moved(_done: int) -> None:
        nonlocal renewed
        if time.monotonic() - renewed > _RENEW:
            renewed = time.monotonic()
            # In a session of its own: this one holds the snapshot.
            with app.app_context():
                turn.renew()

    nightly(moved=moved)


# Made


def make(path: Path | None = None, *, moved: Moved = lambda _: None) -> tuple[Path, Contents]:
    """Write a backup to a file, into a folder, or where backups are kept.

    Raises `Refused` or OSError, and leaves nothing then. `moved` hears how many rows are written.
    """
    settings, moment = in_force(), db.now()
    goal = _goal(path, settings, moment)
    with beside(goal) as file:
        if settings.backup_key:
            _sealable(settings.backup_key)
            with envelopes.sealing(file, settings.backup_key) as inner:
                told = _write(inner, moment, moved)
        else:
            told = _write(file, moment, moved)
    return goal, told


def _goal(path: Path | None, settings: Settings, moment: datetime) -> Path:
    if path is not None and not path.is_dir():
        return path
    if path is None:
        path = settings.backups
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    sealed = ""
    if settings.backup_key:
        sealed = "recipient" if envelopes.is_recipient(settings.backup_key) else "passphrase"
    return path / backup_rules.name_of(moment, sealed=sealed)


def _sealable(key: str) -> None:
    try:
        if envelopes.is_recipient(key):
            envelopes.recipient_of(key)
    except envelopes.Sealed as error:
        raise Refused(str(error)) from error


@contextmanager
def beside(goal: Path) -> Iterator[IO[bytes]]:
    """A file that stands at its place once the block is done, for its owner alone; else none."""
    with told_of(goal):
        handle, part = tempfile.mkstemp(dir=goal.parent, prefix=f".{goal.name}-")
        try:
            with os.fdopen(handle, "w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(part).replace(goal)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise


@contextmanager
def told_of(path: Path) -> Iterator[None]:
    """Name the file where the system says only that there is no room."""
    try:
        yield
    except OSError as error:
        hidden = str(error.filename or "").rpartition("/")[2].startswith(f".{path.name}-")
        if error.errno and (error.filename is None or hidden):
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


def _write(out: IO[bytes], moment: datetime, moved: Moved) -> Contents:
    tar = archives.Tar(out)
    with apart() as connection:
        shapes = whole.shapes(connection)
        told = Contents(head_of(archives.BACKUP, shapes, whole.revision(connection), moment))
        tar.text(archives.HEAD, as_json(told.head))
        done = 0
        for shape in shapes:
            told.tables[shape.name] = tar.table(shape.name, whole.lines(connection, shape))
            moved(done := done + told.tables[shape.name].rows)
        named = named_in(shapes)
    add_files(tar, told, named, moved)
    tar.text(archives.MANIFEST, as_json(told.manifest()))
    tar.close()
    return told


@contextmanager
def apart() -> Iterator[Connection]:
    """A connection that reads one snapshot, while writers go on."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    db.session.remove()
    with db.apart(app):
        yield db.session.connection()


def head_of(
    format: str, shapes: list[whole.Shape], revision: str | None, moment: datetime
) -> dict[str, Any]:
    """What a file is, before anything else in it."""
    settings = in_force()
    given = {
        each.name: getattr(settings, each.name)
        for each in fields(settings)
        if getattr(settings, each.name) != each.default
    }
    return {
        "format": format,
        "version": archives.VERSION,
        "program": program_version(),
        "revision": revision,
        "made_at": moment.isoformat(timespec="seconds"),
        "settings": {
            f"CRM_{name.upper()}": value if name in _TOLD else "given, and not told here"
            for name, value in given.items()
        },
        "tables": {
            shape.name: {
                "key": list(shape.key),
                "columns": {column.name: column.kind for column in shape.columns},
            }
            for shape in shapes
        },
    }


def named_in(shapes: list[whole.Shape]) -> set[str]:
    """The files that rows name, as far as a database of an earlier version has the columns."""
    there = {(shape.name, name) for shape in shapes for name in shape.names}
    found: set[str] = set()
    for column in files.columns():
        if (column.class_.__tablename__, column.key) in there:
            found.update(files.names_in(column))
    return found


def add_files(out: archives.Writer, told: Contents, named: set[str], moved: Moved) -> None:
    """Add all kept files; those that rows name and that are gone are told."""
    place = store.here()
    names = {each.name for each in place.names()}
    for name in sorted(names | named):
        try:
            kept = place.read(name)
        except FileNotFoundError:
            if name in named:
                told.missing.append(_in_archive(name))
            continue
        # No file is larger than an upload may be.
        data = b"".join(kept.pieces)
        called = _in_archive(name)
        told.files[called] = out.file(called, BytesIO(data), len(data))
        moved(told.rows + len(told.files))


def _in_archive(name: str) -> str:
    return f"{store.FOLDERS[name.rpartition('.')[2]]}/{name}"


def as_json(value: Any) -> bytes:
    """As people and programs read it."""
    return f"{json.dumps(value, ensure_ascii=False, indent=1)}\n".encode()


# By the clock


def nightly(*, moved: Moved = lambda _: None) -> Newest:
    """Make a backup where they are kept, then let those go that the rule does not keep."""
    settings = in_force()
    try:
        path, _told = make(moved=moved)
        for name in backup_rules.dropped([each.name for each in _there(settings)], settings.keep):
            (settings.backups / name).unlink(missing_ok=True)
    except Exception as error:
        _note(settings, str(error.strerror if isinstance(error, OSError) else type(error).__name__))
        raise
    _note(settings, "")
    return Newest(path, backup_rules.moment_of(path.name) or db.now(), True)


def newest() -> Newest | None:
    """The newest backup where they are kept; None when there is none."""
    settings = in_force()
    found = {
        moment: path
        for path in _there(settings)
        if (moment := backup_rules.moment_of(path.name)) is not None
    }
    if not found:
        return None
    told = ""
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = str(json.loads((settings.backups / _LAST).read_text(encoding="utf-8"))["fault"])
    moment = max(found)
    ok = not told and found[moment].stat().st_size > 0
    return Newest(found[moment], moment, ok, told)


def _there(settings: Settings) -> list[Path]:
    try:
        return [path for path in settings.backups.iterdir() if path.is_file()]
    except FileNotFoundError:
        return []


def _note(settings: Settings, fault: str) -> None:
    try:
        path = settings.backups / _LAST
        path.write_bytes(as_json({"at": db.now().isoformat(timespec="seconds"), "fault": fault}))
    except OSError:
        # The disk is full, most likely: what there is to tell is told by whoever asked.
        return
