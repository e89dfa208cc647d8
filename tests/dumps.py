"""All rows of the database, to compare before with after."""

from typing import Any

from sqlalchemy import text

from crm.core import db


def dump(*, leaving_out: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    """Every row of every table, as the database has it, by table."""
    found = {}
    for table in db.metadata.sorted_tables:
        # Kept sums are rows that add up: there and back they are others, with the same sums.
        if table.name in leaving_out or db.is_derived(table.name):
            continue
        rows = db.session.execute(text(f'SELECT * FROM "{table.name}"'))
        found[table.name] = sorted((tuple(row) for row in rows), key=repr)
    return found
