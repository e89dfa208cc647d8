"""Settings → Record: who did what, who looked at whom and what left, for administrators of
everything. It is read here and changed nowhere.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Response, abort, current_app, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from crm.core import access, audit_check, audit_queries, history, reads
from crm.core.access import Can, requires
from crm.core.audit import AuditEntry
from crm.core.audit_queries import RecordFilter
from crm.core.i18n import timezone_name
from crm.core.paging import page_number, page_of
from crm.core.tables import FORMATS, Column, Table
from crm.members import queries
from crm.members.disclosure import Exit, Viewer, disclose
from crm.members.views import blueprint

#: Fields of people of which this page says only that they changed: how to reach them is read on
#: their own page, where that is asked and recorded.
UNSAID: Mapping[str, frozenset[str]] = {
    "member": frozenset({"email", "phone", "address", "postal_code", "note", "custom"}),
    "guardian": frozenset({"name", "email", "phone"}),
}
_NAMES = frozenset({"given_name", "family_name"})


def _everything() -> None:
    """The record is one chain: who administers a chapter alone does not read that of others."""
    if not access.scope(current_user, Can.READ_AUDIT).everywhere:
        abort(403)


def _asked() -> RecordFilter:
    kind = _argument("kind", _word)
    return RecordFilter(
        by_id=_argument("by", _number),
        verb=_argument("verb", _word),
        kind=kind,
        record_id=_argument("record", _number) if kind else None,
        since=_argument("since", date.fromisoformat),
        until=_argument("until", date.fromisoformat),
    )


def _argument(name: str, read: Callable[[str], Any]) -> Any:
    text = request.args.get(name, "").strip()
    try:
        return read(text) if text else None
    except ValueError:
        return None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(text)
    return int(text)


def _word(text: str) -> str:
    if not text.isprintable() or len(text) > 100:
        raise ValueError("no word")
    return text


@blueprint.get("/settings/record")
@requires(Can.READ_AUDIT)
def record() -> Any:
    """The record, filtered, the newest first."""
    _everything()
    wanted = _asked()
    page = page_of(audit_queries.entries(wanted, timezone_name()), number=page_number())
    return render_template(
        "members/record.html",
        wanted=wanted,
        lacks_kind=bool(request.args.get("record")) and wanted.kind is None,
        page=page,
        rows=list(zip(page.rows, _told(page.rows), strict=True)),
        people=queries.user_names(audit_queries.people(), to=Viewer.of(current_user)),
        verbs={each: history.verb_label(each) for each in audit_queries.verbs()},
        kinds={each: history.kind_label(each) for each in audit_queries.kinds()},
        head=audit_check.head(),
        guarded=audit_check.is_guarded(),
        file=url_for(".record_file", **wanted.given),
    )


def _told(rows: Any) -> list[history.Told]:
    ids = {each.record_id for each in rows if each.kind == "member" and each.record_id}
    shown = disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE) if ids else {}
    unnamed: dict[tuple[str, int | None], frozenset[str]] = {
        ("member", each.member_id): _NAMES for each in shown.values() if not each.is_named
    }
    return history.tell(rows, withheld=unnamed, always=UNSAID)


@blueprint.get("/settings/record.csv")
@requires(Can.READ_AUDIT)
def record_file() -> Any:
    """The same as a file: which fields changed and not to what, so it names no member."""
    _everything()
    wanted, zone = _asked(), timezone_name()
    reads.export("record", format="csv", filters=wanted.given)
    made_at = datetime.now(ZoneInfo(zone))
    heads = (
        ("number", _("Number")), ("at", _("When (UTC)")), ("user", _("User")),
        ("verb", _("What")), ("kind", _("Of what")), ("record", _("Record")),
        ("fields", _("Fields")), ("reason", _("With a reason")), ("hash", _("Hash")),
    )  # fmt: skip
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    table = Table(
        name="record",
        title=_("Record"),
        columns=[Column(key, label) for key, label in heads],
        rows=_rows(app, wanted, zone),
        made_at=made_at,
        made_by=current_user.name,
    )
    response = Response(FORMATS["csv"].write(table), mimetype=FORMATS["csv"].mimetype)
    name = f"record-{made_at:%Y-%m-%d}.csv"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _rows(app: Flask, wanted: RecordFilter, zone: str) -> Iterator[tuple[Any, ...]]:
    for some in audit_queries.pieces(app, wanted, zone):
        yield from map(_cells, some)


def _cells(entry: AuditEntry) -> tuple[Any, ...]:
    return (
        entry.seq,
        entry.at.strftime("%Y-%m-%d %H:%M:%S"),
        entry.by_id,
        entry.verb,
        entry.kind,
        entry.record_id,
        ", ".join(sorted(entry.changes)),
        1 if entry.reason else 0,
        entry.hash,
    )
