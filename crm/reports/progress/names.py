"""First names in a progress report for a school: of its own members who may be named outside.

It is the one way a progress report says who anybody is. What leaves is recorded first, with why.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from crm.core import access, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.members.consent_rules import Purpose
from crm.members.disclosure import Exit, Viewer, allowed
from crm.members.models import Member
from crm.members.queries import visible_members
from crm.reports.catalogue import Question
from crm.reports.operations import record_people
from crm.reports.progress.document import Wish
from crm.reports.progress.parts import named_members


@dataclass(frozen=True)
class Named:
    """Who is named on the paper, and how it says so."""

    member_ids: frozenset[int]
    #: What the template reads.
    data: dict[str, Any]


def first_names(wish: Wish, question: Question, *, reason: str, by: Any) -> Named:
    """The names as the paper has them, and how many are not named. Raises `Refused`."""
    if not wish.audience.first_names:
        raise Refused(_("This audience is told nobody’s name."))
    if not access.may(by, Can.EXPORT_PEOPLE):
        raise Refused(_("You may not take names out."))
    if not reason.strip():
        raise Refused(_("Say what you need the names for."), "reason")
    viewer = Viewer.of(by, exports_people=True)
    took_part = set(db.session.scalars(named_members(question)))
    seen = visible_members(viewer.sees).with_only_columns(Member.id)
    named = allowed(took_part & set(db.session.scalars(seen)), Purpose.MEDIA)
    counted = Counter(
        db.session.scalars(select(Member.given_name).where(Member.id.in_(named))).all()
    )
    rest = len(took_part) - len(named)
    more = ngettext("and %(num)s more who took part", "and %(num)s more who took part", rest)
    return Named(
        named,
        {
            "title": _("With"),
            "lead": _("First names of those who may be named."),
            "names": [name if n == 1 else f"{name} ({n})" for name, n in sorted(counted.items())],
            "rest": more if rest else "",
        },
    )


def record_names(wish: Wish, named: Named, *, reason: str, by: Any) -> None:
    """Keep who left by name and why, before the paper is sent. A withdrawal lists it."""
    record_people(
        exit=Exit.MEDIA,
        what=_("Progress report, PDF"),
        member_ids=named.member_ids,
        reason=reason,
        changes={"report": "progress", "format": "pdf", "filters": wish.given},
        by=by,
    )
