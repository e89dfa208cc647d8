"""The list of members as a file: what the page shows, in its order."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Response, current_app
from flask_babel import get_locale
from flask_login import current_user

from crm.core import access, reads
from crm.core.access import Can, requires
from crm.core.forms import WithNames
from crm.core.i18n import timezone_name
from crm.core.streams import stream
from crm.core.tables import FORMATS
from crm.members import exporting
from crm.members.disclosure import Viewer
from crm.members.exporting import Listing
from crm.members.filters import Asked
from crm.members.views import asked_for, blueprint, list_page


@blueprint.get("/members.<any(csv, xlsx, json):format>")
@requires(Can.EXPORT_REPORTS)
def download(format: str) -> Any:
    """The list as a file: members are pseudonyms there."""
    asked = asked_for()
    if asked.problems:
        return list_page(asked, WithNames(formdata=None), 422)
    sees = asked.reader.sees.within(access.scope(current_user, Can.EXPORT_REPORTS))
    listed = _listing(asked, Viewer(sees=sees))
    # A page that only reads writes nothing: that the file left is recorded as a read, of the
    # chapters it looked at.
    chapters = [each.id for each in asked.chapters if sees.includes(each.id)]
    if asked.chosen:
        chapters = [each for each in chapters if each in (asked.wanted.chapter_ids or ())]
    reads.note("chapter", chapters, "export")
    return _send(listed, format)


@blueprint.post("/members/download")
@requires(Can.EXPORT_PEOPLE)
def download_names() -> Any:
    """The same file with names, for a reason that is kept."""
    asked, form = asked_for(), WithNames()
    if asked.problems or not form.validate_on_submit():
        return list_page(asked, form, 422)
    listed = _listing(asked, Viewer.of(current_user, exports_people=True))
    recorded = form.carry(
        lambda: exporting.record_export(
            listed, format=form.format.data, reason=form.reason.data, by=current_user
        )
    )
    if recorded is None:
        return list_page(asked_for(), form, 422)
    return _send(recorded, form.format.data)


def _listing(asked: Asked, viewer: Viewer) -> Listing:
    return exporting.listing(
        asked,
        viewer,
        made_at=datetime.now(ZoneInfo(timezone_name())),
        made_by=current_user.name,
    )


def _send(listed: Listing, format: str) -> Response:
    # The application itself: a request's proxy is gone when its file is still being sent.
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    pieces = stream(app, lambda: exporting.table(listed), format=format, locale=str(get_locale()))
    response = Response(pieces, mimetype=FORMATS[format].mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=listed.filename(format))
    return response
