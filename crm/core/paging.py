"""Lists in pages. The count stops at a ceiling, so a list of a million costs what a page costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlalchemy import Select, func, select

from crm.core import db

#: Rows on a page.
SIZE = 50
#: Where counting stops; the page then says "more than".
CEILING = 10_000


@dataclass(frozen=True)
class Page:
    """The rows of one page and where it stands."""

    rows: Sequence[Any]
    number: int
    size: int
    total: int
    capped: bool

    @property
    def first(self) -> int:
        """Position of the first row, from 1; 0 when there is none."""
        return (self.number - 1) * self.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """Position of the last row."""
        return (self.number - 1) * self.size + len(self.rows)

    @property
    def pages(self) -> int:
        """How many pages can be reached."""
        return max(1, -(-self.total // self.size))


#: Of a list that is not asked for: its address cannot be meant.
NO_PAGE = Page(rows=(), number=1, size=SIZE, total=0, capped=False)


def page_number() -> int:
    """`?page=` of the request; 1 for anything that is not one."""
    text = request.args.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def page_of(statement: Select[Any], *, number: int, size: int = SIZE, scalars: bool = True) -> Page:
    """Run the statement for one page and count its rows up to the ceiling: two statements."""
    bare = statement.order_by(None).with_only_columns(1, maintain_column_froms=True)
    total = db.session.scalar(select(func.count()).select_from(bare.limit(CEILING + 1).subquery()))
    capped = (total or 0) > CEILING
    total = min(total or 0, CEILING)
    number = min(number, max(1, -(-total // size)))
    result = db.session.execute(statement.limit(size).offset((number - 1) * size))
    rows = result.scalars().all() if scalars else result.all()
    return Page(rows=rows, number=number, size=size, total=total, capped=capped)


def page_within(rows: Sequence[Any], *, size: int = SIZE) -> Page:
    """The page the request asks for of rows that are all there."""
    number = min(page_number(), max(1, -(-len(rows) // size)))
    some = rows[(number - 1) * size : number * size]
    return Page(rows=some, number=number, size=size, total=len(rows), capped=False)
