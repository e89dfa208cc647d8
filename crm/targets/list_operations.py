"""What is done with lists of targets: kept, changed, handed on, frozen, removed."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, insert, select

from crm.accounts.models import User
from crm.core import audit, db
from crm.core.errors import Refused
from crm.core.text import free_slug
from crm.targets import list_rules
from crm.targets.list_queries import listed
from crm.targets.models import Target, TargetList, TargetListItem

#: Targets of one fixed list.
MOST_ON_A_LIST = 5000


def keep_list(
    *,
    name: str,
    target_ids: Collection[int],
    note: str | None = None,
    as_of: date | None = None,
    by: User | None,
) -> TargetList:
    """Keep these targets as a fixed list under a name nobody else uses."""
    _refuse_taken(name)
    wanted = _existing(target_ids)
    if not wanted:
        raise Refused(_("A list needs at least one target."))
    kept = _added(name, note, as_of, None, by)
    _put_on(kept, wanted)
    audit.record(
        "keep_list",
        "target_list",
        kept.id,
        by=by,
        changes={"name": name, "as_of": as_of, "targets": wanted},
    )
    return kept


def keep_rule_list(
    *,
    name: str,
    rule: dict[str, Any],
    note: str | None = None,
    as_of: date | None = None,
    by: User | None,
) -> TargetList:
    """Keep a list of whoever fits a rule: on `as_of`, or on the day it is asked for."""
    _refuse_taken(name)
    rule = list_rules.checked(rule)
    kept = _added(name, note, as_of, rule, by)
    audit.record(
        "keep_rule_list",
        "target_list",
        kept.id,
        by=by,
        changes={"name": name, "as_of": as_of, "rule": rule},
    )
    return kept


def change_rule(kept: TargetList, *, rule: dict[str, Any], by: User | None) -> None:
    """Ask for somebody else by the same list."""
    if kept.rule is None:
        raise Refused(_("This list is fixed: put targets on it, or take them off."))
    rule = list_rules.checked(rule)
    if any(each.get("list") == str(kept.id) for each in list_rules.conditions(rule)):
        raise Refused(_("A list cannot go by itself: choose another list."), "rule")
    changes = audit.difference(kept, {"rule": rule})
    kept.rule = rule
    db.session.flush()
    audit.record("change_rule", "target_list", kept.id, by=by, changes=changes)


def change_list(
    kept: TargetList,
    *,
    name: str,
    note: str | None,
    as_of: date | None,
    owner_id: int | None,
    by: User | None,
) -> None:
    """Give a list another name, note, day or owner; its address stays."""
    _refuse_taken(name, but=kept.id)
    if owner_id is not None and owner_id != kept.owner_id:
        owner = db.session.get(User, owner_id)
        if owner is None or not owner.active:
            raise Refused(_("This person is not there any more."), field="owner_id")
    values = {"name": name, "note": note, "as_of": as_of, "owner_id": owner_id}
    changes = audit.difference(kept, values)
    for field, value in values.items():
        setattr(kept, field, value)
    db.session.flush()
    audit.record("change_list", "target_list", kept.id, by=by, changes=changes)


def freeze_list(
    kept: TargetList, *, name: str, on: date, note: str | None = None, by: User | None
) -> TargetList:
    """Keep whoever a rule finds on a day as a fixed list of that day; the rule stays."""
    if kept.rule is None:
        raise Refused(_("This list is fixed already."))
    _refuse_taken(name)
    found = db.session.scalars(listed(kept, on=on).limit(MOST_ON_A_LIST + 1)).all()
    if not found:
        raise Refused(_("Nobody is on this list on that day."))
    _refuse_too_many(len(found))
    frozen = _added(name, note, on, None, by)
    _put_on(frozen, found)
    audit.record(
        "freeze_list",
        "target_list",
        frozen.id,
        by=by,
        changes={"name": name, "as_of": on, "from": kept.id, "rule": kept.rule, "targets": found},
    )
    return frozen


def add_to_list(kept: TargetList, target_ids: Collection[int], *, by: User | None) -> int:
    """Put targets on a fixed list; returns how many were not on it."""
    _refuse_rule(kept)
    there = set(
        db.session.scalars(
            select(TargetListItem.target_id).where(TargetListItem.list_id == kept.id)
        )
    )
    new = [number for number in _existing(target_ids) if number not in there]
    _refuse_too_many(len(there) + len(new))
    _put_on(kept, new)
    audit.record("add_to_list", "target_list", kept.id, by=by, changes={"targets": new})
    return len(new)


def take_off_list(kept: TargetList, target_id: int, *, by: User | None) -> None:
    """Take one target off a fixed list."""
    _refuse_rule(kept)
    db.session.execute(
        delete(TargetListItem).where(
            TargetListItem.list_id == kept.id, TargetListItem.target_id == target_id
        )
    )
    audit.record("take_off_list", "target_list", kept.id, by=by, changes={"targets": [target_id]})


def replace_on_list(kept: TargetList, old_id: int, new_id: int, *, by: User | None) -> None:
    """Put the successor on a list in the stead of who held the post before."""
    ids = (old_id, new_id)
    db.session.execute(
        delete(TargetListItem).where(
            TargetListItem.list_id == kept.id, TargetListItem.target_id.in_(ids)
        )
    )
    _put_on(kept, [new_id])
    audit.record("replace_on_list", "target_list", kept.id, by=by, changes={"targets": list(ids)})


def remove_list(kept: TargetList, *, by: User | None) -> None:
    """Remove a list. Its targets stay, and campaigns keep the targets they took from it."""
    number, name = kept.id, kept.name
    db.session.execute(delete(TargetListItem).where(TargetListItem.list_id == number))
    db.session.delete(kept)
    db.session.flush()
    audit.record("remove_list", "target_list", number, by=by, changes={"name": name})


def _added(
    name: str, note: str | None, as_of: date | None, rule: dict[str, Any] | None, by: User | None
) -> TargetList:
    kept = TargetList(
        slug=free_slug(name, db.session.scalars(select(TargetList.slug)).all()),
        name=name,
        note=note,
        as_of=as_of,
        owner_id=by.id if by is not None else None,
    )
    if rule is not None:
        kept.rule = rule
    db.session.add(kept)
    db.session.flush()
    return kept


def _refuse_taken(name: str, but: int = 0) -> None:
    taken = select(TargetList.id).where(TargetList.name == name, TargetList.id != but)
    if db.session.scalars(taken).first():
        raise Refused(_("There is a list of this name already."), field="name")


def _refuse_rule(kept: TargetList) -> None:
    if kept.rule is not None:
        raise Refused(_("This list goes by a rule: change the rule, or keep it as it is."))


def _refuse_too_many(number: int) -> None:
    if number > MOST_ON_A_LIST:
        raise Refused(_("A list holds at most %(most)s targets.", most=MOST_ON_A_LIST))


def _existing(target_ids: Collection[int]) -> Sequence[int]:
    _refuse_too_many(len(target_ids))
    found = set(
        db.session.scalars(
            select(Target.id).where(Target.id.in_(set(target_ids)), Target.merged_into_id.is_(None))
        )
    )
    return [number for number in dict.fromkeys(target_ids) if number in found]


def _put_on(kept: TargetList, target_ids: Iterable[int]) -> None:
    rows = [{"list_id": kept.id, "target_id": number} for number in target_ids]
    if rows:
        db.session.execute(insert(TargetListItem), rows)
