"""Who is on a list, fixed or by rule, on a day: asked here and nowhere else."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, false, func, literal, select, union_all

from crm.core import db
from crm.core.i18n import today as this_day
from crm.targets import list_rules
from crm.targets.list_rules import Asking, Memory
from crm.targets.models import Target, TargetList, TargetListItem


def asking(kept: TargetList, *, on: date | None = None, memory: Memory | None = None) -> Asking:
    """The day a list is asked for: `on`, else the one it speaks of, else today."""
    today = this_day()
    return Asking(on or kept.as_of or today, today, {} if memory is None else memory)


def is_on(kept: TargetList, asked: Asking) -> ColumnElement[bool]:
    """Whether a `Target` is on the list. What is fixed is so on any day."""
    if kept.rule is None:
        return exists().where(
            TargetListItem.target_id == Target.id, TargetListItem.list_id == kept.id
        )
    if kept.id in asked.within:
        return false()
    inner = Asking(asked.day, asked.today, asked.memory, asked.within | {kept.id})
    return list_rules.where(kept.rule, inner)


def on_list(list_id: int, asked: Asking | None = None) -> ColumnElement[bool]:
    """Whether a `Target` is on the list of this id; on one that is not there, nobody is.

    Without `asked` the list is asked for its own day. A list within another's rule is asked for
    the day of that other. One statement reads the list.
    """
    kept = db.session.get(TargetList, list_id)
    if kept is None:
        return false()
    return is_on(kept, asked or asking(kept))


def listed(
    kept: TargetList, *, on: date | None = None, memory: Memory | None = None
) -> Select[int]:
    """Ids of the targets on a list."""
    return ids(is_on(kept, asking(kept, on=on, memory=memory)))


def ids(found: ColumnElement[bool]) -> Select[int]:
    """Ids of the targets that are so; one merged into another is on no list."""
    return select(Target.id).where(found, Target.merged_into_id.is_(None))


def list_target_ids(kept: TargetList, *, on: date | None = None) -> list[int]:
    """The same ids, read: in the order of the targets' names."""
    found = listed(kept, on=on).order_by(Target.sort_name, Target.id)
    return list(db.session.scalars(found))


def sizes(lists: Sequence[TargetList], memory: Memory) -> dict[int, int]:
    """How many targets each of these lists holds on its own day: one statement."""
    if not lists:
        return {}
    parts: list[Select[Any]] = [
        select(
            literal(kept.id),
            select(func.count())
            .select_from(listed(kept, memory=memory).subquery())
            .scalar_subquery(),
        )
        for kept in lists
    ]
    return {number: size for number, size in db.session.execute(union_all(*parts))}  # noqa: C416
