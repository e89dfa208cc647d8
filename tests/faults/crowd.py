"""A server of its own process, and people who sign in to it and log outreach by its form."""

import http.client
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

from sqlalchemy import func, select

from crm import create_app
from crm.accounts.rules import hash_password
from crm.core import audit, db
from crm.core.access import Role
from crm.core.cli import migrate_database
from crm.outreach.models import Action, ActionTarget
from tests import make
from tests.conftest import settings_for
from tests.servers import free_port

TREE = Path(__file__).parents[2]
PASSWORD = "quiet-otter-42-paddles"
#: Pieces of each action; the targets get the same.
PIECES = 6
AWAY = (OSError, http.client.HTTPException)


@dataclass
class Server:
    """`crm serve`, started and killed as often as wanted, always at the same address."""

    folder: Path
    environ: dict[str, str]
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; seconds until it is ready."""
        began = time.monotonic()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
        given = {"CRM_INSTANCE": str(self.folder), "CRM_PORT": str(self.port), **self.environ}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command("serve"),
                cwd=TREE,
                env={**kept, "PYTHONPATH": str(TREE), **given},
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        while time.monotonic() < began + 60:
            if self.process.poll() is not None:
                raise RuntimeError(f"it ended by itself: {self.log.read_text()[-2000:]}")
            try:
                if Visitor(self.port).get("/readyz").status == 200:
                    return time.monotonic() - began
            except AWAY:
                pass
            time.sleep(0.01)
        raise RuntimeError("it did not get ready")

    def kill(self) -> None:
        """As the kernel does it."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """As an operator does it; what it ends with."""
        return self._end(signal.SIGTERM)

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "serve.log"

    def _end(self, number: int) -> int:
        assert self.process
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        return self.process.wait(timeout=40)


def command(*arguments: str) -> list[str]:
    """How `crm …` of this tree is started."""
    return [sys.executable, "-c", "from crm.cli import main; main()", *arguments]


def run(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command beside the server."""
    environ = {**os.environ, **server.environ, "CRM_INSTANCE": str(server.folder)}
    return subprocess.run(
        command(*arguments), cwd=TREE, env=environ, capture_output=True, text=True, timeout=120
    )


@contextmanager
def serving(folder: Path, **environ: str) -> Iterator[Server]:
    """A started server; killed at the end, whatever happened."""
    port = free_port()
    server = Server(folder, {"CRM_TIMEZONE": "UTC", "CRM_SECRET_KEY": "test", **environ}, port)
    try:
        server.start()
        yield server
    finally:
        if server.process:
            server.kill()


def school(folder: Path, *, writers: int, readers: int, **more: str) -> SimpleNamespace:
    """Make a school with a campaign and so many people; the addresses they sign in by."""
    folder.mkdir(exist_ok=True)
    app = create_app(settings_for(folder, **more))
    with app.app_context():
        migrate_database()
        chapter = make.chapter("Alder High School")
        targets = tuple(make.target(f"Country {number}") for number in range(PIECES))
        campaign = make.campaign(chapters=(chapter,), targets=targets)
        kept = hash_password(PASSWORD)
        users = [make.user(Role.COORDINATOR, chapter) for _ in range(writers + readers)]
        with db.unit_of_work():
            for user in users:
                db.session.merge(user).password_hash = kept
            audit.record("make", "test", None, by=None)
        emails = [user.email for user in users]
        found = SimpleNamespace(
            writers=emails[:writers],
            readers=emails[writers:],
            campaign=campaign.slug,
            chapter=chapter.id,
        )
        db.session.remove()
        db.extension.engine.dispose()
    return found


@dataclass
class Answer:
    """What came back."""

    status: int
    location: str
    text: str


class Visitor:
    """A browser of a kind: one connection, one cookie."""

    def __init__(self, port: int):
        self.port, self.cookie, self.csrf = port, "", ""
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None)

    def post(self, path: str, **fields: object) -> Answer:
        return self._ask("POST", path, urlencode({"csrf_token": self.csrf, **fields}))

    def _ask(self, method: str, path: str, body: str | None) -> Answer:
        headers = {"Cookie": self.cookie}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            self.connection.request(method, path, body, headers)
            found = self.connection.getresponse()
            text = found.read().decode()
        except AWAY:
            self.connection.close()
            raise
        for value in found.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(value).items():
                self.cookie = f"{name}={morsel.value}"
        if token := re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text):
            self.csrf = token[1]
        return Answer(found.status, found.getheader("Location") or "", text)

    def sign_in(self, email: str) -> None:
        """By the form, with the password."""
        self.get("/sign-in")
        answer = self.post("/sign-in", email=email, password=PASSWORD)
        assert answer.status == 303, answer.text


