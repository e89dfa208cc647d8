"""A roster of invented members: imported in a process of its own, and the floor beside it.

`python -m tests.bench.roster FILE` imports twice into a database that holds some thousands of
members, likely duplicates weighed, and prints seconds and MB.
"""

import csv
import json
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from crm import create_app
from crm.accounts.imports import ImportRun
from crm.core import audit, db
from crm.core.access import Scope
from crm.core.bulk import batched, insert_rows, inserted
from crm.core.cli import migrate_database
from crm.core.settings import Settings
from crm.core.sheets import open_table
from crm.core.text import fold
from crm.members.models import Chapter, Member, Membership, MemberWord, new_pseudonym, words_of
from crm.members.rules import search_key
from crm.members.sheets.check import check_rows
from crm.members.sheets.fields import all_fields
from crm.members.sheets.meaning import meaning, understood
from crm.members.sheets.store import Store
from crm.members.sheets.writing import import_rows

#: Members who are here before, and the schools they are of.
HERE, SCHOOLS = 5_000, 40
_HEAD = (
    "First name", "Last name", "School", "Grade", "E-mail", "Phone", "Parent", "Parent e-mail",
    "Parent phone", "Languages",
)  # fmt: skip
_GIVEN = (
    "Ada Bea Cai Dov Eva Finn Gus Hana Ida Jon Kit Lea Max Nia Oki Pia Quin Rosa Sam Tia Uma Vic "
    "Wim Xan Yara Zoe Abel Bruno Clara Dario Elena Felix Gina Hugo Irma Jakob Karla Liam Mila Noor"
).split()
_FIRST = "Al Bir Ced Dog El Fi Gu Haz Iv Ju Ky Lin Map Nor Oa Pi Quar Ru Syl Tam".split()
_LAST = "der berg wood field stone ford ley ham ton well worth dale more land son".split()
_DAY, _AT = date(2026, 9, 15), "2026-09-15 08:00:00.000000"
_EVERYWHERE = Scope(everywhere=True, chapter_ids=frozenset())


def _people(count: int, seed: int) -> list[tuple[str, str, int]]:
    """Given and family name and the number of a school, the same for the same seed."""
    chance = random.Random(seed)
    return [
        (chance.choice(_GIVEN), chance.choice(_FIRST) + chance.choice(_LAST),
         chance.randrange(SCHOOLS))
        for _n in range(count)
    ]  # fmt: skip


