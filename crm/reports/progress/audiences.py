"""For whom a progress report is, and what of people it may therefore show. Pure; one table.

Whoever reads it is outside of this program, so it is held to what may leave for anybody:

- nobody's surname, age, address or contact, for no audience;
- no minor's first name without the consent to be named outside (`Purpose.MEDIA`), and nobody else's
  either; of the audiences only a school is given first names, of its own members, in a file that is
  asked for with a reason and recorded;
- participation is told as numbers; a group so small that a number tells who it was is told together
  with others;
- no free text that may hold a name: what an office wrote, notes, summaries.

What was done for the cause itself (targets, campaigns, answers) is shown to all alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

#: Fewer members of a chapter than this are told together with another's.
FEW = 5


class ByChapter(StrEnum):
    """How participation is told."""

    #: Its own chapter, as it is.
    OWN = "own"
    #: Each chapter; small ones together.
    EACH = "each"
    #: One number for all of it.
    WHOLE = "whole"


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who reads a report."""

    name: str
    label: Any
    #: What it is shown of people, for whoever makes the report.
    told: Any
    participation: ByChapter
    #: Whether the file may name those by first name who may be named outside.
    first_names: bool = False
    #: Whether it is for one chapter, which must be chosen.
    needs_chapter: bool = False
    #: Tasks done and hours given, as sums.
    work: bool = True


AUDIENCES: Mapping[str, Audience] = {
    each.name: each
    for each in (
        Audience(
            name="board",
            label=_l("Board"),
            told=_l("Participation as numbers by chapter; small groups together. Nobody by name."),
            participation=ByChapter.EACH,
        ),
        Audience(
            name="funder",
            label=_l("Funder"),
            told=_l("Participation as one number for all chapters. Nobody by name."),
            participation=ByChapter.WHOLE,
        ),
        Audience(
            name="coalition",
            label=_l("Coalition"),
            told=_l("Participation as numbers by chapter; small groups together. Nobody by name, "
                    "and nothing of who worked how long."),
            participation=ByChapter.EACH,
            work=False,
        ),
        Audience(
            name="school",
            label=_l("School"),
            told=_l("Numbers of its own chapter. First names only in a file asked for with a "
                    "reason, and only of members who may be named outside."),
            participation=ByChapter.OWN,
            first_names=True,
            needs_chapter=True,
        ),
    )
}  # fmt: skip


def together(groups: Mapping[str, int], few: int = FEW) -> tuple[list[str], list[str]]:
    """Groups told by themselves, and those told as one, so that no number says who it was.

    The smallest are put together until they are `few` at least and two; where that cannot be, all
    are told as one.
    """
    ranked = sorted(groups, key=lambda name: (groups[name], name))
    joined: list[str] = []
    if ranked and groups[ranked[0]] < few:
        for name in ranked:
            if groups[name] >= few and len(joined) > 1 and _sum(groups, joined) >= few:
                break
            joined.append(name)
    alone = [name for name in groups if name not in joined]
    return alone, [name for name in groups if name in joined]


def _sum(groups: Mapping[str, int], names: list[str]) -> int:
    return sum(groups[name] for name in names)
