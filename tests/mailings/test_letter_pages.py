"""The pages of letters: looked at first, sent once, followed, and nobody else's."""

import csv
import io
import re
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import select, update

from crm.core import audit, db
from crm.core.audit import AuditEntry
from crm.mailings import letter_sending
from crm.mailings.models import MemberLetter
from crm.members.models import Departure, Membership
from tests import make
from tests.accounts.conftest import letterbox as letterbox
from tests.accounts.conftest import mailing_app as mailing_app
from tests.mailings.letter_scene import adult, child, message, minute, say, send
from tests.members.test_queries import statements


@pytest.fixture
def app(mailing_app: Flask) -> Flask:
    return mailing_app


@pytest.fixture
def scene(app: Flask, letterbox: SimpleNamespace) -> SimpleNamespace:
    people = make.people()
    return SimpleNamespace(
        people=people,
        school_a=people.school_a.id,
        text=message(en="Dear ((member.first_name)), come to ((chapter.name)).").id,
        box=letterbox.box,
        ana=adult("Ana", people.school_a, "ana@example.org"),
        cal=child("Cal", people.school_a, "cal@example.org").id,
    )


def filled(scene: SimpleNamespace, **more: Any) -> dict[str, Any]:
    return {
        "client_key": "a-key-of-a-form", "text": str(scene.text), "chapter": str(scene.school_a),
        "rate": "30", "do": "show", **more,
    }  # fmt: skip


def shown_in(page: str) -> str:
    found = re.search(r'name="shown" type="hidden" value="([0-9a-f]+)"', page)
    assert found
    return found[1]


def test_it_works(scene: SimpleNamespace, sign_in: Any) -> None:
    browser = sign_in(scene.people.leader)
    assert "/letters/new" in browser.get("/members").get_data(as_text=True)
    assert "Send it to members" in browser.get("/texts/we-meet").get_data(as_text=True)
    blank = browser.get("/letters/new?text=we-meet&standing=current").get_data(as_text=True)
    assert "Show who gets it" in blank
    page = browser.post("/letters/new", data=filled(scene)).get_data(as_text=True)
    assert "1 member gets it, 1 does not." in page
    assert "May not be contacted directly" in page
    assert "Dear Ana" in re.sub(r"<[^>]+>", "", page)
    sent = browser.post("/letters/new", data=filled(scene, do="send", shown=shown_in(page)))
    assert sent.status_code == 303
    again = browser.post("/letters/new", data=filled(scene, do="send", shown=shown_in(page)))
    assert again.headers["Location"] == sent.headers["Location"]
    assert db.session.query(MemberLetter).count() == 1
    address = sent.headers["Location"]
    running = browser.get(address).get_data(as_text=True)
    assert "js/live.js" in running
    assert "See how far it is" in running
    assert "0 of 1 sent" in running
    assert "Paused" in browser.post(f"{address}/pause", follow_redirects=True).get_data(True)
    assert "goes on" in browser.post(f"{address}/resume", follow_redirects=True).get_data(True)
    assert browser.post(f"{address}/rate", data={"rate": "7"}).status_code == 303
    assert browser.post(f"{address}/rate", data={"rate": "0"}).status_code == 422
    minute()
    minute()
    done = browser.get(address).get_data(as_text=True)
    assert "1 of 1 sent" in done
    assert "js/live.js" not in done
    assert "Ana Secretname" in browser.get(f"{address}?state=sent").get_data(as_text=True)
    assert "Cal Secretname" not in browser.get(f"{address}?state=sent").get_data(as_text=True)
    assert "We meet" in browser.get("/letters").get_data(as_text=True)
    assert "Sent" in browser.get(f"{address}/history").get_data(as_text=True)


def test_what_changed_since_is_shown_anew(scene: SimpleNamespace, sign_in: Any) -> None:
    browser = sign_in(scene.people.leader)
    page = browser.post("/letters/new", data=filled(scene)).get_data(as_text=True)
    adult("Bea", scene.people.school_a, "bea@example.org")
    answer = browser.post("/letters/new", data=filled(scene, do="send", shown=shown_in(page)))
    anew = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "Something has changed" in anew
    assert "2 members get it" in anew
    # What nobody has seen is not sent.
    assert browser.post("/letters/new", data=filled(scene, do="send")).status_code == 422
    assert db.session.query(MemberLetter).count() == 0


