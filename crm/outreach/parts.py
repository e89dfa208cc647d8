"""What outreach is told apart by, and how a statement that counts it does so.

A filter says which actions are meant; a part says into which lines they fall. Both are put into
the one counting rule of `queries.counted`, so no report has a rule of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Subquery, func, select
from sqlalchemy.orm import aliased

from crm.members.models import TeamMember
from crm.outreach.models import Action, ActionChapter, ActionMember, ActionTarget, action_ask
from crm.targets.models import CommitteeSeat, Post, Target, Term


@dataclass(frozen=True, kw_only=True)
class Part:
    """What outreach is told apart by: its campaign, the state of who it reached, its committee.

    One action may belong to several (its chapters), one target to several (its committees); a sum
    over parts then repeats it, and a total is counted anew.
    """

    name: str
    #: Of `Action` or `ActionTarget`, whichever the rows are: the column that tells.
    column: Callable[[Any], Any]
    #: Whether it tells of targets; what reached none by name has no such part.
    of_targets: bool = False
    #: What the column stands in: names of `_JOINS`, or what joins it to a statement.
    joins: tuple[Any, ...] = ()
    #: Of a filter, conditions on the parts: of several chapters only those that are asked for.
    only: Callable[[Any], list[ColumnElement[bool]]] = lambda _wanted: []
    #: Whether something may belong to several.
    repeats: bool = False
    #: The kept sums that tell it apart as well: `REACH` what reached targets, `DONE` what was done.
    sums: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """What its column is called in a statement."""
        return f"part_{self.name.replace('-', '_')}"


#: Kept sums that can tell a part (`kept.KeptReach`; `KeptDone` with `KeptChapter`).
REACH, DONE = "reach", "done"

# Names of their own: conditions of a filter speak of the tables by themselves.
of_target, of_term, of_post = aliased(Target), aliased(Term), aliased(Post)
of_seat, of_chapter = aliased(CommitteeSeat), aliased(ActionChapter)
of_ask = action_ask.alias("of_ask")


def action_id(table: Any) -> Any:
    return Action.id if table is Action else ActionTarget.action_id


def _teams() -> Subquery:
    """Actions with the teams of those who took part by name; without a team, 0."""
    return (
        select(ActionMember.action_id, func.coalesce(TeamMember.team_id, 0).label("team_id"))
        .outerjoin(TeamMember, TeamMember.member_id == ActionMember.member_id)
        .distinct()
        .subquery("of_team")
    )


of_team = _teams()
named = select(ActionMember.action_id).distinct().subquery("named")


_JOINS: dict[str, Callable[[Any, Any], Any]] = {
    "target": lambda rows, of: rows.join(of_target, of_target.id == of.target_id),
    "term": lambda rows, of: rows.outerjoin(of_term, of_term.id == of.term_id),
    "post": lambda rows, _of: rows.outerjoin(of_post, of_post.id == of_term.post_id),
    "seat": lambda rows, of: rows.outerjoin(of_seat, of_seat.target_id == of.target_id),
    "ask": lambda rows, of: rows.outerjoin(of_ask, of_ask.c.action_id == action_id(of)),
    "chapter": lambda rows, of: rows.outerjoin(of_chapter, of_chapter.action_id == action_id(of)),
    "team": lambda rows, of: rows.join(of_team, of_team.c.action_id == action_id(of)),
    "named": lambda rows, of: rows.join(named, named.c.action_id == action_id(of)),
}


def told_apart(rows: Any, table: Any, parts: Sequence[Part], wanted: Any) -> Any:
    """The statement with what its parts stand in, each once, and no part that is not asked for."""
    for each in dict.fromkeys(each for part in parts for each in part.joins):
        rows = (_JOINS[each] if isinstance(each, str) else each)(rows, table)
    return rows.where(*(asked for part in parts for asked in part.only(wanted)))


def columns_of(table: Any, parts: Sequence[Part]) -> list[Any]:
    """The parts' columns, by names no table has: a statement groups by those."""
    return [part.column(table).label(part.label) for part in parts]
