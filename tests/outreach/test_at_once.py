"""Two who send at once, or one after the other without looking: nothing twice, nothing lost."""

from collections.abc import Callable
from threading import Barrier, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.exc import NoResultFound

from crm.core import db
from crm.core.errors import Refused
from crm.members.models import Member
from crm.outreach.models import Action, ActionRevision, ActionTarget
from crm.outreach.operations import correct_action, record_outcome, undo_action
from tests.outreach.conftest import TODAY

Log = Callable[..., Action]


@pytest.fixture
def coordinator(any_app: Flask, any_scene: SimpleNamespace) -> FlaskClient:
    any_app.config["WTF_CSRF_ENABLED"] = False
    return client_of(any_app, any_scene.people.coordinator)


def client_of(app: Flask, user: Any) -> FlaskClient:
    client = app.test_client()
    key = user.get_id()
    with client.session_transaction() as session:
        session["_user_id"] = key
    return client


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def sent(scene: SimpleNamespace, **changes: Any) -> dict[str, Any]:
    return {
        "client_key": "a-client-key-1",
        "campaign": "postcards",
        "happened_on": "2026-03-03",
        "chapters": [str(scene.school_a)],
        "pieces": "150",
        "aim": "campaign",
        "spread": "evenly",
    } | changes


def at_once(app: Flask, *calls: Callable[[], Any]) -> list[Any]:
    """What the calls give, each in a thread and a context of its own."""
    barrier, answers = Barrier(len(calls)), list[Any]()

    def run(call: Callable[[], Any]) -> None:
        with app.app_context():
            barrier.wait()
            answers.append(call())
            db.session.remove()

    db.rollback()
    threads = [Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_it_works(coordinator: FlaskClient, any_scene: SimpleNamespace, log: Log) -> None:
    """Undo and redo from the page, each clicked twice."""
    number = log(any_scene).id
    for verb, left in (("undo", 0), ("undo", 0), ("redo", 5), ("redo", 5)):
        answer = coordinator.post(f"/outreach/{number}/{verb}")
        assert answer.status_code == 303
        assert count(ActionTarget) == left
        db.rollback()
    assert count(ActionRevision) == 2


def test_a_double_click_makes_each_newcomer_once(
    any_app: Flask, coordinator: FlaskClient, any_scene: SimpleNamespace
) -> None:
    before = count(Member)
    data = sent(any_scene, roster="Nova Newcomer, 5", **{"member:nova-newcomer": "new"})
    clients = [client_of(any_app, any_scene.people.coordinator) for _each in range(4)]
    answers = at_once(
        any_app,
        *(lambda c=client: c.post("/outreach/log/postcard", data=data) for client in clients),
    )
    assert [answer.status_code for answer in answers] == [303] * 4
    assert (count(Action), count(Member)) == (1, before + 1)


def correction(scene: SimpleNamespace, page: str, **changes: Any) -> dict[str, Any]:
    seen = page.split('name="seen"')[1].split('value="')[1].split('"')[0]
    return sent(scene, seen=seen) | changes


def test_a_second_correction_does_not_undo_the_first(
    coordinator: FlaskClient, any_scene: SimpleNamespace, log: Log
) -> None:
    number = log(any_scene).id
    url = f"/outreach/{number}/correct"
    page = coordinator.get(url).get_data(as_text=True)
    mine = correction(any_scene, page, pieces="155")
    theirs = correction(any_scene, page, note="On a Tuesday")
    assert coordinator.post(url, data=mine).status_code == 303
    answer = coordinator.post(url, data=theirs)
    assert answer.status_code == 422
    assert "Somebody changed this after you opened it" in answer.get_data(as_text=True)
    action = db.session.get_one(Action, number)
    assert (action.pieces, action.note) == (155, None)


def test_a_correction_sent_twice_is_one(
    coordinator: FlaskClient, any_scene: SimpleNamespace, log: Log
) -> None:
    number = log(any_scene).id
    url = f"/outreach/{number}/correct"
    data = correction(any_scene, coordinator.get(url).get_data(as_text=True), pieces="155")
    for _click in range(2):
        assert coordinator.post(url, data=data).status_code == 303
    assert count(ActionRevision) == 1


def test_two_corrections_at_once(
    any_app: Flask, coordinator: FlaskClient, any_scene: SimpleNamespace, log: Log
) -> None:
    number = log(any_scene).id
    url = f"/outreach/{number}/correct"
    page = coordinator.get(url).get_data(as_text=True)
    clients = [client_of(any_app, any_scene.people.coordinator) for _each in range(3)]
    answers = at_once(
        any_app,
        *(
            lambda c=client, n=155 + place * 5: c.post(
                url, data=correction(any_scene, page, pieces=str(n))
            )
            for place, client in enumerate(clients)
        ),
    )
    assert sorted(answer.status_code for answer in answers) == [303, 422, 422]
    reached = db.session.scalar(select(func.sum(ActionTarget.pieces)))
    assert reached == db.session.get_one(Action, number).pieces
    assert count(ActionRevision) == 1


def test_undone_by_one_answered_by_another(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    """Whoever comes second is told so; never both."""
    for _round in range(4):
        number = log(any_scene).id
        row = db.session.scalars(
            select(ActionTarget.id).where(ActionTarget.action_id == number)
        ).first()
        told: list[str] = []

        def work(what: Callable[[], object], told: list[str] = told) -> None:
            try:
                with db.unit_of_work():
                    what()
                told.append("done")
            except (Refused, NoResultFound) as error:
                told.append(type(error).__name__)

        at_once(
            any_app,
            lambda number=number: work(
                lambda: undo_action(db.session.get_one(Action, number), by=None)
            ),
            lambda row=row: work(
                lambda: record_outcome(
                    action_target_id=row, kind="refusal", received_on=TODAY, by=None, today=TODAY
                )
            ),
        )
        assert len(told) == 2
        assert told.count("done") == 1


def test_a_correction_that_says_the_same_is_none(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    number = log(any_scene).id
    with db.unit_of_work():
        correct_action(
            db.session.get_one(Action, number),
            reason=None,
            by=None,
            today=TODAY,
            campaign_id=any_scene.campaign,
            happened_on=db.session.get_one(Action, number).happened_on,
            pieces=150,
            targets=dict.fromkeys(any_scene.targets, 30),
            members={},
            chapter_ids=[any_scene.school_a],
        )
    assert count(ActionRevision) == 0
