"""Saved reports: under a name, shared with whom, opened by a link, each with one's own eyes."""

from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from crm.core import db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.reports import saved
from crm.reports.models import SavedReport
from tests import make

EVERYBODY = ("admin", "staff", "coordinator", "leader", "viewer", "member", "outsider")


def keep(by: Any, name: str = "Postcards", **more: Any) -> str:
    g.pop("grants", None)
    with db.unit_of_work():
        return saved.save_report(
            **{"report": "activity-by-target", "given": {"channel": "postcard"}, "name": name,
               "by": db.session.merge(by)} | more
        ).code  # fmt: skip


def opened_by(people: SimpleNamespace, code: str) -> list[str]:
    found = []
    for who in EVERYBODY:
        try:
            saved.saved(code, to=getattr(people, who))
        except NoResultFound:
            continue
        found.append(who)
    return found


def test_whom_it_is_shared_with(any_app: Flask) -> None:
    people = make.people()
    school, state = people.school_a.id, people.state.id
    mine = keep(people.leader)
    near = keep(people.leader, "Near", shared="chapter", chapter_id=school)
    wide = keep(people.staff, "Wide", shared="chapter", chapter_id=state)
    every = keep(people.viewer, "Every", shared="all")
    assert opened_by(people, mine) == ["leader"]
    assert opened_by(people, near.lower()) == ["admin", "staff", "coordinator", "leader", "viewer"]
    # A chapter and all below it; a member of one sees no reports.
    all_of_them = ["admin", "staff", "coordinator", "leader", "viewer", "outsider"]
    assert opened_by(people, wide) == all_of_them
    assert saved.given_of(saved.saved(every, to=people.outsider)) == {"channel": "postcard"}
    names = [each.name for each in db.session.scalars(saved.visible_to(people.outsider))]
    assert names == ["Every", "Wide"]


def test_only_owners_and_administrators_change_it(any_app: Flask) -> None:
    people = make.people()
    code = keep(people.leader, shared="all")
    for who in (people.staff, people.viewer):
        with pytest.raises(NoResultFound):
            saved.changeable(code, by=who)
    with db.unit_of_work():
        kept = saved.changeable(code, by=people.leader)
        saved.edit_saved_report(kept, name="  New   name ", shared="me", by=people.leader)
    with db.unit_of_work():
        # Somebody left: an administrator shares what is of use, and deletes the rest.
        db.session.merge(people.leader).active = False
        db.session.add(AuditEntry(verb="make", kind="test", changes={}))
    assert [each.name for each in db.session.scalars(saved.left_behind())] == ["New name"]
    with db.unit_of_work():
        kept = saved.changeable(code, by=people.admin)
        saved.edit_saved_report(kept, name="New name", shared="all", by=people.admin)
        saved.edit_saved_report(kept, name="New name", shared="all", by=people.admin)
        saved.delete_saved_report(kept, by=people.admin)
    assert db.session.scalars(select(SavedReport)).all() == []
    verbs = [
        entry.verb
        for entry in db.session.scalars(
            select(AuditEntry).where(AuditEntry.kind == "saved_report").order_by(AuditEntry.seq)
        )
    ]
    assert verbs == ["save_report", "edit_saved_report", "edit_saved_report", "delete_saved_report"]


def test_what_is_refused(any_app: Flask) -> None:
    people = make.people()
    keep(people.leader)
    refused: list[tuple[dict[str, Any], str | None]] = [
        ({"name": "postcards"}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x", "shared": "chapter"}, "chapter_id"),
        ({"name": "x", "shared": "chapter", "chapter_id": people.school_b.id}, "chapter_id"),
        ({"name": "x", "shared": "world"}, "shared"),
        ({"name": "x", "report": "nothing"}, None),
        ({"name": "x", "given": {"campaign": "nowhere"}}, None),
        ({"name": "x", "by": people.member}, None),
    ]
    for more, field in refused:
        with pytest.raises(Refused) as refusal:
            keep(**{"by": people.leader} | more)
        assert refusal.value.field == field, more
    # Another one's name is no concern of mine.
    keep(people.staff)
