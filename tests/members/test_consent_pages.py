"""Pages of guardians and consents: the owner, a colleague, and one who must see nothing."""

from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from pypdf import PdfReader

from crm.core import audit, db, files, limits, reads
from crm.members import departures, guardians
from crm.members.disclosure import Exit
from crm.members.models import Chapter, Consent, ConsentRequest, Guardianship, Member
from crm.outreach.models import ActionPhoto
from crm.outreach.operations import log_action
from tests import make
from tests.members.test_queries import statements

SignIn = Callable[[object], FlaskClient]
PDF = b"%PDF-1.4\n1 0 obj\n%%EOF\n"


@pytest.fixture
def there(people: SimpleNamespace) -> SimpleNamespace:
    """Ana of school A with a mother who is also a guardian in school B, and Cleo, grown up."""
    people.ana = make.member("Ana", "Núñez", people.school_a).id
    people.ben = make.member("Benhidden", "Núñez", people.school_b).id
    people.cleo = make.member("Cleo", "Fox", people.school_a).id
    with db.unit_of_work():
        db.session.get_one(Member, people.cleo).age_band = "adult"
        mother = guardians.add_guardian(
            member_id=people.ana, name="Maria Núñez", phone="304-555-0100",
            email="maria@example.org", by=None,
        )  # fmt: skip
        guardians.link_guardian(member_id=people.ben, guardian_id=mother.id, by=None)
        people.mother = mother.id
    people.a_slug = people.school_a.slug
    people.at = f"/members/{people.ana}/consents"
    return people


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, frozenset[int], str]]:
    """What pages noted as read."""
    seen: list[tuple[str, frozenset[int], str]] = []
    real = reads.note

    def note(kind: str, ids: Any, what: str) -> None:
        seen.append((kind, frozenset(ids), what))
        real(kind, seen[-1][1], what)

    monkeypatch.setattr(reads, "note", note)
    return seen


def paper(there: SimpleNamespace, **more: Any) -> dict[str, Any]:
    return {
        "who": str(there.mother),
        "how": "paper",
        "starts_on": "2026-03-02",
        "ends_on": "2030-06-30",
        "answer_photo": "given",
        "answer_media": "refused",
        **more,
    }


def scan(data: bytes = PDF, name: str = "scan.pdf") -> tuple[BytesIO, str]:
    return BytesIO(data), name


def picture() -> bytes:
    data = BytesIO()
    Image.new("RGB", (30, 20), "red").save(data, "PNG")
    return data.getvalue()


def token_in(page: str) -> str:
    return page.split("/consent/")[1].split('"')[0]


def test_a_paper_is_recorded_shown_and_its_scan_served(
    there: SimpleNamespace, sign_in: SignIn, noted: list[Any]
) -> None:
    client = sign_in(there.leader)
    assert "Nothing was said yet" in client.get(there.at).text
    assert client.get(f"{there.at}/record").status_code == 200
    answer = client.post(f"{there.at}/record", data=paper(there, scan=scan()))
    assert answer.status_code == 303
    assert answer.location == f"{there.at}/withdrawn?purpose=media"
    page = client.get(there.at).text
    for words in ("Maria Núñez</bdi>: yes", "304-555-0100", "maria@example.org", "recorded by Lee"):
        assert words in page
    assert {(ids, what) for _kind, ids, what in noted} == {
        (frozenset({there.ana}), "consent"),
        (frozenset({there.ana}), "contact"),
    }
    number = db.session.query(Consent.id).order_by(Consent.id).first()[0]  # type: ignore[index]
    del noted[:]
    served = client.get(f"{there.at}/{number}/scan")
    assert served.data == PDF
    assert served.headers["Content-Disposition"].startswith("attachment")
    assert served.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert noted == [("member", frozenset({there.ana}), "consent")]
    for who, status in (("coordinator", 200), ("outsider", 404), ("viewer", 403)):
        assert sign_in(getattr(there, who)).get(f"{there.at}/{number}/scan").status_code == status
    # The scan of one child is not found under another.
    assert client.get(f"/members/{there.cleo}/consents/{number}/scan").status_code == 404
    files.forget_document(db.session.get_one(Consent, number).scan or "")
    assert client.get(f"{there.at}/{number}/scan").status_code == 404


