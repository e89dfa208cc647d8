"""Members, a thousand and a hundred thousand: what is found must cost what is found.

The floor of a figure is the same page with a thousand members, asked for by turns.
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from crm import create_app
from crm.accounts.models import User
from crm.core import audit, db
from crm.core.access import Role
from crm.core.cli import migrate_database
from crm.core.settings import Settings
from crm.members.models import Chapter, ChapterRole, Member, Membership, MemberWord, words_of
from crm.members.rules import search_key
from tests.bench.measure import Figure, by_turns, late, middle, served

FEW, MANY = 1_000, 100_000
#: As many for few members as for many: it is the members who are measured.
SCHOOLS = 100
TIMES = 10
GIVEN = "Ada Ben Cleo Dov Esi Finn Gia Hugo Ines Jae Kofi Lena Mira Nico Orla Pia Rosa".split()
STARTS = "Al Bir Ced Dog El Fern Gor Haz Iv Jun Kest Lar Map Nor Oak Pin Quar Row Sor".split()
MIDDLES = "an el in or un ar er ler wen mar tos vin".split()
ENDS = "by cott dale er ford ham ley mont nez quist rick son strom ton vale wood".split()
#: Of whom there are five, however many there are.
RARE = "Zorn"


def members(_bench: Any) -> Iterator[Figure]:
    """A rare name on the list and in the search box; the list itself; the tree of chapters."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as work:
        few, many = Path(work) / "few", Path(work) / "many"
        for folder, count in ((few, FEW), (many, MANY)):
            folder.mkdir()
            fill(folder, count)
        with served("ours", few) as less, served("ours", many) as more:
            for name, path, allowed in (
                ("members: the search box", f"/search?q={RARE}", 1.5),
                # The list's filters read all years of graduation.
                ("members: a rare name on the list", f"/members?q={RARE}", 2),
                ("the same, two beginnings", f"/members?q=an+{RARE[:3]}", 2),
                ("members: the list", "/members", None),
                ("chapters and how many each has", "/chapters", None),
            ):
                more.forget_peak()
                ours, floor = by_turns(partial(more.get, path), partial(less.get, path), TIMES)
                yield Figure(
                    name, MANY, middle(ours), middle(floor), allowed, late(ours),
                    ours[-1].statements, more.peak(), f"floor: {FEW:,} members",
                )  # fmt: skip


def fill(folder: Path, count: int) -> None:
    """A migrated database with so many members in schools."""
    address = f"sqlite:///{folder / 'crm.sqlite3'}"
    app = create_app(Settings(instance=str(folder), database_url=address, secret_key="bench"))
    with app.app_context():
        migrate_database()
        with db.unit_of_work():
            user = User(email="admin@example.org", name="Ines Admin")
            db.session.add(user)
            db.session.flush()
            db.session.add(ChapterRole(user_id=user.id, role=Role.ADMINISTRATOR))
            audit.record("make", "test", None, by=None)
        db.session.remove()
        db.extension.engine.dispose()
    with closing(sqlite3.connect(folder / "crm.sqlite3")) as connection, connection:
        _write(connection, count)


def _write(connection: sqlite3.Connection, count: int) -> None:
    chance = Random(7)
    chapters: list[Any] = [(1, "nation", "Nation", "national", None, "/1/")]
    chapters += [
        (2 + each, f"school-{each}", f"School {each}", "school", 1, f"/1/{2 + each}/")
        for each in range(SCHOOLS)
    ]
    _insert(connection, Chapter, ("id", "slug", "name", "kind", "parent_id", "path"), chapters)
    people, words, memberships = [], [], []
    for number in range(1, count + 1):
        given = chance.choice(GIVEN)
        family = f"{chance.choice(STARTS)}{chance.choice(MIDDLES)}{chance.choice(ENDS)}"
        if number % (count // 5) == 0:
            given, family = "Ana", RARE
        search = search_key(given, family)
        people.append(
            (number, f"M-{number:08}", given, family, search, "unknown", "{}", "2025-09-01")
        )
        words += [(word, number) for word in words_of(search)]
        memberships.append((number, 2 + chance.randrange(SCHOOLS), "2025-09-01"))
    _insert(
        connection, Member, ("id", "pseudonym", "given_name", "family_name", "search", "age_band",
                             "custom", "created_at"), people,
    )  # fmt: skip
    _insert(connection, MemberWord, ("word", "member_id"), sorted(words))
    _insert(connection, Membership, ("member_id", "chapter_id", "joined_on"), memberships)


def _insert(
    connection: sqlite3.Connection, model: Any, columns: tuple[str, ...], rows: list[Any]
) -> None:
    places = ", ".join("?" * len(columns))
    name = model.__table__.name
    connection.executemany(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({places})", rows)
