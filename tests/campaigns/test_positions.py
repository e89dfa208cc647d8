"""Positions: what is refused, which entry holds on a day, who may withdraw; and their pages."""

import re
from collections.abc import Callable
from datetime import date
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import event, select

from crm.campaigns import positions
from crm.campaigns.models import Ask, Campaign, Position
from crm.campaigns.positions import (
    by_position,
    position_on,
    record_position,
    standings,
    withdraw_position,
)
from crm.campaigns.rules import check_position
from crm.core import db
from crm.core.access import Role
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.core.i18n import today as this_day
from crm.outreach.models import ActionTarget, PositionEvidence
from crm.outreach.operations import log_action, record_outcome
from tests import make

SignIn = Callable[[Any], FlaskClient]
TODAY = date(2026, 5, 1)


def scene() -> SimpleNamespace:
    people = make.people()
    targets = [make.legislator("Ana", "Alder"), make.target("Niue"), make.target("Tonga")]
    campaign = make.campaign("Postcards", chapters=(people.school_a,), targets=tuple(targets))
    make.kept(Ask(campaign_id=campaign.id, text="Speak to colleagues", position=1))
    asks = db.session.scalars(select(Ask.id).order_by(Ask.id)).all()
    return SimpleNamespace(
        people=people, targets=[each.id for each in targets], asks=list(asks), campaign=campaign.id
    )


def given(of: SimpleNamespace, **changes: Any) -> dict[str, Any]:
    return {
        "target_id": of.targets[0],
        "ask_id": of.asks[0],
        "support": 1,
        "confidence": "medium",
        "seen_on": date(2026, 3, 1),
        "evidence_text": "The office wrote that it agrees.",
        "by": None,
        "today": TODAY,
    } | changes


def recorded(of: SimpleNamespace, **changes: Any) -> int:
    with db.unit_of_work():
        return record_position(**given(of, **changes)).id


def reached(of: SimpleNamespace, *targets: int, channel: str = "meeting") -> int:
    with db.unit_of_work():
        return log_action(
            channel=channel,
            client_key=f"key-{targets}-{channel}",
            campaign_id=of.campaign,
            happened_on=date(2026, 2, 20),
            pieces=1,
            targets=dict.fromkeys(targets, 1),
            members={},
            chapter_ids=[of.people.school_a.id],
            by=None,
            today=TODAY,
        ).id


def test_it_works(any_app: Flask) -> None:
    of = scene()
    first = recorded(of, support=-1, seen_on=date(2026, 1, 10))
    better = recorded(of, support=1, seen_on=date(2026, 3, 1))
    same_day = recorded(of, support=2, seen_on=date(2026, 3, 1), evidence_text="And on the phone.")
    other_ask = recorded(of, ask_id=of.asks[1], support=0)
    niue = recorded(of, target_id=of.targets[1], support=-2)
    gone = recorded(of, support=-2, seen_on=date(2026, 4, 1), evidence_text="A mistake.")
    with db.unit_of_work():
        withdraw_position(positions.position(gone), reason="Of another office", by=None)
    target, ask = of.targets[0], of.asks[0]
    for day, wanted in (
        (date(2026, 1, 9), None),
        (date(2026, 1, 10), first),
        (date(2026, 2, 28), first),
        (date(2026, 3, 1), same_day),
        (date(2026, 5, 1), same_day),
    ):
        held = position_on([target], [ask], day)
        assert (held[target, ask].id if held else None) == wanted, day
    everything = position_on(of.targets, None, TODAY)
    assert {key: each.id for key, each in everything.items()} == {
        (target, ask): same_day,
        (target, of.asks[1]): other_ask,
        (of.targets[1], ask): niue,
    }
    assert everything[target, ask].ask.text == "Join the treaty"
    assert positions.withdrawals([gone, better]) == {gone: "Of another office"}


