"""The ledger that comes with the project: our own table, made from the depositary's lists.

`data/events.csv` is ours to edit: date, treaty, alpha-3, kind, `unknown` where the day is not
known, a key of `data/sources.csv`, a note.
"""

import csv
from collections.abc import Iterator
from datetime import date
from functools import cache
from importlib.resources import files
from io import StringIO
from typing import NamedTuple

#: What the table is called where somebody asks where an entry came from.
NAME = "the ledger shipped with the project"
#: The source of most rows; figures name it.
DEPOSITARY = "UN Treaty Collection, status as at 3 February 2026"
#: The source of a day that follows from another.
RECKONED = "Article 17, reckoned from the day of deposit"


class Row(NamedTuple):
    """A line of the table."""

    treaty: str
    state: str
    kind: str
    on: date
    day_known: bool
    source: str
    note: str | None


def rows() -> Iterator[Row]:
    """The events, by day."""
    named = sources_by_key()
    for row in _table("events.csv"):
        yield Row(
            treaty=row["treaty"],
            state=row["iso3"],
            kind=row["kind"],
            on=date.fromisoformat(row["date"]),
            day_known=row["day"] != "unknown",
            source=named[row["source"]],
            note=row["note"] or None,
        )


@cache
def sources_by_key() -> dict[str, str]:
    """The sources of the table, as they are stored, by the keys the table uses."""
    return {row["key"]: row["source"] for row in _table("sources.csv")}


def _table(name: str) -> Iterator[dict[str, str]]:
    text = (files("crm.treaties") / "data" / name).read_text(encoding="utf-8")
    yield from csv.DictReader(StringIO(text))
