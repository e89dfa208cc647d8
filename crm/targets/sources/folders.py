"""Reads a folder of many small files, on disk, in a zip or at an https address: one state's only.

A zip is other people's: what it says of its sizes is checked before it is unpacked and again while
it is, and nothing of it is ever written to the disk.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from flask_babel import gettext as _

from crm.core.errors import Refused
from crm.targets import rules
from crm.targets.sources.reading import MAX_BYTES, fetch

#: Bytes of one archive, of the list of what is in it, of one file, of all files that are taken.
MAX_ARCHIVE = 200 * 1024 * 1024
MAX_DIRECTORY = 16 * 1024 * 1024
MAX_FILE = 1024 * 1024
MAX_WHOLE = 40 * 1024 * 1024
#: Files of one state. The largest has some 600.
MOST_FILES = 5000

_ENDINGS = (".yml", ".yaml")
_END_OF_ZIP = b"PK\x05\x06"
_STATE = re.compile(r"[A-Za-z]{2}")
_PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


@dataclass
class Folder:
    """The files found: part (`legislature`) → file's name → its bytes."""

    origin: str
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self.files.values()))


def is_state(place: str) -> bool:
    """Whether a place is a state's two letters and no folder that is there."""
    return bool(_STATE.fullmatch(place)) and not Path(place).is_dir()


def checked_state(state: str) -> str:
    """`wv` → `WV`. Raises `Refused` for what is no state."""
    if state.upper() not in rules.STATES:
        raise Refused(_("There is no state %(state)s.", state=repr(state[:20])), field="state")
    return state.upper()


def read_folder(place: str, parts: Sequence[str], state: str | None) -> Folder:
    """Read `parts` of one state from a folder, a zip file or an https address of a zip.

    The place may be the state's own folder or hold those of many, in `data` or at once; `state`
    (`WV`) says which, and is needed only where there are several. Raises `Refused`.
    """
    if "://" in place:
        content = _downloaded(place)
        return _read_zip(place, BytesIO(content), parts, state)
    path = Path(place).expanduser()
    if path.is_file():
        try:
            with path.open("rb") as file:
                return _read_zip(place, file, parts, state)
        except OSError as error:
            raise _unreadable(path.name, error) from error
    if not path.is_dir():
        raise Refused(_("There is no folder or file %(place)s.", place=place))
    return _read_disk(path, parts, state)


def read_sent(name: str, content: bytes, parts: Sequence[str], state: str | None) -> Folder:
    """Read a zip somebody sent. Raises `Refused`."""
    shown = "".join(c for c in Path(name).name if c.isprintable())[:100]
    if len(content) > MAX_BYTES:
        raise _too_large(shown, MAX_BYTES)
    return _read_zip(shown, BytesIO(content), parts, state)


def _downloaded(address: str) -> bytes:
    if urlsplit(address).scheme != "https" or not urlsplit(address).hostname:
        raise Refused(_("Only https addresses are read, not %(place)s.", place=address))
    content = fetch(address, most=MAX_ARCHIVE)
    if content is None:
        raise Refused(_("There is nothing at %(address)s.", address=address))
    return content


def _chosen(place: str, found: Mapping[str, str], state: str | None) -> str:
    """Which of the folders found is meant; `found` maps each to its last name, as it is written."""
    if not found:
        raise Refused(
            _("%(place)s has no folder of a state's legislature (legislature, executive, "
              "committees).", place=place)
        )  # fmt: skip
    named = {key: name for key, name in found.items() if name.upper() in rules.STATES}
    if state is not None:
        wanted = [key for key, name in named.items() if name.upper() == state]
        if not wanted and len(found) == 1 and not named:
            # A state's own folder under another name: its records say whose it is.
            wanted = list(found)
        if not wanted:
            raise Refused(
                _("%(place)s has no files of %(state)s.",
                  place=place, state=rules.area_name(state))
            )  # fmt: skip
        return wanted[0]
    if len(found) > 1:
        several = ", ".join(sorted(name.lower() or "?" for name in found.values())[:60])
        raise Refused(
            _("%(place)s holds several states: %(states)s. Say which one.",
              place=place, states=several),
            field="state",
        )  # fmt: skip
    return next(iter(found))


