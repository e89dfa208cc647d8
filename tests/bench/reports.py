"""Every report of the catalogue, by all it can be counted by, beside its own SQL and rendering."""

import json
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sqlalchemy import create_engine

from crm.reports.catalogue import reports
from tests.bench import floors
from tests.bench.measure import Answer, Figure, NotThere, by_turns, late, middle
from tests.bench.ours import statements_of
from tests.bench.ready import READY

if TYPE_CHECKING:
    from tests.bench.figures import Bench

#: Times each is asked for.
TIMES = 3
#: Reports of which months are kept, and how they are asked.
KEPT: tuple[tuple[str, dict[str, str]], ...] = (
    ("activity-by-government", {}),
    ("activity-by-government", {"by": "region"}),
    ("activity-by-campaign", {"by": "ask"}),
    ("activity-by-member", {}),
    ("coverage", {}),
    ("coverage", {"by": "country"}),
    ("service-hours", {}),
)
#: The last day that everything of a seeded database was known.
AS_OF = "2026-07-02"


def every_report(bench: "Bench") -> Iterator[Figure]:
    """Each beside its own SQL and rendering."""
    for report in reports().values():
        for way in report.ways or ("",):
            path = f"/reports/{report.name}" + (f"?by={way}" if way else "")
            yield from beside_its_sql(bench, f"{report.name} {way}".strip(), path)


def beside_its_sql(bench: "Bench", name: str, path: str, times: int = TIMES) -> Iterator[Figure]:
    """A page beside the statements it sends, sent bare, and its template, rendered from what lies
    ready (`ready`); noted is how many times the statements and a bare table it takes.
    """
    sent = statements_of(bench.folder, path)
    if not sent:
        raise NotThere
    (bench.folder / floors.STATEMENTS).write_text(json.dumps(sent, default=str))
    bench.ours.forget_peak()
    bare: list[Answer] = []

    def floor() -> Answer:
        bare.append(bench.bare.get("/raw"))
        return bench.ours.get(READY + path)

    ours, ready = by_turns(partial(bench.ours.get, path), floor, times)
    yield Figure(
        name, bench.actions, middle(ours), middle(ready), 1.5, late(ours), ours[-1].statements,
        bench.ours.peak(), note=f"{middle(ours) / middle(bare[1:]):.1f} × a bare table",
    )  # fmt: skip


def after_a_save(bench: "Bench") -> Iterator[Figure]:
    """Those whose months are kept (`outreach.kept_months`), when somebody has written to the last
    month: what they are by day, where they are by night what `every_report` measures.
    """
    engine = create_engine(bench.database)
    with engine.begin() as connection:
        last = "(SELECT max(month) FROM kept_month)"
        connection.exec_driver_sql(f"INSERT INTO kept_stale (month) SELECT {last}")
    engine.dispose()
    for name, asked in KEPT:
        # By another address: what lies ready of the first is of before.
        path = f"/reports/{name}?{urlencode({**asked, 'page': 1})}"
        told = f"{name} {asked.get('by', '')}".strip()
        yield from beside_its_sql(bench, f"{told}, the last month written to", path)


def as_of(bench: "Bench") -> Iterator[Figure]:
    """A report as of an earlier day beside the same of today."""
    from tests.bench.figures import page

    path = "/reports/activity-by-target"
    bench.bare, bare = bench.ours, bench.bare
    try:
        name = "activity by target as of a day / of today"
        asked = f"{path}?as_of={AS_OF}"
        yield from page(bench, name, asked, path, allowed=None, times=3)
    finally:
        bench.bare = bare
