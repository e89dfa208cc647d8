"""Reads that are themselves recorded: who looked at a minor's contact or consent, and when.

A page notes what it shows; once it is answered, and before it leaves, the notes become one audit
entry in a transaction of their own. Where that fails, the page is not sent.
"""

from collections.abc import Iterable

from flask import g, has_request_context


def note(kind: str, record_ids: Iterable[int], what: str) -> None:
    """Note that `what` of these records is about to be shown to whoever asked.

    `kind` is the table's name, as in an audit entry; `what` is one of a few words (`contact`,
    `consent`, `history`; `export` of chapters whose members left in a file without names). Outside
    of a request nothing is noted: a command records itself.
    """
    if not has_request_context():
        return
    noted: dict[tuple[str, str], set[int]] = g.setdefault("reads", {})
    noted.setdefault((kind, what), set()).update(record_ids)