def test_a_scan_outlives_a_form_that_comes_back(
    there: SimpleNamespace, sign_in: SignIn, app: Flask
) -> None:
    client = sign_in(there.leader)
    data = paper(there, scan=scan(picture(), "photo.png"), starts_on="2999-01-01")
    answer = client.post(f"{there.at}/record", data=data)
    assert answer.status_code == 422
    assert "in the future" in answer.text
    assert "The scan you sent is kept." in answer.text
    token = answer.text.split('name="kept_scan" type="hidden" value="')[1].split('"')[0]
    other = client.post(
        f"/members/{there.cleo}/consents/record",
        data=paper(there, who="self", kept_scan=token),
    )
    assert other.status_code == 303
    assert db.session.query(Consent).filter(Consent.scan.is_not(None)).count() == 0
    assert client.post(f"{there.at}/record", data=paper(there, kept_scan=token)).status_code == 303
    scans = {each.scan for each in db.session.query(Consent).filter_by(member_id=there.ana)}
    assert len(scans) == 1
    assert str(scans.pop()).endswith(".jpg")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"scan": scan(b"<html>", "scan.pdf")}, "This is not a PDF"),
        ({"scan": scan(b"%PDF-1.4\nhalf", "scan.pdf")}, "not whole"),
        ({"scan": scan(b"%PDF-" + bytes(files.MAX_BYTES), "scan.pdf")}, "larger than 10 MB"),
        ({"who": ""}, "Choose one."),
        ({"who": "self"}, "own does not count"),
        ({"who": "999"}, "Not a valid choice"),
        ({"how": "link"}, "Not a valid choice"),
        ({"answer_photo": "maybe"}, "Not a valid choice"),
        ({"answer_photo": "", "answer_media": ""}, "Choose yes or no for at least one."),
        ({"ends_on": "2020-01-01"}, "before the first"),
        ({"starts_on": "soon"}, "Not a valid date"),
    ],
)
def test_a_bad_paper_gets_a_sentence(
    there: SimpleNamespace, sign_in: SignIn, values: dict[str, Any], words: str
) -> None:
    client = sign_in(there.leader)
    answer = client.post(f"{there.at}/record", data=paper(there, **values))
    assert answer.status_code == 422
    assert words in answer.text
    assert db.session.query(Consent).count() == 0


def test_a_withdrawal_tells_what_went_out(there: SimpleNamespace, sign_in: SignIn) -> None:
    campaign = make.campaign(targets=(make.target("Niue"),))
    with db.unit_of_work():
        action = log_action(
            channel="postcard", campaign_id=campaign.id, happened_on=date(2026, 3, 3), pieces=10,
            targets={1: 10}, members={there.ana: 4}, chapter_ids=[there.school_a.id],
            client_key="k", by=None, today=date(2026, 5, 1),
        )  # fmt: skip
        db.session.add(ActionPhoto(action_id=action.id, file="1" * 32 + ".jpg"))
        db.session.add(ActionPhoto(action_id=action.id, file="2" * 32 + ".jpg", shows="nobody"))
        departures.record(
            exit=Exit.LETTER, what="Letters to Niue", member_ids=[there.ana], by=there.leader
        )
    client = sign_in(there.leader)
    client.post(f"{there.at}/record", data=paper(there, answer_media="", answer_first_name="given"))
    assert client.get(f"{there.at}/withdraw?purpose=photo").status_code == 200
    data = {
        "who": str(there.mother), "how": "in person", "withdrawn_on": date.today().isoformat(),  # noqa: DTZ011
        "purposes": ["photo"], "reason": "moving away",
    }  # fmt: skip
    answer = client.post(f"{there.at}/withdraw", data=data)
    assert answer.location == f"{there.at}/withdrawn?purpose=photo"
    page = client.get(answer.location).text
    assert page.count("A picture of") == 1
    assert f'href="/outreach/{action.id}"' in page
    assert "Letters to Niue" not in page
    assert "Withdrawn" in page
    answer = client.post(f"{there.at}/withdraw", data={**data, "purposes": ["first_name"]})
    page = client.get(answer.location).text
    assert "Letters to Niue" in page
    assert "A picture of" not in page
    for wrong in ({"purposes": []}, {"who": ""}, {"withdrawn_on": ""}, {"purposes": ["x"]}):
        answer = client.post(f"{there.at}/withdraw", data={**data, **wrong})
        assert answer.status_code == 422


