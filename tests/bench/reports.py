"""Every report of the catalogue, by all it can be counted by, beside its own SQL sent raw."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from crm.reports.catalogue import reports
from tests.bench import floors
from tests.bench.measure import Figure, NotThere
from tests.bench.ours import statements_of

if TYPE_CHECKING:
    from tests.bench.figures import Bench

#: Times each is asked for.
TIMES = 3
#: The last day that everything of a seeded database was known.
AS_OF = "2026-07-02"


def every_report(bench: "Bench") -> Iterator[Figure]:
    """The floor is a bare table of the same rows, from the statements the page sends."""
    for report in reports().values():
        for way in report.ways or ("",):
            path = f"/reports/{report.name}" + (f"?by={way}" if way else "")
            yield from beside_its_sql(bench, f"{report.name} {way}".strip(), path)


def beside_its_sql(bench: "Bench", name: str, path: str, times: int = TIMES) -> Iterator[Figure]:
    """A page beside the statements it sends, sent bare."""
    from tests.bench.figures import page

    sent = statements_of(bench.folder, path)
    if not sent:
        raise NotThere
    (bench.folder / floors.STATEMENTS).write_text(json.dumps(sent, default=str))
    yield from page(bench, name, path, "/raw", allowed=1.5, times=times)


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
