"""A reply that is forwarded lands on its action once a person says so, papers and all."""

from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from flask import Flask, g
from PIL import Image
from sqlalchemy import select, update

from crm.core import audit, db, incoming, store
from crm.core.errors import Refused
from crm.core.mail_models import IncomingMail
from crm.mailings import reply_confirming as confirming
from crm.mailings import reply_mail
from crm.mailings.models import Mailing
from crm.mailings.posting import post_pieces
from crm.mailings.reply_mail import Answers, answers_in
from crm.outreach import asking, senders
from crm.outreach.codes import action_in, code_of
from crm.outreach.models import Action, ActionTarget, Outcome, OutcomeFile
from crm.outreach.operations import record_outcome
from tests.mailings.conftest import TODAY

Pack = Callable[..., Mailing]
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


@pytest.fixture
def posted(any_scene: SimpleNamespace, pack: Pack) -> SimpleNamespace:
    """A pack of 155 that was posted; ids and its code."""
    return post(any_scene, pack)


def post(scene: SimpleNamespace, pack: Pack) -> SimpleNamespace:
    made = pack(scene)
    mailing_id, code = made.id, made.code_written
    with db.unit_of_work():
        done = post_pieces(
            db.session.get_one(Mailing, mailing_id), posted_on=TODAY, by=None, today=TODAY
        )
        action_id = done.action.id
    return SimpleNamespace(code=code, action=action_id, mailing=mailing_id, scene=scene)


def jpeg(side: int = 40) -> bytes:
    kept = BytesIO()
    Image.new("RGB", (side, side), "teal").save(kept, "JPEG")
    return kept.getvalue()


def bomb() -> bytes:
    """Ten megabytes of nothing, packed small."""
    kept = BytesIO()
    with ZipFile(kept, "w", ZIP_DEFLATED) as packed:
        packed.writestr("nothing", b"\0" * 10_000_000)
    return kept.getvalue()


def message(
    sender: str, subject: str, text: str, papers: list[tuple[str, str, bytes]] | None = None
) -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "crm@example.org", subject
    made.set_content(text)
    for name, kind, data in papers or ():
        main, sub = kind.split("/")
        made.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return made.as_bytes()


def take(raw: bytes) -> IncomingMail:
    with db.unit_of_work():
        return incoming.take_in(raw)


def leader(scene: SimpleNamespace) -> Any:
    g.pop("grants", None)
    g.pop("known_members", None)
    return db.session.merge(scene.people.leader)


FORWARDED = """See below, it came to Ana.

---------- Forwarded message ---------
From: Office of Senator Shelley Alder <office@alder.example>
Date: Mon, 4 May 2026
Subject: Your card

Thank you for your card. The Senator will look at the treaty.
"""


def test_it_waits_for_a_person_with_its_papers(posted: SimpleNamespace) -> None:
    user = leader(posted.scene)
    raw = message(
        user.email.upper(), f"Fwd: Your card [{posted.code}]", FORWARDED,
        [("reply.pdf", "application/pdf", PDF), ("card.jpg", "image/jpeg", jpeg()),
         ("all.zip", "application/zip", bomb()),
         ("letter.docx", "application/vnd.openxmlformats-officedocument", b"PK\x03\x04"),
         ("fake.pdf", "application/pdf", b"<html>not a paper</html>")],
    )  # fmt: skip
    row = take(raw)
    assert (row.kind, row.state, row.code) == ("reply", "waiting", posted.code)
    assert "will look at the treaty" in row.text
    kept = [part["name"] for part in row.parts if "file" in part]
    left = {part["name"]: part["why"] for part in row.parts if "why" in part}
    assert kept == ["reply.pdf", "card.jpg"]
    assert sorted(left) == ["all.zip", "fake.pdf", "letter.docx"]
    assert all("nothing else is opened" in why for why in left.values())
    assert take(raw).id == row.id
    assert db.session.scalars(select(Outcome.id)).all() == []


