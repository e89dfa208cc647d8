"""`python -m tests.bench [--actions 10000,100000,1000000] [--only list,log]`: one table.

Each figure stands beside its floor, measured in the same run and by turns with it. Ratios travel
between machines; seconds do not.
"""

import argparse
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from tests.bench.figures import FIGURES, ON_POSTGRESQL, ONCE, Bench
from tests.bench.measure import Figure, NotThere, served
from tests.bench.places import ADDRESS
from tests.bench.seed import fill, seeded
from tests.servers import postgres_server


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--actions", default="10000,100000,1000000", help="how many, by commas")
    parser.add_argument("--only", help="figures, by commas")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    chosen = parser.parse_args()
    there = list(FIGURES) if chosen.database == "sqlite" else list(ON_POSTGRESQL)
    wanted = chosen.only.split(",") if chosen.only else there
    if strange := set(wanted) - set(there):
        parser.error(f"there is no {', '.join(strange)}; there are {', '.join(there)}")
    try:
        sizes = [int(size) for size in chosen.actions.split(",")]
    except ValueError:
        parser.error("--actions takes numbers, such as 10000,100000")
    print(f"\n{machine(chosen.database)}\n")
    print("| actions | what | ours | floor | ratio | at most | p95 | SQL | peak MB | |")
    print("|--:|---|--:|--:|--:|--:|--:|--:|--:|---|")
    for place, size in enumerate(sizes):
        names = [name for name in wanted if place == 0 or name not in ONCE]
        for figure in measured(size, names, chosen.database):
            print(line(figure), flush=True)


def measured(actions: int, names: list[str], database: str) -> Iterator[Figure]:
    """The figures at one size. They write, so they work on a copy."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as work, ExitStack() as stack:
        folder = Path(work)
        if database == "postgresql":
            server = stack.enter_context(postgres_server())
            address = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
            (folder / ADDRESS).write_text(address)
            fill(address, folder, actions)
        else:
            shutil.copy(seeded(actions) / "crm.sqlite3", folder)
        with served("ours", folder) as ours, served("floors", folder) as bare:
            bench = Bench(actions, folder, ours, bare)
            for name in names:
                Console(stderr=True).print(f"{actions:,} actions: {name} …", style="dim")
                try:
                    yield from FIGURES[name](bench)
                except NotThere:
                    print(f"| {actions:,} | {name} | not here yet | | | | | | | |", flush=True)


def line(figure: Figure) -> str:
    """A line of the table."""
    over = figure.allowed is not None and figure.ratio > figure.allowed
    cells = (
        f"{figure.actions:,}",
        figure.name,
        seconds(figure.ours),
        seconds(figure.floor),
        f"**{figure.ratio:.1f}**" if over else f"{figure.ratio:.1f}",
        "" if figure.allowed is None else f"{figure.allowed:g}",
        "" if figure.p95 is None else seconds(figure.p95),
        "" if figure.statements is None else str(figure.statements),
        "" if figure.peak is None else str(figure.peak),
        figure.note,
    )
    return f"| {' | '.join(cells)} |"


def seconds(value: float) -> str:
    """Milliseconds below a second."""
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"


def machine(database: str) -> str:
    """What it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return (
        f"{os.cpu_count()} cores, {memory} GB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {database}; medians"
    )


if __name__ == "__main__":
    main()
