"""Answers that were awaited of somebody who holds the post no more: told, and waited for no longer.

No answer is made up. What was sent stays with the person it reached; a reply that comes yet is
recorded there.
"""

from collections.abc import Collection, Sequence
from typing import Any

from flask_babel import ngettext
from sqlalchemy import func, select

from crm.core import db
from crm.core.i18n import today
from crm.outreach.models import ActionTarget
from crm.outreach.waits import close_of_who_left
from crm.targets.handover import Hanging, Provider


def find(target_ids: Collection[int], user: Any) -> Sequence[Hanging]:
    """How many answers are awaited of these targets. One statement."""
    rows = db.session.execute(
        select(ActionTarget.target_id, func.count())
        .where(ActionTarget.target_id.in_(target_ids), ActionTarget.awaiting)
        .group_by(ActionTarget.target_id)
    )
    return [
        Hanging(
            key="",
            target_id=target_id,
            told=ngettext(
                "waited for to answer %(num)s action, which stays with the person",
                "waited for to answer %(num)s actions, which stay with the person",
                number,
            ),
            link=("outreach.index", {"target": target_id}),
        )
        for target_id, number in rows
    ]


def leave(target_ids: Collection[int], *, by: Any) -> None:
    """Close what waits for them in a post they have left."""
    close_of_who_left(today(), target_ids=target_ids, by=by)


AWAITED = Provider("awaited", find, leave=leave)