def test_guardians_on_pages(there: SimpleNamespace, sign_in: SignIn, noted: list[Any]) -> None:
    client = sign_in(there.leader)
    dora = make.member("Dora", "Núñez", there.school_a).id
    place = f"/members/{dora}/guardians/new"
    assert "the same person" not in client.get(place).text
    typed = {"name": "M. N.", "phone": "+1 304 555 0100"}
    answer = client.post(place, data=typed)
    assert answer.status_code == 422
    assert "Yes: Maria Núñez, guardian of Ana Núñez" in answer.text
    assert "Benhidden" not in answer.text
    answer = client.post(place, data={**typed, "same": str(there.mother), "relation": "mother"})
    assert answer.status_code == 303
    page = client.get(answer.location).text
    assert "Maria Núñez" in page
    assert "Also guardian of:" in page
    assert "Benhidden" not in page
    change = f"/members/{dora}/guardians/{there.mother}"
    page = client.get(change).text
    assert 'value="maria@example.org"' in page
    assert "Benhidden" not in page
    assert client.post(change, data={"name": "", "phone": "1"}).status_code == 422
    assert client.post(change, data={"name": "Maria N.", "phone": "1"}).status_code == 303
    assert client.get(f"{there.at}").text.count("Maria N.") >= 1
    assert ("member", frozenset({dora}), "contact") in noted


def test_unlinking_says_what_lapses(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.leader)
    client.post(f"{there.at}/record", data=paper(there))
    place = f"/members/{there.ana}/guardians/{there.mother}/unlink"
    page = client.get(place).text
    assert "These consents lapse" in page
    assert "<li>Photos</li>" in page
    assert client.post(place, data={"reason": ""}).status_code == 422
    assert client.post(place, data={"reason": "court order"}).status_code == 303
    assert db.session.query(Guardianship).filter_by(member_id=there.ana).count() == 0
    page = client.get(there.at).text
    assert "no guardian any more" in page
    assert "Nobody answered yet." in page
    assert client.get(place).status_code == 404


ADDRESSES = (
    "{at}", "{at}/record", "{at}/withdraw", "{at}/withdrawn", "{at}/ask", "{at}/form.pdf",
    "/members/{ana}/guardians/new", "/members/{ana}/guardians/{mother}",
    "/members/{ana}/guardians/{mother}/unlink",
    "/chapters/{a_slug}/consents", "/chapters/{a_slug}/consents/ask",
    "/chapters/{a_slug}/consents/forms.pdf",
)  # fmt: skip


@pytest.mark.parametrize(
    ("who", "status"),
    [("leader", 200), ("coordinator", 200), ("staff", 200), ("outsider", 404), ("viewer", 403),
     ("member", 403)],
)  # fmt: skip
def test_who_sees_what(there: SimpleNamespace, sign_in: SignIn, who: str, status: int) -> None:
    client = sign_in(getattr(there, who))
    for each in ADDRESSES:
        address = each.format(**vars(there))
        answer = client.get(address)
        assert answer.status_code == status, address
        if status != 200:
            assert "Maria" not in answer.text


def test_nobody_posts_where_they_may_not_see(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.outsider)
    for each in (*ADDRESSES[1:3], ADDRESSES[4], *ADDRESSES[6:9], ADDRESSES[10]):
        address = each.format(**vars(there))
        data = {**paper(there), "reason": "x", "name": "X", "phone": "1"}
        assert client.post(address, data=data).status_code == 404, address
    assert db.session.query(Consent).count() == 0


