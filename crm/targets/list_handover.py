"""Fixed lists that still name who held a post before."""

from collections.abc import Collection, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from crm.accounts.models import User
from crm.core import access, db
from crm.core.access import Can
from crm.targets.handover import Hanging, Provider
from crm.targets.list_operations import replace_on_list
from crm.targets.models import TargetList, TargetListItem


def find(target_ids: Collection[int], user: Any) -> Sequence[Hanging]:
    """The fixed lists these targets are on; a list by rule sees to itself. One statement."""
    rows = db.session.execute(
        select(TargetList.id, TargetList.slug, TargetList.name, TargetListItem.target_id)
        .join(TargetListItem, TargetListItem.list_id == TargetList.id)
        .where(TargetListItem.target_id.in_(target_ids), TargetList.rule.is_(None))
        .order_by(TargetList.name, TargetList.id)
    )
    may = access.may(user, Can.EDIT_TARGETS)
    return [
        Hanging(
            key=str(list_id),
            target_id=target_id,
            told=_("on the list “%(name)s”", name=name),
            link=("targets.list_page", {"slug": slug}),
            movable=may,
        )
        for list_id, slug, name, target_id in rows
    ]


def repoint(key: str, from_id: int, to_id: int, *, by: User) -> None:
    """Name the successor on the list."""
    kept = db.session.scalars(select(TargetList).where(TargetList.id == int(key))).one()
    replace_on_list(kept, from_id, to_id, by=by)


ON_LISTS = Provider("list", find, repoint)
