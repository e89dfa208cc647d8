"""What came back undeliverable marks the address bad; paper then goes elsewhere, or nowhere."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select

from crm.accounts.imports import ImportRun
from crm.campaigns import addresses
from crm.campaigns.models import Campaign, CampaignContact
from crm.campaigns.operations import remove_targets
from crm.campaigns.queries import owned
from crm.core import db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.outreach.models import Action, ActionTarget, Outcome
from crm.outreach.operations import record_outcome, withdraw_outcome
from crm.targets.contact_queries import Why, need_a_look, place_of
from crm.targets.models import ContactPoint, Target
from crm.targets.operations import mark_contact_point
from crm.targets.queries import contact_points_and_marks
from tests import make

TODAY = date(2026, 5, 1)
Log = Callable[..., Action]
SignIn = Callable[[object], FlaskClient]


def address(target_id: int, label: str = "Charleston", **more: Any) -> int:
    values: dict[str, Any] = {"kind": "postal", "value": f"1 Main St\n{label}", "status": "good"}
    return int(make.kept(ContactPoint(target_id=target_id, label=label, **values | more)).id)


def point(number: int) -> ContactPoint:
    return db.session.get_one(ContactPoint, number)


def returned(row: int, point_id: int | None, on: date = date(2026, 4, 1), **more: Any) -> int:
    values: dict[str, Any] = {"kind": "returned", "by": None, "today": TODAY}
    with db.unit_of_work():
        return record_outcome(
            action_target_id=row, received_on=on, contact_point_id=point_id, **values | more
        ).id


def row_of(target_id: int) -> int:
    return db.session.scalars(
        select(ActionTarget.id).where(ActionTarget.target_id == target_id)
    ).one()


def withdraw(outcome_id: int) -> None:
    with db.unit_of_work():
        withdraw_outcome(db.session.get_one(Outcome, outcome_id), by=None)


def goes(scene: SimpleNamespace, target_id: int) -> tuple[int | None, Why]:
    campaign = db.session.get_one(Campaign, scene.campaign)
    found = addresses.paper_addresses(campaign, [target_id])[target_id]
    return (found.point.id if found.point else None, found.why)


def prefer(scene: SimpleNamespace, place: str) -> None:
    with db.unit_of_work():
        db.session.get_one(Campaign, scene.campaign).paper_to = place
        db.session.add(AuditEntry(verb="make", kind="test"))


def choose(scene: SimpleNamespace, target_id: int, point_id: int | None) -> int:
    with db.unit_of_work():
        campaign = db.session.get_one(Campaign, scene.campaign)
        return addresses.choose_addresses(campaign, {target_id: point_id}, by=None)


def test_it_works(any_scene: SimpleNamespace, log: Log) -> None:
    alder = any_scene.targets[0]
    log(any_scene)
    dc = address(alder, "DC", key="dc/postal", checked_on=date(2026, 1, 1))
    charleston = address(alder, "Charleston", key="office/1/postal")
    assert goes(any_scene, alder) == (dc, Why.CAPITAL)
    outcome = returned(row_of(alder), dc)
    assert db.session.get_one(Outcome, outcome).contact_point_id == dc
    bad = point(dc)
    assert (bad.status, bad.note, bad.checked_on) == (
        "bad",
        "returned undeliverable on Apr 1, 2026",
        TODAY,
    )
    assert goes(any_scene, alder) == (charleston, Why.OTHER)
    withdraw(outcome)
    good = point(dc)
    assert (good.status, good.note, good.checked_on) == ("good", None, date(2026, 1, 1))
    assert goes(any_scene, alder) == (dc, Why.CAPITAL)
    of_points = select(AuditEntry.verb).where(AuditEntry.kind == "contact_point")
    verbs = db.session.scalars(of_points.order_by(AuditEntry.id))
    assert list(verbs) == ["mark_returned", "clear_returned"]


def test_what_somebody_else_marked_since_stays(any_scene: SimpleNamespace, log: Log) -> None:
    alder = any_scene.targets[0]
    log(any_scene)
    dc = address(alder, "DC")
    outcome = returned(row_of(alder), dc)
    with db.unit_of_work():
        mark_contact_point(point(dc), status="bad", note="they moved", by=None, today=TODAY)
    withdraw(outcome)
    assert (point(dc).status, point(dc).note) == ("bad", "they moved")


def test_as_long_as_one_says_so_it_is_bad(any_scene: SimpleNamespace, log: Log) -> None:
    alder, birch = any_scene.targets[:2]
    log(any_scene)
    dc = address(alder, "DC")
    first = returned(row_of(alder), dc)
    second = returned(row_of(alder), dc, on=date(2026, 4, 9))
    withdraw(first)
    assert point(dc).status == "bad"
    withdraw(second)
    assert point(dc).status == "good"
    # One that was bad before is not made good by taking something back.
    already = address(birch, "DC", status="bad")
    withdraw(returned(row_of(birch), already))
    assert point(already).status == "bad"


def test_only_an_address_of_theirs_and_only_of_what_failed(
    any_scene: SimpleNamespace, log: Log
) -> None:
    alder, birch = any_scene.targets[:2]
    log(any_scene)
    dc = address(alder, "DC")
    for number in (dc, 999):
        with pytest.raises(Refused, match="no address of theirs"):
            returned(row_of(birch), number)
    outcome = returned(row_of(alder), dc, kind="form_reply")
    assert db.session.get_one(Outcome, outcome).contact_point_id is None
    assert point(dc).status == "good"
    assert db.session.query(Outcome).count() == 1


@pytest.mark.parametrize(
    ("key", "label", "place"),
    [
        ("dc/postal", "DC", "capital"),
        ("office/1/postal", "Washington", "district"),
        ("openstates/capitol/postal", "Capitol office", "capital"),
        ("openstates/district-2/postal", "District office", "district"),
        (None, "Washington, DC", "capital"),
        (None, "Capitol", "capital"),
        (None, "Charleston", "district"),
    ],
)
def test_places(key: str | None, label: str, place: str) -> None:
    assert place_of(key, label) == place


def test_the_choice_the_preference_and_the_rest(any_scene: SimpleNamespace) -> None:
    alder, birch, cedar, dogwood, niue = any_scene.targets
    dc = address(alder, "DC", key="dc/postal")
    wheeling = address(alder, "Wheeling", key="office/2/postal")
    charleston = address(alder, "charleston", key="office/1/postal")
    address(alder, "Beckley", key="office/3/postal", status="past")
    assert goes(any_scene, alder) == (dc, Why.CAPITAL)
    prefer(any_scene, "district")
    # The first good one by its label.
    assert goes(any_scene, alder) == (charleston, Why.DISTRICT)
    assert choose(any_scene, alder, wheeling) == 1
    assert choose(any_scene, alder, wheeling) == 0
    assert goes(any_scene, alder) == (wheeling, Why.CHOSEN)
    with db.unit_of_work():
        mark_contact_point(point(wheeling), status="bad", by=None, today=TODAY)
    assert goes(any_scene, alder) == (charleston, Why.DISTRICT)
    assert choose(any_scene, alder, None) == 1
    only = address(birch, "DC", key="dc/postal")
    assert goes(any_scene, birch) == (only, Why.OTHER)
    assert goes(any_scene, cedar) == (None, Why.UNKNOWN)
    address(dogwood, "DC", status="bad")
    address(niue, "Alofi", status="past")
    assert goes(any_scene, dogwood) == (None, Why.BAD)
    assert goes(any_scene, niue) == (None, Why.PAST)
    assert addresses.counts(any_scene.campaign) == (5, 3)
    missing = db.session.scalars(addresses.on_list(any_scene.campaign, without=True))
    assert {each.id for each in missing} == {cedar, dogwood, niue}


def test_a_posts_address_serves_whoever_holds_it(any_scene: SimpleNamespace) -> None:
    alder = any_scene.targets[0]
    post_id = make.db.session.scalars(select(make.Term.post_id).where(make.Term.target_id == alder))
    number = make.kept(
        ContactPoint(post_id=post_id.one(), kind="postal", label="Office", value="1 Hill")
    ).id
    assert goes(any_scene, alder) == (number, Why.OTHER)
    assert addresses.counts(any_scene.campaign) == (5, 4)


def test_a_choice_that_cannot_be(any_scene: SimpleNamespace) -> None:
    alder, birch = any_scene.targets[:2]
    bad, theirs = address(alder, "DC", status="bad"), address(birch, "DC")
    stranger = make.target("Malta").id
    for target_id, number in ((alder, bad), (alder, theirs), (alder, 999), (stranger, theirs)):
        with pytest.raises(Refused, match="not there any more, or is not good"):
            choose(any_scene, target_id, number)
    outsider = any_scene.people.outsider
    with pytest.raises(Refused, match="Only the chapters that own"):
        addresses.choose_addresses(owned("postcards"), {birch: theirs}, by=outsider)


def test_who_leaves_the_list_leaves_their_choice(any_scene: SimpleNamespace) -> None:
    alder = any_scene.targets[0]
    choose(any_scene, alder, address(alder, "DC"))
    with db.unit_of_work():
        remove_targets(db.session.get_one(Campaign, any_scene.campaign), [alder], by=None)
    assert db.session.query(CampaignContact).count() == 0


def test_where_paper_goes_is_two_statements(any_scene: SimpleNamespace) -> None:
    for target_id in any_scene.targets:
        address(target_id, "DC")
    campaign = db.session.get_one(Campaign, any_scene.campaign)
    _loaded = campaign.paper_to
    statements: list[str] = []
    event.listen(
        db.extension.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    found = addresses.paper_addresses(campaign, any_scene.targets)
    assert (len(found), len(statements)) == (5, 2)


def test_what_needs_a_look(any_scene: SimpleNamespace) -> None:
    alder, birch, cedar, dogwood, _niue = any_scene.targets
    bad = address(alder, "DC", status="bad", checked_on=TODAY)
    never = address(birch, "DC")
    old = address(cedar, "DC", checked_on=date(2025, 4, 30))
    address(cedar, "Wheeling", checked_on=date(2025, 5, 1))
    replaced = address(dogwood, "DC", status="bad")
    address(dogwood, "New", checked_on=TODAY)
    listed = address(dogwood, "Old", key="dc/postal", checked_on=date(2020, 1, 1))

    def found(which: str | None = None) -> list[int]:
        every = select(Target.id)
        rows = db.session.execute(need_a_look(every, today=TODAY, which=which))
        return [row[0].id for row in rows]

    assert found() == [bad, never, listed, old]
    assert found("bad") == [bad]
    assert found("old") == [never, listed, old]
    assert replaced not in found()
    # What an import of the last year has said again is checked.
    make.kept(ImportRun(importer="congress", source="x", counts={}, at=db.now()))
    assert found() == [bad, never, old]


# --- pages ------------------------------------------------------------------------------------


def test_the_form_asks_which_address_failed(
    scene: SimpleNamespace, log: Log, sign_in: SignIn
) -> None:
    alder, birch = scene.targets[:2]
    log(scene)
    address(alder, "DC", key="dc/postal")
    charleston = address(alder, "Charleston", key="office/1/postal")
    address(alder, "Beckley", key="office/2/postal", status="bad")
    choose(scene, alder, charleston)
    client = sign_in(scene.people.leader)
    where = f"/outreach/answers/{row_of(alder)}"
    page = client.get(where).text
    assert "Charleston: 1 Main St, Charleston" in page
    assert "Beckley" not in page
    assert f'<option selected value="{charleston}">' in page
    sent = {"kind": "returned", "received_on": "2026-04-01", "contact_point_id": charleston}
    answer = client.post(where, data=sent)
    assert answer.status_code == 303
    assert point(charleston).status == "bad"
    page = client.get(answer.location).text
    assert "sent to Charleston" in page
    outcome = db.session.scalars(select(Outcome.id)).one()
    page = sign_in(scene.people.coordinator).get(f"/targets/{alder}").text
    assert "returned undeliverable on Apr 1, 2026" in page
    assert "said by Lee, " in page
    client.post(f"/outreach/answers/{outcome}/withdraw")
    assert point(charleston).status == "good"
    # Whoever has no address is not asked; another's address is refused.
    assert "contact_point_id" not in client.get(f"/outreach/answers/{row_of(birch)}").text
    sent["contact_point_id"] = address(birch, "DC")
    assert client.post(where, data=sent).status_code == 422


def test_where_paper_goes(scene: SimpleNamespace, sign_in: SignIn) -> None:
    alder = scene.targets[0]
    dc = address(alder, "DC", key="dc/postal")
    charleston = address(alder, "Charleston", key="office/1/postal")
    staff = sign_in(scene.people.staff)
    page = staff.get("/campaigns/postcards/addresses").text
    assert "office in the capital" in page
    assert "4 of 5" in page
    assert "No postal address is known." in page
    answer = staff.post(
        "/campaigns/postcards/addresses",
        data={f"address-{alder}": charleston, "address-x": "1", "address-9": "x"},
    )
    assert answer.status_code == 303
    assert goes(scene, alder) == (charleston, Why.CHOSEN)
    page = staff.get("/campaigns/postcards/addresses?show=without").text
    assert "Shelley Alder" not in page
    assert "Niue" in page
    refused = staff.post("/campaigns/postcards/addresses", data={f"address-{alder}": 999})
    assert (refused.status_code, "is not good" in refused.text) == (422, True)
    for who, code in ((scene.people.coordinator, 403), (scene.people.leader, 403)):
        assert sign_in(who).get("/campaigns/postcards/addresses").status_code == code
    form = staff.get("/campaigns/postcards/edit").text
    assert "Paper to Washington is screened" in form
    sent = {"name": "Postcards", "starts_on": "2025-09-01", "chapter_ids": scene.state}
    assert staff.post("/campaigns/postcards/edit",
                      data=sent | {"paper_to": "moon"}).status_code == 422  # fmt: skip
    assert staff.post("/campaigns/postcards/edit",
                      data=sent | {"paper_to": "district"}).status_code == 303  # fmt: skip
    choose(scene, alder, None)
    assert goes(scene, alder) == (charleston, Why.DISTRICT)
    assert dc != charleston


def test_addresses_that_need_a_look(scene: SimpleNamespace, sign_in: SignIn) -> None:
    alder = scene.targets[0]
    dc = address(alder, "DC")
    stranger = address(make.target("Malta").id, "Valletta")
    client = sign_in(scene.people.coordinator)
    page = client.get("/campaigns/addresses?campaign=postcards").text
    assert "Shelley Alder" in page
    assert "Valletta" not in page
    back = "/campaigns/addresses?campaign=postcards"
    mark = f"/targets/contact-points/{dc}/mark"
    answer = client.post(mark, data={"status": "good", "back": back})
    assert answer.location == back
    page = client.get(back).text
    assert "still right, checked today" in page
    assert "Nothing needs a look" in page
    away = {"status": "bad", "note": "closed", "back": "https://elsewhere.example/"}
    assert client.post(mark, data=away).location == f"/targets/{alder}"
    page = client.get("/campaigns/addresses?which=bad").text
    assert "closed" in page
    assert "said by Cory, " in page
    assert client.post(mark, data={"status": "bad", "note": "x" * 201}).status_code == 409
    assert sign_in(scene.people.leader).get("/campaigns/addresses").status_code == 403
    assert stranger != dc


def test_pages_cost_few_statements(scene: SimpleNamespace, log: Log, sign_in: SignIn) -> None:
    log(scene)
    for target_id in scene.targets:
        for label in ("DC", "Charleston", "Wheeling"):
            address(target_id, label, status="bad" if label == "DC" else "good")
    row = row_of(scene.targets[0])
    client = sign_in(scene.people.staff)
    statements: list[str] = []
    event.listen(
        db.extension.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    for where in (
        "/campaigns/postcards/addresses",
        "/campaigns/addresses",
        f"/outreach/answers/{row}",
        # With outreach, changes and committees: ten of its own, five of outreach and positions, one
        # of how it is addressed, one of tasks.
        f"/targets/{scene.targets[0]}",
    ):
        statements.clear()
        assert client.get(where).status_code == 200
        assert len(statements) <= 19, where + "\n".join(statements)


def test_who_marked_one_is_told_by_the_statement_that_reads_them(scene: SimpleNamespace) -> None:
    alder = scene.targets[0]
    bad, good = address(alder, "DC"), address(alder, "Charleston")
    people = scene.people
    for number, by in ((bad, people.leader), (bad, people.coordinator), (good, people.staff)):
        with db.unit_of_work():
            status = "bad" if number == bad else "good"
            mark_contact_point(point(number), status=status, by=by, today=TODAY)
    statements: list[str] = []
    event.listen(
        db.extension.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    db.rollback()
    found, marks = contact_points_and_marks(alder)
    assert [each.id for each in found["postal"]] == [good, bad]
    assert {number: mark.by for number, mark in marks.items()} == {bad: "Cory"}
    assert len([each for each in statements if each != "BEGIN"]) == 1