def test_the_card_on_a_members_page(
    there: SimpleNamespace, sign_in: SignIn, noted: list[Any]
) -> None:
    client = sign_in(there.leader)
    client.post(f"{there.at}/record", data=paper(there))
    page = client.get(f"/members/{there.ana}").text
    assert "Consent and guardians" in page
    assert "Named to the media" in page
    for private in ("Maria", "304-555-0100", "maria@example.org"):
        assert private not in page
    assert ("member", frozenset({there.ana}), "consent") in noted
    page = client.get(f"/members/{there.cleo}").text
    assert "Grown up, and said no to nothing." in page


def test_the_chapter_at_a_glance(there: SimpleNamespace, sign_in: SignIn, noted: list[Any]) -> None:
    client = sign_in(there.leader)
    soon = (date.today() + timedelta(days=20)).isoformat()  # noqa: DTZ011
    client.post(f"{there.at}/record", data=paper(there, answer_media="", ends_on=soon))
    place = f"/chapters/{there.a_slug}/consents"
    page = client.get(place).text
    for words in ("Ana Núñez", "Cleo Fox", "Not asked", "Taking part", "ends soon"):
        assert words in page
    assert "Benhidden" not in page
    assert ("member", frozenset({there.ana}), "consent") in noted
    ana = f'href="/members/{there.ana}/consents"'
    assert ana in client.get(f"{place}?ends=soon").text
    assert "Cleo" not in client.get(f"{place}?ends=soon").text
    assert ana not in client.get(f"{place}?lacks=photo").text
    assert ana in client.get(f"{place}?lacks=media").text
    assert "Cleo Fox" in client.get(f"{place}?lacks=photo").text
    assert client.get(f"{place}?lacks=x&page=99&ends=y").status_code == 200
    empty = make.chapter("Cedar High School", there.state)
    assert "No current members" in sign_in(there.staff).get(f"/chapters/{empty.slug}/consents").text


