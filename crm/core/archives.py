"""The forms all data travels in: one tar of a backup; a folder or a zip of an export.

All hold the same: `head.json` says what it is, `tables/` has the rows, `pictures/` and `documents/`
the files, and `manifest.json`, written last, how many of each there are and their hashes. So
nothing is written to a disk before it is sealed, whatever was cut off shows by the want of its
end, and nothing is believed that was not counted.
"""

import csv
import gzip
import io
import json
import re
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Protocol

from crm.core import envelopes, whole
from crm.core.tables import defused
from crm.core.whole import Counted

HEAD, MANIFEST = "head.json", "manifest.json"
BACKUP, EXPORT = "crm-backup", "crm-export"
#: The form of what is written here; a later program reads it, an earlier one refuses a later one.
VERSION = 1
_CHUNK = 1 << 16
#: Bytes one part of a table may have: one row that is large, at most.
_PART_MOST = 512 * 1024 * 1024
#: Bytes the two lists may have.
_LIST_MOST = 256 * 1024 * 1024
#: How many times the size of its file data may be once unpacked, from this size on. Rows that are
#: much alike come to thirty.
_BOMB, _BOMB_FROM = 200, 256 * 1024 * 1024
_TABLE = re.compile(r"tables/([a-z_][a-z0-9_]{0,62})(?:/\d{5,}|)\.jsonl")
_FILE = re.compile(r"(?:pictures/[0-9a-f]{32}\.jpg|documents/[0-9a-f]{32}\.pdf)")
#: What an export has beside, for people and other programs.
_BESIDE = re.compile(r"README\.txt|schema\.json|csv/[a-z_][a-z0-9_]{0,62}\.csv")
#: How fast against how small: the next level takes half as long again for a twentieth.
_LEVEL = 4


class Unreadable(ValueError):
    """A file that is none of ours, or is not whole. The message is a sentence."""


@dataclass
class Contents:
    """What an archive says of itself, and what was found to hold."""

    head: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, Counted] = field(default_factory=dict)
    #: `pictures/…` or `documents/…` → bytes and hash.
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    #: Files that rows name and that were gone when it was made.
    missing: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(table.rows for table in self.tables.values())

    @property
    def bytes(self) -> int:
        """What it needs on a disk, about."""
        rows = sum(table.bytes for table in self.tables.values())
        return rows + sum(size for size, _hash in self.files.values())

    def manifest(self) -> dict[str, Any]:
        """What is written last."""
        return {
            "tables": {name: asdict(table) for name, table in self.tables.items()},
            "files": {
                name: {"bytes": size, "sha256": hash} for name, (size, hash) in self.files.items()
            },
            "missing": self.missing,
        }


class Writer(Protocol):
    """Where an archive is written."""

    def text(self, name: str, content: bytes) -> None:
        """Add a small file."""

    def table(self, name: str, pieces: Iterable[tuple[bytes, int]]) -> Counted:
        """Add the lines of a table."""

    def file(self, name: str, source: IO[bytes], size: int) -> tuple[int, str]:
        """Add a picture or a document; its size and hash."""


class Tar:
    """A packed tar: what is not known before it is written, it takes in parts."""

    def __init__(self, out: IO[bytes]) -> None:
        self._packed = gzip.GzipFile(fileobj=out, mode="wb", compresslevel=_LEVEL, mtime=0)
        # Not as a stream (`w|`): that one complains on its way out where the disk was full.
        self._tar = tarfile.TarFile(fileobj=self._packed, mode="w", format=tarfile.GNU_FORMAT)

    def close(self) -> None:
        """End it."""
        self._tar.close()
        self._packed.close()

    def text(self, name: str, content: bytes) -> None:
        """Add a small file."""
        self._tar.addfile(_info(name, len(content)), io.BytesIO(content))

    def table(self, name: str, pieces: Iterable[tuple[bytes, int]]) -> Counted:
        """Add the lines of a table."""

        def written() -> Iterator[tuple[bytes, int]]:
            for number, (piece, count) in enumerate(pieces, 1):
                self.text(f"tables/{name}/{number:05}.jsonl", piece)
                yield piece, count

        return whole.counted(written())

    def file(self, name: str, source: IO[bytes], size: int) -> tuple[int, str]:
        """Add a picture or a document; its size and hash."""
        hashed = _Hashed(source)
        self._tar.addfile(_info(name, size), hashed)  # type: ignore[arg-type]
        return size, hashed.hexdigest()


