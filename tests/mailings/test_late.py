"""Packs nobody posted: asked about once."""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from crm.core import db
from crm.mailings import late
from crm.mailings.models import Mailing
from crm.mailings.operations import close_pack
from crm.tasks.models import Task
from crm.tasks.operations import cancel
from crm.tasks.rules import OPEN

PLANNED = date(2026, 5, 8)


def morning(on: date) -> int:
    with db.unit_of_work():
        return late.ask_all(on)


def asked() -> list[Task]:
    db.rollback()
    found = select(Task).where(Task.client_key.like("pack-late-%"), Task.state.in_(OPEN))
    return list(db.session.scalars(found))


def test_asked_once(any_scene: SimpleNamespace, pack: Any) -> None:
    pack(any_scene)
    assert morning(PLANNED) == 0
    assert morning(PLANNED + timedelta(days=1)) == 1
    assert morning(PLANNED + timedelta(days=2)) == 0
    [task] = asked()
    assert task.title == "Were these 155 posted? Postcards"
    with db.unit_of_work():
        cancel([task.id], by=None)
    assert morning(PLANNED + timedelta(days=3)) == 0
    assert asked() == []


def test_answered_by_putting_it_away(any_scene: SimpleNamespace, pack: Any) -> None:
    number = pack(any_scene).id
    morning(PLANNED + timedelta(days=1))
    with db.unit_of_work():
        close_pack(db.session.get_one(Mailing, number), reason="", by=None)
    morning(PLANNED + timedelta(days=2))
    assert asked() == []


def test_history_is_not_asked_about(any_scene: SimpleNamespace, pack: Any) -> None:
    pack(any_scene)
    assert morning(PLANNED + timedelta(days=100)) == 0


def test_on_the_front_page(scene: SimpleNamespace, pack: Any, sign_in: Any) -> None:
    made = pack(scene, planned_on=date.today() - timedelta(days=2))  # noqa: DTZ011
    code = made.code
    morning(date.today())  # noqa: DTZ011
    page = sign_in(scene.people.leader).get("/").get_data(as_text=True)
    assert "Were these posted?" in page
    assert f"/post/{code}" in page
    other = sign_in(scene.people.outsider).get("/").get_data(as_text=True)
    assert "Were these posted?" not in other
