"""Files somebody sent, kept between a look at what they would change and carrying it out.

They lie in the folder all hosts share (with one host the instance folder) under a name nobody can
guess, for a day at most.
"""

import secrets
import time
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from flask_babel import gettext as _

from crm.core.errors import Refused
from crm.core.settings import in_force

#: Seconds after which what nobody came back for is thrown away.
LIFE = 24 * 60 * 60


def keep(uploads: Sequence[tuple[str, bytes]]) -> str:
    """Keep files, as (name, content); the word by which they are found again."""
    folder = _folder()
    _sweep(folder)
    word = secrets.token_hex(16)
    path = folder / f"{word}.zip"
    with path.open("xb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        path.chmod(0o600)
        for name, content in uploads:
            packed.writestr(name, content)
    return word


def found(word: str) -> list[tuple[str, bytes]]:
    """The files of a word. Raises `Refused` when they are gone."""
    path = _path(word)
    if path is None or not path.is_file():
        raise Refused(_("These files are not kept any more. Choose them again."), "files")
    with zipfile.ZipFile(path) as packed:
        return [(each.filename, packed.read(each)) for each in packed.infolist()]


def forget(word: str) -> None:
    """Throw the files of a word away."""
    if path := _path(word):
        path.unlink(missing_ok=True)


def _path(word: str) -> Path | None:
    plain = len(word) == 32 and all(c in "0123456789abcdef" for c in word)
    return _folder() / f"{word}.zip" if plain else None


def _folder() -> Path:
    folder = in_force().shared / "uploads"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _sweep(folder: Path) -> None:
    for path in folder.glob("*.zip"):
        # Another may be sweeping too.
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > LIFE:
                path.unlink()