def test_only_of_ones_own_chapters(scene: SimpleNamespace, sign_in: Any) -> None:
    letter = send(scene)
    outsider = sign_in(scene.people.outsider)
    for address in ("", "/history"):
        assert outsider.get(f"/letters/{letter.code}{address}").status_code == 404
    for what in ("pause", "resume", "stop", "rate"):
        assert outsider.post(f"/letters/{letter.code}/{what}").status_code == 404
    assert "We meet" not in outsider.get("/letters").get_data(as_text=True)
    refused = outsider.post("/letters/new", data=filled(scene))
    assert refused.status_code == 422
    member = sign_in(scene.people.member)
    assert member.get("/letters").status_code == 403
    assert member.post("/letters/new", data=filled(scene)).status_code == 403
    assert outsider.get("/letters/new?chapter=nowhere").status_code == 200


def test_files(scene: SimpleNamespace, sign_in: Any) -> None:
    """Pseudonyms for who may export, names for a reason that is kept, nothing for a leader."""
    letter = send(scene)
    leader = sign_in(scene.people.leader)
    assert leader.post("/letters/new", data=filled(scene, do="csv")).status_code == 422
    assert leader.post("/letters/new", data=filled(scene, do="names")).status_code == 422
    assert leader.get(f"/letters/{letter.code}.csv").status_code == 403
    g.pop("grants", None)
    coordinator = sign_in(scene.people.coordinator)
    for got in (
        coordinator.post("/letters/new", data=filled(scene, do="csv", client_key="another-key")),
        coordinator.get(f"/letters/{letter.code}.csv"),
    ):
        text = got.get_data().decode("utf-8-sig")
        assert got.status_code == 200
        assert "Secretname" not in text
        assert "example.org" not in text
        assert len(list(csv.reader(io.StringIO(text)))) >= 3
    g.pop("grants", None)
    staff = sign_in(scene.people.staff)
    bare = filled(scene, do="names", format="csv", client_key="another-key")
    assert staff.post("/letters/new", data=bare).status_code == 422
    assert db.session.query(Departure).count() == 0
    named = [
        staff.post("/letters/new", data={**bare, "reason": "to call them"}),
        staff.post(f"/letters/{letter.code}/download", data={"reason": "call", "format": "csv"}),
    ]
    for got in named:
        text = got.get_data().decode("utf-8-sig")
        assert "Ana Secretname" in text
        assert "example.org" not in text
    assert db.session.query(Departure).count() == 2
    empty = staff.post(f"/letters/{letter.code}/download", data={"format": "csv"})
    assert empty.status_code == 422
    exports = select(AuditEntry).where(AuditEntry.verb == "export")
    assert len(db.session.scalars(exports).all()) == 2


def test_forms_come_back(scene: SimpleNamespace, sign_in: Any) -> None:
    browser = sign_in(scene.people.leader)
    for data in (
        filled(scene, rate="many"), filled(scene, rate="0"), filled(scene, text=""),
        filled(scene, text="9999"), filled(scene, chapter=""), filled(scene, client_key="x"),
        filled(scene, text="\x00"), filled(scene, campaign="99999"),
    ):  # fmt: skip
        answer = browser.post("/letters/new", data=data)
        assert answer.status_code == 422, data
    assert browser.post("/letters/new?q=%00nobody-here", data=filled(scene)).status_code == 422
    assert browser.post("/letters/new?chapter=nowhere", data=filled(scene)).status_code == 422


def test_statements_of_the_pages(scene: SimpleNamespace, sign_in: Any) -> None:
    browser = sign_in(scene.people.leader)
    letter = send(scene)
    for place in range(12):
        adult(f"Kim{place}", scene.people.school_a, f"kim{place}@example.org")
    second = send(scene)
    with db.unit_of_work():
        letter_sending.step(second.id)
    counts = []
    for address in (f"/letters/{letter.code}", f"/letters/{second.code}", "/letters"):
        with statements() as seen:
            assert browser.get(address).status_code == 200
        counts.append(len([each for each in seen if each != "BEGIN"]))
    assert counts[0] == counts[1]
    assert max(counts) <= 16


def test_who_is_named_in_a_letter(scene: SimpleNamespace, sign_in: Any) -> None:
    """Refused since: told apart by those who keep them. Moved on: nobody of this chapter."""
    bea = adult("Bea", scene.people.school_a, "bea@example.org")
    letter = send(scene)
    say(scene.ana, None, "refused", "member")
    elsewhere = scene.people.school_b.id
    with db.unit_of_work():
        moved = update(Membership).where(Membership.member_id == bea)
        db.session.execute(moved.values(chapter_id=elsewhere))
        audit.record("make", "test", None, by=None)
    for who, sees_bea in ((scene.people.leader, False), (scene.people.admin, True)):
        g.pop("known_members", None)
        page = sign_in(who).get(f"/letters/{letter.code}").get_data(as_text=True)
        assert "Ana S." in page
        assert "Ana Secretname" not in page
        assert ("Bea" in page) is sees_bea
        assert ("A member of another chapter" in page) is not sees_bea
