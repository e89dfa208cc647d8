"""Who carries out what stands in the outbox: threads that a queue wakes, and a clock.

The queue (huey) carries one message only, “something waits in this lane”; what waits, and who has
it, stands in the outbox alone. So the queue may lose a message, tell one twice or be away: every
minute a worker looks for itself. Each lane has threads of its own, and a queue of its own.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import Flask, current_app
from huey import Huey, RedisHuey, SqliteHuey
from huey.consumer import Consumer
from huey.serializer import SignedSerializer
from redis import ConnectionPool
from sqlalchemy import func, select

from crm.core import db, links, outbox, schedule
from crm.core.errors import trace_of
from crm.core.mail_models import WorkerSeen
from crm.core.outbox import Outgoing, State
from crm.core.settings import in_force

log = logging.getLogger(__name__)

#: Seconds between two looks at the queue while nothing comes; a message leaves within a second.
_LOOK = 0.4
#: Seconds between two rounds of the clock.
_MINUTE = 60
#: Seconds a queue that was away is not asked, lest every request waits for it.
_AWAY = 30
#: Wakings that wait in a lane; more would say nothing new.
_MOST = 4
#: Seconds a worker that is stopped gives the row in hand.
PATIENCE = 30


@dataclass
class _Queues:
    """The queues of one application, made when one is needed."""

    lanes: dict[str, tuple[Huey, Callable[[], object]]] = field(default_factory=dict)
    making: threading.Lock = field(default_factory=threading.Lock)
    #: Until when nobody asks a queue that was away; and whether it was said.
    away_until: float = 0.0
    away_said: bool = False
    #: The worker in this process.
    worker: "Worker | None" = None


def init_app(app: Flask) -> None:
    """Let what is put into the outbox wake a worker."""
    app.extensions["crm_queues"] = _Queues()
    outbox.wake = wake


def wake(lane: str) -> None:
    """Tell a worker that something waits. Never raises; nobody is woken in the test suite."""
    if not current_app.testing:
        _told(lane)


def is_reachable() -> bool:
    """Whether the queue answers; what waits is found once a minute where it does not."""
    try:
        _queue(outbox.lanes()[0])[0].storage.queue_size()
    except Exception:
        # Whatever its storage says.
        return False
    return True


def seen() -> datetime | None:
    """When a worker that was not stopped was last there; it says so every minute."""
    there = select(func.max(WorkerSeen.seen_at)).where(WorkerSeen.stopped_at.is_(None))
    return db.session.scalar(there)


def _told(lane: str) -> bool:
    """Whether the queue took the word."""
    queues = _queues()
    if time.monotonic() < queues.away_until:
        return False
    try:
        huey, call = _queue(lane)
        # What was committed before a waking is taken is found by it.
        if huey.storage.queue_size() < _MOST:
            call()
    except Exception as error:
        # Whatever the queue's storage says: what waits is found without it.
        if not queues.away_said:
            log.warning("the queue is away (%s): workers look every minute", type(error).__name__)
        queues.away_until, queues.away_said = time.monotonic() + _AWAY, True
        return False
    queues.away_said = False
    return True


def _queues() -> _Queues:
    found: _Queues = current_app.extensions["crm_queues"]
    return found


def _queue(lane: str) -> tuple[Huey, Callable[[], object]]:
    queues = _queues()
    with queues.making:
        if lane not in queues.lanes:
            queues.lanes[lane] = _made(current_app._get_current_object(), lane)  # type: ignore[attr-defined]
        return queues.lanes[lane]


def _made(app: Flask, lane: str) -> tuple[Huey, Callable[[], object]]:
    settings = in_force()
    secret = str(app.secret_key)
    # Signed: whoever can write to the queue's storage cannot have anything run here.
    signed = SignedSerializer(secret=secret, salt="crm.queue")
    # Two installations may share a Redis.
    name = f"crm-{links.digest(secret + 'queue')[:12]}-{lane}"
    if settings.queue_url:
        pool = ConnectionPool.from_url(
            settings.queue_url,
            socket_connect_timeout=2,
            socket_timeout=10,
            health_check_interval=30,
        )
        huey: Huey = RedisHuey(name, results=False, serializer=signed, connection_pool=pool)
    else:
        path = settings.folder / "queue.sqlite3"
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        huey = SqliteHuey(name, results=False, serializer=signed, filename=str(path))

    def work_lane() -> None:
        with app.app_context(), _in_the_log(f"working the lane {lane}"):
            worker = _queues().worker
            outbox.work(lane, until=worker.stopping.is_set if worker else lambda: False)
            if worker:
                worker.look.set()

    return huey, huey.task(name=f"work_{lane}")(work_lane)


@contextmanager
def _in_the_log(what: str) -> Iterator[None]:
    """Where it went wrong goes to the log, and not on what: that may name people."""
    try:
        yield
    except Exception as error:
        log.error("error when %s\n%s", what, "".join(trace_of(error)))


class _Consumer(Consumer):
    """Huey's, beside others in one process: signals are the process's own business."""

    def _set_signal_handlers(self) -> None:
        """Set none (asked by `start`)."""


class _OncePerMinute(logging.Filter):
    """A queue that is away is said once a minute, and not by each thread at each look."""

    def __init__(self) -> None:
        super().__init__()
        self.said = -float(_MINUTE)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is said."""
        if time.monotonic() < self.said + _MINUTE:
            return False
        self.said = time.monotonic()
        # Why, without the trace: it is the same each time.
        error = record.exc_info[1] if record.exc_info else None
        record.msg, record.args = "%s: %s", (record.getMessage(), type(error).__name__)
        record.exc_info = None
        return True


