"""What two answers to one question differ in: rows come, gone and changed, totals, words. Pure.

Rows are the same where their keys are. Applied to the earlier answer, the differences give the
later one: nothing that changed is left unsaid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from crm.core.tables import Column, Row
from crm.reports.extracts import Extract


@dataclass(frozen=True)
class Cell:
    """One value that changed: of which column, from what, to what."""

    column: Column
    before: Any
    after: Any


@dataclass(frozen=True)
class Changed:
    """A row that says something else now."""

    key: str
    before: Row
    after: Row
    cells: Sequence[Cell]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """All that one answer says and another of the same report does not."""

    title: str
    #: Of the later answer; columns it no longer has are in `lost`, new ones in `new`.
    columns: Sequence[Column]
    #: Of the earlier answer: what the cells of rows that are gone are.
    before: Sequence[Column]
    lost: Sequence[Column] = ()
    new: Sequence[Column] = ()
    added: Sequence[tuple[str, Row]] = ()
    gone: Sequence[tuple[str, Row]] = ()
    changed: Sequence[Changed] = ()
    #: The totals that differ.
    totals: Sequence[Cell] = ()
    #: The reconciliation in words, before and after; None where it says the same.
    told: tuple[str, str] | None = None
    #: Facts and limits that differ: label, before, after.
    facts: Sequence[tuple[str, str, str]] = ()
    limits: tuple[Sequence[str], Sequence[str]] | None = None
    #: Keys in the order of the later answer, where the same rows stand in another one.
    order: Sequence[str] = ()
    #: The later answer without its rows: what it is called, its totals, its words.
    frame: Extract

    @property
    def is_nothing(self) -> bool:
        """Whether both say the same; another order of the same rows says nothing new."""
        return not (
            self.lost or self.new or self.added or self.gone or self.changed or self.totals
            or self.told or self.facts or self.limits
        )  # fmt: skip

    @property
    def rows(self) -> int:
        """How many rows came, went or changed."""
        return len(self.added) + len(self.gone) + len(self.changed)


def compare(before: Extract, after: Extract) -> Difference:
    """What `after` says that `before` does not, and what it says no more."""
    was, now = dict(_keyed(before)), dict(_keyed(after))
    places = _places(before.columns, after.columns)
    changed = []
    for key, row in now.items():
        if key in was and (cells := _cells(after.columns, places, was[key], row)):
            changed.append(Changed(key, was[key], row, cells))
    kept = [key for key in now if key in was]
    known = {column.key for column in before.columns}
    there = {column.key for column in after.columns}
    return Difference(
        title=after.title,
        columns=after.columns,
        before=before.columns,
        lost=[each for each in before.columns if each.key not in there],
        new=[each for each in after.columns if each.key not in known],
        added=[(key, row) for key, row in now.items() if key not in was],
        gone=[(key, row) for key, row in was.items() if key not in now],
        changed=changed,
        totals=_cells(after.columns, places, before.totals, after.totals),
        told=(before.told, after.told) if before.told != after.told else None,
        facts=_facts(before.facts, after.facts),
        limits=(before.limits, after.limits)
        if list(before.limits) != list(after.limits)
        else None,
        order=list(now) if kept != [key for key in was if key in now] or _is_mixed(was, now)
        else (),
        frame=replace(after, rows=(), keys=()),
    )  # fmt: skip


def compare_all(
    before: Sequence[Extract], after: Sequence[Extract]
) -> tuple[list[Difference], list[str], list[str]]:
    """The same of reports of several tables: the differences of those both have, and the titles
    of tables that came and that went."""
    if len(before) == len(after) == 1:
        # A report may have been renamed since.
        return [compare(before[0], after[0])], [], []
    was, now = _named(before), _named(after)
    return (
        [compare(was[name], each) for name, each in now.items() if name in was],
        [each.title for name, each in now.items() if name not in was],
        [each.title for name, each in was.items() if name not in now],
    )


def _named(extracts: Sequence[Extract]) -> dict[tuple[str, int], Extract]:
    """Tables by name; of several of one name (in the text, in the appendix) each has its turn."""
    seen: dict[str, int] = {}
    found = {}
    for each in extracts:
        seen[each.name] = turn = seen.get(each.name, 0) + 1
        found[each.name, turn] = each
    return found


def applied(before: Extract, difference: Difference) -> Extract:
    """The later answer, made of the earlier one and the differences."""
    rows = dict(_keyed(before))
    for key, _row in difference.gone:
        del rows[key]
    places = _places(before.columns, difference.columns)
    rows = {
        key: tuple(None if place is None else row[place] for place in places)
        for key, row in rows.items()
    }
    rows |= {each.key: each.after for each in difference.changed}
    rows |= dict(difference.added)
    order = list(difference.order) or list(rows)
    return replace(
        difference.frame,
        rows=[rows[key] for key in order],
        keys=[key.rsplit("\x00", 1)[0] for key in order],
    )


def _keyed(extract: Extract) -> list[tuple[str, Row]]:
    """Rows by their keys; of several rows of one key each has its turn after a NUL."""
    seen: dict[str, int] = {}
    found = []
    for key, row in zip(extract.keys, extract.rows, strict=True):
        seen[key] = turn = seen.get(key, 0) + 1
        found.append((f"{key}\x00{turn}", tuple(row)))
    return found


def _places(before: Sequence[Column], after: Sequence[Column]) -> list[int | None]:
    """For each column of the later answer, where the earlier one has it."""
    at = {column.key: place for place, column in enumerate(before)}
    return [at.get(column.key) for column in after]


def _cells(
    columns: Sequence[Column], places: Sequence[int | None], was: Row | None, now: Row | None
) -> list[Cell]:
    cells = []
    for column, place, after in zip_longest(columns, places, now or ()):
        before = None if was is None or place is None else was[place]
        if before != after:
            cells.append(Cell(column, before, after))
    return cells


def _is_mixed(was: Mapping[str, Row], now: Mapping[str, Row]) -> bool:
    """Whether new rows stand among the earlier ones: applying would put them at the end."""
    return [key for key in was if key in now] + [key for key in now if key not in was] != list(now)


def _facts(
    before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]]
) -> list[tuple[str, str, str]]:
    was, now = dict(before), dict(after)
    return [
        (label, was.get(label, ""), now.get(label, ""))
        for label in dict.fromkeys([*was, *now])
        if was.get(label, "") != now.get(label, "")
    ]
