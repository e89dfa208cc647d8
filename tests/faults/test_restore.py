"""Last night's backup, brought back on a new folder by the commands an operator types."""

import re
import sqlite3
import time
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from crm.core import db
from tests.core.places import new_database
from tests.faults.crowd import PIECES, Server, Visitor, run, school, serving
from tests.faults.figures import tell

pytestmark = pytest.mark.fault


def counts(folder: Path) -> dict[str, int]:
    with closing(sqlite3.connect(folder / "crm.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for (name,) in names
        }


def done(server: Server, *arguments: str) -> str:
    said = run(server, *arguments)
    assert said.returncode == 0, said.stderr
    assert "Traceback" not in said.stderr
    return said.stdout


def head_of(told: str) -> str:
    found = re.search(r"Head: (\d+:[0-9a-f]{64})", told)
    assert found, told
    return found[1]


def log(visitor: Visitor, place: object, key: str) -> int:
    path = f"/outreach/log/postcard?campaign={place.campaign}"  # type: ignore[attr-defined]
    visitor.get(path)
    day = (date.today() - timedelta(days=2)).isoformat()  # noqa: DTZ011
    return visitor.post(
        path, client_key=key, campaign=place.campaign, chapters=place.chapter, happened_on=day,  # type: ignore[attr-defined]
        pieces=PIECES, aim="campaign", spread="evenly",
    ).status  # fmt: skip


@pytest.mark.parametrize("onto", ["sqlite", "postgresql"])
def test_it_works(tmp_path: Path, onto: str, request: pytest.FixtureRequest) -> None:
    address = (
        new_database(request.getfixturevalue("postgres"), "restored_fault")
        if onto == "postgresql"
        else ""
    )
    folder, key = tmp_path / "instance", "a long enough passphrase"
    place = school(folder, writers=1, readers=0)
    with serving(folder, CRM_BACKUP_KEY=key) as server:
        visitor = Visitor(server.port)
        visitor.sign_in(place.writers[0])
        for number in range(5):
            assert log(visitor, place, f"{number:08}-0000-4000-8000-000000000000") == 303
        # The night's backup, while the server serves.
        began = time.monotonic()
        done(server, "backup")
        backup_seconds = time.monotonic() - began
        before = counts(folder)
        head = head_of(done(server, "audit", "verify"))
        # The next morning goes on, and is what a restore loses.
        assert log(visitor, place, "99999999-0000-4000-8000-000000000000") == 303
    [backup] = (folder / "backups").glob("crm-*.sealed.tar")
    environ = {"CRM_SECRET_KEY": "test", "CRM_TIMEZONE": "UTC", "CRM_DATABASE_URL": address}
    back = Server(tmp_path / "new", {**environ, "CRM_BACKUP_KEY": key}, 0)
    wrong = run(Server(tmp_path / "new", {**environ, "CRM_BACKUP_KEY": "no"}, 0),
                "restore", str(backup))  # fmt: skip
    assert wrong.returncode == 1
    assert "sealed with another one" in wrong.stderr
    began = time.monotonic()
    said = done(back, "restore", str(backup))
    restore_seconds = time.monotonic() - began
    # The counts, the record and its head are those of the night.
    told = {
        name: int(number.replace(",", ""))
        for name, number in re.findall(r"^  (\w+) +([\d,]+)$", said, flags=re.M)
    }
    ours = ("alembic_version", "schedule_run", "worker_seen")
    assert told == {
        name: count
        for name, count in before.items()
        # Kept sums are made anew from the rows that come back.
        if count and name not in ours and not db.is_derived(name)
    }
    done(back, "kept", "check")
    assert head_of(done(back, "audit", "verify", "--expect", head)) == head
    again = run(back, "restore", str(backup))
    assert again.returncode == 1
    assert "not empty" in again.stderr
    if onto == "sqlite":
        # And it is served: people sign in as they did.
        with serving(tmp_path / "new") as served:
            visitor = Visitor(served.port)
            visitor.sign_in(place.writers[0])
            assert log(visitor, place, "77777777-0000-4000-8000-000000000000") == 303
    tell(
        f"restore of last night's backup onto {onto}",
        rows=sum(told.values()),
        tables=len(told),
        backup_seconds=round(backup_seconds, 1),
        restore_seconds=round(restore_seconds, 1),
        record="whole",
    )