class Plain:
    """A folder, or a zip: `opening(name)` gives a file of it to be written."""

    def __init__(self, opening: Callable[[str], Any]) -> None:
        self._opening = opening

    def text(self, name: str, content: bytes) -> None:
        """Add a small file."""
        with self._opening(name) as out:
            out.write(content)

    def table(self, name: str, pieces: Iterable[tuple[bytes, int]]) -> Counted:
        """Add the lines of a table."""

        def written() -> Iterator[tuple[bytes, int]]:
            with self._opening(f"tables/{name}.jsonl") as out:
                for piece, count in pieces:
                    out.write(piece)
                    yield piece, count

        return whole.counted(written())

    def file(self, name: str, source: IO[bytes], size: int) -> tuple[int, str]:
        """Add a picture or a document; its size and hash."""
        hashed = _Hashed(source)
        with self._opening(name) as out:
            shutil.copyfileobj(hashed, out, _CHUNK)
        return size, hashed.hexdigest()

    def sheet(self, name: str, names: list[str], rows: Iterable[Iterable[dict[str, Any]]]) -> None:
        """Add a table for spreadsheets: formulas defused, JSON as text."""
        with self._opening(f"csv/{name}.csv") as out:
            text = io.TextIOWrapper(out, "utf-8-sig", "backslashreplace", newline="")
            writer = csv.writer(text)
            writer.writerow(names)
            for some in rows:
                writer.writerows([_cell(row.get(each)) for each in names] for row in some)
            text.flush()
            text.detach()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return defused(value)
    if isinstance(value, dict | list):
        return defused(json.dumps(value, ensure_ascii=False))
    return value


def in_folder(folder: Path) -> Plain:
    """Write into a folder that is there and empty."""

    def opening(name: str) -> IO[bytes]:
        path = folder / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        return path.open("wb")

    return Plain(opening)


def in_zip(packed: zipfile.ZipFile) -> Plain:
    """Write into a zip."""
    return Plain(lambda name: packed.open(name, "w", force_zip64=True))


