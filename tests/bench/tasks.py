"""The board with ten thousand tasks, beside the bare list of fifty actions.

Tasks lie in a copy of the seeded database, so that both are asked of the same file. With a
thousand tasks the board takes as many statements: that is counted here too.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from tests.bench.measure import Figure, by_turns, late, middle, served

FEW, MANY = 1_000, 10_000
TIMES = 30
STATES = ("needs-action",) * 5 + ("in-process",) * 2 + ("completed",) * 3


def board(bench: Any) -> Iterator[Figure]:
    """By state, as a list, and what is overdue alone."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as work:
        few, many = Path(work) / "few", Path(work) / "many"
        for folder, count in ((few, FEW), (many, MANY)):
            folder.mkdir()
            shutil.copy(bench.folder / "crm.sqlite3", folder / "crm.sqlite3")
            with closing(sqlite3.connect(folder / "crm.sqlite3")) as connection, connection:
                fill(connection, count)
        with (
            served("ours", few) as less,
            served("ours", many) as ours,
            served("floors", many) as bare,
        ):
            for name, path in (
                ("tasks: the board", "/tasks"),
                ("tasks: the list", "/tasks?view=list"),
                ("tasks: overdue", "/tasks?view=list&due=overdue"),
            ):
                fewer = less.get(path).statements
                ours.forget_peak()
                mine, floor = by_turns(partial(ours.get, path), partial(bare.get, "/list"), TIMES)
                statements = mine[-1].statements
                if statements != fewer:
                    raise AssertionError(f"{path}: {fewer} statements, and {statements} with more")
                yield Figure(
                    name, MANY, middle(mine), middle(floor), 3, late(mine), statements,
                    ours.peak(), "floor: a bare list of 50",
                )  # fmt: skip


def fill(connection: sqlite3.Connection, count: int) -> None:
    """So many tasks of the seeded members, each with its targets; one in ten done logged."""
    chance = Random(11)

    def ids(statement: str) -> list[int]:
        return [row[0] for row in connection.execute(statement)]

    chapters = dict(connection.execute("SELECT member_id, chapter_id FROM membership"))
    members, targets = sorted(chapters), ids("SELECT id FROM target ORDER BY id LIMIT 600")
    campaigns, users = ids("SELECT id FROM campaign"), ids("SELECT id FROM user_account")
    actions = iter(ids(f"SELECT id FROM action WHERE channel = 'postcard' LIMIT {count}"))
    today = date.today()  # noqa: DTZ011
    tasks, lines, logged = [], [], []
    for number in range(1, count + 1):
        member, state = chance.choice(members), chance.choice(STATES)
        aimed = chance.sample(targets, 3)
        done = 6 if state == "completed" else 2 if state == "in-process" else 0
        due = today + timedelta(days=chance.randrange(-30, 90))
        tasks.append((
            number, f"uid-{number}", "Write to your senators", chapters[member],
            chance.choice(campaigns), "postcard", member, 0, chance.choice(users), due.isoformat(),
            state, 6, done, "[]", "hand", "2026-01-01", f"bench-{number}",
            "2026-06-01" if state == "completed" else None,
        ))  # fmt: skip
        lines += [(number, target, 2, done // 3) for target in aimed]
        if state == "completed" and (action := next(actions, None)) is not None:
            logged.append((number, action))
    for table, columns, found in (
        ("task", "id, uid, title, chapter_id, campaign_id, channel, member_id, in_pool, leader_id, "
         "due_on, state, pieces, done, \"then\", origin, made_at, client_key, finished_at", tasks),
        ("task_target", "task_id, target_id, pieces, done", lines),
        ("task_action", "task_id, action_id", logged),
    ):  # fmt: skip
        places = ", ".join("?" * (columns.count(",") + 1))
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", found)
    connection.execute("ANALYZE")
