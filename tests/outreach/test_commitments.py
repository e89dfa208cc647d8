"""Promises: recorded with an answer, due, kept or broken; who may say so, and who reads names."""

from collections.abc import Callable
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import select

from crm.core import db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.core.i18n import today
from crm.outreach import commitments
from crm.outreach.commitment_queries import CommitmentFilter, found, state_on
from crm.outreach.commitments import Promised, record_answer, record_commitment
from crm.outreach.models import Action, ActionTarget, Commitment, Outcome, OutcomeWithdrawn
from crm.outreach.operations import withdraw_outcome
from crm.outreach.queries import ActionFilter

Log = Callable[..., Action]
SignIn = Callable[[object], FlaskClient]
TODAY = date(2026, 5, 1)
DUE = date(2026, 4, 20)


def promise(scene: SimpleNamespace, place: int = 0, **changes: Any) -> int:
    """An answer of kind commitment of one target, with its promise; its number."""
    row = db.session.scalars(
        select(ActionTarget.id).where(ActionTarget.target_id == scene.targets[place])
    ).one()
    given: dict[str, Any] = {
        "promised": Promised("They will co-sponsor.", DUE), "kind": "commitment", "summary": None,
        "received_on": date(2026, 4, 1), "action_target_id": row, "by": None, "today": TODAY,
    }  # fmt: skip
    with db.unit_of_work():
        outcome = record_answer(**given | changes)
        return db.session.scalars(
            select(Commitment.id).where(Commitment.outcome_id == outcome.id)
        ).one()


def get(number: int) -> Commitment:
    return db.session.get_one(Commitment, number)


def settle(number: int, state: str = "kept", **changes: Any) -> None:
    given: dict[str, Any] = {"on": date(2026, 4, 25), "evidence": "The roll call.", "by": None,
                             "today": TODAY}  # fmt: skip
    with db.unit_of_work():
        commitments.settle_commitment(get(number), state=state, **given | changes)


def ids(on: date = TODAY, **wanted: Any) -> list[int]:
    return list(db.session.scalars(found(CommitmentFilter(**wanted), on)))


def test_it_works(any_app: Flask, any_scene: SimpleNamespace, log: Log) -> None:
    log(any_scene)
    number = promise(any_scene)
    one = get(number)
    assert (one.target_id, one.campaign_id, one.made_on, one.due_on, one.state) == (
        any_scene.targets[0], any_scene.campaign, date(2026, 4, 1), DUE, "open"
    )  # fmt: skip
    # The same form again.
    assert promise(any_scene) == number
    assert ids(state="overdue") == [number]
    assert ids(on=DUE, state="overdue") == []
    settle(number)
    assert ids(state="overdue") == []
    assert ids(state="kept") == [number]
    # As of a day before that it was open, and overdue.
    assert state_on(get(number), date(2026, 4, 24)) == "open"
    assert ids(on=date(2026, 4, 24), state="overdue") == [number]
    with db.unit_of_work():
        commitments.reopen_commitment(get(number), reason="The vote was another.", by=None)
    assert (get(number).state, get(number).evidence) == ("open", None)
    verbs = db.session.scalars(
        select(AuditEntry.verb).where(AuditEntry.kind == "commitment").order_by(AuditEntry.id)
    ).all()
    assert verbs == ["record_commitment", "settle_commitment", "reopen_commitment"]