@dataclass
class Load:
    """Writers and readers at work, and what they saw."""

    port: int
    place: SimpleNamespace
    #: What a failure of this kind is called, or None where it is a fault: asked for each answer
    #: that is not the one wanted.
    bears: Callable[[Answer | BaseException], str | None] = lambda _seen: None
    stopped: threading.Event = field(default_factory=threading.Event)
    #: Keys of the forms that were acknowledged, and of all that were ever sent.
    saved: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    borne: Counter[str] = field(default_factory=Counter)
    #: When a save was last acknowledged.
    last_saved: float = 0.0

    def __enter__(self) -> "Load":
        people = [(self._write, email) for email in self.place.writers]
        people += [(self._read, email) for email in self.place.readers]
        self.threads = []
        signed: list[tuple[Callable[[Visitor], None], Visitor]] = []
        for work, email in people:
            visitor = Visitor(self.port)
            visitor.sign_in(email)
            signed.append((work, visitor))
        for work, visitor in signed:
            thread = threading.Thread(target=self._guarded, args=(work, visitor))
            thread.start()
            self.threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join(timeout=120)

    def _guarded(self, work: Callable[[Visitor], None], visitor: Visitor) -> None:
        try:
            work(visitor)
        except BaseException as error:
            self.faults.append(f"{type(error).__name__}: {error}")

    def _write(self, visitor: Visitor) -> None:
        path = f"/outreach/log/postcard?campaign={self.place.campaign}"
        day = (date.today() - timedelta(days=2)).isoformat()  # noqa: DTZ011
        while not self.stopped.is_set():
            if self._tried(lambda: visitor.get(path), 200, self.reads) is None:
                continue
            key = str(uuid.uuid4())
            self.sent.append(key)
            # The same form again, until it is said to be kept: as somebody does who sees an error.
            while (
                self._tried(
                    lambda key=key: visitor.post(
                        path,
                        client_key=key,
                        campaign=self.place.campaign,
                        chapters=self.place.chapter,
                        happened_on=day,
                        pieces=PIECES,
                        aim="campaign",
                        spread="evenly",
                    ),
                    303,
                    self.writes,
                )
                is None
            ):
                if self.stopped.is_set():
                    return
            self.saved.append(key)
            self.last_saved = time.monotonic()

    def _read(self, visitor: Visitor) -> None:
        pages = ("/", "/outreach", "/reports", "/targets", "/campaigns", "/members")
        turn = 0
        while not self.stopped.is_set():
            turn += 1
            path = pages[turn % len(pages)]
            self._tried(lambda path=path: visitor.get(path), 200, self.reads)

    def _tried(self, ask: Callable[[], Answer], wanted: int, times: list[float]) -> Answer | None:
        began = time.monotonic()
        try:
            seen: Answer | BaseException = ask()
        except AWAY as error:
            seen = error
        if isinstance(seen, Answer) and seen.status == wanted:
            times.append(time.monotonic() - began)
            return seen
        name = self.bears(seen)
        if name is None:
            told = f"{seen.status} {seen.text[-3000:]}" if isinstance(seen, Answer) else repr(seen)
            self.faults.append(told)
        else:
            self.borne[name] += 1
        # Somebody who sees an error does not press the button a thousand times a second; and the
        # server that starts has these two processors too.
        time.sleep(random.uniform(0.2, 0.8))
        return None


@dataclass(frozen=True)
class Kept:
    """What is in the database of what was sent."""

    #: Acknowledged and not there, there more than once, there and never sent.
    lost: int
    doubled: int
    strange: int
    #: Actions whose targets' pieces are not its own.
    torn: int
    rows: int


def kept(folder: Path, load: Load, **more: str) -> Kept:
    """Compare the rows with what the writers were told."""
    app = create_app(settings_for(folder, **more))
    with app.app_context():
        found = Counter(db.session.scalars(select(Action.client_key)))
        sums = (
            select(ActionTarget.action_id, func.sum(ActionTarget.pieces).label("pieces"))
            .group_by(ActionTarget.action_id)
            .subquery()
        )
        torn = select(func.count()).select_from(Action).outerjoin(
            sums, sums.c.action_id == Action.id
        ).where(func.coalesce(sums.c.pieces, 0) != Action.pieces)  # fmt: skip
        result = Kept(
            lost=sum(key not in found for key in load.saved),
            doubled=sum(number > 1 for number in found.values()),
            strange=len(set(found) - set(load.sent)),
            torn=db.session.scalar(torn) or 0,
            rows=sum(found.values()),
        )
        db.session.remove()
        db.extension.engine.dispose()
    return result
