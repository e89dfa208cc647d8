"""The history of an action: what was logged, corrected, answered and undone, in words."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace

from flask.testing import FlaskClient
from sqlalchemy import select

from crm.core import db
from crm.outreach.models import ActionTarget
from crm.outreach.operations import (
    correct_action,
    log_action,
    record_outcome,
    undo_action,
    withdraw_outcome,
)
from tests import make

SignIn = Callable[[object], FlaskClient]
TODAY = date(2026, 3, 1)


def test_an_action_with_its_answers(people: SimpleNamespace, sign_in: SignIn) -> None:
    target = make.legislator("Ruth", "Quill").id
    campaign = make.campaign(chapters=(people.school_a,)).id
    ana = make.member("Ana", "Núñez", people.school_a).id
    given = {
        "campaign_id": campaign, "happened_on": TODAY, "pieces": 5, "targets": {target: 5},
        "members": {ana: 3}, "chapter_ids": [people.school_a.id],
    }  # fmt: skip
    with db.unit_of_work():
        action = log_action(
            channel="postcard", client_key="the-one", by=people.leader, today=TODAY, **given
        )
        number = action.id
        of_action = select(ActionTarget.id).where(ActionTarget.action_id == number)
        row = db.session.scalars(of_action).one()
    with db.unit_of_work():
        outcome = record_outcome(
            action_target_id=row, kind="refusal", received_on=TODAY, summary="A flat no",
            by=people.leader, today=TODAY,
        )  # fmt: skip
        withdraw_outcome(outcome, by=people.leader)
        correct_action(
            action, reason="Miscounted", by=people.leader, today=TODAY,
            **{**given, "pieces": 6, "targets": {target: 6}},
        )  # fmt: skip
    with db.unit_of_work():
        undo_action(action, reason="Logged twice", by=people.leader)
    path = f"/outreach/{number}/history"
    client = sign_in(people.leader)
    assert path in client.get(f"/outreach/{number}").text
    page = client.get(path).text
    for words in (
        "Logged", "Ruth Quill (5)", "Ana Núñez (3)", "Answer recorded", "Answer withdrawn",
        "A flat no", "Corrected", "Miscounted", "Undone", "Logged twice",
    ):  # fmt: skip
        assert words in page, words
    assert sign_in(people.outsider).get(path).status_code == 404
    assert sign_in(people.viewer).get(path).status_code in (404, 200)