def test_the_words_of_the_answer_do(any_app: Flask, any_scene: SimpleNamespace, log: Log) -> None:
    log(any_scene)
    assert get(promise(any_scene, promised=None, summary="We will vote.")).text == "We will vote."
    with pytest.raises(Refused, match="Say what was promised"):
        promise(any_scene, 1, promised=None)
    assert get(promise(any_scene, 1, kind="meeting_offered")).text == "They will co-sponsor."
    with db.unit_of_work():
        row = db.session.scalars(
            select(ActionTarget.id).where(ActionTarget.target_id == any_scene.targets[2])
        ).one()
        record_answer(promised=Promised("Typed and left"), kind="refusal", summary=None,
                      received_on=TODAY, action_target_id=row, by=None, today=TODAY)  # fmt: skip
    assert len(ids()) == 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"promised": Promised("x", date(2026, 3, 1))}, "due before"),
        ({"promised": Promised("x", date(2226, 3, 1))}, "year right"),
        ({"promised": Promised("x" * 2001)}, "at most 2000"),
        ({"promised": Promised("x", None, "nobody's")}, "whose promise"),
    ],
)
def test_refused(scene: SimpleNamespace, log: Log, changes: dict[str, Any], sentence: str) -> None:
    log(scene)
    with pytest.raises(Refused, match=sentence):
        promise(scene, **changes)
    assert db.session.scalars(select(Outcome)).all() == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"state": "forgotten"}, "kept or broken"),
        ({"on": date(2026, 5, 2)}, "future"),
        ({"on": date(2026, 3, 31)}, "before it was promised"),
        ({"evidence": "  "}, "what showed it"),
    ],
)
def test_settling_refused(
    scene: SimpleNamespace, log: Log, changes: dict[str, Any], sentence: str
) -> None:
    log(scene)
    number = promise(scene)
    with pytest.raises(Refused, match=sentence):
        settle(number, **changes)
    settle(number)
    with pytest.raises(Refused, match="settled already"):
        settle(number, "broken")