def test_it_takes_as_many_statements_whatever_it_lists(
    there: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(there.leader)

    def counts() -> list[int]:
        found = []
        for address in (
            f"/chapters/{there.a_slug}/consents", f"/chapters/{there.a_slug}/consents/ask",
            there.at,
        ):  # fmt: skip
            with statements() as seen:
                assert client.get(address).status_code == 200
            found.append(len([each for each in seen if not each.startswith("BEGIN")]))
        return found

    make.kept(
        Guardianship(
            member_id=make.member("Dora", "Núñez", there.school_a).id, guardian_id=there.mother
        )
    )
    few = counts()
    for number in range(60):
        member = make.member(f"N{number}", "Many", there.school_a).id
        make.kept(Guardianship(member_id=member, guardian_id=there.mother))
    assert counts() == few
    assert max(few) <= 20


# Links


def make_link(there: SimpleNamespace, sign_in: SignIn, **more: Any) -> str:
    data = {"purposes": ["photo", "media"], "whom": [f"{there.ana}-{there.mother}"], **more}
    answer = sign_in(there.leader).post(f"{there.at}/ask", data=data)
    assert answer.status_code == 200
    return token_in(answer.text)


def test_a_link_shown_once_and_answered_without_an_account(
    there: SimpleNamespace, sign_in: SignIn, client: FlaskClient
) -> None:
    page = sign_in(there.leader).get(f"{there.at}/ask").text
    assert "Maria Núñez" in page
    token = make_link(there, sign_in)
    assert token not in sign_in(there.leader).get(there.at).text
    place = f"/consent/{token}"
    asked = client.get(place)
    assert asked.status_code == 200
    assert asked.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in asked.headers["X-Robots-Tag"]
    for words in ("What may Ana do?", "Alder High School", "Photos", "Named to the media"):
        assert words in asked.text
    for private in ("Núñez", "304-555", "maria@", "Artwork"):
        assert private not in asked.text
    half = client.post(place, data={"answer_photo": "given", "signed_as": "Maria"})
    assert half.status_code == 422
    assert "Choose yes or no." in half.text
    said = {"answer_photo": "given", "answer_media": "refused", "signed_as": "Maria Núñez"}
    assert client.post(place, data={**said, "answer_photo": "maybe"}).status_code == 422
    assert client.post(place, data={**said, "signed_as": " "}).status_code == 422
    kept = client.post(place, data=said)
    assert kept.status_code == 200
    assert "Thank you" in kept.text
    assert kept.headers["Referrer-Policy"] == "no-referrer"
    # Reused and double-clicked: a sentence, and nothing is kept twice.
    for answer in (client.post(place, data=said), client.get(place)):
        assert answer.status_code == 410
        assert "has been used" in answer.text
        assert "Ana" not in answer.text
    assert db.session.query(Consent).count() == 2
    page = sign_in(there.leader).get(there.at).text
    assert "by link" in page
    # The next link shows what was said; a no takes effect at once.
    place = f"/consent/{make_link(there, sign_in)}"
    page = client.get(place).text
    assert "You said: yes, until" in page
    assert "You said: no" in page
    kept = client.post(place, data={**said, "answer_photo": "refused"})
    assert kept.status_code == 200
    assert "Said no" in sign_in(there.leader).get(f"/members/{there.ana}").text


def test_links_that_lead_nowhere(
    there: SimpleNamespace, sign_in: SignIn, client: FlaskClient
) -> None:
    for token in ("mistyped", "x" * 500, "..%2f", "%F0%9F%99%82"):
        answer = client.get(f"/consent/{token}")
        assert answer.status_code == 404
    assert "mistyped or cut off" in client.get("/consent/mistyped").text
    token = make_link(there, sign_in)
    number = db.session.query(ConsentRequest.id).scalar()
    leader = sign_in(there.leader)
    place = f"{there.at}/requests/{number}/revoke"
    assert sign_in(there.outsider).post(place).status_code == 404
    assert (
        leader.post(f"/members/{there.cleo}/consents/requests/{number}/revoke").status_code == 404
    )
    assert leader.post(place).status_code == 303
    answer = client.get(f"/consent/{token}")
    assert (answer.status_code, "taken back" in answer.text) == (410, True)
    assert "Send me a new link" not in answer.text
    token = make_link(there, sign_in)
    with db.unit_of_work():
        db.session.query(ConsentRequest).update({"expires_at": db.now() - timedelta(minutes=1)})
        audit.record("make", "test", None, by=None)
    answer = client.get(f"/consent/{token}")
    assert (answer.status_code, "has expired" in answer.text) == (410, True)
    # Without mail nothing can be sent; the page says whom to ask.
    assert "ask whoever leads the chapter" in answer.text


def test_the_page_of_a_link_works_without_a_referrer_and_not_for_forgers(
    there: SimpleNamespace, sign_in: SignIn, app: Flask
) -> None:
    token = make_link(there, sign_in)
    app.config["WTF_CSRF_ENABLED"] = True
    client, base = app.test_client(), "https://outreach.example.org"
    page = client.get(f"/consent/{token}", base_url=base).text
    mine = page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]
    said = {"answer_photo": "given", "answer_media": "refused", "signed_as": "Maria"}
    assert client.post(f"/consent/{token}", data=said, base_url=base).status_code == 422
    assert db.session.query(Consent).count() == 0
    said["csrf_token"] = mine
    assert client.post(f"/consent/{token}", data=said, base_url=base).status_code == 200
    assert client.post(f"/consent/{token}/again", base_url=base).status_code == 400


