"""Transcripts of service hours on paper: a page or more for each student, for them and the school.

Whoever keeps a member may make one. It bears their name in full, which is what it is for, so that
it left is recorded; of anybody else who took part it says nothing.
"""

from collections.abc import Sequence
from typing import Any

from flask import Response
from flask_babel import format_date, get_locale
from flask_babel import gettext as _

from crm.core import i18n, pdf, reads
from crm.core.errors import Refused
from crm.members import departures
from crm.members.disclosure import Exit, Shown, Viewer, disclose, user_name
from crm.outreach.own import said
from crm.tasks.hours import Line, Year, lines_of, sums

#: Transcripts in one file.
MOST = 200


def answer(member_ids: Sequence[int], year: Year, *, paper: str, name: str, by: Any) -> Response:
    """The PDF, a transcript for each of the members, and a record that it left.

    Raises `Refused` where one of them may not be named in full.
    """
    if len(member_ids) > MOST:
        raise Refused(_("At most %(most)s transcripts at once.", most=MOST))
    data = data_of(_named(member_ids, by), year)
    body = pdf.render("transcript", data, paper=paper)
    # Setting the paper let go of the database: who may be named is asked again, then recorded.
    _named(member_ids, by)
    departures.record(
        exit=Exit.PRINT,
        what=_("Transcript of service hours %(year)s", year=year.words),
        member_ids=member_ids,
        by=by,
    )
    reads.note("member", member_ids, "hours")
    response = Response(body, mimetype="application/pdf")
    file = "-".join(filter(None, ("service-hours", name, str(year.ends))))
    response.headers.set("Content-Disposition", "attachment", filename=f"{file}.pdf")
    return response


def _named(member_ids: Sequence[int], by: Any) -> list[Shown]:
    shown = disclose(member_ids, to=Viewer.of(by), exit=Exit.PAGE)
    if any(each not in shown or not shown[each].is_named for each in member_ids):
        raise Refused(_("A transcript bears the full name, and one of these may not be named."))
    return [shown[each] for each in member_ids]


def data_of(members: Sequence[Shown], year: Year) -> dict[str, Any]:
    """What the template reads."""
    found = lines_of([each.member_id for each in members], year)
    pages = [_page(each, found[each.member_id]) for each in members]
    lacking = pdf.unprintable(
        f"{page['name']} {page['chapter']} {row}" for page in pages for row in page["rows"] or [""]
    )
    return {
        "lang": str(getattr(get_locale(), "language", "en")),
        "title": _("Transcript of service hours"),
        "year": _("School year %(year)s", year=year.words),
        "as_of": _("As of %(day)s", day=format_date(i18n.today(), "long")),
        "note": _(
            "This paper may lack letters it has no font for: %(letters)s.",
            letters=" ".join(lacking),
        )
        if lacking
        else "",
        # Filled in by the template, which alone knows on which page it is.
        "page": _("Page %(page)s of %(pages)s", page="{page}", pages="{pages}"),
        "heads": [_("Date"), _("What was done"), _("To whom"), _("Time"), _("Signed for by")],
        "empty": _("No hours are written down for this school year."),
        "lines": [_("Supervisor's signature"), _("Printed name"), _("Date")],
        "pages": pages,
    }


def _page(who: Shown, lines: Sequence[Line]) -> dict[str, Any]:
    counted = [each for each in lines if each.minutes]
    whole = sums(counted)
    return {
        "name": who.name,
        "chapter": who.chapters,
        "rows": [
            [
                i18n.day(each.on),
                each.what,
                each.campaign,
                each.to_whom,
                said(each.minutes),
                _signer(each),
            ]
            for each in counted
        ],
        "sums": [
            [_("Signed for"), said(whole.signed)],
            [_("Not signed for yet"), said(whole.unsigned)],
            [_("In all"), said(whole.minutes)],
        ],
    }


def _signer(line: Line) -> str:
    if not line.is_signed or line.signature is None:
        return "–"
    return user_name(line.signature.by) or _("a supervisor")