def test_it_is_recorded_once_somebody_says_so(posted: SimpleNamespace) -> None:
    user = leader(posted.scene)
    row = take(
        message(user.email, f"Fwd: {posted.code}", FORWARDED,
                [("reply.pdf", "application/pdf", PDF), ("card.jpg", "image/jpeg", jpeg())])
    )  # fmt: skip
    files = [part["file"] for part in row.parts]
    guessed = confirming.guesses(answers_in(posted.code), row.text)
    likely = next(each for each in guessed if each.is_likely)
    assert likely.target == "Shelley Alder"
    with db.unit_of_work():
        confirming.confirm_reply(
            db.session.get_one(IncomingMail, row.id), action_target_id=likely.row_id,
            kind="substantive_reply", received_on=TODAY, member_id=posted.scene.members[0],
            summary="Will look at it.", files=files[:1], by=leader(posted.scene), today=TODAY,
        )  # fmt: skip
    outcome = db.session.scalars(select(Outcome)).one()
    assert (outcome.kind, outcome.member_id) == ("substantive_reply", posted.scene.members[0])
    papers = db.session.scalars(select(OutcomeFile)).all()
    assert [(each.file, each.name) for each in papers] == [(files[0], "reply.pdf")]
    assert store.here().exists(files[0])
    assert not store.here().exists(files[1])
    db.session.expire_all()
    kept = db.session.get_one(IncomingMail, row.id)
    assert (kept.state, kept.text, kept.subject, kept.sender, kept.parts) == (
        "done", None, None, None, [],
    )  # fmt: skip
    assert not db.session.get_one(ActionTarget, likely.row_id).awaiting
    with pytest.raises(Refused, match="said already"), db.unit_of_work():
        confirming.put_away(kept, reason="twice", by=leader(posted.scene))


def test_put_away_it_is_gone(posted: SimpleNamespace) -> None:
    user = leader(posted.scene)
    row = take(message(user.email, posted.code, "Holiday!", [("a.pdf", "application/pdf", PDF)]))
    file = row.parts[0]["file"]
    with db.unit_of_work():
        confirming.put_away(
            db.session.get_one(IncomingMail, row.id), reason="private", by=leader(posted.scene)
        )
    db.session.expire_all()
    assert db.session.get_one(IncomingMail, row.id).text is None
    assert not store.here().exists(file)


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("stranger@example.net", "signs in here"),
        ("viewer", "may not record answers."),
        ("outsider", "may not record answers to this"),
    ],
)
def test_from_others_nothing_is_kept(posted: SimpleNamespace, who: str, why: str) -> None:
    people = posted.scene.people
    sender = db.session.merge(getattr(people, who)).email if hasattr(people, who) else who
    row = take(message(sender, posted.code, "Secret", [("a.pdf", "application/pdf", PDF)]))
    assert (row.state, row.text, row.subject, row.parts) == ("refused", None, None, [])
    assert why in row.told
    assert [each.id for each in confirming.refused()] == [row.id]
    with db.unit_of_work():
        db.session.execute(
            update(IncomingMail).values(came_at=db.now() - timedelta(days=confirming.KEPT + 1))
        )
        audit.record("make", "test", None, by=None)
    with db.unit_of_work():
        assert confirming.forget_refused(TODAY) == 1


def test_thirty_megabytes_are_refused_with_a_reason(posted: SimpleNamespace) -> None:
    user = leader(posted.scene)
    raw = message(user.email, posted.code, "x", [("a.pdf", "application/pdf", PDF * 900_000)])
    assert len(raw) > 30_000_000
    row = take(raw)
    assert (row.state, row.parts) == ("refused", [])
    assert "25 MB" in row.told


def test_many_and_large_papers_are_left_out(posted: SimpleNamespace) -> None:
    user = leader(posted.scene)
    papers = [(f"{n}.pdf", "application/pdf", PDF) for n in range(12)]
    papers.insert(0, ("big.pdf", "application/pdf", PDF + b"0" * 11_000_000 + b"%%EOF"))
    row = take(message(user.email, posted.code, "x", papers))
    assert sum("file" in part for part in row.parts) == 10
    told = [part["why"] for part in row.parts if "why" in part]
    assert "larger than 10 MB" in told[0]
    assert told[1:] == ["More than 10 papers."] * 2