def test_guessing_is_throttled(throttled: Flask, client: FlaskClient) -> None:
    tried = [client.get(f"/consent/guess{number}").status_code for number in range(32)]
    assert tried == [404] * 30 + [429] * 2
    assert (
        client.get("/consent/guess", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 404
    )
    asked = [
        client.post("/consent/same/again", environ_base={"REMOTE_ADDR": "192.0.2.8"}).status_code
        for _each in range(5)
    ]
    assert asked == [303] * 3 + [429] * 2
    limits.limiter.reset()


def test_asking_many_and_printing_sheets(
    there: SimpleNamespace, sign_in: SignIn, noted: list[Any]
) -> None:
    client = sign_in(there.leader)
    place = f"/chapters/{there.a_slug}/consents/ask"
    page = client.get(f"{place}?member={there.ana}&member={there.ben}").text
    assert "Maria Núñez" in page
    assert "Benhidden" not in page
    data = {
        "member": [there.ana, there.cleo],
        "purposes": ["photo"],
        "whom": [
            f"{there.ana}-{there.mother}",
            f"{there.cleo}-self",
            f"{there.ben}-{there.mother}",
        ],
    }
    answer = client.post(place, data=data)
    assert answer.status_code == 200
    assert db.session.query(ConsentRequest).count() == 2
    tokens = [part.split('"')[0] for part in answer.text.split('name="token" value="')[1:]]
    assert len(tokens) == 2
    for kind, size in (("letter", 612), ("a4", 595)):
        sheet = client.post("/consents/sheets.pdf", data={"token": tokens, "paper": kind})
        assert sheet.mimetype == "application/pdf"
        read = PdfReader(BytesIO(sheet.data))
        assert (len(read.pages), int(read.pages[0].mediabox.width)) == (2, size)
        text = read.pages[0].extract_text()
        assert "Ana N." in text
        assert "To Maria Núñez" in text
    assert ("member", frozenset({there.ana, there.cleo}), "contact") in noted
    other = sign_in(there.outsider).post("/consents/sheets.pdf", data={"token": tokens})
    assert other.status_code == 404
    assert client.post("/consents/sheets.pdf", data={"token": ["x"]}).status_code == 404
    for wrong in ({"whom": []}, {"purposes": []}):
        assert client.post(place, data={**data, **wrong}).status_code == 422


def test_forms_on_paper(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.leader)
    sheet = client.get(f"{there.at}/form.pdf?paper=a4")
    [page] = PdfReader(BytesIO(sheet.data)).pages
    text = page.extract_text()
    for words in ("Ana N.", "Alder High School", "Artwork shown", "Signature", "Relation"):
        assert words in text
    assert "Maria" not in text
    assert "Return to" not in text
    with db.unit_of_work():
        audit.record("edit_chapter", "chapter", there.school_a.id, by=None)
        db.session.get_one(Chapter, there.school_a.id).address = "Alder High School\n12 Long Road"
    again = PdfReader(BytesIO(client.get(f"{there.at}/form.pdf").data)).pages
    assert len(again) == 1
    assert "Return to: Alder High School, 12 Long Road" in again[0].extract_text()
    assert int(page.mediabox.width) == 595
    place = f"/chapters/{there.a_slug}/consents/forms.pdf"
    read = PdfReader(BytesIO(client.get(place).data))
    assert len(read.pages) == 2
    read = PdfReader(BytesIO(client.get(f"{place}?member={there.cleo}").data))
    assert len(read.pages) == 1
    assert "Relation" not in read.pages[0].extract_text()
    assert client.get(f"{place}?member={there.ben}").status_code == 200  # not ticked: all that lack


def test_hostile_names_are_text(
    there: SimpleNamespace, sign_in: SignIn, client: FlaskClient
) -> None:
    name = "<script>alert(1)</script> {{7*7}}"
    with db.unit_of_work():
        guardians.change_guardian(
            member_id=there.ana, guardian_id=there.mother, name=name, phone="1", relation=name,
            by=None,
        )  # fmt: skip
        db.session.get_one(Member, there.ana).given_name = name
    leader = sign_in(there.leader)
    for address in (there.at, f"{there.at}/record", f"{there.at}/ask"):
        page = leader.get(address).text
        assert "<script>alert" not in page
        assert ">49<" not in page
    page = client.get(f"/consent/{make_link(there, sign_in)}").text
    assert "<script>alert" not in page