class Worker:
    """The threads of one process that carry out what waits: a few in each lane, and a clock."""

    def __init__(self, app: Flask, *, name: str | None = None):
        self.app = app
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self.stopping = threading.Event()
        #: Set when something may be due sooner than the clock thinks.
        self.look = threading.Event()
        self.consumers: list[_Consumer] = []
        self.clock = threading.Thread(target=self._run_clock, name="crm-clock", daemon=True)

    def start(self) -> None:
        """Begin. Returns at once."""
        for name in ("Worker", "Scheduler"):
            logger = logging.getLogger(f"huey.consumer.{name}")
            if not any(isinstance(each, _OncePerMinute) for each in logger.filters):
                logger.addFilter(_OncePerMinute())
        with self.app.app_context():
            _queues().worker = self
            with _in_the_log("opening the queue"):
                for lane in outbox.lanes():
                    self.consumers.append(self._consumer(lane))
        for consumer in self.consumers:
            consumer.start()
        self.clock.start()

    def _consumer(self, lane: str) -> _Consumer:
        return _Consumer(
            _queue(lane)[0],
            workers=int(in_force().workers),
            # The clock is ours: it must go on where the queue is away.
            periodic=False,
            scheduler_interval=60,
            max_delay=_LOOK,
            shutdown_timeout=PATIENCE,
        )

    def stop(self, patience: float = PATIENCE) -> bool:
        """Finish the rows in hand, give back those not begun; whether all was finished in time."""
        over = time.monotonic() + patience
        self.stopping.set()
        self.look.set()
        for consumer in self.consumers:
            consumer.stop_flag.set()
        for consumer in self.consumers:
            consumer.shutdown_timeout = max(0.1, over - time.monotonic())
            consumer.stop(graceful=True)
        self.clock.join(max(0.1, over - time.monotonic()))
        threads = [thread for each in self.consumers for _worker, thread in each.worker_threads]
        with self.app.app_context():
            _queues().worker = None
            with _in_the_log("saying that the worker stops"):
                self._seen(stopped=True)
        return not any(thread.is_alive() for thread in (*threads, self.clock))

    # The clock

    def _run_clock(self) -> None:
        minute = time.monotonic()
        while not self.stopping.is_set():
            wait = float(_MINUTE)
            self.look.clear()
            with self.app.app_context(), _in_the_log("looking at the clock"):
                if time.monotonic() >= minute:
                    minute = time.monotonic() + _MINUTE
                    self._every_minute()
                wait = self._wake_due(minute)
            self.look.wait(max(0.5, min(wait, minute - time.monotonic())))
            # Whoever finishes row after row asks for a look after each.
            self.stopping.wait(0.5)

    def _every_minute(self) -> None:
        with _in_the_log("saying that the worker is there"):
            self._seen()
        with _in_the_log("sweeping the outbox"):
            outbox.sweep()
        with _in_the_log("asking for what is due by the clock"):
            schedule.tick()
        for consumer in self.consumers:
            consumer.check_worker_health()

    def _wake_due(self, minute: float) -> float:
        """See to what is due; seconds until the next row is."""
        waiting = select(Outgoing.job, func.min(Outgoing.due_at))
        waiting = waiting.where(Outgoing.state == State.WAITING).group_by(Outgoing.job)
        found: dict[str, datetime] = dict(db.session.execute(waiting).all())  # type: ignore[arg-type]
        db.rollback()
        now = db.now()
        jobs = outbox.jobs()
        due = {jobs[name].lane for name, at in found.items() if name in jobs and at <= now}
        for lane in sorted(due):
            if not _told(lane):
                outbox.work(
                    lane, until=lambda: self.stopping.is_set() or time.monotonic() >= minute
                )
        ahead = [(at - now).total_seconds() for at in found.values() if at > now]
        return min(ahead, default=float(_MINUTE))

    def _seen(self, *, stopped: bool = False) -> None:
        now = db.now()
        with db.unit_of_work():
            row = db.session.get(WorkerSeen, self.name)
            if row is None:
                row = WorkerSeen(name=self.name, started_at=now)
                db.session.add(row)
            elif row.stopped_at is not None or now - row.seen_at > timedelta(hours=1):
                # A process of the same number, later.
                row.started_at = now
            row.seen_at = now
            row.stopped_at = now if stopped else None
