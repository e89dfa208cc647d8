"""Free texts about outreach without the names of the members who took part.

Somebody types "thanks Ana Núñez for her card" as what an answer said: beyond those who may know
Ana's family name the text says "thanks a member". Only names of people who took part are looked
for, so that a word is not taken for a name that nobody there has.
"""

import re
from collections.abc import Collection, Iterable
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from crm.core import db
from crm.members.disclosure import Viewer
from crm.members.models import Member
from crm.members.queries import visible_members
from crm.outreach.models import ActionMember

#: Actions asked about in one statement.
_AT_ONCE = 500


class Plain:
    """Takes names out of what somebody typed: `plain(text)`."""

    def __init__(self, names: Iterable[tuple[str, str | None]] = (), but: str = ""):
        """`names` as (given, family); words of `but` stay."""
        kept = set(but.casefold().split())
        wanted: dict[str, None] = {}
        for given, family in names:
            if family:
                wanted[f"{given} {family}"] = None
                if family.casefold() not in kept:
                    wanted[family] = None
        longest_first = sorted(wanted, key=len, reverse=True)
        words = "|".join(re.escape(each) for each in longest_first)
        self.pattern = re.compile(rf"\b(?:{words})\b", re.IGNORECASE) if words else None

    def __call__(self, text: str) -> str:
        return self.pattern.sub(_("a member"), text) if self.pattern else text

    def maybe(self, text: str | None) -> str | None:
        """The same for a text there may be none of."""
        return self(text) if text else text


def without_members(
    action_ids: Collection[int], *, to: Viewer | None = None, but: str = ""
) -> Plain:
    """For texts about these actions: one statement for each `_AT_ONCE` of them.

    Names that `to` may see anyway stay; without a viewer none does. Words of `but` (the target's
    name) stay.
    """
    if to is not None and to.sees.everywhere:
        return Plain()
    ids = sorted(set(action_ids))
    names: dict[tuple[str, str | None], None] = {}
    for start in range(0, len(ids), _AT_ONCE):
        wanted: Any = (
            select(Member.given_name, Member.family_name)
            .join(ActionMember, ActionMember.member_id == Member.id)
            .where(
                ActionMember.action_id.in_(ids[start : start + _AT_ONCE]),
                Member.family_name.is_not(None),
            )
            .distinct()
        )
        if to is not None and to.sees:
            seen = visible_members(to.sees).with_only_columns(Member.id)
            wanted = wanted.where(Member.id.not_in(seen))
        names |= dict.fromkeys((row[0], row[1]) for row in db.session.execute(wanted))
    return Plain(names, but)
