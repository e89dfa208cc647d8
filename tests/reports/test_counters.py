"""The public counter: what it counts, what its answers may and may not carry, who sets it up."""

from collections.abc import Callable
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from crm.campaigns.models import Goal
from crm.campaigns.queries import owned
from crm.core import audit, db
from crm.core.errors import Refused
from crm.core.i18n import today
from crm.reports import counters
from crm.reports.models import PublicCounter
from tests import make
from tests.members.test_queries import statements
from tests.reports.conftest import ids, logged


@pytest.fixture
def work(any_app: Flask) -> SimpleNamespace:
    return prepared(make.people())


def prepared(people: SimpleNamespace) -> SimpleNamespace:
    people.campaign = make.campaign(chapters=(people.school_a,))
    people.campaign_id, people.slug = people.campaign.id, people.campaign.slug
    people.targets = ids(make.target("Niue"), make.target("Tonga"))
    logged("postcard", people.campaign_id, pieces=12, targets={people.targets[0]: 12})
    # A meeting with two is one act; what was undone is none.
    logged("meeting", people.campaign_id, targets=people.targets)
    logged("postcard", people.campaign_id, pieces=3, undone=True)
    logged("postcard", make.campaign("Other").id, pieces=99, targets={people.targets[0]: 99})
    return people


def made(people: SimpleNamespace, what: str, title: str = "For the <treaty> & all") -> str:
    with db.unit_of_work():
        campaign = owned(people.slug)
        return counters.add_counter(campaign, title=title, what=what, by=people.coordinator).code


def test_what_is_counted(work: SimpleNamespace) -> None:
    goal = db.session.scalars(select(Goal.id).where(Goal.campaign_id == work.campaign_id)).one()
    asked = {
        "all": (13, None),
        "channel:postcard": (12, None),
        "channel:letter": (0, None),
        f"goal:{goal}": (12, 150),
        "figure:ccm.joined": (0, None),
    }
    for what, expected in asked.items():
        found = counters.shown(made(work, what))
        assert found is not None
        assert (found.number, found.of) == expected, what
    kept = {each.title for each in counters.of_campaign(work.campaign_id)}
    assert kept == {"For the <treaty> & all"}
    code = made(work, f"goal:{goal}")
    with db.unit_of_work():
        db.session.delete(db.session.get_one(Goal, goal))
        audit.record("make", "test", None, by=None)
    # What a campaign no longer has is not shown; who changes the counter reads why.
    assert counters.shown(code) is None


def test_who_sets_it_up_and_what_is_refused(work: SimpleNamespace) -> None:
    with pytest.raises(Refused, match="those of its chapters"), db.unit_of_work():
        counters.add_counter(owned(work.slug), title="x", what="all", by=work.outsider)
    for title, what, field in ((" ", "all", "title"), ("x", "goal:99", "what"), ("x", "", "what")):
        with pytest.raises(Refused) as refusal:
            made(work, what, title)
        assert refusal.value.field == field
    code = made(work, "all")
    assert counters.shown(code) is not None
    with db.unit_of_work():
        kept = counters.counter(code, campaign_id=work.campaign_id)
        counters.edit_counter(kept, owned(work.slug), title="Off", what="all", on=False, by=None)
    # Off at once where it was put off; elsewhere when what is kept has run out.
    assert counters.shown(code) is None
    with db.unit_of_work():
        kept = counters.counter(code, campaign_id=work.campaign_id)
        counters.delete_counter(kept, owned(work.slug), by=None)
    assert db.session.scalars(select(PublicCounter)).all() == []


def test_the_public_reads_numbers_and_gets_no_session(app: Flask, client: FlaskClient) -> None:
    people = prepared(make.people())
    code = made(people, "channel:postcard")
    page = client.get(f"/counter/{code}")
    data = client.get(f"/counter/{code}.json")
    picture = client.get(f"/counter/{code}.svg")
    for answer in (page, data, picture):
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=300"
        assert "X-Frame-Options" not in answer.headers
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors *" in policy
        assert "unsafe" not in policy
        assert "script-src" not in policy
        # The same for everybody: a shared cache may keep it.
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")
        assert people.school_a.name not in answer.text
    assert "For the &lt;treaty&gt; &amp; all" in page.text
    assert ">12<" in page.text
    assert data.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in data.headers
    assert data.json == {
        "title": "For the <treaty> & all", "number": 12, "goal": None, "percent": None,
        "unit": "Postcards", "as_of": today().isoformat(),
    }  # fmt: skip
    assert picture.mimetype == "image/svg+xml"
    drawn = ElementTree.fromstring(picture.text)  # noqa: S314 - it is ours
    assert "12" in "".join(drawn.itertext())
    assert "href" not in picture.text
    # Whoever is signed in here is nobody on another site.
    with client.session_transaction() as session:
        session["_user_id"], session.permanent = people.admin.get_id(), True
    answer = client.get(f"/counter/{code}")
    assert "Set-Cookie" not in answer.headers
    assert answer.text == page.text
    # Kept for a while: whoever looks next asks the database nothing.
    with statements() as asked:
        assert client.get(f"/counter/{code}.json").status_code == 200
    assert asked == []


def test_what_no_picture_can_hold_is_not_in_its_title(app: Flask, client: FlaskClient) -> None:
    people = prepared(make.people())
    code = made(people, "all", title="Cards\x01 \ufffe for\x0b all")
    assert client.get(f"/counter/{code}.json").json["title"] == "Cards for all"  # type: ignore[index]
    ElementTree.fromstring(client.get(f"/counter/{code}.svg").text)  # noqa: S314 - it is ours


def test_only_the_counter_may_be_framed(app: Flask, client: FlaskClient) -> None:
    people = prepared(make.people())
    code = made(people, "all")
    with db.unit_of_work():
        kept = counters.counter(code, campaign_id=people.campaign_id)
        counters.edit_counter(kept, owned(people.slug), title="Off", what="all", on=False, by=None)
    for address in (f"/counter/{code}", f"/counter/{code}.json", "/counter/NOTTHERE.svg"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
    answer = client.get("/sign-in")
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_its_pages(app: Flask, sign_in: Callable[[object], FlaskClient]) -> None:
    people = prepared(make.people())
    slug = people.slug
    browser = sign_in(people.coordinator)
    assert "On your own site" in browser.get(f"/campaigns/{slug}").text
    assert browser.get(f"/campaigns/{slug}/counters").status_code == 200
    refused = browser.post(f"/campaigns/{slug}/counters", data={"title": "", "what": "all"})
    assert refused.status_code == 422
    sent = browser.post(f"/campaigns/{slug}/counters", data={"title": "Sent", "what": "all"})
    assert sent.status_code == 303
    page = browser.get(sent.location)
    code = sent.location.rsplit("/", 1)[1]
    assert f"/counter/{code}.svg&#34; alt=&#34;Sent&#34;" in page.text
    changed = browser.post(sent.location, data={"title": "Off", "what": "all"})
    assert changed.status_code == 303
    assert "lead nowhere" in browser.get(sent.location).text
    for who in (people.leader, people.viewer):
        assert sign_in(who).get(f"/campaigns/{slug}/counters").status_code == 403
        assert "On your own site" not in sign_in(who).get(f"/campaigns/{slug}").text
    assert browser.post(f"{sent.location}/delete").status_code == 303
    assert browser.get(sent.location).status_code == 404
