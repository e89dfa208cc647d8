"""What a pack knows of a sitting when its answers are asked about: who led it, and who wrote."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import func, select

from crm.core import db
from crm.mailings.models import Mailing, Piece, Posting
from crm.outreach import asking, senders
from crm.outreach.windows import place_of_point
from crm.targets.models import ContactPoint, Target


def led(action_ids: Collection[int]) -> Mapping[int, int]:
    """By action who posted the pack, else who made it: one statement."""
    rows = db.session.execute(
        select(Posting.action_id, func.coalesce(Posting.by_id, Mailing.made_by_id))
        .join(Mailing, Mailing.id == Posting.mailing_id)
        .where(Posting.action_id.in_(action_ids))
    )
    return {action_id: user_id for action_id, user_id in rows if user_id is not None}


def wrote(action_id: int) -> Mapping[int, senders.Pieces]:
    """By target how many pieces of this posting each member wrote: one statement."""
    found: dict[int, dict[int | None, int]] = defaultdict(dict)
    for target_id, member_id, pieces in db.session.execute(
        select(Piece.target_id, Piece.member_id, func.count())
        .join(Posting, Posting.id == Piece.posting_id)
        .where(Posting.action_id == action_id)
        .group_by(Piece.target_id, Piece.member_id)
    ):
        found[target_id][member_id] = pieces
    return found


def places(piece_ids: Iterable[int]) -> Mapping[int, str]:
    """By target the kind of address that was printed on these pieces, where one was."""
    found: dict[int, str] = {}
    for some in db.batches(sorted(piece_ids)):
        for target_id, kind, key, label in db.session.execute(
            select(Piece.target_id, Target.kind, ContactPoint.key, ContactPoint.label)
            .join(Target, Target.id == Piece.target_id)
            .join(ContactPoint, ContactPoint.id == Piece.contact_point_id)
            .where(Piece.id.in_(some))
            .distinct()
        ):
            found[target_id] = place_of_point(kind, key, label)
    return found


asking.LEADERS.append(led)
senders.SOURCES.append(wrote)
