"""Free texts about outreach without the names of the members who took part.

Somebody types "thanks Ana Núñez for her card" as what an answer said: beyond those who may know
Ana's family name the text says "thanks a member". Only names of people who took part are looked
for, so that a word is not taken for a name that nobody there has.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property

from flask_babel import gettext as _
from sqlalchemy import select

from crm.core import db
from crm.members.disclosure import Exit, Viewer, disclose
from crm.members.models import Member
from crm.outreach.models import ActionMember

#: Actions asked about by one statement: exports of a million rows wait for nothing else so often.
_AT_ONCE = 2000


def _pattern(names: Sequence[str]) -> re.Pattern[str] | None:
    """What finds the first of these that stands there; None for no names."""
    words = "|".join(map(re.escape, names))
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE) if words else None


class Plain:
    """Takes names out of what somebody typed: `plain(text)`."""

    def __init__(
        self,
        names: Iterable[tuple[str, str | None]] = (),
        but: str = "",
        *,
        only_full: bool = False,
    ):
        """`names` as (given, family); words of `but` stay, and with `only_full` a family name
        that stands alone.
        """
        kept = set(but.casefold().split())
        wanted: dict[str, None] = {}
        self._then: Plain | None = None
        for given, family in names:
            if family:
                wanted[f"{given} {family}"] = None
                if not only_full and family.casefold() not in kept:
                    wanted[family] = None
        self._names = sorted(wanted, key=len, reverse=True)
        #: What a text of plain letters holds, if it holds the name at all.
        self._looks = [each.lower() if each.isascii() else "" for each in self._names]
        #: Texts that were told already: a hundred actions in one room are one text.
        self._told: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        if (told := self._told.get(text)) is None:
            found = self._found_in(text)
            told = found.sub(lambda _found: _("a member"), text) if found else text
            told = self._told[text] = self._then(told) if self._then else told
        return told

    def _found_in(self, text: str) -> re.Pattern[str] | None:
        """What finds the names in a text. An export has thousands of texts and of names, and hardly
        ever one in the other: no pattern is made of names that are not there. That is told by
        plain letters alone; of others a pattern knows more that are the same (`ſ` and `s`).
        """
        if not text.isascii():
            return self._all
        low = text.lower()
        both = zip(self._names, self._looks, strict=True)
        return _pattern([name for name, look in both if look in low])

    @cached_property
    def _all(self) -> re.Pattern[str] | None:
        return _pattern(self._names)

    def then(self, other: "Plain") -> "Plain":
        """This one, and the other after it."""
        self._then = other
        return self

    def maybe(self, text: str | None) -> str | None:
        """The same for a text there may be none of."""
        return self(text) if text else text


def without_members(
    action_ids: Collection[int], *, to: Viewer | None = None, but: str = ""
) -> Plain:
    """For texts about these actions: three statements for each 2000 of them at most.

    Names that `to` may see anyway stay; without a viewer none does. Words of `but` (the target's
    name) stay.
    """
    ids = sorted(set(action_ids))
    found: dict[int, tuple[str, str | None]] = {}
    took_part = (
        select(Member.id, Member.given_name, Member.family_name)
        .join(ActionMember, ActionMember.member_id == Member.id)
        .where(Member.family_name.is_not(None))
        .distinct()
    )
    for some in db.batches(ids, _AT_ONCE):
        # Past the session: an export of a million rows asks five hundred times for all it names.
        rows = db.session.connection().execute(
            took_part.where(db.among(ActionMember.action_id, some))
        )
        found |= {number: (given, family) for number, given, family in rows}
    return Plain(_hidden(found, to).values(), but)


def of_any_member(texts: Collection[str], *, to: Viewer | None = None) -> Plain:
    """For texts that belong to no outreach: full names of members, whoever they are, go.

    A family name alone stays: it may be a senator's. Three statements for 500 words.
    """
    found: dict[int, tuple[str, str | None]] = {}
    for some in db.batches(sorted({each for text in texts for each in _runs(text)})):
        rows = db.session.execute(
            select(Member.id, Member.given_name, Member.family_name).where(
                Member.family_name.in_(some)
            )
        )
        # Only whom a text names in full: the others need not be asked about.
        found |= {
            row[0]: (row[1], row[2])
            for row in rows
            if any(f"{row[1]} {row[2]}".casefold() in text.casefold() for text in texts)
        }
    return Plain(_hidden(found, to).values(), only_full=True)


def _runs(text: str) -> Iterator[str]:
    """One, two and three words on end that a family name may be, without what stands around."""
    words = text.split()
    for at in range(len(words)):
        for many in (1, 2, 3):
            yield " ".join(words[at : at + many]).strip(".,;:!?()“”\"'’")


def _hidden(
    found: dict[int, tuple[str, str | None]], to: Viewer | None
) -> dict[int, tuple[str, str | None]]:
    """Those whose names this viewer may not see."""
    if to is None or not found:
        return found
    shown = disclose(found, to=to, exit=Exit.PAGE)
    return {number: name for number, name in found.items() if not shown[number].is_named}