def test_a_forward_as_attachment_is_read(posted: SimpleNamespace) -> None:
    user = leader(posted.scene)
    inner = EmailMessage()
    inner["From"], inner["Date"] = "Jim Birch <jim@birch.example>", "Mon, 4 May 2026 10:00:00 +0000"
    inner["Subject"] = "Re: your letter"
    inner.set_content("I will not support it.")
    outer = EmailMessage()
    outer["From"], outer["To"] = user.email, "crm@example.org"
    outer["Subject"] = f"Fwd {posted.code}"
    outer.set_content("see attached")
    outer.add_attachment(inner)
    row = take(outer.as_bytes())
    assert "Jim Birch <jim@birch.example>" in row.text
    assert "I will not support it." in row.text
    likely = [each.target for each in confirming.guesses(answers_in(posted.code), row.text)
              if each.is_likely]  # fmt: skip
    assert likely == ["Jim Birch"]


def test_a_page_becomes_words(posted: SimpleNamespace) -> None:
    user = leader(posted.scene)
    made = EmailMessage()
    made["From"], made["Subject"] = user.email, posted.code
    made.set_content("<p>Thank <b>you</b></p><script>alert(1)</script>", subtype="html")
    assert take(made.as_bytes()).text == "Thank you"


def test_without_a_code_whoever_sent_it_gives_one(posted: SimpleNamespace) -> None:
    user = leader(posted.scene)
    row = take(message(user.email, "Fwd: an answer", "Thanks."))
    assert (row.state, row.code) == ("waiting", None)
    assert confirming.may_see(row, Answers(), leader(posted.scene))
    g.pop("grants", None)
    assert not confirming.may_see(row, Answers(), db.session.merge(posted.scene.people.coordinator))
    with pytest.raises(Refused, match="no outreach and no pack"), db.unit_of_work():
        confirming.set_code(row, code="A-1-000000", by=leader(posted.scene))
    with db.unit_of_work():
        confirming.set_code(
            db.session.get_one(IncomingMail, row.id), code=code_of(posted.action).lower(),
            by=leader(posted.scene),
        )  # fmt: skip
    assert db.session.get_one(IncomingMail, row.id).code == code_of(posted.action)


def test_an_actions_code_is_no_number_to_guess(posted: SimpleNamespace) -> None:
    code = code_of(posted.action)
    assert action_in(f"Re: thanks ({code})") == posted.action
    assert action_in(code.replace("A-", "a")) == posted.action
    assert action_in(code[:-1] + ("0" if code[-1] != "0" else "1")) is None
    found = answers_in(f"{posted.code} {code}")
    assert (found.code, found.action_ids) == (code, (posted.action,))
    assert answers_in("nothing here, grandma").code is None


# What a pack knows


def test_who_wrote_to_whom_is_known_of_a_pack(posted: SimpleNamespace) -> None:
    action = db.session.get_one(Action, posted.action)
    found = senders.senders_of(action, dict.fromkeys(posted.scene.targets, 31))
    assert all(each.is_known and len(each.named) == 31 for each in found.values())


def test_who_posted_a_pack_is_asked(any_scene: SimpleNamespace, pack: Pack) -> None:
    made = pack(any_scene).id
    with db.unit_of_work():
        done = post_pieces(
            db.session.get_one(Mailing, made), posted_on=TODAY,
            by=leader(any_scene), today=TODAY,
        )  # fmt: skip
        action_id = done.action.id
    asked = asking.who_is_asked([action_id])[action_id]
    assert [user.id for user in asked] == [any_scene.people.leader.id]


# Pages


