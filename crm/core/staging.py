"""Files that were sent and wait for a decision: in the folder all hosts share, under names nobody
guesses; where there is one host that is the instance folder.

Each has a folder of its own, with room for what is worked out of it. It belongs to who sent it, is
taken once, and goes when it was used or is a day old.
"""

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask_babel import gettext as _

from crm.core import db
from crm.core.errors import Refused
from crm.core.settings import in_force

#: Seconds a file waits.
A_DAY = 24 * 60 * 60
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
_TAKEN = ".taken"


@dataclass
class Staged:
    """A file that waits. `about` is whatever JSON holds; `keep` writes it."""

    token: str
    folder: Path
    about: dict[str, Any]

    @property
    def file(self) -> Path:
        """What was sent."""
        return self.folder / "file"

    @property
    def name(self) -> str:
        """What it was called."""
        return str(self.about["name"])

    def keep(self) -> None:
        """Write `about`: whole or not at all."""
        part = self.folder / "about.part"
        part.write_text(json.dumps(self.about), encoding="utf-8")
        part.replace(self.folder / "about.json")


def stage(
    purpose: str, name: str, pieces: Iterable[bytes], *, by_id: int | None, most: int
) -> Staged:
    """Keep what was sent; old ones go. Raises `Refused` when it has more than `most` bytes."""
    sweep()
    token = secrets.token_urlsafe(24)
    folder = _folder() / token
    folder.mkdir(mode=0o700)
    shown = "".join(c for c in Path(name).name if c.isprintable())[:100] or _("a table")
    staged = Staged(token, folder, {"purpose": purpose, "name": shown, "by": by_id})
    size = 0
    try:
        with os.fdopen(os.open(staged.file, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            for piece in pieces:
                size += len(piece)
                if size > most:
                    raise Refused(
                        _("%(file)s is larger than %(most)s MB.",
                          file=shown, most=most // 1024 // 1024),
                        "file",
                    )  # fmt: skip
                file.write(piece)
        staged.keep()
    except BaseException:
        forget(staged)
        raise
    return staged


def find_staged(purpose: str, token: str, *, by_id: int | None) -> Staged | None:
    """What this person sent for this purpose; None when it is gone or another's."""
    if not _TOKEN.fullmatch(token):
        return None
    folder = _folder() / token
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    staged = Staged(token, folder, about)
    is_theirs = about.get("by") == by_id and about.get("purpose") == purpose
    return staged if is_theirs and _age(folder) < A_DAY else None


@contextmanager
def taken(staged: Staged) -> Iterator[Staged]:
    """Use it up: of two that try only one gets in, and it goes once what was written is kept.

    Raises `Refused` for the other. It is there again when the block raises.
    """
    away = staged.folder.with_name(staged.token + _TAKEN)
    try:
        staged.folder.rename(away)
    except OSError as error:
        raise Refused(_("This file was imported already, or is being imported now.")) from error
    used = Staged(staged.token, away, staged.about)
    try:
        yield used
    except BaseException:
        away.rename(staged.folder)
        raise
    db.after_commit(lambda: shutil.rmtree(away, ignore_errors=True))


def forget(staged: Staged) -> None:
    """Delete it."""
    shutil.rmtree(staged.folder, ignore_errors=True)


def sweep() -> None:
    """Delete what is older than a day."""
    for folder in _folder().iterdir():
        if _age(folder) > A_DAY:
            shutil.rmtree(folder, ignore_errors=True)


def _age(folder: Path) -> float:
    with suppress(OSError):
        return time.time() - folder.stat().st_mtime
    return 0.0


def _folder() -> Path:
    folder = in_force().shared / "staged"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
