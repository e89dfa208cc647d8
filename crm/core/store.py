"""Where photos and documents lie: in folders on a disk, or in a bucket of an S3-compatible storage.

One setting says which, `CRM_FILES_URL`; names and verbs are the same in both. Names are ours and
tell nothing, a name is written once and never again, and nothing in a bucket is meant to be read by
anybody but this program: pages serve what is kept, after their own check of who asks.
"""

import errno
import hashlib
import logging
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO, Protocol
from urllib.parse import urlsplit

import obstore
from flask import Flask, current_app
from flask_babel import gettext as _
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from crm.core.bucket import bucket_of
from crm.core.errors import Refused
from crm.core.settings import Settings

log = logging.getLogger(__name__)

_NAME = re.compile(r"[0-9a-f]{32}\.(jpg|pdf)")
#: Folder, or middle part of a bucket's keys, by the end of a name.
FOLDERS = {"jpg": "pictures", "pdf": "documents"}
#: Bytes that are handed on at once.
_PIECE = 256 * 1024
#: How the half of a file ends.
_PART = ".part"
#: Seconds until a storage is given up: to connect, for one try, and after which none is begun.
CONNECT, TRY, TRIES = 3, 20, 10
#: The least a part of an unfinished file is old before it is taken for left over.
A_DAY = 24 * 60 * 60
_SHUT = (PermissionDeniedError, UnauthenticatedError, PermissionError)
#: How the system says that a disk, or what one may use of it, is full.
_NO_ROOM = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))
#: The process that has used the library, which does not survive a fork.
_process: int | None = None


class Away(Refused):
    """The place files are kept in does not answer, or does not let us in."""

    status = 503


class Full(Away):
    """The disk files are kept on has no room left."""

    status = 507


@dataclass(frozen=True)
class Kept:
    """A file on its way out."""

    size: int
    pieces: Iterator[bytes]
    #: The same as an open file, where it lies on a disk: a server sends that without copying it.
    file: BinaryIO | None = None


@dataclass(frozen=True)
class Named:
    """A file that is kept."""

    name: str
    size: int
    #: When it was written.
    since: datetime


class Place(Protocol):
    """Somewhere files are kept. Every verb raises `Away` when it cannot be reached, and ValueError
    for a name that is none of ours. As a text it is where that is, without a secret."""

    #: Whether to ask of it may take its time.
    is_remote: bool

    def keep(self, name: str, data: bytes) -> None:
        """Write a file: whole, or not at all."""

    def read(self, name: str) -> Kept:
        """A file, piece by piece. Raises FileNotFoundError when it is not there."""

    def exists(self, name: str) -> bool:
        """Whether it is there."""

    def forget(self, name: str) -> None:
        """Take a file away; one that is gone already is no error."""

    def names(self) -> Iterator[Named]:
        """All that is kept under names of ours, in no order."""

    def tidy(self) -> None:
        """Take away halves of files whose writer was killed a day ago or more."""


class InFolder:
    """A place on a disk. The library for buckets has one too: it made files others may read, and
    took three times as long."""

    is_remote = False

    def __init__(self, folder: Path):
        self._folder = folder

    def __str__(self) -> str:
        return f"the folder {self._folder}"

    def keep(self, name: str, data: bytes) -> None:
        path = self._path(name)
        part = path.with_name(f"{name}.{secrets.token_hex(4)}{_PART}")
        with _told():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise

    def read(self, name: str) -> Kept:
        with _told(is_asked=True):
            file = self._path(name).open("rb")
            size = os.fstat(file.fileno()).st_size
        return Kept(size, iter(lambda: file.read(_PIECE), b""), file)

    def exists(self, name: str) -> bool:
        path = self._path(name)
        with _told():
            return path.is_file()

    def forget(self, name: str) -> None:
        path = self._path(name)
        with _told():
            path.unlink(missing_ok=True)

    def names(self) -> Iterator[Named]:
        for path in self._all():
            if is_name(path.name) and path == self._path(path.name):
                with suppress(FileNotFoundError):
                    known = path.lstat()
                    since = datetime.fromtimestamp(known.st_mtime, UTC)
                    if S_ISREG(known.st_mode):
                        yield Named(path.name, known.st_size, since)

    def tidy(self) -> None:
        for path in self._all():
            with suppress(OSError):
                if path.name.endswith(_PART) and time.time() - path.stat().st_mtime > A_DAY:
                    path.unlink()

    def _path(self, name: str) -> Path:
        return self._folder / _key(name)

    def _all(self) -> Iterator[Path]:
        for folder in FOLDERS.values():
            with _told():
                if (self._folder / folder).is_dir():
                    yield from (self._folder / folder).iterdir()


class InBucket:
    """A place in an S3-compatible storage."""

    is_remote = True

    def __init__(self, store: S3Store, where: str):
        self._store, self._where = store, where

    def __str__(self) -> str:
        return self._where

    def keep(self, name: str, data: bytes) -> None:
        key = _key(name)
        with _asked():
            # Not “only if it is new”, which not every storage knows and a repeat would trip over:
            # nobody draws the same name twice. One request: what breaks off leaves nothing.
            obstore.put(self._store, key, data, use_multipart=False)

    def read(self, name: str) -> Kept:
        key = _key(name)
        with _asked(is_asked=True):
            found = obstore.get(self._store, key)
            pieces = iter(found.stream(min_chunk_size=_PIECE))
            # Now, while a page can still say that it failed.
            first = bytes(next(pieces, b""))
        return Kept(found.meta["size"], _all(first, pieces))

    def exists(self, name: str) -> bool:
        key = _key(name)
        try:
            with _asked(is_asked=True):
                obstore.head(self._store, key)
        except FileNotFoundError:
            return False
        return True

    def forget(self, name: str) -> None:
        key = _key(name)
        with _asked(), suppress(FileNotFoundError):
            obstore.delete(self._store, key)

    def names(self) -> Iterator[Named]:
        for folder in FOLDERS.values():
            with _asked():
                for part in obstore.list(self._store, folder):
                    for each in part:
                        name = each["path"].rpartition("/")[2]
                        if is_name(name) and _key(name) == each["path"]:
                            yield Named(name, each["size"], each["last_modified"])

    def tidy(self) -> None:
        """A bucket keeps no halves."""


