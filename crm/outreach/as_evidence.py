"""Outreach as evidence of where a target stands: what positions, a room below, may choose of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import exists, insert, select

from crm.campaigns.evidence import Shown
from crm.core import db
from crm.core.errors import Refused
from crm.outreach.channels import channels
from crm.outreach.models import Action, ActionTarget, PositionEvidence

#: Actions that are offered.
OFFERED = 30


class OutreachEvidence:
    """See `campaigns.evidence.Evidence`."""

    def offered(self, target_id: int, also: int | None = None) -> Sequence[Shown]:
        """The latest that reached the target, the newest first: one statement."""
        rows = (
            select(
                ActionTarget.action_id,
                ActionTarget.channel,
                ActionTarget.pieces,
                ActionTarget.happened_on,
            )
            .where(ActionTarget.target_id == target_id)
            .order_by(ActionTarget.happened_on.desc(), ActionTarget.action_id.desc())
        )
        found = db.session.execute(rows.limit(OFFERED)).all()
        if also is not None and also not in {row[0] for row in found}:
            found = [*found, *db.session.execute(rows.where(ActionTarget.action_id == also))]
        return [_shown(row) for row in found]

    def kept(self, position_ids: Collection[int]) -> Mapping[int, Shown]:
        """By position: the action that showed it, unless that was undone since."""
        if not position_ids:
            return {}
        rows = db.session.execute(
            select(
                Action.id,
                Action.channel,
                Action.pieces,
                Action.happened_on,
                PositionEvidence.position_id,
            )
            .join(Action, Action.id == PositionEvidence.action_id)
            .where(PositionEvidence.position_id.in_(position_ids), Action.undone_at.is_(None))
        )
        return {row[4]: _shown(row) for row in rows}

    def keep(self, position_id: int, target_id: int, action_id: int) -> None:
        """Name the action; part of the operation that records the position, and of its audit."""
        reached = db.session.scalar(
            select(
                exists().where(
                    ActionTarget.action_id == action_id, ActionTarget.target_id == target_id
                )
            )
        )
        if not reached:
            raise Refused(_("This outreach did not reach this target."), "action_id")
        db.session.execute(
            insert(PositionEvidence), [{"position_id": position_id, "action_id": action_id}]
        )


def _shown(row: Any) -> Shown:
    action_id, channel, pieces, day = row[:4]
    return Shown(
        action_id=action_id,
        what=channels()[channel].count(pieces),
        on=day,
        url=url_for("outreach.page", action_id=action_id),
    )