def write(path: Path, rows: int) -> Path:
    """Write a roster of so many, a part of whom are here already, some under other letters."""
    here = _people(HERE, 1)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(_HEAD)
        for n, (given, family, school) in enumerate(_people(rows, 2)):
            if n % 20 == 0:
                given, family, school = here[n // 20 % HERE]
            elif n % 20 == 1:
                given, family, school = here[n // 20 % HERE]
                family = family[:2] + family[3:]
            table.writerow((
                given, family, f"School {school}", 9 + n % 4, f"m{n}@example.org",
                f"304 {n:07d}", f"{_GIVEN[n % 7]} {family}", f"g{n // 2}@example.org",
                f"305 {n // 2:07d}", "English",
            ))  # fmt: skip
    return path


def apart(path: Path) -> tuple[float, float, int]:
    """Seconds of the first import and of the same once more, and the peak in MB."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.roster", str(path)],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    first, again, peak = json.loads(done.stdout)
    return first, again, peak


def floor(path: Path) -> float:
    """Seconds to read the same rows with csv and insert them raw, nothing looked at.

    Every table and column an import fills is filled, under the same indexes and constraints:
    member, their words, membership, tag, guardian and guardianship, of an import that is there.
    """
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
        app = create_app(Settings(instance=folder, secret_key="bench"))
        with app.app_context():
            migrate_database()
            _fill()
            with db.unit_of_work():
                db.session.add(ImportRun(importer="members", source="floor", counts={}))
                audit.record("make", "bench", None, by=None)
            db.session.remove()
            db.extension.engine.dispose()
        # Drawn at random, as an import's are: an index takes longer over them than over a row.
        names = [new_pseudonym() for _ in path.open(encoding="utf-8")]
        started = time.process_time()
        _insert(path, Path(folder) / "crm.sqlite3", names)
        return time.process_time() - started


def _insert(path: Path, database: Path, pseudonyms: list[str]) -> None:
    base = sqlite3.connect(database, isolation_level=None)
    base.execute("PRAGMA foreign_keys = ON")
    base.execute("PRAGMA synchronous = NORMAL")
    base.execute("BEGIN IMMEDIATE")
    base.execute("INSERT INTO tag (id, kind, name, search) VALUES (1, 'language', 'En', 'en')")
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for some in batched(enumerate(rows, start=HERE + 1), 1000):
            _insert_some(base, some, pseudonyms)
    base.execute("COMMIT")
    base.close()


def _insert_some(
    base: sqlite3.Connection, rows: list[tuple[int, list[str]]], pseudonyms: list[str]
) -> None:
    members, words, memberships, tags, guardians, guardianships = [], [], [], [], [], []
    for number, row in rows:
        given, family, school, grade, email, phone, parent, p_email, p_phone, _tongue = row
        search = fold(f"{family} {given}")
        members.append((number, pseudonyms[number - HERE], given, family, search, email, phone,
                        2039 - int(grade), "unknown", "{}", 1, _AT))  # fmt: skip
        words += [(word, number) for word in search.split()]
        memberships.append((number, int(school.split()[1]) + 1))
        tags.append((number, 1))
        guardians.append((number, parent, fold(parent), p_email, p_phone, _AT))
        guardianships.append((number, number))
    base.executemany(
        "INSERT INTO member (id, pseudonym, given_name, family_name, search, email, phone, "
        "graduation_year, age_band, custom, import_id, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        members,
    )
    base.executemany("INSERT INTO member_word (word, member_id) VALUES (?, ?)", words)
    base.executemany("INSERT INTO membership (member_id, chapter_id) VALUES (?, ?)", memberships)
    base.executemany("INSERT INTO member_tag (member_id, tag_id) VALUES (?, ?)", tags)
    base.executemany(
        "INSERT INTO guardian (id, name, search, email, phone, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        guardians,
    )
    base.executemany(
        "INSERT INTO guardianship (member_id, guardian_id) VALUES (?, ?)", guardianships
    )


def _fill() -> None:
    """Schools, and members who are here already."""
    with db.unit_of_work():
        insert_rows(
            Chapter,
            [
                {"id": n + 1, "name": f"School {n}", "slug": f"school-{n}", "kind": "school",
                 "path": f"/{n + 1}/"}
                for n in range(SCHOOLS)
            ],
        )  # fmt: skip
        for some in batched(_people(HERE, 1), 1000):
            rows = [
                {"given_name": given, "family_name": family, "search": search_key(given, family),
                 "pseudonym": new_pseudonym(), "custom": {}, "age_band": "unknown"}
                for given, family, _school in some
            ]  # fmt: skip
            ids = inserted(Member, rows)
            insert_rows(
                Membership,
                [
                    {"member_id": number, "chapter_id": school + 1}
                    for number, (_given, _family, school) in zip(ids, some, strict=True)
                ],
            )
            insert_rows(
                MemberWord,
                [
                    {"member_id": number, "word": word}
                    for number, row in zip(ids, rows, strict=True)
                    for word in words_of(str(row["search"]))
                ],
            )
        audit.record("make", "bench", None, by=None)


def main(path: Path) -> None:
    """Import twice and print what it took."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
        app = create_app(Settings(instance=folder, secret_key="bench"))
        with app.app_context():
            migrate_database()
            _fill()
            taken = [_import(path, Path(folder)) for _ in range(2)]
            db.session.remove()
            db.extension.engine.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps([*taken, peak]))


def _import(path: Path, folder: Path) -> float:
    started = time.process_time()
    with Store(folder / "rows.sqlite3") as store, db.unit_of_work():
        table = open_table(path, path.name)
        mapped = understood(table, all_fields())[0]
        said = meaning(table, mapped, chapter_id=None, scope=_EVERYWHERE, today=_DAY)
        counts = check_rows(table, said, store, scope=_EVERYWHERE)
        looked = time.process_time() - started
        done = import_rows(store, file=path.name, with_duplicates=False, by=None, today=_DAY)
    taken = time.process_time() - started
    print(f"{mapped}\n{counts}, {done}: {looked:.2f} s looked at, {taken:.2f} s in all",
          file=sys.stderr)  # fmt: skip
    return taken


if __name__ == "__main__":
    main(Path(sys.argv[1]))