class _Hashed:
    """Reads, and hashes what it read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self._made = source, sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._source.read(size)
        self._made.update(data)
        return data

    def hexdigest(self) -> str:
        """Of all that was read."""
        return self._made.hexdigest()


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info


# Reading

#: A member: its name, its size as it says, its bytes.
Member = tuple[str, int, IO[bytes]]


@contextmanager
def members(path: Path, *, key: str = "", identity: str = "") -> Iterator[Iterator[Member]]:
    """The members of a backup or an export, in their order. Raises `Unreadable`.

    Names are of the few forms that there are, so none can lead elsewhere.
    """
    with in_sentences(path):
        if path.is_dir():
            yield _checked(_of_folder(path))
            return
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start == b"PK\x03\x04":
                with zipfile.ZipFile(file) as packed:
                    yield _checked(_of_zip(packed))
                return
            with (
                envelopes.opened(file, key=key, identity=identity) as inner,
                gzip.GzipFile(fileobj=inner) as unpacked,
            ):
                most = max(_BOMB_FROM, _BOMB * path.stat().st_size)
                bounded: Any = _Bounded(unpacked, most)
                with tarfile.open(fileobj=bounded, mode="r|") as tar:
                    yield _checked(_of_tar(tar))
                    # What was sealed and packed ends with a sum of its own: read up to it.
                    while bounded.read(_CHUNK):
                        pass


@contextmanager
def in_sentences(path: Path) -> Iterator[None]:
    """Whatever libraries say of a file that is cut, changed or none of ours, as one sentence."""
    try:
        yield
    except (Unreadable, envelopes.Sealed) as error:
        raise Unreadable(f"{path.name} cannot be used. {error}") from error
    except (EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise Unreadable(
            f"{path.name} cannot be used. It is no backup and no export of this program, or it is"
            " cut or was changed."
        ) from error


class _Bounded:
    """Reads no more than a file of this size can honestly hold."""

    def __init__(self, source: Any, most: int) -> None:
        self._source, self._left = source, most

    def read(self, size: int) -> bytes:
        """The next bytes."""
        data: bytes = self._source.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise Unreadable(f"It unpacks to more than {_BOMB} times its size, as none of ours do.")
        return data


def _checked(found: Iterator[Member]) -> Iterator[Member]:
    seen: set[str] = set()
    for name, size, source in found:
        if name in seen:
            raise Unreadable("It holds a file twice.")
        seen.add(name)
        is_list = name in (HEAD, MANIFEST)
        if not (is_list or _TABLE.fullmatch(name) or _FILE.fullmatch(name)):
            raise Unreadable("It holds a file that none of ours has, and was not touched.")
        if size > (_LIST_MOST if is_list else _PART_MOST):
            raise Unreadable("It holds a file larger than any of ours.")
        yield name, size, source


def _of_tar(tar: tarfile.TarFile) -> Iterator[Member]:
    for info in tar:
        source = tar.extractfile(info) if info.isreg() else None
        if source is None:
            raise Unreadable("It holds what is no file, and was not touched.")
        yield info.name, info.size, source


def _of_folder(folder: Path) -> Iterator[Member]:
    yield from _in_order(
        {
            path.relative_to(folder).as_posix(): path.stat().st_size
            for path in folder.rglob("*")
            if path.is_file() and not path.is_symlink()
        },
        lambda name: (folder / name).open("rb"),
    )


def _of_zip(packed: zipfile.ZipFile) -> Iterator[Member]:
    infos = {info.filename: info.file_size for info in packed.infolist() if not info.is_dir()}
    unpacked, size = sum(infos.values()), sum(info.compress_size for info in packed.infolist())
    if unpacked > max(_BOMB_FROM, _BOMB * size):
        raise Unreadable(f"It unpacks to more than {_BOMB} times its size, as none of ours do.")
    yield from _in_order(infos, packed.open)


def _in_order(sizes: dict[str, int], opening: Callable[[str], Any]) -> Iterator[Member]:
    """The head, the tables as the head lists them, the files, the manifest."""
    if HEAD not in sizes or MANIFEST not in sizes:
        raise Unreadable("It is no export of this program, or it is not whole.")
    with opening(HEAD) as source:
        head = _read_list(source, sizes[HEAD])
    tables = [f"tables/{name}.jsonl" for name in head.get("tables", ())]
    listed = [HEAD, *tables, *sorted(filter(_FILE.fullmatch, sizes)), MANIFEST]
    others = sorted(name for name in set(sizes) - set(listed) if not _BESIDE.fullmatch(name))
    for name in [*listed[:-1], *others, MANIFEST]:
        if name not in sizes:
            raise Unreadable(f"It is not whole: {name} is missing.")
        with opening(name) as source:
            yield name, sizes[name], source


def table_of(name: str) -> str | None:
    """The table a member has rows of; None for a file."""
    found = _TABLE.fullmatch(name)
    return found[1] if found else None


def pieces_of(source: IO[bytes]) -> Iterator[bytes]:
    """The bytes of a member."""
    while piece := source.read(_CHUNK):
        yield piece


def read_head(found: Iterator[Member]) -> dict[str, Any]:
    """What it is, of its first member. Raises `Unreadable` for what is none of ours or later."""
    name, size, source = next(found, ("", 0, io.BytesIO()))
    if name != HEAD:
        raise Unreadable("It is no backup and no export of this program.")
    head = _read_list(source, size)
    if head.get("format") not in (BACKUP, EXPORT) or not isinstance(head.get("tables"), dict):
        raise Unreadable("It is no backup and no export of this program.")
    if head.get("version") != VERSION:
        raise Unreadable("It is from a later version than this program. Update the program.")
    return head


def verify(
    path: Path,
    *,
    key: str = "",
    identity: str = "",
    moved: Callable[[int], object] = lambda _: None,
) -> Contents:
    """Read all of it, count and hash, and compare with what it says of itself; nothing is written.

    Raises `Unreadable`. `moved` hears how many bytes were read.
    """
    with members(path, key=key, identity=identity) as found:
        told, manifest, done = Contents(read_head(found)), None, 0
        hashes: dict[str, Any] = {name: sha256() for name in told.head["tables"]}
        told.tables = {name: Counted() for name in hashes}
        for name, size, source in found:
            if manifest is not None:
                raise Unreadable("It goes on after its end.")
            if name == MANIFEST:
                manifest = _read_list(source, size)
                continue
            table = table_of(name)
            if table is not None and table not in hashes:
                raise Unreadable("It holds a table it does not speak of.")
            made = hashes[table] if table is not None else sha256()
            counted = told.tables[table] if table is not None else Counted()
            for piece in pieces_of(source):
                made.update(piece)
                counted.rows += piece.count(b"\n")
                counted.bytes += len(piece)
                done += len(piece)
                moved(done)
            if table is None:
                told.files[name] = (counted.bytes, made.hexdigest())
        for name, made in hashes.items():
            told.tables[name].sha256 = made.hexdigest()
        if manifest is None:
            raise Unreadable("Its end is missing: it was cut.")
        with suppress(TypeError, AttributeError):
            told.missing = [str(name) for name in manifest.pop("missing", [])]
        held = told.manifest()
        held.pop("missing")
        if held != manifest:
            raise Unreadable("It is not what it was when it was made: something in it was changed.")
        return told


def _read_list(source: IO[bytes], size: int) -> dict[str, Any]:
    if size > _LIST_MOST:
        raise Unreadable("It holds a list larger than any of ours.")
    try:
        found = json.loads(source.read())
    except ValueError as error:
        raise Unreadable("What it says of itself cannot be read.") from error
    if not isinstance(found, dict):
        raise Unreadable("What it says of itself cannot be read.")
    return found
