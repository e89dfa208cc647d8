"""An allotment before it is made, in words: who writes to whom, and what could not be printed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from flask_babel import ngettext

from crm.campaigns.models import Campaign
from crm.core import db
from crm.mailings.planning import Plan
from crm.members.disclosure import Exit, Viewer, disclose
from crm.members.models import Chapter
from crm.targets.queries import names as target_names
from crm.targets.queries import offices
from crm.texts.merge import merge
from crm.texts.merged import Wanted

#: Members and targets that are named; of more it is said how many.
MOST_NAMED = 200
#: A member (None: the pool), the name, pieces, and whom they go to with the number for each.
Line = tuple[int | None, str, int, list[tuple[str, int]]]


@dataclass(frozen=True)
class Preview:
    """An allotment in words."""

    plan: Plan
    #: Member (None: the pool), name, pieces, names of targets with their numbers.
    members: list[Line]
    #: Target, name, office, pieces, by constituents.
    targets: list[tuple[int, str, str, int, int]]
    more_members: int
    more_targets: int
    homeless: str
    unsure: str
    #: Pieces that cannot be printed as things are, and the sentences with how many each is of.
    hindered: int
    reasons: list[tuple[str, int]]


def preview(found: Plan, *, values: Mapping[str, str], on: date, to: Viewer) -> Preview:
    """The allotment with names, and what the merge check says of its pieces."""
    ids = {each.member_id for each in found.shares if each.member_id is not None}
    shown = disclose(ids | set(found.homeless) | set(found.unsure), to=to, exit=Exit.PAGE)
    held = offices(list(found.by_target))
    names = target_names(found.by_target)
    whom: dict[int | None, list[tuple[str, int]]] = {}
    for share in found.shares:
        whom.setdefault(share.member_id, []).append((names[share.target_id], share.number))
    sums, home = found.by_member, found.constituents
    order = sorted(
        (each for each in sums if each is not None), key=lambda each: (shown[each].name, each)
    )
    members: list[Line] = [
        (each, shown[each].name, sums[each], whom[each]) for each in order[:MOST_NAMED]
    ]
    if None in sums:
        members.append((None, _("The pool: nobody yet"), sums[None], whom[None]))
    by_target = found.by_target
    targets = [
        (each, name, office.label if (office := held.get(each)) else "", by_target[each],
         home.get(each, 0))
        for each, name in list(names.items())[:MOST_NAMED]
    ]  # fmt: skip
    number, reasons = hindered(found, values=values, on=on, to=to)
    return Preview(
        plan=found,
        members=members,
        targets=targets,
        more_members=max(0, len(order) - MOST_NAMED),
        more_targets=max(0, len(names) - MOST_NAMED),
        homeless=_some(shown[each].name for each in found.homeless),
        unsure=_some(shown[each].name for each in found.unsure),
        hindered=number,
        reasons=reasons,
    )


def _some(names: Iterable[str]) -> str:
    """Names by comma, the first few of many."""
    order = sorted(names)
    told = ", ".join(order[:8])
    if len(order) > 8:
        told += " " + ngettext("and %(num)s more", "and %(num)s more", len(order) - 8)
    return told


def hindered(
    found: Plan, *, values: Mapping[str, str], on: date, to: Viewer
) -> tuple[int, list[tuple[str, int]]]:
    """Pieces that cannot be printed as things are, and why."""
    asked = found.asked
    merged = merge(
        found.version,
        [Wanted(each.target_id, each.member_id) for each in found.shares],
        campaign=db.session.get(Campaign, asked.campaign_id),
        chapter=db.session.get(Chapter, asked.chapter_id),
        values=values,
        on=on,
        viewer=to,
    )
    reasons: Counter[str] = Counter()
    number = 0
    for share, each in zip(found.shares, merged, strict=True):
        number += 0 if each.can_print else share.number
        for told in {hindrance.told for hindrance in each.hindrances}:
            reasons[told] += share.number
    return number, reasons.most_common(12)
