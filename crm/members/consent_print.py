"""Consents on paper: the form to sign, and the sheet with a link to take home."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import segno
from flask import Response
from flask_babel import format_date, get_locale
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import or_, select

from crm.core import db, i18n, pdf
from crm.members.consent_requests import address
from crm.members.consent_rules import LABELS, MEANINGS, Purpose, usual_end
from crm.members.disclosure import Exit, Viewer, disclose
from crm.members.models import Chapter, ConsentRequest, Member, Membership
from crm.members.rules import is_minor


def forms(member_ids: Sequence[int], *, paper: str) -> Response:
    """A form for each of the members, a page each, named as paper in the chapter names them."""
    shown = disclose(member_ids, to=Viewer.of(current_user), exit=Exit.PRINT)
    bands = {
        row.id: row.age_band
        for row in db.session.execute(
            select(Member.id, Member.age_band).where(Member.id.in_(member_ids))
        )
    }
    back = _return_addresses(member_ids)
    until = _written(usual_end(i18n.today()))
    data = {
        **_words(),
        "title": _("Consent form"),
        "purposes": [[str(LABELS[each]), str(MEANINGS[each])] for each in Purpose],
        "yes": _("Yes"),
        "no": _("No"),
        "until": _("A yes holds until %(day)s, or until it is withdrawn.", day=until),
        "pages": [
            {
                "name": shown[each].name,
                "chapter": shown[each].chapters,
                "lead": _lead(is_minor(bands[each])),
                "lines": _lines(is_minor(bands[each])),
                "back": back.get(each, ""),
            }
            for each in member_ids
            if each in shown
        ],
    }
    return _answer("consent_form", data, paper, _("consent-forms"))


def _return_addresses(member_ids: Sequence[int]) -> dict[int, str]:
    """Where a signed form goes: to the chapter, by member; who has no such address is left out."""
    today = i18n.today()
    rows = db.session.execute(
        select(Membership.member_id, Chapter.address)
        .join(Chapter, Chapter.id == Membership.chapter_id)
        .where(
            Membership.member_id.in_(member_ids),
            or_(Membership.left_on.is_(None), Membership.left_on >= today),
            Chapter.address.is_not(None),
        )
        .order_by(Membership.id.desc())
    )
    return {
        member_id: _("Return to: %(address)s", address=", ".join((where or "").splitlines()))
        for member_id, where in rows
    }


def sheets(requests: Mapping[str, ConsentRequest], *, paper: str) -> Response:
    """A sheet with a link and its picture for a telephone, for each link that was just made."""
    ids = [each.member_id for each in requests.values()]
    shown = disclose(ids, to=Viewer.of(current_user), exit=Exit.PRINT)
    data = {
        **_words(),
        "title": _("Your answer, please"),
        "pages": [
            {
                "for": _("To %(name)s", name=each.guardian.name) if each.guardian else "",
                "name": shown[each.member_id].name,
                "chapter": shown[each.member_id].chapters,
                "lead": _(
                    "We ask what we may do and what not. Open this address, or point the camera"
                    " of a telephone at the picture. You decide each point by itself, without an"
                    " account."
                ),
                "purposes": [str(LABELS[Purpose(purpose)]) for purpose in each.purposes],
                "link": address(token),
                "code": segno.make(address(token), error="m").svg_inline(border=2),
                "note": _(
                    "The link works once, until %(day)s. Whoever has this sheet can answer in"
                    " your place: keep it to yourself.",
                    day=_written(each.expires_at.date()),
                ),
            }
            for token, each in requests.items()
        ],
    }
    return _answer("consent_links", data, paper, _("consent-links"))


def _lead(minor: bool) -> str:
    if minor:
        return _(
            "Please tick yes or no in each line. You may say yes to some and no to others; what is"
            " left empty counts as no. You can change your mind at any time: tell the chapter, and"
            " it takes effect at once. Where two guardians differ, the stricter counts."
        )
    return _(
        "Please tick yes or no in each line. What is left empty stays as it is. You can change"
        " your mind at any time: tell the chapter, and it takes effect at once."
    )


def _lines(minor: bool) -> list[str]:
    if minor:
        return [
            _("Name of the guardian"),
            _("Relation to the child"),
            _("Phone or e-mail"),
            _("Place and date"),
            _("Signature"),
        ]
    return [_("Place and date"), _("Signature")]


def _words() -> dict[str, Any]:
    return {"lang": str(getattr(get_locale(), "language", "en")), "note": ""}


def _answer(template: str, data: dict[str, Any], paper: str, called: str) -> Response:
    names = [f"{each['name']} {each['chapter']} {each.get('for')}" for each in data["pages"]]
    if lacking := pdf.unprintable(names):
        data["note"] = _(
            "This paper may lack letters it has no font for: %(letters)s.",
            letters=" ".join(lacking),
        )
    response = Response(pdf.render(template, data, paper=paper), mimetype="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename=f"{called}.pdf")
    return response


def _written(day: date) -> str:
    return str(format_date(day, "long"))
