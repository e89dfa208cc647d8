"""The history of one record as a page: the same for every room."""

from collections.abc import Collection, Mapping

from flask import render_template
from flask_login import current_user

from crm.core import access, history
from crm.core.access import Can
from crm.core.paging import page_number, page_of


def history_page(
    records: Mapping[str, Collection[int]],
    *,
    name: str,
    back: str,
    withheld: Mapping[tuple[str, int | None], Collection[str]] | None = None,
) -> str:
    """What was done to these records (ids by kind), as one page; `back` is the record's own.

    Who looked is told to those who may read the whole record.
    """
    with_reads = access.scope(current_user, Can.READ_AUDIT).everywhere
    page = page_of(history.entries_of(records, with_reads=with_reads), number=page_number())
    return render_template(
        "layout/history.html",
        name=name,
        back=back,
        page=page,
        told=history.tell(page.rows, withheld=withheld),
        with_reads=with_reads,
    )