def test_one_statement_whatever_the_rows(any_app: Flask) -> None:
    of = scene()
    for month in (1, 2, 3, 4):
        for target in of.targets:
            recorded(of, target_id=target, seen_on=date(2026, month, 1))
    statements: list[str] = []
    event.listen(db.extension.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    db.rollback()
    assert len(position_on(of.targets, None, TODAY)) == 3
    assert len([each for each in statements if not each.startswith("BEGIN")]) == 1


def test_counts_by_support(any_app: Flask) -> None:
    of = scene()
    recorded(of, support=2)
    recorded(of, target_id=of.targets[1], support=-1)
    asks = db.session.scalars(select(Ask).order_by(Ask.position)).all()
    first, second = standings(of.campaign, asks, TODAY)
    assert dict(first.counts) == {2: 1, 1: 0, 0: 0, -1: 1, -2: 0}
    assert (first.known, first.unknown) == (2, 1)
    assert (second.known, second.unknown) == (0, 3)
    rows = db.session.execute(by_position(of.campaign, of.asks[0], TODAY)).all()
    assert [(target.name, entry and entry.support) for target, entry in rows] == [
        ("Ana Alder", 2), ("Niue", -1), ("Tonga", None),
    ]  # fmt: skip
    unknown = by_position(of.campaign, of.asks[0], TODAY, unknown=True)
    assert [target.name for target, _entry in db.session.execute(unknown)] == ["Tonga"]
    against = by_position(of.campaign, of.asks[0], TODAY, support=-1)
    assert [target.name for target, _entry in db.session.execute(against)] == ["Niue"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"support": 3}, "support"),
        ({"confidence": "sure"}, "confidence"),
        ({"seen_on": date(2026, 5, 2)}, "seen_on"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"link": "example.org/page"}, "link"),
        ({"has_evidence": False}, "evidence"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], field: str, app: Flask) -> None:
    fine: dict[str, Any] = {
        "support": 0,
        "confidence": "low",
        "seen_on": TODAY,
        "link": "https://example.org/speech",
        "has_evidence": True,
        "today": TODAY,
    }
    check_position(**fine)
    with pytest.raises(Refused) as refusal:
        check_position(**fine | changes)
    assert refusal.value.field == field


def test_what_the_database_refuses(any_app: Flask) -> None:
    of = scene()
    elsewhere = reached(of, of.targets[1])
    for changes, field in (
        ({"ask_id": 9999}, "ask_id"),
        ({"action_id": elsewhere}, "action_id"),
        ({"action_id": 9999}, "action_id"),
        ({"evidence_text": None}, "evidence"),
    ):
        with pytest.raises(Refused) as refusal, db.unit_of_work():
            record_position(**given(of, **changes))
        assert refusal.value.field == field
    assert db.session.scalars(select(Position)).all() == []


def test_the_action_that_showed_it(any_app: Flask) -> None:
    of = scene()
    action = reached(of, of.targets[0])
    entry = recorded(of, evidence_text=None, action_id=action)
    kept = db.session.scalars(select(PositionEvidence)).one()
    assert (kept.position_id, kept.action_id) == (entry, action)
    said = db.session.scalars(select(AuditEntry).filter_by(verb="record_position")).one()
    assert (said.record_id, said.changes["action_id"]) == (entry, action)


def test_the_same_twice_is_one(any_app: Flask) -> None:
    of = scene()
    assert recorded(of) == recorded(of)
    assert recorded(of) != recorded(of, support=2)


def test_withdrawing(any_app: Flask) -> None:
    of = scene()
    entry = recorded(of)
    stranger = make.user(Role.COORDINATOR, of.people.school_b)
    for by, reason, sentence in (
        (stranger, "No", "Who recorded it"),
        (of.people.leader, "No", "Who recorded it"),
        (of.people.coordinator, "", "Say why"),
    ):
        with pytest.raises(Refused, match=sentence), db.unit_of_work():
            withdraw_position(positions.position(entry), reason=reason, by=db.session.merge(by))
    with db.unit_of_work():
        by = db.session.merge(of.people.coordinator)
        withdraw_position(positions.position(entry), reason="Typed wrong", by=by)
    with pytest.raises(Refused, match="already"), db.unit_of_work():
        withdraw_position(positions.position(entry), reason="Again", by=None)
    assert position_on(of.targets, None, TODAY) == {}


