"""Files that leave piece by piece, from one snapshot, when their request is over."""

from collections.abc import Callable, Generator, Iterator
from contextvars import copy_context

from flask import Flask
from flask_babel import force_locale

from crm.core import db
from crm.core.bulk import by_the_thousand
from crm.core.tables import FORMATS, Table


def stream(
    app: Flask,
    table: Callable[[], Table],
    *,
    format: str,
    locale: str,
    temporary: bool = False,
) -> Iterator[bytes]:
    """The table that `table` makes within the snapshot, as a file of this form and language.

    What goes wrong on the way is raised, so that no cut file passes for a whole one. Each step
    runs in a context of its own: between two pieces whoever reads them sees nothing of it.
    """
    inside, pieces = copy_context(), _pieces(app, table, format, locale, temporary)
    try:
        while (piece := inside.run(next, pieces, None)) is not None:
            yield piece
    finally:
        inside.run(pieces.close)


def _pieces(
    app: Flask, table: Callable[[], Table], format: str, locale: str, temporary: bool
) -> Generator[bytes, None, None]:
    with by_the_thousand(), db.apart(app, temporary=temporary), force_locale(locale):
        yield from FORMATS[format].write(table())
