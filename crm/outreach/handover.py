"""Answers that were awaited of somebody who holds the post no more: told, and nothing else.

No answer is made up. What was sent stays with the person it reached; a reply that comes yet is
recorded there.
"""

from collections.abc import Collection, Sequence
from typing import Any

from flask_babel import ngettext
from sqlalchemy import func, select

from crm.core import db
from crm.outreach.models import ActionTarget
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


AWAITED = Provider("awaited", find)