def test_the_pages(app: Flask, scene: SimpleNamespace, pack: Pack, sign_in: Any) -> None:
    posted = post(scene, pack)
    user = leader(scene)
    email = user.email
    browser = sign_in(user)
    row = take(
        message(email, f"Fwd: thanks {posted.code}", FORWARDED,
                [("reply.pdf", "application/pdf", PDF), ("x.zip", "application/zip", bomb())])
    ).id  # fmt: skip
    assert "Forwarded replies" in browser.get("/outreach/replies").text
    listed = browser.get("/outreach/replies/forwarded").text
    assert posted.code in listed
    page = browser.get(f"/outreach/replies/forwarded/{row}")
    assert "will look at the treaty" in page.text
    assert "left out: Only PDF" in page.text
    paper = browser.get(f"/outreach/replies/forwarded/{row}/papers/0")
    assert paper.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in paper.headers["Content-Security-Policy"]
    assert browser.get(f"/outreach/replies/forwarded/{row}/papers/1").status_code == 404
    g.pop("grants", None)
    other = sign_in(db.session.merge(scene.people.outsider))
    assert other.get(f"/outreach/replies/forwarded/{row}").status_code == 404
    assert posted.code not in other.get("/outreach/replies/forwarded").text
    g.pop("grants", None)
    browser = sign_in(leader(scene))
    target = db.session.scalars(
        select(ActionTarget.id).where(ActionTarget.target_id == scene.targets[0])
    ).one()
    file = db.session.get_one(IncomingMail, row).parts[0]["file"]
    sent = {"action_target_id": str(target), "kind": "form_reply", "received_on": "2026-05-02",
            "member_id": str(scene.members[0]), "summary": "Thanks", "files": [file]}  # fmt: skip
    bad = browser.post(f"/outreach/replies/forwarded/{row}", data=sent | {"kind": "nothing"})
    assert bad.status_code == 422
    assert browser.post(f"/outreach/replies/forwarded/{row}", data=sent).status_code == 303
    shown = browser.get(f"/outreach/{posted.action}").text
    assert "reply.pdf" in shown
    kept = db.session.scalars(select(OutcomeFile)).one()
    address = f"/outreach/answers/{kept.outcome_id}/files/{kept.id}"
    assert browser.get(address).headers["Content-Disposition"].startswith("attachment")
    g.pop("grants", None)
    assert sign_in(db.session.merge(scene.people.outsider)).get(address).status_code == 404


def test_what_the_forwarder_wrote_is_left_out() -> None:
    told = confirming.answer_in(FORWARDED)
    assert told == "Thank you for your card. The Senator will look at the treaty."
    assert confirming.answer_in("Just words.\nTo: nobody") == "Just words.\nTo: nobody"
    nested = "Jim Birch\nMon, 4 May\nRe: x\n\nNo."
    assert confirming.answer_in(nested) == nested
    assert confirming.answer_in("") == ""


def test_a_forged_senders_flood_is_refused(
    posted: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reply_mail, "MOST_WAITING", 2)
    user = leader(posted.scene)
    papers = [("a.pdf", "application/pdf", PDF)]
    states = [take(message(user.email, posted.code, str(n), papers)).state for n in range(4)]
    assert states == ["waiting", "waiting", "refused", "refused"]
    assert len(list(store.here().names())) == 2


def test_papers_of_an_answer_that_is_there_already_are_kept(posted: SimpleNamespace) -> None:
    user = leader(posted.scene)
    rows = db.session.scalars(
        select(ActionTarget.id).where(ActionTarget.action_id == posted.action)
    ).all()
    said = {"action_target_id": rows[0], "kind": "form_reply", "received_on": TODAY}
    with db.unit_of_work():
        by_hand = record_outcome(**said, by=None, today=TODAY).id
    mail_id = take(message(user.email, posted.code, "x", [("a.pdf", "application/pdf", PDF)])).id
    with db.unit_of_work():
        row, _answers = confirming.message(mail_id, leader(posted.scene))
        [paper] = row.parts
        outcome = confirming.confirm_reply(
            row, **said, files=[paper["file"]], by=leader(posted.scene), today=TODAY
        )
        assert outcome.id == by_hand
    assert db.session.scalars(select(OutcomeFile.file)).all() == [paper["file"]]
    assert store.here().exists(paper["file"])
