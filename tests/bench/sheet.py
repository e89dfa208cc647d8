"""A spreadsheet of synthetic targets: imported in a process of its own, and the floor beside it.

`python -m tests.bench.sheet FILE` imports twice into an empty database and prints seconds and MB.
"""

import csv
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from crm import create_app
from crm.core import db
from crm.core.cli import migrate_database
from crm.core.settings import Settings
from crm.core.sheets import open_table
from crm.core.text import fold
from crm.targets.sheets.check import check_rows
from crm.targets.sheets.meaning import meaning, understood
from crm.targets.sheets.store import Store
from crm.targets.sheets.writing import import_rows

_GIVEN = "Ada Bea Cai Dov Eva Finn Gus Hana Ida Jon".split()
_FAMILY = "Alder Birch Cedar Dogwood Elm Fir Gum Hazel Ivy Juniper".split()
_DAY = date(2026, 6, 15)
_FIXED = {"country": "GB", "body": "House of Commons", "role": "Member of Parliament"}


def write(path: Path, rows: int) -> Path:
    """Write a file of so many targets: name, party, constituency, e-mail, phone, address."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            ("ID", "First name", "Last name", "Party", "Constituency", "Email", "Phone", "Address")
        )
        table.writerows(
            (
                f"K{n}", _GIVEN[n % 10], f"{_FAMILY[n // 10 % 10]}-{n}", f"{_FAMILY[n % 7]} Party",
                f"{_FAMILY[n % 10]} {n % 650}", f"p{n}@example.org", f"+44 20 {n:08d}",
                f"{n} Mill Lane, {_FAMILY[n % 9]}town",
            )
            for n in range(rows)
        )  # fmt: skip
    return path


def apart(path: Path) -> tuple[float, float, int]:
    """Seconds of the first import and of the same once more, and the peak in MB."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.sheet", str(path)],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    first, again, peak = json.loads(done.stdout)
    return first, again, peak


def floor(path: Path) -> float:
    """Seconds to read the same rows with csv and insert them raw, nothing looked at."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
        app = create_app(Settings(instance=folder, secret_key="bench"))
        with app.app_context():
            migrate_database()
            db.session.remove()
            db.extension.engine.dispose()
        started = time.perf_counter()
        _insert(path, Path(folder) / "crm.sqlite3")
        return time.perf_counter() - started


def _insert(path: Path, database: Path) -> None:
    base = sqlite3.connect(database, isolation_level=None)
    base.execute("BEGIN")
    base.execute(
        "INSERT INTO body (id, key, name, classification) VALUES (1, 'c', 'Commons', 'other')"
    )
    base.executemany(
        "INSERT INTO post (id, key, body_id, role, label) VALUES (?, ?, 1, 'MP', 'MP')",
        ((n + 1, f"c/{n}") for n in range(650)),
    )
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for number, row in enumerate(rows, start=1):
            key, given, family, party, _place, email, phone, address = row
            name = f"{given} {family}"
            base.execute(
                "INSERT INTO target (id, kind, name, sort_name, search, given_name, family_name, "
                "country, created_at) VALUES (?, 'legislator', ?, ?, ?, ?, ?, 'GB', '2026-06-15')",
                (number, name, fold(f"{family} {given}"), fold(name), given, family),
            )
            base.execute(
                "INSERT INTO target_identifier (target_id, scheme, identifier) "
                "VALUES (?, 'own', ?)",
                (number, key),
            )
            base.execute(
                "INSERT INTO term (target_id, post_id, party, is_current) VALUES (?, ?, ?, 1)",
                (number, number % 650 + 1, party),
            )
            base.executemany(
                "INSERT INTO contact_point (target_id, kind, label, value, status) "
                "VALUES (?, ?, 'Office', ?, 'good')",
                ((number, "email", email), (number, "phone", phone), (number, "postal", address)),
            )
    base.execute("COMMIT")
    base.close()


def main(path: Path) -> None:
    """Import twice and print what it took."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
        app = create_app(Settings(instance=folder, secret_key="bench"))
        with app.app_context():
            migrate_database()
            taken = [_import(path, Path(folder)) for _ in range(2)]
            db.session.remove()
            db.extension.engine.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps([*taken, peak]))


def _import(path: Path, folder: Path) -> float:
    started = time.perf_counter()
    with Store(folder / "rows.sqlite3") as store, db.unit_of_work():
        table = open_table(path, path.name)
        said = meaning(table, understood(table)[0], kind="legislator", fixed=_FIXED)
        check_rows(table, said, store, scheme="own", today=_DAY)
        import_rows(store, file=path.name, scheme="own", with_duplicates=False, by=None, today=_DAY)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(Path(sys.argv[1]))
