"""Files sealed in the `age` format, by pyrage, as they are written and read: never whole in memory.

For a recipient (`age1…`) the file is what `age` makes, and `age -d -i IDENTITY` opens it. For a
passphrase, which the library takes for small texts only, it is a tar of two: `key.age`, a fresh
identity under the passphrase, and the data for that identity; `age -d -i key.age` opens it.
"""

import os
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import pyrage
from pyrage import passphrase as by_passphrase
from pyrage import x25519

_BLOCK = tarfile.BLOCKSIZE
_KEY, _DATA = "key.age", "data.age"
#: Bytes of a sealed identity; more is none.
_KEY_MOST = 64 * 1024
AGE = b"age-encryption.org/v1"


class Sealed(ValueError):
    """A file that cannot be opened. The message is a sentence."""


class CutShort(Sealed):
    """What was being opened ends too early, or was changed."""


def is_recipient(key: str) -> bool:
    """Whether a key is an age recipient, and no passphrase."""
    return key.startswith("age1")


def recipient_of(key: str) -> x25519.Recipient:
    """The recipient. Raises `Sealed` for what only begins like one."""
    try:
        return x25519.Recipient.from_str(key)
    except pyrage.RecipientError as error:
        raise Sealed("CRM_BACKUP_KEY begins with age1 but is no age recipient.") from error


@contextmanager
def sealing(file: IO[bytes], key: str) -> Iterator[IO[bytes]]:
    """Give a writer whose bytes land sealed in `file`, which begins where it stands.

    `file` must be seekable for a passphrase.
    """
    if is_recipient(key):
        with _through(file, [recipient_of(key)]) as writer:
            yield writer
        return
    identity = x25519.Identity.generate()
    sealed = by_passphrase.encrypt(f"{identity}\n".encode(), key)
    info = tarfile.TarInfo(_KEY)
    info.size, info.mode = len(sealed), 0o600
    file.write(info.tobuf(tarfile.GNU_FORMAT))
    file.write(sealed + b"\0" * (-len(sealed) % _BLOCK))
    head = file.tell()
    # Its size is known at the end only.
    file.write(b"\0" * _BLOCK)
    with _through(file, [identity.to_public()]) as writer:
        yield writer
    end = file.tell()
    info = tarfile.TarInfo(_DATA)
    info.size, info.mode = end - head - _BLOCK, 0o600
    file.write(b"\0" * (-info.size % _BLOCK + 2 * _BLOCK))
    file.seek(head)
    file.write(info.tobuf(tarfile.GNU_FORMAT))
    file.seek(0, os.SEEK_END)


@contextmanager
def opened(file: IO[bytes], *, key: str, identity: str = "") -> Iterator[IO[bytes]]:
    """Give a reader of what is in a file, sealed or not. Raises `Sealed`.

    `key` is the passphrase, `identity` the text of an age identity file.
    """
    start = file.read(_BLOCK)
    file.seek(0)
    if start.startswith(AGE):
        if not identity:
            raise Sealed("It is sealed for an age recipient: give its identity with --identity.")
        with _opening(file, _identities(identity)) as reader:
            yield reader
    elif start.startswith(_KEY.encode() + b"\0"):
        if not key:
            raise Sealed("It is sealed with a passphrase: give it as CRM_BACKUP_KEY.")
        with _opening(file, *_own_identity(file, key)) as reader:
            yield reader
    else:
        yield file


def _own_identity(file: IO[bytes], key: str) -> tuple[list[Any], int]:
    """The identity at the beginning of the file, and the size of the data it then stands before."""
    try:
        info = tarfile.TarInfo.frombuf(file.read(_BLOCK), "utf-8", "strict")
        if not 0 < info.size <= _KEY_MOST:
            raise CutShort("It is cut or was changed.")
        sealed = file.read(info.size)
        file.seek(-info.size % _BLOCK, os.SEEK_CUR)
        size = tarfile.TarInfo.frombuf(file.read(_BLOCK), "utf-8", "strict").size
    except tarfile.HeaderError as error:
        raise CutShort("It is cut or was changed.") from error
    try:
        return _identities(by_passphrase.decrypt(sealed, key).decode()), size
    except (pyrage.DecryptError, UnicodeDecodeError) as error:
        raise Sealed("CRM_BACKUP_KEY does not open it: it was sealed with another one.") from error


def _identities(text: str) -> list[Any]:
    found = []
    for line in text.splitlines():
        if (line := line.strip()) and not line.startswith("#"):
            try:
                found.append(x25519.Identity.from_str(line))
            except pyrage.IdentityError as error:
                raise Sealed("The identity file holds no age identity.") from error
    if not found:
        raise Sealed("The identity file holds no age identity.")
    return found


class _Reading:
    """So much of a file and no more, for the other side of a pipe."""

    def __init__(self, file: IO[bytes], size: int | None) -> None:
        self._file, self._left = file, size

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if self._left is not None:
            size = self._left if size < 0 else min(size, self._left)
        data = self._file.read(size)
        if self._left is not None:
            self._left -= len(data)
        return data


class _Writing:
    """A file that remembers why it could not be written: the library tells it as a text only."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.failed: OSError | None = None

    def write(self, data: bytes) -> int:
        """Pass them on."""
        try:
            return self._file.write(data)
        except OSError as error:
            self.failed = error
            raise

    def flush(self) -> None:
        """Nothing is held back here."""


@contextmanager
def _opening(
    file: IO[bytes], identities: list[Any], size: int | None = None
) -> Iterator[IO[bytes]]:
    """Read through a pipe what a thread decrypts. Raises `Sealed` for what it cannot."""
    read, write = os.pipe()
    failed: list[BaseException] = []

    def work() -> None:
        with suppress(BrokenPipeError), os.fdopen(write, "wb") as out:
            try:
                pyrage.decrypt_io(_Reading(file, size), out, identities)
            except Exception as error:
                failed.append(error)

    thread = threading.Thread(target=work, name="crm-opening", daemon=True)
    thread.start()
    try:
        with os.fdopen(read, "rb") as reader:
            yield reader
    finally:
        thread.join()
        told = str(failed[0]).lower() if failed else ""
        if "matching" in told:
            raise Sealed("This identity does not open it: it was sealed for another one.")
        # Whoever has read enough closes the pipe, and that is no fault.
        if failed and "pipe" not in told:
            raise CutShort("It is cut or was changed.")


@contextmanager
def _through(file: IO[bytes], recipients: list[Any]) -> Iterator[IO[bytes]]:
    """Give the writing end of a pipe whose other end a thread reads, seals and writes."""
    read, write = os.pipe()
    failed: list[BaseException] = []
    out = _Writing(file)

    def work() -> None:
        with os.fdopen(read, "rb") as inner:
            try:
                pyrage.encrypt_io(inner, out, recipients)
            except Exception as error:
                failed.append(out.failed or error)

    thread = threading.Thread(target=work, name="crm-sealing", daemon=True)
    thread.start()
    try:
        with suppress(BrokenPipeError), os.fdopen(write, "wb") as writer:
            yield writer
    finally:
        thread.join()
        if failed:
            raise failed[0]
