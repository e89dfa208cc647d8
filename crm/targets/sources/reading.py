"""Reads other people's files without trusting them: from a folder, a file, an upload, an address.

Every refusal is a sentence that names the file and, where it can, the record and the field.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from email.message import Message
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import yaml
from flask_babel import gettext as _

from crm.core.errors import Refused
from crm.core.text import one_line
from crm.targets import rules

#: Told how many steps of how many are done.
Progress = Callable[[int, int], None]

#: Bytes of one file. YAML takes some forty times the work of JSON, so it may be less.
MAX_BYTES = 30 * 1024 * 1024
MAX_YAML_BYTES = 8 * 1024 * 1024
#: Groups within groups. Real files have eight.
MAX_DEPTH = 100
#: Seconds without a byte, and of one download in all.
TIMEOUT, MAX_SECONDS = 15, 180

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _TextLoader(_Loader):
    """Reads every plain scalar as text, so that `NO` stays Norway and `0123` a ZIP code."""


_NULL = "tag:yaml.org,2002:null"
_TextLoader.yaml_implicit_resolvers = {
    first: kept
    for first, pairs in _Loader.yaml_implicit_resolvers.items()
    if (kept := [pair for pair in pairs if pair[0] == _NULL])
}


@dataclass(frozen=True)
class Document:
    """A file that could be parsed."""

    name: str
    data: Any


@dataclass
class Documents:
    """The files of a source by stem (`legislators-current`), and where they came from."""

    origin: str
    found: dict[str, Document] = field(default_factory=dict)


def parse(name: str, content: bytes) -> Document:
    """Parse YAML or JSON by the file's ending. Raises `Refused` with a sentence."""
    is_json = name.lower().endswith(".json")
    most = MAX_BYTES if is_json else MAX_YAML_BYTES
    if len(content) > most:
        raise Refused(
            _("%(file)s is larger than %(most)s MB.", file=name, most=most // 1024 // 1024)
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(
            _("%(file)s is not UTF-8 text (byte %(byte)s).", file=name, byte=error.start)
        ) from error
    try:
        return Document(name, json.loads(text) if is_json else _parse_yaml(name, text))
    except json.JSONDecodeError as error:
        raise Refused(
            _("%(file)s is broken at line %(line)s: %(why)s.",
              file=name, line=error.lineno, why=error.msg)
        ) from error  # fmt: skip
    except yaml.YAMLError as error:
        raise Refused(_yaml_sentence(name, error)) from error
    except RecursionError as error:
        raise Refused(_("%(file)s is nested too deeply.", file=name)) from error
    except ValueError as error:
        raise Refused(_("%(file)s holds a value that cannot be read.", file=name)) from error


def _parse_yaml(name: str, text: str) -> Any:
    if _may_be_a_trap(text):
        _refuse_traps(name, text)
    return yaml.load(text, Loader=_TextLoader)  # noqa: S506 - a safe loader


def _may_be_a_trap(text: str) -> bool:
    """Whether a second reading is worth its time.

    An alias lets a small file unfold into gigabytes, and is written with a star. Deep nesting
    overruns the stack of the C loader and ends the process; it takes brackets or long lines.
    """
    brackets = text.count("[") + text.count("{")
    return "*" in text or brackets > 200 or max(map(len, text.splitlines()), default=0) > 400


def _refuse_traps(name: str, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise Refused(_("%(file)s uses YAML aliases, which are not read.", file=name))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise Refused(_("%(file)s is nested too deeply.", file=name))


def _yaml_sentence(name: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    why = getattr(error, "problem", None) or getattr(error, "reason", None) or "?"
    if mark is None:
        return _("%(file)s is broken: %(why)s.", file=name, why=why)
    return _(
        "%(file)s is broken at line %(line)s: %(why)s.", file=name, line=mark.line + 1, why=why
    )


def read_uploads(
    uploads: Sequence[tuple[str, bytes]], stems: Sequence[str], progress: Progress | None = None
) -> Documents:
    """Files somebody sent, told apart by name. A single one may have any name."""
    uploads = [(_plain_name(name), content) for name, content in uploads]
    documents = Documents(origin=", ".join(name for name, _content in uploads))
    for done, (name, content) in enumerate(uploads, start=1):
        stem = next((each for each in stems if Path(name).name.startswith(each)), None)
        if stem is None and len(uploads) == 1:
            stem = stems[0]
        if stem is None:
            raise Refused(
                _("%(file)s is none of the files that can be read: %(names)s.",
                  file=name, names=", ".join(stems))
            )  # fmt: skip
        if stem in documents.found:
            raise Refused(_("%(name)s was given twice.", name=stem))
        documents.found[stem] = parse(name, content)
        if progress:
            progress(done, len(uploads))
    return _with_first(documents, stems)


def _plain_name(name: str) -> str:
    """A file's name as it can be kept and shown: whoever sends it may call it anything."""
    return "".join(c for c in Path(name).name if c.isprintable())[:100]


def read_place(place: str, stems: Sequence[str], progress: Progress | None = None) -> Documents:
    """Files of a folder, a single file (the first of `stems`), or an https address of either."""
    if "://" in place:
        return _read_address(place, stems, progress)
    path = Path(place).expanduser()
    documents = Documents(origin=place)
    if path.is_file():
        documents.found[stems[0]] = parse(path.name, _read_file(path))
        return documents
    if not path.is_dir():
        raise Refused(_("There is no folder or file %(place)s.", place=place))
    for done, stem in enumerate(stems, start=1):
        names = (path / f"{stem}{ending}" for ending in (".yaml", ".yml", ".json"))
        if file := next((each for each in names if each.is_file()), None):
            documents.found[stem] = parse(file.name, _read_file(file))
        if progress:
            progress(done, len(stems))
    return _with_first(documents, stems)


def _with_first(documents: Documents, stems: Sequence[str]) -> Documents:
    if stems[0] not in documents.found:
        raise Refused(
            _("%(place)s has no %(file)s.yaml or %(file)s.json.",
              place=documents.origin, file=stems[0])
        )  # fmt: skip
    return documents


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Refused(
            _("%(file)s cannot be read: %(why)s.", file=path.name, why=error.strerror)
        ) from error


def _read_address(place: str, stems: Sequence[str], progress: Progress | None) -> Documents:
    parts = urlsplit(place)
    if parts.scheme != "https" or not parts.hostname:
        raise Refused(_("Only https addresses are read, not %(place)s.", place=place))
    documents = Documents(origin=place)
    if parts.path.lower().endswith((".json", ".yaml", ".yml")):
        documents.found[stems[0]] = parse(parts.path.rpartition("/")[2], _found(place))
        return documents
    for done, stem in enumerate(stems, start=1):
        for ending in (".json", ".yaml"):
            content = fetch(f"{place.rstrip('/')}/{stem}{ending}")
            if content is not None:
                documents.found[stem] = parse(f"{stem}{ending}", content)
                break
        if progress:
            progress(done, len(stems))
    return _with_first(documents, stems)


def _found(address: str) -> bytes:
    content = fetch(address)
    if content is None:
        raise Refused(_("There is nothing at %(address)s.", address=address))
    return content


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Follows an address to another, but never out of https."""

    def redirect_request(
        self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Any:
        if not newurl.startswith("https://"):
            raise urllib.error.URLError("it leads out of https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def fetch(address: str, *, most: int | None = None) -> bytes | None:
    """What lies at an https address; None when there is nothing. Raises `Refused` otherwise.

    At most `most` bytes are taken, `MAX_BYTES` unless told.
    """
    most = most or MAX_BYTES
    request = urllib.request.Request(address, headers={"User-Agent": "campaign-outreach-crm"})  # noqa: S310
    until = time.monotonic() + MAX_SECONDS
    content = bytearray()
    try:
        with urllib.request.build_opener(_OnlyHttps).open(request, timeout=TIMEOUT) as answer:
            while chunk := answer.read1(1 << 16):
                content += chunk
                if len(content) > most:
                    raise Refused(
                        _("%(file)s is larger than %(most)s MB.",
                          file=address, most=most // 1024 // 1024)
                    )  # fmt: skip
                if time.monotonic() > until:
                    raise TimeoutError("it took too long")
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            return None
        raise _unreachable(address, f"{error.code} {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise _unreachable(address, str(getattr(error, "reason", error))) from error
    return bytes(content)


def _unreachable(address: str, why: str) -> Refused:
    return Refused(
        _("%(address)s could not be reached: %(why)s. Check the connection, or give a folder with "
          "the files.", address=address, why=why)
    )  # fmt: skip


class Record:
    """One record of a file: gives its fields checked, and names them when they are wrong."""

    __slots__ = ("data", "file", "label", "warnings")

    def __init__(self, file: str, label: str, data: Any, warnings: list[str]):
        self.file, self.label, self.warnings = file, label, warnings
        if not isinstance(data, dict):
            raise Refused(
                _("%(file)s: %(record)s is not a record but %(what)s.",
                  file=file, record=label, what=_kind(data))
            )  # fmt: skip
        self.data: dict[str, Any] = data

    def wrong(self, path: str, what: str) -> Refused:
        """The refusal of a field."""
        return Refused(f"{self.file}: {self.label}: {path} {what}")

    def within(self, holder: Mapping[str, Any], key: str, path: str) -> dict[str, Any]:
        """A required group of fields."""
        value = holder.get(key)
        if value is None:
            raise self.wrong(path + key, _("is missing"))
        if not isinstance(value, dict):
            raise self.wrong(
                path + key, _("is not a group of fields but %(what)s", what=_kind(value))
            )
        return value

    def rows(self, holder: Mapping[str, Any], key: str, *, required: bool = False) -> list[Any]:
        """A list; empty when absent."""
        value = holder.get(key)
        if value is None and not required:
            return []
        if value is None:
            raise self.wrong(key, _("is missing"))
        if not isinstance(value, list):
            raise self.wrong(key, _("is not a list but %(what)s", what=_kind(value)))
        if required and not value:
            raise self.wrong(key, _("is empty"))
        return value

    def text(
        self, holder: Mapping[str, Any], key: str, path: str = "", *, required: bool = False,
        most: int = 500,
    ) -> str | None:  # fmt: skip
        """A line of text, blanks around it taken away; None when absent or empty."""
        value = holder.get(key)
        if value is None or value == "":
            if required:
                raise self.wrong(path + key, _("is missing"))
            return None
        if not isinstance(value, str):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise self.wrong(path + key, _("is not text but %(what)s", what=_kind(value)))
            value = str(value)
        if len(value) > most:
            raise self.wrong(path + key, _("is longer than %(most)s characters", most=most))
        if not value.isprintable():
            if any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in value):
                raise self.wrong(path + key, _("holds a character that cannot be kept"))
            value = " ".join(one_line(value).split())
        return value.strip() or self.text({}, key, path, required=required)

    def needed(self, holder: Mapping[str, Any], key: str, path: str = "", most: int = 500) -> str:
        """A required line of text."""
        value = self.text(holder, key, path, required=True, most=most)
        assert value is not None  # noqa: S101 - `required` refuses it
        return value

    def whole(
        self, holder: Mapping[str, Any], key: str, path: str = "", *, least: int, most: int
    ) -> int | None:
        """A whole number in a range; None when absent."""
        text = self.text(holder, key, path)
        if text is None:
            return None
        if not text.lstrip("-").isdecimal() or len(text) > 9 or not least <= int(text) <= most:
            raise self.wrong(
                path + key,
                _("is not a whole number from %(least)s to %(most)s: %(value)s",
                  least=least, most=most, value=_quoted(text)),
            )  # fmt: skip
        return int(text)

    def day(self, holder: Mapping[str, Any], key: str, path: str = "") -> date:
        """A required date."""
        text = self.needed(holder, key, path)
        try:
            return _day(text)
        except ValueError:
            raise self.wrong(
                path + key, _("is not a date: %(value)s", value=_quoted(text))
            ) from None

    def address(self, holder: Mapping[str, Any], key: str, path: str = "") -> str | None:
        """An address on the web. One that is none is kept as text, with a warning."""
        text = self.text(holder, key, path, most=1000)
        if text is not None and not rules.is_link(text):
            wrong = self.wrong(
                path + key, _("is not a web address: %(value)s", value=_quoted(text))
            )
            self.warnings.append(_("%(wrong)s. It is kept as text.", wrong=wrong.message))
        return text


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    if len(text) != 10 or text[7] != "-":
        raise ValueError(text)
    return date.fromisoformat(text)


def _quoted(text: str) -> str:
    return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"


def _kind(value: Any) -> str:
    if value is None:
        return _("nothing")
    if isinstance(value, dict):
        return _("a group of fields")
    if isinstance(value, list):
        return _("a list")
    return _quoted(str(value))
