"""Who wrote to each target of an action: known to whoever handed the pieces out, else guessed.

A pack knows which member's piece went where; it fills `SOURCES` from a room above. Of an action
that was logged by hand, everybody who is named in it may have written to each of its targets.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from crm.core import db
from crm.outreach.models import Action, ActionMember

#: Pieces by member, None for those nobody is named for.
Pieces = Mapping[int | None, int]
#: Each says of an action, by target, who wrote; empty where it knows nothing of it.
SOURCES: list[Callable[[int], Mapping[int, Pieces]]] = []


@dataclass(frozen=True)
class Senders:
    """Who wrote to one target, and how many pieces nobody is named for."""

    #: Member id → pieces.
    named: Mapping[int, int]
    unnamed: int
    #: Whether it is known that these wrote to this target, and not only that they took part.
    is_known: bool


def senders_of(action: Action, targets: Mapping[int, int]) -> dict[int, Senders]:
    """By target of `targets` (id → pieces): one statement, and those of the rooms above.

    What was corrected by hand since, so that a pack's pieces are not the target's any more, is
    asked of the action.
    """
    known: dict[int, Pieces] = {}
    for source in SOURCES:
        known = {**source(action.id), **known}
    of_action = select(ActionMember.member_id, ActionMember.pieces).where(
        ActionMember.action_id == action.id
    )
    named = {row[0]: row[1] for row in db.session.execute(of_action)}
    found = {}
    for target_id, pieces in targets.items():
        theirs = known.get(target_id)
        if theirs is not None and sum(theirs.values()) == pieces:
            own = {each: number for each, number in theirs.items() if each is not None}
            found[target_id] = Senders(own, theirs.get(None, 0), is_known=True)
            continue
        # To the only target everything went; of several, nobody knows whose went where.
        unnamed = min(pieces, action.unnamed) if named else pieces
        found[target_id] = Senders(dict(named), unnamed, is_known=pieces == action.pieces)
    return found
