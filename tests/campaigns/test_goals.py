"""Goals on figures of the treaty ledger: in words, read on the right day, in the form."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from crm.campaigns.goals import OFFERED, figure_values, read_on, told
from crm.campaigns.models import Goal
from crm.campaigns.operations import create_campaign
from crm.campaigns.rules import GoalDraft, Pace, Progress, check_goals
from crm.core import db
from crm.core.errors import Refused
from crm.targets import operations as targets
from crm.treaties import operations as treaties
from tests import make

SignIn = Callable[[Any], FlaskClient]


def test_it_works(any_app: Flask) -> None:
    with db.unit_of_work():
        targets.import_governments(by=None)
        treaties.load_reference(by=None)
    today = date(2020, 11, 25)
    goals = [
        Goal(id=1, figure="ccm.joined", number=130, due_on=date(2020, 12, 31)),
        Goal(id=2, figure="ccm.joined", number=130, due_on=date(2010, 8, 1)),
        Goal(id=3, channel="letter", number=130, due_on=None),
        Goal(id=4, figure="mbt.joined", number=197),
    ]
    assert figure_values(goals, today) == {1: 110, 2: 38, 4: 164}
    assert read_on(goals[0], today) == today
    assert read_on(goals[1], today) == date(2010, 8, 1)
    with any_app.test_request_context():
        assert told(goals[0]) == (
            "Convention on Cluster Munitions: 130 States Parties by deposit by Dec 31, 2020"
        )
        assert told(goals[2]) == "130 letters"
    assert figure_values(goals[2:3], today) == {}


def test_value_and_gap(app: Flask) -> None:
    progress = Progress(
        done=110, number=130, starts_on=date(2025, 1, 1), due_on=date(2020, 12, 31),
        today=date(2021, 1, 5), is_figure=True,
    )  # fmt: skip
    with app.test_request_context():
        assert progress.words == "110 of 130 by Dec 31, 2020: 20 short, 5 days over"
    early = Progress(
        done=10, number=130, starts_on=date(2020, 1, 1), due_on=date(2020, 12, 31),
        today=date(2020, 12, 1), is_figure=True,
    )  # fmt: skip
    assert early.pace is Pace.ON_PACE


def test_a_goal_of_long_ago_may_be_a_figure_alone(app: Flask) -> None:
    due = date(2020, 12, 31)
    check_goals([GoalDraft(130, figure="ccm.joined", due_on=due)], date(2025, 9, 1))
    with pytest.raises(Refused, match="before the campaign starts"):
        check_goals([GoalDraft(130, "letter", due_on=due)], date(2025, 9, 1))


@pytest.mark.parametrize("figure", ["ccm.smoke", "ccm.outside", "ccm.gap_to:130", "x"])
def test_what_a_goal_cannot_count(app: Flask, figure: str) -> None:
    people = make.people()
    with pytest.raises(Refused) as refusal, db.unit_of_work():
        create_campaign(
            name="N", starts_on=date(2025, 9, 1), chapter_ids=[people.school_a.id], by=None,
            goals=[GoalDraft(130, figure=figure)],
        )  # fmt: skip
    assert refusal.value.field == "goals"


def test_in_the_form_and_on_the_page(app: Flask, sign_in: SignIn) -> None:
    with db.unit_of_work():
        targets.import_governments(by=None)
        treaties.load_reference(by=None)
    people = make.people()
    client = sign_in(people.coordinator)
    data = {
        "name": "Universal",
        "starts_on": "2025-09-01",
        "paper_to": "capital",
        "chapter_ids": [str(people.school_a.id)],
        "goals-0-number": "130",
        "goals-0-channel": "figure:ccm.joined",
        "goals-0-due_on": "2020-12-31",
        "goals-0-source": "Dubrovnik",
    }
    answer = client.post("/campaigns/new", data=data)
    assert answer.status_code == 303, answer.text
    goal = db.session.scalars(select(Goal)).one()
    assert (goal.figure, goal.channel, goal.number) == ("ccm.joined", None, 130)
    page = client.get("/campaigns/universal").text
    assert "130 States Parties by deposit by Dec 31, 2020" in page
    assert "110 of 130 by Dec 31, 2020: 20 short" in page
    assert "/treaties/figures?on=2020-12-31" in page
    form = client.get("/campaigns/universal/edit").text
    assert '<optgroup label="Treaty ledger">' in form
    assert '<option selected value="figure:ccm.joined">' in form
    assert "130 States Parties by deposit" in client.get("/campaigns").text
    front = client.get("/")
    assert front.status_code == 200
    odd = client.post("/campaigns/new", data=data | {"goals-0-channel": "figure:smoke"})
    assert odd.status_code == 422


def test_all_that_is_offered_can_be_read(app: Flask) -> None:
    with db.unit_of_work():
        targets.import_governments(by=None)
        treaties.load_reference(by=None)
    goals = [Goal(id=n, figure=name, number=1) for n, name in enumerate(OFFERED)]
    assert set(figure_values(goals, date(2026, 1, 1))) == set(range(len(OFFERED)))