def test_it_goes_with_its_answer_unless_it_was_settled(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    log(any_scene)
    number = promise(any_scene)
    settle(number)
    outcome = get(number).outcome_id
    with pytest.raises(Refused, match="was settled"), db.unit_of_work():
        withdraw_outcome(db.session.get_one(Outcome, outcome), by=None)
    with db.unit_of_work():
        commitments.reopen_commitment(get(number), reason=None, by=None)
    with db.unit_of_work():
        withdraw_outcome(db.session.get_one(Outcome, outcome), by=None)
    assert ids() == []
    gone = db.session.scalars(select(OutcomeWithdrawn)).one()
    assert (gone.kind, gone.received_on) == ("commitment", date(2026, 4, 1))


def test_the_filter(any_app: Flask, any_scene: SimpleNamespace, log: Log) -> None:
    log(any_scene)
    first, fifth = promise(any_scene), promise(any_scene, 4, promised=Promised("Join", None))
    with db.unit_of_work():
        ours = record_commitment(
            text="Send the figures", whose="ours", target_id=any_scene.targets[4],
            campaign_id=any_scene.other_campaign, made_on=TODAY, due_on=TODAY, by=None,
            today=TODAY,
        ).id  # fmt: skip
    assert ids() == [first, ours, fifth]
    for asked, expected in (
        ({"whose": "ours"}, [ours]),
        ({"wanted": ActionFilter(campaign_id=any_scene.campaign)}, [first, fifth]),
        ({"wanted": ActionFilter(since=TODAY)}, [ours]),
        ({"wanted": ActionFilter(until=DUE)}, [first]),
        ({"wanted": ActionFilter(kind="government")}, [ours, fifth]),
        ({"wanted": ActionFilter(region="Oceania")}, [ours, fifth]),
        ({"wanted": ActionFilter(area="WV")}, [first]),
        ({"wanted": ActionFilter(target_id=any_scene.targets[0])}, [first]),
        ({"state": "settled"}, []),
    ):
        assert ids(**asked) == expected, asked


def test_another_chapters_leader_may_not(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    log(any_scene)
    number = promise(any_scene)
    for by in (any_scene.people.outsider, any_scene.people.viewer):
        g.pop("grants", None)
        with pytest.raises(Refused, match="Who recorded this"):
            settle(number, by=by)
    g.pop("grants", None)
    settle(number, by=any_scene.people.leader)


# Pages


def test_pages(scene: SimpleNamespace, log: Log, sign_in: SignIn) -> None:
    day = today()
    log(scene, happened_on=day - timedelta(days=40), today=day,
        members=dict.fromkeys(scene.members, 2))  # fmt: skip
    row = db.session.scalars(
        select(ActionTarget.id).where(ActionTarget.target_id == scene.targets[0])
    ).one()
    client = sign_in(scene.people.leader)
    sent = {
        "kind": "commitment",
        "received_on": f"{day - timedelta(days=30)}",
        "text": "Told Ana Brook: will co-sponsor.",
        "due_on": f"{day - timedelta(days=3)}",
    }
    assert client.post(f"/outreach/answers/{row}", data={**sent, "text": ""}).status_code == 422
    assert client.post(f"/outreach/answers/{row}", data=sent).status_code == 303
    number = db.session.scalars(select(Commitment.id)).one()
    page = client.get(f"/targets/{scene.targets[0]}").text
    assert "Told Ana Brook" in page
    assert "3 days late" in page
    g.pop("known_members", None)
    g.pop("grants", None)
    # Whoever knows nobody there reads no name, and settles nothing.
    viewer = sign_in(scene.people.viewer)
    for address in (f"/targets/{scene.targets[0]}", "/outreach/commitments",
                    f"/outreach/commitments/{number}"):  # fmt: skip
        page = viewer.get(address).text
        assert "Told a member: will co-sponsor." in page
        assert "Brook:" not in page
        g.pop("known_members", None)
    given = {"state": "kept", "settled_on": f"{day}", "evidence": "The roll call."}
    assert viewer.post(f"/outreach/commitments/{number}", data=given).status_code == 404
    g.pop("known_members", None)
    g.pop("grants", None)
    other = sign_in(scene.people.outsider)
    assert other.get(f"/outreach/commitments/{number}").status_code == 200
    assert other.post(f"/outreach/commitments/{number}", data=given).status_code == 404
    assert other.get(f"/outreach/commitments/{number}/edit").status_code == 404
    assert other.get(f"/outreach/commitments/{number}/history").status_code == 404
    g.pop("known_members", None)
    g.pop("grants", None)
    client = sign_in(scene.people.leader)
    assert client.post(
        f"/outreach/commitments/{number}", data={**given, "evidence": ""}
    ).status_code == 422  # fmt: skip
    assert client.post(f"/outreach/commitments/{number}", data=given).status_code == 303
    assert "The roll call." in client.get(f"/outreach/commitments/{number}").text
    assert "No such commitment" in client.get("/outreach/commitments?state=overdue").text
    assert "Settled" in client.get(f"/outreach/commitments/{number}/history").text


def test_one_that_came_of_nothing_names_no_member(
    scene: SimpleNamespace, log: Log, sign_in: SignIn
) -> None:
    client = sign_in(scene.people.leader)
    new = f"/outreach/commitments/new?target={scene.targets[0]}"
    sent = {"whose": "ours", "text": "Sol Secretname sends the drawing to Mr. Brook.",
            "made_on": f"{today()}", "campaign_id": ""}  # fmt: skip
    assert client.post(new, data={**sent, "text": " "}).status_code == 422
    assert client.post(new, data=sent).status_code == 303
    number = db.session.scalars(select(Commitment.id)).one()
    page = client.get(f"/outreach/commitments/{number}").text
    assert "a member sends the drawing to Mr. Brook." in page
    # Corrected by whom the name is hidden from, the words they did not touch stay.
    edit = {"whose": "ours", "text": "a member sends the drawing to Mr. Brook.",
            "due_on": f"{today()}"}  # fmt: skip
    assert client.post(f"/outreach/commitments/{number}/edit", data=edit).status_code == 303
    assert get(number).text.startswith("Sol Secretname")
    assert client.post(f"/outreach/commitments/{number}/withdraw", data={}).status_code == 303
    assert ids() == []
