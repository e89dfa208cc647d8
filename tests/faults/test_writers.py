"""A classroom logging at once on SQLite, and the same with the server killed again and again."""

import random
import sqlite3
import time
from pathlib import Path

import pytest

from tests.faults import crowd
from tests.faults.crowd import AWAY, Answer, Load, kept, school, serving
from tests.faults.figures import IN_FULL, percentile, tell

pytestmark = pytest.mark.fault

WRITERS, READERS = 20, 8
SECONDS = 60 if IN_FULL else 12
KILLS = 20 if IN_FULL else 5


def test_it_works(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    place = school(folder, writers=WRITERS, readers=READERS)
    with serving(folder) as server:
        with Load(server.port, place) as load:
            time.sleep(SECONDS)
        assert server.stop() == 0
        log = server.log.read_text()
    found = kept(folder, load)
    tell(
        "20 writers and 8 readers on SQLite",
        seconds=SECONDS,
        saves=len(load.saved),
        pages=len(load.reads),
        errors=len(load.faults),
        lost=found.lost,
        doubled=found.doubled,
        write_p50=percentile(load.writes, 0.5),
        write_p99=percentile(load.writes, 0.99),
        read_p50=percentile(load.reads, 0.5),
        read_p99=percentile(load.reads, 0.99),
    )
    assert load.faults == []
    assert (found.lost, found.doubled, found.strange, found.torn) == (0, 0, 0, 0)
    assert found.rows == len(load.saved) == len(load.sent) > 0
    assert " error " not in log


def test_killed_at_any_moment(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    place = school(folder, writers=WRITERS, readers=READERS)
    chance = random.Random(7)

    def bears(seen: Answer | BaseException) -> str | None:
        return "cut off" if isinstance(seen, AWAY) else None

    starts = []
    with serving(folder) as server:
        with Load(server.port, place, bears) as load:
            for _ in range(KILLS):
                time.sleep(chance.uniform(0.2, 2.0))
                server.kill()
                starts.append(server.start())
                assert integrity(folder) == "ok"
            # Everybody gets to the end of what they began.
            time.sleep(2)
        assert server.stop() == 0
        verified = crowd.run(server, "audit", "verify")
        log = server.log.read_text()
    found = kept(folder, load)
    tell(
        "server killed under 20 writers",
        kills=KILLS,
        saves=len(load.saved),
        cut_off=load.borne["cut off"],
        errors=len(load.faults),
        lost=found.lost,
        doubled=found.doubled,
        start_p50=percentile(starts, 0.5),
        start_max=round(max(starts), 3),
    )
    assert load.faults == []
    assert (found.lost, found.doubled, found.strange, found.torn) == (0, 0, 0, 0)
    assert len(load.saved) > 0
    assert load.borne["cut off"] > 0
    assert integrity(folder) == "ok"
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert " error " not in log


def integrity(folder: Path) -> str:
    connection = sqlite3.connect(folder / "crm.sqlite3", timeout=30)
    try:
        [(said,)] = connection.execute("PRAGMA integrity_check").fetchall()
        [(broken,)] = connection.execute("SELECT count(*) FROM pragma_foreign_key_check").fetchall()
        return str(said) if not broken else f"{broken} foreign keys lead nowhere"
    finally:
        connection.close()
