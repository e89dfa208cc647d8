"""Work that takes longer than a page may: in a thread of the server, with its progress in a file.

The work belongs to a folder (of a file that was sent). Two never work on one folder, and what was
killed in the middle is known for that: the lock falls with the process, the file still says that it
is going on. What the work writes is one transaction, so nothing of it is left then.
"""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from flask import current_app
from flask_babel import force_locale, get_locale
from flask_babel import gettext as _
from sqlalchemy import Connection, Integer, func, literal, select
from sqlalchemy.exc import DBAPIError

from crm.core import db
from crm.core.errors import Refused, trace_of

log = logging.getLogger(__name__)

#: `moved(done, of)`; `of` is 0 while nobody knows it.
Moved = Callable[[int, int], None]

RUNNING, DONE, REFUSED, FAILED = "running", "done", "refused", "failed"
#: What a file says that goes on while nobody works on it: whoever did was stopped.
INTERRUPTED = "interrupted"
#: More would wait for each other's connections, and for the processor.
_turns = threading.BoundedSemaphore(db.MOST_WORKS)
_FILE, _LOCK = "progress.json", "progress.lock"


@dataclass
class Progress:
    """How far a work is, or how it ended."""

    #: Which of the works on this folder: the room's own word.
    what: str
    state: str = RUNNING
    done: int = 0
    of: int = 0
    #: The sentence of a refusal, and the field it is about.
    told: str = ""
    about: str | None = None
    #: What the work gave.
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def share(self) -> float | None:
        """How much of it is done, from 0 to 1; None while nobody knows."""
        return min(1.0, self.done / self.of) if self.of else None


def progress_of(folder: Path) -> Progress | None:
    """How the last work on a folder stands; None when there was none."""
    try:
        found = Progress(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    if found.state == RUNNING and not _is_held(folder):
        # It may have ended between the two looks.
        with suppress(OSError, ValueError, TypeError):
            found = Progress(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
        if found.state == RUNNING:
            found.state = INTERRUPTED
    return found


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let nobody else work on the folder meanwhile. Raises `Refused` while somebody does."""
    held = _hold(folder, patience=1.0)
    if held is None:
        raise Refused(_("This is being done already. Wait until it is ready."))
    try:
        yield
    finally:
        held.close()


def start(folder: Path, what: str, work: Callable[[Moved], dict[str, Any]]) -> None:
    """Do `work` in a thread, in a context of the application and the language of whoever asked.

    It gets `moved` to tell how far it is; what it returns stands in `progress_of(…).result`.
    Raises `Refused` when somebody works on the folder already.
    """
    held = _hold(folder, patience=1.0)
    if held is None:
        raise Refused(_("This is being done already. Wait until it is ready."))
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    language = str(get_locale() or "en")
    told = Progress(what)
    _keep(folder, told)

    def run() -> None:
        def moved(done: int, of: int) -> None:
            told.done, told.of = done, of
            _keep(folder, told)

        try:
            with _turns, app.app_context(), force_locale(language):
                told.result = work(moved)
            told.state = DONE
        except Refused as refusal:
            told.state, told.told, told.about = REFUSED, str(refusal.message), refusal.field
        except Exception as error:
            # Where it went wrong goes to the log, and not on what: that may name people.
            log.error("error in the background work %s\n%s", what, "".join(trace_of(error)))
            told.state = FAILED
        finally:
            with suppress(OSError):
                _keep(folder, told)
            held.close()

    # A server that is stopped does not wait for it: what it wrote is taken back by the database.
    threading.Thread(target=run, name=f"crm-{what}", daemon=True).start()


def finish(folder: Path, what: str, result: dict[str, Any]) -> None:
    """Say of a work that was done at once what `start` would have said."""
    _keep(folder, Progress(what, DONE, result=result))


def _keep(folder: Path, told: Progress) -> None:
    part = folder / "progress.part"
    part.write_text(json.dumps(asdict(told)), encoding="utf-8")
    part.replace(folder / _FILE)


class _Held(Protocol):
    def close(self) -> None: ...


def _hold(folder: Path, *, patience: float) -> _Held | None:
    """The folder's lock; None while another has it. It falls when it is closed, or the process is
    killed: of any host where they share PostgreSQL, else of this one."""
    engine = db.extension.engine
    if engine.dialect.name != "postgresql":
        return _hold_file(folder, patience)
    # The folder's name is its token: other hosts may have mounted it elsewhere.
    key = func.hashtextextended(folder.name, literal(0, Integer))
    until = time.monotonic() + patience
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        while not connection.scalar(select(func.pg_try_advisory_lock(key))):
            if time.monotonic() >= until:
                connection.close()
                return None
            time.sleep(0.05)
        # Of a host that lost its power nobody says goodbye: the database asks.
        connection.exec_driver_sql("SET tcp_keepalives_idle = 30")
        connection.exec_driver_sql("SET tcp_keepalives_interval = 10")
    except BaseException:
        connection.invalidate()
        raise
    return _Advisory(connection, key)


class _Advisory:
    """A lock of PostgreSQL's, kept by a connection that does nothing else."""

    def __init__(self, connection: Connection, key: Any):
        self._connection, self._key = connection, key

    def close(self) -> None:
        try:
            self._connection.execute(select(func.pg_advisory_unlock(self._key)))
        except DBAPIError:
            # The connection broke, and the lock fell with it.
            self._connection.invalidate()
        self._connection.close()


def _hold_file(folder: Path, patience: float) -> sqlite3.Connection | None:
    # SQLite's locks fall with the process on every system.
    held = sqlite3.connect(
        folder / _LOCK, timeout=patience, isolation_level=None, check_same_thread=False
    )
    try:
        held.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        held.close()
        return None
    return held


def _is_held(folder: Path) -> bool:
    held = _hold(folder, patience=0)
    if held is None:
        return True
    held.close()
    return False