def init_app(app: Flask, settings: Settings) -> None:
    """Name the place files are kept in. Nothing is asked of it yet."""
    app.extensions["crm_store"] = place_of(settings, settings.files_url)


def here() -> Place:
    """The place the present application keeps its files in."""
    place: Place = current_app.extensions["crm_store"]
    return place


def new_name(kind: str) -> str:
    """A name nobody guesses; `kind` is `jpg` or `pdf`."""
    return f"{secrets.token_hex(16)}.{kind}"


def is_name(name: str) -> bool:
    """Whether it is one of ours."""
    return _NAME.fullmatch(name) is not None


def place_of(settings: Settings, address: str) -> Place:
    """The place of an address such as `CRM_FILES_URL`; an empty one is the folder."""
    if not address:
        return InFolder(settings.shared)
    asked = bucket_of(address)
    given = {"access_key_id": settings.files_key, "secret_access_key": settings.files_secret}
    store = S3Store(
        asked.bucket,
        prefix=asked.prefix or None,
        virtual_hosted_style_request=asked.in_host,
        client_options={
            "allow_http": asked.endpoint.startswith("http:"),
            "connect_timeout": timedelta(seconds=CONNECT),
            "timeout": timedelta(seconds=TRY),
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=TRIES)},
        **{name: value for name, value in given.items() if value},  # type: ignore[arg-type]
        **({"endpoint": asked.endpoint} if asked.endpoint else {}),  # type: ignore[arg-type]
        **({"region": asked.region} if asked.region else {}),  # type: ignore[arg-type]
    )
    prefix = f"/{asked.prefix}" if asked.prefix else ""
    at = urlsplit(asked.endpoint).netloc or "Amazon S3"
    return InBucket(store, f"the bucket {asked.bucket}{prefix} at {at}")


def examine() -> str:
    """Put a probe, read it, take it away; what was found, in a sentence. Raises `Away`."""
    place, name, probe = here(), new_name("pdf"), secrets.token_bytes(32)
    began = time.monotonic()
    place.keep(name, probe)
    try:
        if b"".join(place.read(name).pieces) != probe:
            raise Away(_("What was put there came back changed."))
    except FileNotFoundError:
        raise Away(_("What was put there is not there.")) from None
    finally:
        place.forget(name)
    taken = round((time.monotonic() - began) * 1000)
    return f"{place}: a probe was put, read and taken away in {taken} ms."


@contextmanager
def _asked(*, is_asked: bool = False) -> Iterator[None]:
    """Ask something of the library, with `_told`."""
    global _process
    if _process not in (None, os.getpid()):
        # The library's threads stayed behind in the other process; this one would wait for ever.
        raise RuntimeError("files were used before this process was forked: start it anew instead")
    _process = os.getpid()
    with _told(is_asked=is_asked):
        yield


@contextmanager
def _told(*, is_asked: bool = False) -> Iterator[None]:
    """Say of a storage's error what a person can do about it. What it said in full stays out of the
    log: it quotes keys and names. `is_asked`: that a file is absent is an answer."""
    try:
        yield
    except (BaseError, OSError) as error:
        if isinstance(error, FileNotFoundError) and is_asked:
            raise FileNotFoundError("this file is not kept") from None
        reason = _reason(error)
        log.error("the place files are kept in failed: %s", reason)
        if reason in _NO_ROOM:
            raise Full(
                _("There is no room left on the server's disk. Tell whoever runs this; once there "
                  "is room, send it again.")
            ) from None  # fmt: skip
        if isinstance(error, _SHUT) or re.search(r" 40[13]\b", reason):
            raise Away(
                _("The place where photos and documents are kept lets nobody in. Tell whoever "
                  "runs this; nothing else was lost.")
            ) from None  # fmt: skip
        raise Away(
            _("The place where photos and documents are kept does not answer. Try again in a "
              "while; nothing else was lost.")
        ) from None  # fmt: skip


def _reason(error: Exception) -> str:
    """Why, as far as a log may say it: the answer's code, or the system's word."""
    said = str(error)
    if found := re.search(r"\(os error (\d+)\)", said):
        return os.strerror(int(found[1]))
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    codes = re.findall(r"status code: (\d{3})|<Code>(\w{1,60})</Code>", said)
    return " ".join([type(error).__name__, *(status or code for status, code in codes[:2])])


def _all(first: bytes, pieces: Iterator[Any]) -> Iterator[bytes]:
    yield first
    with _told():
        for piece in pieces:
            yield bytes(piece)


def _key(name: str) -> str:
    if not is_name(name):
        raise ValueError("no name of a kept file")
    return f"{FOLDERS[name.rpartition('.')[2]]}/{name}"


def digest(place: Place, name: str) -> bytes:
    """SHA-256 of a file. Raises FileNotFoundError when it is not there."""
    found = hashlib.sha256()
    for piece in place.read(name).pieces:
        found.update(piece)
    return found.digest()


def is_older(each: Named, seconds: float) -> bool:
    """Whether it was written longer ago than that."""
    return (datetime.now(UTC) - each.since).total_seconds() > seconds