def picture() -> BytesIO:
    sent = BytesIO()
    Image.new("RGB", (20, 20), "white").save(sent, "PNG")
    sent.seek(0)
    return sent


def sent(of: SimpleNamespace, **changes: Any) -> dict[str, Any]:
    return {
        "ask_id": str(of.asks[0]),
        "support": "1",
        "confidence": "low",
        "seen_on": "2026-03-01",
        "evidence": "Staff said on the phone that they agree.",
        "link": "https://example.org/speech",
    } | changes


def test_recording_and_withdrawing_on_screen(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    target = of.targets[0]
    action = reached(of, target)
    client = sign_in(of.people.coordinator)
    assert "No position recorded yet" in client.get(f"/targets/{target}/positions").text
    address = f"/targets/{target}/positions/new"
    form = client.get(f"{address}?campaign=postcards&action={action}&on=2026-02-21").text
    assert 'value="2026-02-21"' in form
    assert f'<option selected value="{action}">' in form
    answer = client.post(
        address,
        data=sent(of, action_id=str(action), scan=(picture(), "letter.png")),
        content_type="multipart/form-data",
    )
    assert answer.status_code == 303, answer.text
    page = client.get(answer.location).text
    for words in ("Supporter", "low confidence", "Staff said on the phone", "example.org/speech",
                  "1 meeting", "holds", "Scan"):  # fmt: skip
        assert words in page, words
    assert "not known" in client.get(f"/targets/{target}/positions?on=2026-01-01").text
    entry = db.session.scalars(select(Position.id)).one()
    scan = f"/targets/positions/{entry}/scan"
    assert client.get(scan).mimetype == "image/jpeg"
    assert sign_in(of.people.outsider).get(scan).status_code == 404
    assert sign_in(of.people.viewer).get(scan).status_code == 403
    withdraw = f"/targets/positions/{entry}/withdraw"
    assert "Typed" not in client.get(withdraw).text
    assert client.post(withdraw, data={"reason": ""}).status_code == 422
    assert client.post(withdraw, data={"reason": "Of another office"}).status_code == 303
    page = client.get(f"/targets/{target}/positions").text
    assert "Of another office" in page
    assert '<span class="badge">holds</span>' not in page
    assert client.get(withdraw).status_code == 404


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"support": ""}, "Choose where they stand."),
        ({"support": "3"}, "Choose where they stand."),
        ({"support": "x"}, "Choose where they stand."),
        ({"confidence": ""}, "Say how sure you are."),
        ({"ask_id": "9999"}, "Not a valid choice"),
        ({"ask_id": ""}, "Choose one."),
        ({"seen_on": "2999-01-01"}, "in the future"),
        ({"seen_on": ""}, "Give a date"),
        ({"evidence": "", "link": ""}, "Say what showed it"),
        ({"link": "javascript:alert(1)"}, "A link begins with"),
        ({"action_id": "9999"}, "Not a valid choice"),
    ],
)
def test_bad_input(app: Flask, sign_in: SignIn, changes: dict[str, Any], sentence: str) -> None:
    of = scene()
    data = {"evidence": "kept typing", **sent(of, **changes)}
    answer = sign_in(of.people.coordinator).post(
        f"/targets/{of.targets[0]}/positions/new", data=data
    )
    assert answer.status_code == 422
    assert sentence in answer.text, re.findall("alert.*?</div>", answer.text, re.S)
    assert db.session.scalars(select(Position)).all() == []


