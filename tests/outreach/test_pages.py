"""The list, one action, what waits, photos, and the panels on pages of other rooms."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from crm.core import audit, db, store
from crm.outreach.models import Action, ActionTarget, Outcome
from crm.outreach.operations import record_outcome
from crm.targets.list_operations import keep_list

SignIn = Callable[[object], FlaskClient]
Log = Callable[..., Action]
TODAY = date(2026, 5, 1)
PICTURE = "a" * 32 + ".jpg"


@contextmanager
def statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append(statement)

    engine = db.extension.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def get(client: FlaskClient, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, url
    return answer.get_data(as_text=True)


def rows(page: str) -> int:
    return page.split("<tbody>")[1].count("<tr>") if "<tbody>" in page else 0


def answered(scene: SimpleNamespace, place: int = 0, **more: Any) -> int:
    row = db.session.scalars(
        select(ActionTarget.id)
        .where(ActionTarget.target_id == scene.targets[place])
        .order_by(ActionTarget.id)
    ).first()
    assert row
    with db.unit_of_work():
        given = {"kind": "commitment", "received_on": date(2026, 4, 1), "by": None, "today": TODAY}
        return record_outcome(action_target_id=row, **given | more).id


@pytest.fixture
def viewer(scene: SimpleNamespace, sign_in: SignIn) -> FlaskClient:
    return sign_in(scene.people.viewer)


@pytest.fixture
def leader(scene: SimpleNamespace, sign_in: SignIn) -> FlaskClient:
    return sign_in(scene.people.leader)


def test_it_works(viewer: FlaskClient, scene: SimpleNamespace, log: Log) -> None:
    assert "Nothing logged yet" in get(viewer, "/outreach")
    log(scene)
    log(scene, channel="meeting", happened_on=date(2026, 4, 2))
    answered(scene)
    page = get(viewer, "/outreach")
    assert rows(page) == 2
    assert page.index("1 meeting") < page.index("150 postcards")
    assert "5 targets: " in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("channel=postcard", 1),
        ("channel=letter", 0),
        ("campaign=postcards", 2),
        ("campaign=letters", 1),
        ("chapter=alder-high-school", 2),
        ("chapter=mountain-state-campaign", 3),
        ("chapter=birch-high-school", 1),
        ("since=2026-04-01", 2),
        ("until=2026-03-31&since=2026-01-01", 1),
        ("kind=government", 1),
        ("area=WV", 3),
        ("party=Democratic", 3),
        ("region=Oceania", 1),
        ("outcome=commitment", 1),
        ("area=WV&channel=meeting", 2),
        ("chapter=mountain-state-campaign&campaign=letters", 1),
    ],
)
def test_filters(
    viewer: FlaskClient, scene: SimpleNamespace, log: Log, query: str, found: int
) -> None:
    log(scene)
    log(scene, channel="meeting", happened_on=date(2026, 4, 2))
    log(
        scene,
        channel="meeting",
        campaign_id=scene.other_campaign,
        chapter_ids=[scene.school_b],
        happened_on=date(2026, 4, 3),
    )
    answered(scene)
    assert rows(get(viewer, f"/outreach?{query}")) == found


def test_a_target_of_the_address(viewer: FlaskClient, scene: SimpleNamespace, log: Log) -> None:
    log(scene)
    log(scene, channel="meeting")
    page = get(viewer, f"/outreach?target={scene.targets[4]}")
    assert rows(page) == 1
    assert "To Niue" in page
    get(viewer, "/outreach?target=999", 404)


@pytest.mark.parametrize(
    "query",
    ["campaign=x", "channel=x", "chapter=x", "since=x", "kind=x", "area=x", "party=x", "target=x"],
)
def test_bad_filters_are_said(
    viewer: FlaskClient, scene: SimpleNamespace, log: Log, query: str
) -> None:
    log(scene)
    page = get(viewer, f"/outreach?{query}", 422)
    assert "“x”" in page
    # Never more than was asked for.
    assert rows(page) == 0


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/outreach/commitments?member=1", "cannot be narrowed by “Member”"),
        ("/outreach/commitments?channel=letter&team=1", "cannot be narrowed by “Team”"),
        ("/outreach/commitments?state=waiting", "Nothing is known as “waiting”"),
        ("/outreach/commitments?whose=x", "nobody&#39;s promise that is called “x”"),
        ("/outreach/commitments?campaign=x", "Nothing is known as “x” for campaign"),
        ("/outreach/waiting?channel=letter", "cannot be narrowed by “Channel”"),
        ("/outreach/waiting?state=answered", "Nothing is known as “answered”"),
        ("/outreach/replies?campaign=postcards", "cannot be narrowed by “Campaign”"),
        ("/outreach/replies/forwarded?since=2026-01-01", "cannot be narrowed by “From”"),
        ("/outreach/where?campaign=x", "Nothing is known as “x” for campaign"),
    ],
)
def test_what_a_list_does_not_heed_is_refused(
    scene: SimpleNamespace, log: Log, sign_in: SignIn, path: str, sentence: str
) -> None:
    log(scene)
    answered(scene)
    page = get(sign_in(scene.people.leader), path, 422)
    assert sentence in page
    assert rows(page) == 0


def test_a_file_of_a_list_holds_no_more_than_was_asked_for(
    scene: SimpleNamespace, sign_in: SignIn
) -> None:
    with db.unit_of_work():
        slug = keep_list(name="Mine", target_ids=scene.targets, by=None).slug
    admin = sign_in(scene.people.admin)
    said = "This list cannot be narrowed by “Channel”: take that filter away."
    assert said in get(admin, f"/targets/lists/{slug}?channel=letter")
    assert said in get(admin, f"/targets/lists/{slug}.csv?channel=letter", 422)
    get(admin, f"/targets/lists/{slug}.csv?campaign=x", 422)
    get(admin, f"/targets/lists/{slug}.csv?campaign=postcards")


def test_what_a_list_heeds_is_not_refused(viewer: FlaskClient, scene: SimpleNamespace) -> None:
    for path in (
        "/outreach/commitments?state=all&whose=&campaign=none&kind=government&party=&member=",
        "/outreach/commitments?state=overdue&whose=ours&since=2026-01-01&area=WV",
        "/outreach/waiting?state=closed&campaign=postcards&chapter=alder-high-school&page=2",
        "/outreach/where?show=answers&campaign=postcards",
        "/outreach/where?show=",
    ):
        get(viewer, path)


def test_what_was_answered_is_not_undone_and_says_why(
    scene: SimpleNamespace, log: Log, sign_in: SignIn
) -> None:
    coordinator = sign_in(scene.people.coordinator)
    number = log(scene).id
    answered(scene)
    refused = coordinator.post(f"/outreach/{number}/undo", follow_redirects=True)
    assert refused.status_code == 200
    assert "Take the answer back first." in refused.get_data(as_text=True)
    assert rows(get(coordinator, "/outreach")) == 1


def test_undone_is_in_no_list(leader: FlaskClient, scene: SimpleNamespace, log: Log) -> None:
    number = log(scene, by=None, chapter_ids=[scene.school_a]).id
    with db.unit_of_work():
        db.session.get_one(Action, number).logged_by_id = scene.people.leader.id
        audit.record("make", "test", None, by=None)
    assert leader.post(f"/outreach/{number}/undo").status_code == 303
    for url in ("/outreach", "/outreach?campaign=postcards", "/outreach?chapter=alder-high-school",
                f"/outreach?target={scene.targets[0]}", "/outreach?area=WV"):  # fmt: skip
        assert rows(get(leader, url)) == 0, url
    assert "Nothing waits" in get(leader, "/outreach/waiting")


def test_the_next_page(viewer: FlaskClient, scene: SimpleNamespace, log: Log) -> None:
    for n in range(52):
        log(scene, pieces=1, targets={scene.targets[n % 2]: 1})
    for query in ("", "area=WV", "chapter=mountain-state-campaign", "campaign=postcards"):
        assert rows(get(viewer, f"/outreach?{query}")) == 50
        assert rows(get(viewer, f"/outreach?{query}&page=2")) == 2
        assert rows(get(viewer, f"/outreach?{query}&page=99")) == 2


def test_one_action(leader: FlaskClient, scene: SimpleNamespace, log: Log) -> None:
    number = log(scene, members={scene.members[0]: 100}, note="A <b>note</b>").id
    answered(scene, summary="<script>alert(1)</script>")
    page = get(leader, f"/outreach/{number}")
    assert "Ana Brook" in page
    assert "100 named + 50 unnamed = 150" in page
    assert "A &lt;b&gt;note&lt;/b&gt;" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    get(leader, "/outreach/999", 404)


def test_who_may_not_see_the_members_sees_no_names(
    scene: SimpleNamespace, log: Log, sign_in: SignIn
) -> None:
    number = log(scene, members={scene.members[0]: 100}, note="Secret", photos=["a.jpg"]).id
    for who in ("viewer", "outsider", "member"):
        page = get(sign_in(getattr(scene.people, who)), f"/outreach/{number}")
        assert "Ana" in page
        assert "Brook" not in page
        assert "Secret" not in page
        assert "<img" not in page


def test_photos_are_for_those_who_see_the_members(
    scene: SimpleNamespace, log: Log, sign_in: SignIn, app: Flask
) -> None:
    store.here().keep(PICTURE, b"\xff\xd8\xff")
    number = log(scene, photos=[PICTURE], nobody_seen=True).id
    other = log(scene).id
    assert sign_in(scene.people.leader).get(f"/outreach/{number}/photos/1").status_code == 200
    assert sign_in(scene.people.outsider).get(f"/outreach/{number}/photos/1").status_code == 404
    assert sign_in(scene.people.viewer).get(f"/outreach/{number}/photos/1").status_code == 403
    assert sign_in(scene.people.leader).get(f"/outreach/{other}/photos/1").status_code == 404


def test_recording_an_answer(leader: FlaskClient, scene: SimpleNamespace, log: Log) -> None:
    number = log(scene).id
    row = db.session.scalars(select(ActionTarget.id).order_by(ActionTarget.id)).first()
    url = f"/outreach/answers/{row}"
    assert "Answer from Shelley Alder" in get(leader, url)
    bad = leader.post(url, data={"kind": "", "received_on": "2026-03-01", "summary": "Kept"})
    assert bad.status_code == 422
    assert "Kept" in bad.get_data(as_text=True)
    good = {"kind": "refusal", "received_on": "2026-04-01", "summary": "No."}
    assert leader.post(url, data=good).headers["Location"] == f"/outreach/{number}"
    assert leader.post(url, data=good | {"back": "waiting"}).headers["Location"].endswith("waiting")
    assert len(db.session.scalars(select(Outcome)).all()) == 1
    page = get(leader, f"/outreach/{number}")
    assert "Refusal" in page
    outcome = db.session.scalars(select(Outcome.id)).one()
    assert leader.post(f"/outreach/answers/{outcome}/withdraw").status_code == 303
    assert db.session.scalars(select(Outcome)).all() == []


def test_answers_to_others(scene: SimpleNamespace, log: Log, sign_in: SignIn) -> None:
    log(scene)
    outcome = answered(scene)
    outsider = sign_in(scene.people.outsider)
    get(outsider, "/outreach/answers/1", 404)
    assert outsider.post(f"/outreach/answers/{outcome}/withdraw").status_code == 409
    assert sign_in(scene.people.viewer).get("/outreach/answers/1").status_code == 403
    get(outsider, f"/outreach/answers/{outcome}/scan", 404)
    get(outsider, "/outreach/answers/999/scan", 404)


def test_waiting(leader: FlaskClient, scene: SimpleNamespace, log: Log) -> None:
    log(scene)
    log(scene, channel="call", pieces=5, targets=dict.fromkeys(scene.targets, 1))
    log(scene, channel="meeting", happened_on=date(2026, 1, 2), campaign_id=scene.other_campaign)
    page = get(leader, "/outreach/waiting")
    assert rows(page) == 8
    assert page.index("1 meeting") < page.index("30 postcards")
    assert rows(get(leader, "/outreach/waiting?campaign=letters")) == 3
    assert rows(get(leader, "/outreach/waiting?chapter=alder-high-school")) == 8
    assert "Nothing waits" in get(leader, "/outreach/waiting?chapter=birch-high-school")


def test_whoever_records_what_came_back_returns_to_where_they_were(
    leader: FlaskClient, scene: SimpleNamespace, log: Log
) -> None:
    log(scene)
    place = "/outreach/waiting?campaign=postcards&chapter=alder-high-school"
    link = re.findall(r'href="(/outreach/answers/[^"]+)"', get(leader, place))[0]
    url = link.replace("&amp;", "&")
    form = get(leader, url)
    assert f'action="{link}"' in form
    assert f'href="{place.replace("&", "&amp;")}"' in form
    good = {"kind": "refusal", "received_on": "2026-04-01", "summary": ""}
    assert leader.post(url, data=good).headers["Location"] == place


def test_who_may_not_record_is_not_asked_to(
    viewer: FlaskClient, scene: SimpleNamespace, log: Log, sign_in: SignIn
) -> None:
    log(scene)
    assert "/outreach/answers/" not in get(viewer, "/outreach/waiting")
    assert "/outreach/answers/" not in get(sign_in(scene.people.outsider), "/outreach/waiting")


def test_panels(leader: FlaskClient, scene: SimpleNamespace, log: Log) -> None:
    log(scene, members={scene.members[0]: 100})
    log(scene, channel="meeting", members={scene.members[0]: 1}, happened_on=date(2026, 4, 2))
    answered(scene, summary="They will co-sponsor")
    page = get(leader, f"/targets/{scene.targets[0]}")
    assert "last contact Apr 2, 2026" in page
    assert "They will co-sponsor" in page
    page = get(leader, f"/members/{scene.members[0]}")
    assert "100 postcards" in page
    page = get(leader, "/campaigns/postcards")
    assert "150 of 150" in page
    assert get(leader, "/")


def test_statements_do_not_grow(
    scene: SimpleNamespace, log: Log, sign_in: SignIn, app: Flask
) -> None:
    admin = sign_in(scene.people.admin)
    first = log(scene, members=dict.fromkeys(scene.members, 10), by=None).id
    for n in range(30):
        log(scene, happened_on=date(2026, 1, 1 + n))
    answered(scene)
    urls = [
        "/outreach",
        "/outreach?chapter=mountain-state-campaign&area=WV&party=Republican&campaign=postcards",
        "/outreach/waiting?campaign=postcards&chapter=alder-high-school",
        f"/outreach/{first}",
        "/outreach/log/postcard",
        f"/outreach/log/postcard?like={first}",
        f"/outreach/{first}/correct",
        "/outreach/answers/1",
        f"/targets/{scene.targets[0]}",
        "/campaigns/postcards",
        f"/members/{scene.members[0]}",
    ]
    counts = {}
    for url in urls:
        with statements() as seen:
            get(admin, url)
        counts[url] = len(seen)
    most = dict.fromkeys(urls, 16)
    # Pages of a member, a campaign and a target have parts of many rooms; a correction asks whose
    # names may still stand in its texts.
    most |= {"/campaigns/postcards": 18, f"/targets/{scene.targets[0]}": 17}
    most |= {f"/members/{scene.members[0]}": 25, f"/outreach/{first}/correct": 18}
    assert {url: n for url, n in counts.items() if n > most[url]} == {}, counts


def test_every_page_is_sound(scene: SimpleNamespace, log: Log, sign_in: SignIn) -> None:
    coordinator = sign_in(scene.people.coordinator)
    number = log(scene, members={scene.members[0]: 5}).id
    for url in (
        "/outreach",
        "/outreach/waiting",
        f"/outreach/{number}",
        "/outreach/log",
        "/outreach/log/postcard",
        f"/outreach/{number}/correct",
        "/outreach/answers/1",
    ):
        page = get(coordinator, url)
        assert page.count("<h1>") == 1, url
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids)), url
        assert " style=" not in page
        assert page.count("<table") == page.count("<caption")
