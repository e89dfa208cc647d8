"""What a report said, free of the database: what is frozen, set as a PDF, compared and mailed.

As JSON it is canonical: the same answer gives the same text, and so the same hash.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

from crm.core.tables import Column, Kind, Row, Share


@dataclass(frozen=True, kw_only=True)
class Extract:
    """One table of a report with all that tells a later reader what it is."""

    #: The report's name in addresses, or of a part of a longer one: `activity`.
    name: str
    title: str
    columns: Sequence[Column]
    #: Cells alone; what makes each row the same in two extracts stands in `keys`.
    rows: Sequence[Row]
    keys: Sequence[str]
    totals: Row | None = None
    #: How it adds up, in words, and whether it does.
    told: str = ""
    holds: bool = True
    #: What was asked for, as label and value.
    facts: Sequence[tuple[str, str]] = ()
    #: What of it the one it was made for may not see, in words.
    limits: Sequence[str] = ()
    #: The column that is counted; None of a table that counts nothing.
    counts: str | None = None
    #: What else a part needs to be shown again: numbers and texts, as JSON holds them.
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What `json` can write; `from_json` reads it."""
        return {
            "name": self.name,
            "title": str(self.title),
            "columns": [
                {"key": each.key, "label": str(each.label), "kind": str(each.kind),
                 "width": each.width}
                for each in self.columns
            ],
            "rows": [[_kept(cell) for cell in row] for row in self.rows],
            "keys": list(self.keys),
            "totals": None if self.totals is None else [_kept(cell) for cell in self.totals],
            "told": self.told,
            "holds": self.holds,
            "facts": [[str(label), str(value)] for label, value in self.facts],
            "limits": [str(each) for each in self.limits],
            "counts": self.counts,
            "more": dict(self.more),
        }  # fmt: skip

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Extract":
        """The extract that `as_json` was asked of."""
        columns = tuple(
            Column(each["key"], each["label"], Kind(each["kind"]), each["width"])
            for each in kept["columns"]
        )
        return cls(
            name=kept["name"],
            title=kept["title"],
            columns=columns,
            rows=[_read(columns, row) for row in kept["rows"]],
            keys=kept["keys"],
            totals=None if kept["totals"] is None else _read(columns, kept["totals"]),
            told=kept["told"],
            holds=kept["holds"],
            facts=[(label, value) for label, value in kept["facts"]],
            limits=kept["limits"],
            counts=kept["counts"],
            more=kept["more"],
        )


def canonical(value: Any) -> str:
    """The one text of a value: keys in order, no spaces, letters as they are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(text: str) -> str:
    """The SHA-256 of a text, in hexadecimal."""
    return sha256(text.encode()).hexdigest()


def _kept(cell: Any) -> Any:
    if isinstance(cell, Share):
        return [cell.n, cell.of]
    if isinstance(cell, date):
        return cell.isoformat()
    return cell if cell is None or isinstance(cell, int | float) else str(cell)


def _read(columns: Sequence[Column], row: Sequence[Any]) -> Row:
    return tuple(_cell(column.kind, cell) for column, cell in zip(columns, row, strict=True))


def _cell(kind: Kind, cell: Any) -> Any:
    if kind is Kind.SHARE and isinstance(cell, list):
        return Share(*cell)
    if kind in (Kind.DATE, Kind.MONTH) and isinstance(cell, str):
        return date.fromisoformat(cell)
    return cell