def test_who_may(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    entry = recorded(of)
    new = f"/targets/{of.targets[0]}/positions/new"
    for user in (of.people.leader, of.people.viewer, of.people.member):
        client = sign_in(user)
        assert client.get(new).status_code == 403
        assert client.post(new, data=sent(of)).status_code == 403
        assert client.get(f"/targets/positions/{entry}/withdraw").status_code == 403
        page = client.get(f"/targets/{of.targets[0]}/positions")
        assert page.status_code == 200
        assert "Withdraw" not in page.text
    other = sign_in(make.user(Role.COORDINATOR, of.people.school_b))
    assert other.get(f"/targets/positions/{entry}/withdraw").status_code == 404
    assert "Withdraw" not in other.get(f"/targets/{of.targets[0]}/positions").text
    for address in ("/targets/999/positions", "/targets/999/positions/new"):
        assert sign_in(of.people.admin).get(address).status_code == 404


def test_the_campaign_shows_where_they_stand(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    client = sign_in(of.people.viewer)
    assert "no position known" in client.get("/campaigns/postcards").text
    recorded(of, support=2)
    recorded(of, target_id=of.targets[1], support=-1)
    page = client.get("/campaigns/postcards").text
    assert "Champion" in page
    assert f"ask={of.asks[0]}&amp;stand=unknown" in page
    listed = client.get(f"/campaigns/postcards/positions?ask={of.asks[0]}").text
    assert listed.index("Ana Alder</a>") < listed.index("Niue</a>") < listed.index("Tonga</a>")
    few = client.get("/campaigns/postcards/positions?stand=-1").text
    assert "Niue</a>" in few
    assert "Tonga</a>" not in few
    then = client.get("/campaigns/postcards/positions?on=2026-01-01&stand=2").text
    assert "No target stands there" in then
    odd = client.get("/campaigns/postcards/positions?on=soon&stand=x&ask=9999")
    assert odd.status_code == 200


def test_a_campaign_without_asks(app: Flask, sign_in: SignIn) -> None:
    people = make.people()
    make.kept(Campaign(name="Bare", slug="bare", starts_on=date(2025, 9, 1)))
    assert "No ask yet" in sign_in(people.viewer).get("/campaigns/bare/positions").text


def test_a_move_leads_to_its_position(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    target = of.targets[0]
    action = reached(of, target, channel="letter")
    with db.unit_of_work():
        at = db.session.scalars(select(ActionTarget.id)).one()
        record_outcome(
            action_target_id=at,
            kind="position_change",
            received_on=date(2026, 3, 3),
            by=None,
            today=this_day(),
        )
    link = (
        f"/targets/{target}/positions/new?on=2026-03-03&amp;campaign=postcards&amp;action={action}"
    )
    client = sign_in(of.people.coordinator)
    for address in (f"/outreach/{action}", f"/targets/{target}"):
        assert link in client.get(address).text, address
        assert link not in sign_in(of.people.leader).get(address).text


def test_hostile_text_is_text(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    bad = "<script>alert(1)</script>{{ 7*7 }}"
    recorded(of, evidence_text=bad, link="https://example.org/<script>alert(1)</script>")
    client = sign_in(of.people.coordinator)
    for address in (f"/targets/{of.targets[0]}/positions", "/campaigns/postcards/positions"):
        page = client.get(address).text
        assert "<script>alert" not in page
        assert "{{ 7*7 }}" in page


def test_an_ask_with_a_position_stays(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    recorded(of)
    answer = sign_in(of.people.coordinator).post(
        "/campaigns/postcards/edit",
        data={
            "name": "Postcards",
            "starts_on": "2025-09-01",
            "chapter_ids": [str(of.people.school_a.id)],
        },
    )
    assert answer.status_code == 422
    assert "so it stays" in answer.text


def test_few_statements(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    for month in (1, 2, 3, 4):
        for target in of.targets:
            for ask in of.asks:
                recorded(of, target_id=target, ask_id=ask, seen_on=date(2026, month, 1))
    client = sign_in(of.people.coordinator)
    statements: list[str] = []
    event.listen(db.extension.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    for address in (
        f"/targets/{of.targets[0]}/positions",
        f"/targets/{of.targets[0]}/positions/new",
        "/campaigns/postcards/positions",
        "/campaigns/postcards",
    ):
        statements.clear()
        assert client.get(address).status_code == 200
        asked = [each for each in statements if not each.startswith("BEGIN")]
        assert len(asked) <= 16, (address, len(asked))
