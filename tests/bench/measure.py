"""Clocks, statement counts and memory of a served application."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

#: Seconds after which a connection is made anew: a server lets go of one that says nothing.
IDLE = 60


class NotThere(Exception):
    """What was to be measured is not in this version."""


@dataclass
class Answer:
    """What came back and how long it took, in seconds, until the last byte."""

    status: int
    headers: Any
    body: bytes
    size: int
    seconds: float

    @property
    def statements(self) -> int:
        """SQL statements up to the first byte."""
        return int(self.headers.get("X-Statements", 0))


class Served:
    """An application in another process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        self.process = process
        self._cookies = dict([started["cookie"].split("=", 1)]) if started["cookie"] else {}
        self._connection = http.client.HTTPConnection("127.0.0.1", started["port"], timeout=900)
        self._asked_at = time.monotonic()

    def get(self, path: str, *, keep: bool = True) -> Answer:
        """Fetch a page; without `keep` the body is read and thrown away."""
        return self._ask("GET", path, None, keep)

    def post(self, path: str, fields: list[tuple[str, str]]) -> Answer:
        """Send a form."""
        return self._ask("POST", path, urlencode(fields), True)

    def _ask(self, method: str, path: str, body: str | None, keep: bool) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if time.monotonic() - self._asked_at > IDLE:
            self._connection.close()
        self._asked_at = time.monotonic()
        started = time.perf_counter()
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        read, size = b"", 0
        while piece := answer.read(1 << 16):
            size += len(piece)
            read = read + piece if keep else b""
        seconds = time.perf_counter() - started
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.split(";")[0].partition("=")
            self._cookies[name] = value
        return Answer(answer.status, answer.headers, read, size, seconds)

    def forget_peak(self) -> None:
        """Start the peak of memory anew."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def peak(self) -> int:
        """Most memory since then, in MB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) // 1024
        return 0


@contextmanager
def served(which: str, folder: Path) -> Iterator[Served]:
    """Start `ours` or the bare application (`floors`) on the folder's database."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.serving", which, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={name: value for name, value in os.environ.items() if not name.startswith("CRM_")},
    )
    try:
        yield Served(process)
    finally:
        process.terminate()
        process.wait()


@dataclass
class Figure:
    """One line of the table. Seconds; None for what does not apply."""

    name: str
    actions: int
    ours: float
    floor: float
    allowed: float | None
    p95: float | None = None
    statements: int | None = None
    peak: int | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times the floor."""
        return self.ours / self.floor


def by_turns(
    ours: Callable[[], Answer], floor: Callable[[], Answer], times: int, *, status: int = 200
) -> tuple[list[Answer], list[Answer]]:
    """Ask both in turn, so that what else the machine does falls on both; the first is not counted.

    Raises `NotThere` when ours has no such page.
    """
    first = ours()
    if first.status == 404:
        raise NotThere
    assert first.status == status, f"ours answered {first.status}: {first.body[-2000:]!r}"
    other = floor()
    assert other.status == status, f"the floor answered {other.status}"
    pairs = [(ours(), floor()) for _ in range(times)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def middle(answers: list[Answer]) -> float:
    """The median time."""
    return median(answer.seconds for answer in answers)


def late(answers: list[Answer]) -> float:
    """The time that 95 of 100 stay under."""
    ordered = sorted(answer.seconds for answer in answers)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


class Fields(HTMLParser):
    """The fields of a page's POST form as a browser would send them untouched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: list[tuple[str, str]] = []
        self._in_form = False
        self._select = self._area = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect inputs, the chosen options and text areas."""
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "form":
            self._in_form = (given.get("method") or "").lower() == "post"
        elif not self._in_form:
            return
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self.values.append((self._select, value))
        elif tag == "textarea":
            self._area = name
        elif tag == "input" and name and given.get("type") not in ("submit", "file"):
            ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
            if ticked:
                self.values.append((name, value))

    def handle_data(self, data: str) -> None:
        """What stands in a text area."""
        if self._area and self._in_form:
            self.values.append((self._area, data.removeprefix("\n")))
            self._area = ""

    def handle_endtag(self, tag: str) -> None:
        """Leave what was entered."""
        if tag == "form":
            self._in_form = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""

    def with_(self, **changes: str) -> list[tuple[str, str]]:
        """The fields, some of them filled in."""
        kept = [(name, value) for name, value in self.values if name not in changes]
        return [*kept, *changes.items()]