class _Taking:
    """Takes files into a folder, and refuses what is too many or too much."""

    def __init__(self, origin: str):
        self.folder, self.bytes = Folder(origin), 0

    def take(self, part: str, name: str, file: IO[bytes]) -> None:
        content = file.read(MAX_FILE + 1)
        self.bytes += len(content)
        if len(content) > MAX_FILE:
            raise _too_large(f"{part}/{name}", MAX_FILE)
        if self.bytes > MAX_WHOLE:
            raise _too_large(self.folder.origin, MAX_WHOLE)
        files = self.folder.files.setdefault(part, {})
        if name in files:
            raise Refused(_("%(name)s was given twice.", name=f"{part}/{name}"))
        files[name] = content
        if len(self.folder) > MOST_FILES:
            raise Refused(
                _("%(file)s holds more than %(most)s files.",
                  file=self.folder.origin, most=MOST_FILES)
            )  # fmt: skip


def _too_large(name: str, most: int) -> Refused:
    return Refused(_("%(file)s is larger than %(most)s MB.", file=name, most=most // 1024 // 1024))


def _unreadable(name: str, error: OSError) -> Refused:
    return Refused(_("%(file)s cannot be read: %(why)s.", file=name, why=error.strerror))


# On disk


def _read_disk(path: Path, parts: Sequence[str], state: str | None) -> Folder:
    whole = [path] if _has_parts(path, parts) else []
    if not whole:
        above = path / "data" if (path / "data").is_dir() else path
        whole = [
            each
            for each in sorted(above.iterdir())
            if each.name.upper() in rules.STATES and _has_parts(each, parts)
        ]
    names = {str(each): each.resolve().name for each in whole}
    chosen = Path(_chosen(str(path), names, state))
    taking = _Taking(str(path))
    for part in parts:
        if not (chosen / part).is_dir():
            continue
        for file in sorted((chosen / part).iterdir()):
            if file.suffix.lower() in _ENDINGS and file.is_file():
                try:
                    with file.open("rb") as opened:
                        taking.take(part, file.name, opened)
                except OSError as error:
                    raise _unreadable(f"{part}/{file.name}", error) from error
    return taking.folder


def _has_parts(path: Path, parts: Sequence[str]) -> bool:
    return any((path / part).is_dir() for part in parts)


# In a zip


def _read_zip(place: str, file: IO[bytes], parts: Sequence[str], state: str | None) -> Folder:
    _check_end(place, file)
    try:
        with zipfile.ZipFile(file) as archive:
            return _read_archive(place, archive, parts, state)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError) as error:
        raise Refused(_("%(file)s is a broken zip.", file=place)) from error


def _read_archive(
    place: str, archive: zipfile.ZipFile, parts: Sequence[str], state: str | None
) -> Folder:
    found: dict[str, list[tuple[str, str, zipfile.ZipInfo]]] = {}
    for above, part, name, info in _entries(archive, parts):
        found.setdefault(above, []).append((part, name, info))
    names = {above: above.rstrip("/").rpartition("/")[2] for above in found}
    chosen = found[_chosen(place, names, state)]
    if sum(info.file_size for _part, _name, info in chosen) > MAX_WHOLE:
        raise _too_large(place, MAX_WHOLE)
    taking = _Taking(place)
    for part, name, info in sorted(chosen, key=lambda each: each[:2]):
        if info.file_size > MAX_FILE:
            raise _too_large(f"{part}/{name}", MAX_FILE)
        if info.flag_bits & 1 or info.compress_type not in _PACKED:
            raise Refused(
                _("%(file)s is locked or packed in a way that is not read.",
                  file=f"{part}/{name}")
            )  # fmt: skip
        with archive.open(info) as opened:
            taking.take(part, name, opened)
    return taking.folder


def _entries(
    archive: zipfile.ZipFile, parts: Sequence[str]
) -> Iterator[tuple[str, str, str, zipfile.ZipInfo]]:
    """Folder above, part and name of each file that belongs to a state."""
    for info in archive.infolist():
        above, _slash, name = info.filename.rpartition("/")
        above, _slash, part = above.rpartition("/")
        if part in parts and name.lower().endswith(_ENDINGS) and not name.startswith("."):
            yield above, part, "".join(c for c in name if c.isprintable())[:200], info


def _check_end(place: str, file: IO[bytes]) -> None:
    """Refuse what is no zip, or whose list of files alone would fill the memory."""
    size = file.seek(0, 2)
    if size > MAX_ARCHIVE:
        raise _too_large(place, MAX_ARCHIVE)
    file.seek(max(0, size - (1 << 16) - 22))
    tail = file.read()
    end = tail[tail.rfind(_END_OF_ZIP) :] if _END_OF_ZIP in tail else b""
    if len(end) < 22:
        raise Refused(_("%(file)s is no zip file.", file=place))
    if int.from_bytes(end[12:16], "little") > MAX_DIRECTORY:
        raise Refused(_("%(file)s holds too many files.", file=place))
    file.seek(0)
