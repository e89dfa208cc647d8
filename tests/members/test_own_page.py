"""A member's own page: by an account, a link or a card, and of nobody else."""

import json
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from crm.accounts.models import User
from crm.core import db, i18n
from crm.core.access import Role
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.core.text import one_line
from crm.members import key_operations, keys, own_session
from crm.members.consent_rules import Purpose
from crm.members.models import (
    Consent,
    DepartureMember,
    Guardian,
    Guardianship,
    Member,
    MemberKey,
    Membership,
)
from crm.outreach.models import ActionMember
from crm.outreach.operations import log_action
from tests import make

TODAY = date(2026, 3, 10)


def link_for(member: Member, by: User | None = None, today: date | None = None) -> str:
    with db.unit_of_work():
        return key_operations.give_link(
            member_id=member.id, by=by, today=today or i18n.today()
        ).code


def card_for(member: Member) -> str:
    with db.unit_of_work():
        today = i18n.today()
        fresh = key_operations.draw_cards(member_ids=[member.id], by=None, today=today)
        key_operations.keep_cards(fresh=fresh, by=None, today=today)
    return fresh[0].code


def say(member: Member, purpose: Purpose, answer: str = "refused", **more: Any) -> Consent:
    guardian = make.kept(Guardian(name="Gerda Guard", search="gerda guard", phone="304 555 0199"))
    make.kept(Guardianship(member_id=member.id, guardian_id=guardian.id, relation="mother"))
    return make.kept(
        Consent(
            member_id=member.id, purpose=purpose.value, guardian_id=guardian.id, answer=answer,
            how="paper", starts_on=date(2025, 9, 1), **more,
        )
    )  # fmt: skip


@pytest.fixture
def place(app: Flask) -> SimpleNamespace:
    """Ana and Bo of one school, who wrote to Niue together."""
    app.config["WTF_CSRF_ENABLED"] = False
    people = make.people()
    ana = make.member("Ana", "Brookfield", people.school_a)
    bo = make.member("Boniface", "Secretname", people.school_a)
    niue = make.target("Niue")
    tuvalu = make.target("Tuvalu")
    campaign = make.campaign(chapters=(people.school_a,), targets=(niue, tuvalu))
    with db.unit_of_work():
        log_action(
            channel="postcard",
            campaign_id=campaign.id,
            happened_on=date(2026, 3, 3),
            pieces=10,
            targets={niue.id: 4, tuvalu.id: 6},
            members={ana.id: 7, bo.id: 3},
            note="Boniface Secretname and Ana wrote",
            chapter_ids=[people.school_a.id],
            client_key="key",
            by=None,
            today=TODAY,
        )
    with db.unit_of_work():
        part = db.session.scalars(
            select(ActionMember).where(ActionMember.member_id == ana.id)
        ).one()
        part.minutes = 95
        make.audit.record("make", "test", None, by=None)
    return SimpleNamespace(app=app, people=people, ana=ana, bo=bo)


def opened(place: SimpleNamespace, code: str) -> FlaskClient:
    client: FlaskClient = place.app.test_client()
    assert client.post(f"/my/{code}").location == "/my"
    return client


def test_it_works(place: SimpleNamespace) -> None:
    """A link opens what she did, her hours, what is kept, and nothing of others."""
    code = link_for(place.ana)
    client = place.app.test_client()
    before = client.get(f"/my/{code}")
    assert before.status_code == 200
    assert before.headers["Referrer-Policy"] == "strict-origin"
    assert db.session.scalars(select(MemberKey)).one().used_at is None
    assert client.post(f"/my/{code}").location == "/my"
    page = client.get("/my").get_data(as_text=True)
    for told in ("Hello Ana", "7 postcards", "Niue, Tuvalu", "1 h 35 min", "Brookfield", "Leave"):
        assert told in page
    assert db.session.scalars(select(MemberKey)).one().used_at is not None


@pytest.mark.parametrize("way", ["link", "card", "account"])
@pytest.mark.parametrize("kind", ["page", "html", "json"])
def test_nothing_of_others_is_told(place: SimpleNamespace, way: str, kind: str) -> None:
    say(place.bo, Purpose.PHOTO)
    if way == "account":
        user = make.user(Role.MEMBER, place.people.school_a)
        adult = db.session.get_one(Member, place.ana.id)
        with db.unit_of_work():
            db.session.get_one(Member, adult.id).user_id = user.id
            make.audit.record("make", "test", None, by=None)
        client = place.app.test_client()
        with client.session_transaction() as session:
            session["_user_id"] = user.get_id()
    else:
        client = opened(place, link_for(place.ana) if way == "link" else card_for(place.ana))
    answer = client.get("/my") if kind == "page" else client.post("/my/data", data={"format": kind})
    assert answer.status_code == 200
    told = answer.get_data(as_text=True)
    assert "Brookfield" in told
    for secret in ("Boniface", "Secretname", "wrote", "10 postcards", "Gerda", "0199"):
        assert secret not in told, secret


def test_the_file_is_read_by_a_person_and_by_a_program(place: SimpleNamespace) -> None:
    say(place.ana, Purpose.PHOTO, answer="given")
    with db.unit_of_work():
        ana = db.session.get_one(Member, place.ana.id)
        ana.note = "</script><script>alert(1)</script>"
        ana.email = "ana@example.org"
        make.audit.record("make", "test", None, by=None)
    client = opened(place, link_for(place.ana))
    page = client.post("/my/data", data={"format": "html"})
    assert page.headers["Content-Disposition"] == "attachment; filename=my-data.html"
    text = page.get_data(as_text=True)
    assert "<script>alert" not in text
    assert "http" not in text.split("</head>")[0]
    inside = text.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    plain = client.post("/my/data", data={"format": "json"}).get_json()
    assert json.loads(inside)["sections"]["about"] == plain["sections"]["about"]
    assert plain["sections"]["about"]["facts"]["E-mail"] == "ana@example.org"
    assert plain["sections"]["consents"]["rows"][0]["Who"] == "Gerda Guard (mother)"
    assert plain["sections"]["outreach"]["rows"][0]["What you did"] == "7 postcards"
    assert plain["sections"]["outreach"]["rows"][0]["To whom"] == "Niue, Tuvalu"
    assert plain["sections"]["hours"]["facts"]["In all"] == "1 h 35 min"
    assert plain["sections"]["keys"]["rows"][0]["Kind"] == "Link"
    # A guardian's number is the guardian's.
    assert "0199" not in text
    verbs = {row["What"] for row in plain["sections"]["record"]["rows"]}
    assert {"give link", "open own page", "take own data"} <= verbs


def test_a_card_does_not_tell_where_a_child_lives(place: SimpleNamespace) -> None:
    say(place.ana, Purpose.PHOTO, answer="given")
    with db.unit_of_work():
        ana = db.session.get_one(Member, place.ana.id)
        ana.email, ana.phone = "ana@example.org", "304 555 0123"
        ana.address, ana.note = "7 Hill Road", "walks home alone"
        make.audit.record("edit_member", "member", ana.id, by=None, changes={
            "phone": [None, "304 555 0123"], "address": [None, "7 Hill Road"],
        })  # fmt: skip
    client = opened(place, card_for(place.ana))
    answers = [client.get("/my"), client.post("/my/data"),
               client.post("/my/data", data={"format": "json"})]  # fmt: skip
    for answer in answers:
        told = answer.get_data(as_text=True)
        for secret in ("ana@example.org", "0123", "Hill Road", "walks home", "Gerda"):
            assert secret not in told
        assert "mother" in told
    # By a link, which is handed over or mailed, it is all there.
    told = opened(place, link_for(place.ana)).get("/my").get_data(as_text=True)
    assert "7 Hill Road" in told


@pytest.mark.parametrize("typed", ["{}", "{}-", "  {} ", "lower", "misread"])
def test_a_card_forgives_how_it_is_typed(place: SimpleNamespace, typed: str) -> None:
    code = card_for(place.ana)
    written = keys.written(code)
    if typed == "lower":
        said = written.lower().replace("-", " ")
    elif typed == "misread":
        said = written.replace("0", "O").replace("1", "l")
    else:
        said = typed.format(written)
    answer = place.app.test_client().post("/my", data={"code": said})
    assert (answer.status_code, answer.location) == (303, "/my")


def test_one_answer_for_every_failure(place: SimpleNamespace) -> None:
    expired, revoked, left = (make.member(each, "Pine", place.people.school_a) for each in "EFG")
    refused = make.member("H", "Pine", place.people.school_a)
    codes = [card_for(each) for each in (expired, revoked, left, refused)]
    say(refused, Purpose.ACCOUNT)
    with db.unit_of_work():
        by_member = {each.member_id: each for each in db.session.scalars(select(MemberKey))}
        by_member[expired.id].expires_at = db.now() - timedelta(days=1)
        by_member[revoked.id].revoked_at = db.now()
        db.session.scalars(
            select(Membership).where(Membership.member_id == left.id)
        ).one().left_on = i18n.today()
        make.audit.record("make", "test", None, by=None)
    pages = set()
    for code in (*codes, "AAAAA-AAAAA", "ä", "%", "9" * 40, "\u202eA"):
        answer = place.app.test_client().post("/my", data={"code": code})
        assert answer.status_code == 422
        pages.add(answer.get_data(as_text=True).replace(f'value="{one_line(code)}"', ""))
        answer = place.app.test_client().post(f"/my/{code.replace('%', '%25')}")
        assert answer.status_code == 422
    assert len(pages) == 1
    assert "does not open a page" in pages.pop()


def test_it_is_throttled_as_sign_in_is(place: SimpleNamespace, throttled: Flask) -> None:
    client = place.app.test_client()
    codes = [client.post("/my", data={"code": "AAAAAAAAAA"}).status_code for _ in range(51)]
    assert codes == [422] * 50 + [429]
    code = card_for(place.ana)
    assert client.post("/my", data={"code": code}).status_code == 429


def test_it_closes_by_itself_and_by_leaving(
    place: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = card_for(place.ana)
    client = opened(place, code)
    assert "Hello Ana" in client.get("/my").get_data(as_text=True)
    assert client.post("/my/leave").location == "/my"
    assert "Hello" not in client.get("/my").get_data(as_text=True)
    client = opened(place, code)
    later = own_session.time() + 2 * 60 * 60 + 1
    monkeypatch.setattr(own_session, "time", lambda: later)
    page = client.get("/my").get_data(as_text=True)
    assert "Hello" not in page
    assert "has closed" in page
    assert client.post("/my/data").status_code == 403


@pytest.mark.parametrize("purpose", [Purpose.ACCOUNT, Purpose.MEMBER])
def test_a_withdrawal_shuts_a_page_that_is_open(place: SimpleNamespace, purpose: Purpose) -> None:
    consent = say(place.ana, purpose, answer="given")
    client = opened(place, link_for(place.ana))
    assert "Hello Ana" in client.get("/my").get_data(as_text=True)
    with db.unit_of_work():
        db.session.get_one(Consent, consent.id).withdrawn_on = i18n.today()
        make.audit.record("make", "test", None, by=None)
    assert "Hello" not in client.get("/my").get_data(as_text=True)
    assert client.post("/my/data").status_code == 403
    with db.unit_of_work(), pytest.raises(Refused):
        key_operations.give_link(member_id=place.ana.id, by=None, today=i18n.today())


def test_keys_die_with_leaving_and_do_not_come_back(place: SimpleNamespace) -> None:
    code = card_for(place.ana)
    client = opened(place, code)
    with db.unit_of_work():
        key = db.session.scalars(select(MemberKey)).one()
        key.made_at = db.now() - timedelta(days=30)
        membership = db.session.scalars(
            select(Membership).where(Membership.member_id == place.ana.id)
        ).one()
        membership.left_on = i18n.today() - timedelta(days=9)
        make.audit.record("make", "test", None, by=None)
    assert "Hello" not in client.get("/my").get_data(as_text=True)
    for joined_on in (i18n.today(), None):
        make.kept(
            Membership(
                member_id=place.ana.id, chapter_id=place.people.school_a.id, joined_on=joined_on
            )
        )
        assert place.app.test_client().post(f"/my/{code}").status_code == 422


def test_a_key_of_a_merged_member_opens_the_kept_one(place: SimpleNamespace) -> None:
    twin = make.member("Anna", "Brookfield", place.people.school_a)
    code = card_for(twin)
    with db.unit_of_work():
        db.session.get_one(Member, twin.id).merged_into_id = place.ana.id
        make.audit.record("make", "test", None, by=None)
    assert "Hello Ana" in opened(place, code).get("/my").get_data(as_text=True)


def test_an_account_is_refused_its_page_when_a_guardian_says_no(place: SimpleNamespace) -> None:
    user = make.user(Role.MEMBER, place.people.school_a)
    consent = say(place.ana, Purpose.ACCOUNT, answer="given")
    with db.unit_of_work():
        key_operations.link_user(
            user_id=user.id, member_id=place.ana.id, by=None, today=i18n.today()
        )
    client = place.app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = user.get_id()
    assert "Hello Ana" in client.get("/my").get_data(as_text=True)
    with db.unit_of_work():
        db.session.get_one(Consent, consent.id).withdrawn_on = i18n.today()
        make.audit.record("make", "test", None, by=None)
    answer = client.get("/my")
    assert answer.status_code == 403
    assert "withdrawn" in answer.get_data(as_text=True)
    assert client.post("/my/data").status_code == 403


def test_linking(any_app: Flask) -> None:
    people = make.people()
    ana, bo = (make.member(each, "Brook", people.school_a) for each in ("Ana", "Bo"))
    other = make.member("Cy", "Pine", people.school_b)
    user = make.user(Role.MEMBER, people.school_a)
    local = make.user(Role.ADMINISTRATOR, people.school_a)
    today = i18n.today()

    def link(member: Member, by: User | None = None, who: User = user) -> None:
        with db.unit_of_work():
            key_operations.link_user(user_id=who.id, member_id=member.id, by=by, today=today)

    with pytest.raises(Refused, match="guardian"):
        link(ana)
    say(ana, Purpose.ACCOUNT, answer="given")
    link(ana, local)
    with pytest.raises(Refused, match="already"):
        link(ana)
    with pytest.raises(Refused, match="another member"):
        link(bo)
    with pytest.raises(Refused, match="another account"):
        link(ana, who=people.viewer)
    with pytest.raises(NoResultFound):
        link(other, local)
    with db.unit_of_work():
        key_operations.unlink_user(user_id=user.id, by=local)
    assert db.session.get_one(Member, ana.id).user_id is None
    verbs = db.session.scalars(select(AuditEntry.verb).where(AuditEntry.record_id == ana.id)).all()
    assert {"link_user", "unlink_user"} <= set(verbs)


def test_only_the_digest_of_a_code_is_kept(any_app: Flask) -> None:
    people = make.people()
    ana = make.member("Ana", "Brook", people.school_a)
    code, card = link_for(ana, people.leader), card_for(ana)
    kept = {each.code_hash for each in db.session.scalars(select(MemberKey))}
    assert kept == {keys.digest(code), keys.digest(card)}
    told = " ".join(str(row.changes) for row in db.session.scalars(select(AuditEntry)))
    assert code not in told
    assert card not in told
    # A new one ends the old one of its kind, and no other.
    link_for(ana, people.leader)
    live = [each.kind for each in db.session.scalars(select(MemberKey)) if not each.revoked_at]
    assert sorted(live) == ["card", "link"]


def test_who_may_give_keys(any_app: Flask) -> None:
    people = make.people()
    ana = make.member("Ana", "Brook", people.school_a)
    for by in (people.outsider, people.viewer, people.member):
        with db.unit_of_work(), pytest.raises(NoResultFound):
            key_operations.give_link(member_id=ana.id, by=by, today=TODAY)
        with db.unit_of_work(), pytest.raises(Refused):
            key_operations.draw_cards(member_ids=[ana.id], by=by, today=TODAY)


# The leader's side


def test_a_link_is_shown_once(place: SimpleNamespace, sign_in: Any) -> None:
    leader = sign_in(place.people.leader)
    assert "No link and no card" in leader.get(f"/members/{place.ana.id}").get_data(as_text=True)
    page = leader.post(f"/members/{place.ana.id}/link").get_data(as_text=True)
    address = page.split('value="http://localhost')[1].split('"')[0]
    assert address.startswith("/my/")
    assert place.app.test_client().post(address).location == "/my"
    page = leader.get(f"/members/{place.ana.id}").get_data(as_text=True)
    assert address not in page
    assert "last used" in page
    assert leader.post(f"/members/{place.ana.id}/keys/link/revoke").status_code == 303
    assert place.app.test_client().post(address).status_code == 422
    outsider = sign_in(place.people.outsider)
    assert outsider.post(f"/members/{place.ana.id}/link").status_code == 404


def test_cards_are_a_pdf_that_names_no_surname(
    place: SimpleNamespace, sign_in: Any, tmp_path: Path
) -> None:
    leader = sign_in(place.people.leader)
    page = leader.get("/members/cards").get_data(as_text=True)
    assert "Ana Brookfield" in page
    wanted = {"member": [place.ana.id, place.bo.id], "paper": "letter"}
    answer = leader.post("/members/cards", data=wanted)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.get_data().startswith(b"%PDF")
    assert len(db.session.scalars(select(DepartureMember)).all()) == 2
    # Once more asks first.
    again = leader.post("/members/cards", data=wanted)
    assert again.status_code == 422
    assert "Replace" in again.get_data(as_text=True)
    assert leader.post("/members/cards", data={**wanted, "replace": "y"}).status_code == 200
    live = [each for each in db.session.scalars(select(MemberKey)) if each.revoked_at is None]
    assert len(live) == 2
    assert leader.post("/members/cards", data={"paper": "a4"}).status_code == 422


def test_cards_leave_out_whom_a_guardian_refused(place: SimpleNamespace, sign_in: Any) -> None:
    say(place.ana, Purpose.ACCOUNT)
    leader = sign_in(place.people.leader)
    page = leader.get("/members/cards").get_data(as_text=True)
    assert f'value="{place.ana.id}" disabled' in page
    answer = leader.post("/members/cards", data={"member": [place.ana.id], "paper": "a4"})
    assert answer.status_code == 422
    page = leader.get(f"/members/{place.ana.id}").get_data(as_text=True)
    assert "said no to a page" in page
    assert "Give a link" not in page


def test_linking_on_the_page_of_a_user(place: SimpleNamespace, sign_in: Any) -> None:
    user = make.user(Role.MEMBER, place.people.school_a)
    say(place.ana, Purpose.ACCOUNT, answer="given")
    admin = sign_in(place.people.admin)
    assert "Link to a member" in admin.get(f"/settings/users/{user.id}").get_data(as_text=True)
    address = f"/settings/users/{user.id}/member?chapter=alder-high-school"
    assert "Ana Brookfield" in admin.get(address).get_data(as_text=True)
    refused = admin.post(address, data={"member_id": place.bo.id})
    assert refused.status_code == 422
    assert admin.post(address, data={"member_id": place.ana.id}).status_code == 303
    assert "Ana Brookfield" in admin.get(f"/settings/users/{user.id}").get_data(as_text=True)
    assert admin.post(f"/settings/users/{user.id}/member/unlink").status_code == 303
    assert sign_in(place.people.leader).get(address).status_code == 403


def test_data_taken_out_by_who_keeps_them(place: SimpleNamespace, sign_in: Any) -> None:
    with db.unit_of_work():
        ana = db.session.get_one(Member, place.ana.id)
        ana.phone = "304 555 0123"
        make.audit.record("make", "test", None, by=None)
    address = f"/members/{place.ana.id}/data"
    leader = sign_in(place.people.leader)
    assert leader.post(address, data={"format": "json"}).status_code == 422
    sent = {"format": "json", "reason": "her mother asked"}
    told = leader.post(address, data=sent).get_data(as_text=True)
    assert "Brookfield" in told
    assert "Secretname" not in told
    # No consent to contact: only who may download people gets that.
    assert "0123" not in told
    staff = sign_in(place.people.staff)
    assert "0123" in staff.post(address, data=sent).get_data(as_text=True)
    assert len(db.session.scalars(select(DepartureMember)).all()) == 2
    reasons = db.session.scalars(select(AuditEntry.reason).where(AuditEntry.verb == "depart")).all()
    assert reasons == ["her mother asked"] * 2
    # Who read what stands in the next file.
    rows = json.loads(staff.post(address, data=sent).get_data(as_text=True))
    told = [(row["Who"], row["What"]) for row in rows["sections"]["record"]["rows"]]
    assert ("Sol", "read") in told
    # Whom a guardian took off the list leaves by no leader's hand.
    say(place.ana, Purpose.MEMBER)
    refused = leader.post(address, data=sent)
    assert refused.status_code == 422
    assert "Brookfield" not in refused.get_data(as_text=True)
    assert staff.post(address, data=sent).status_code == 200
    assert sign_in(place.people.outsider).get(address).status_code == 404
    assert sign_in(place.people.viewer).get(address).status_code == 403


def test_a_link_is_mailed_and_never_to_a_child_alone(
    mailing_app: Flask, letterbox: SimpleNamespace
) -> None:
    app = mailing_app
    app.config["WTF_CSRF_ENABLED"] = False
    people = make.people()
    ana = make.member("Ana", "Brookfield", people.school_a)
    with db.unit_of_work():
        db.session.get_one(Member, ana.id).email = "ana@example.org"
        make.audit.record("make", "test", None, by=None)
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = people.leader.get_id()
    page = client.post(f"/members/{ana.id}/link").get_data(as_text=True)
    assert "It was not mailed" in page
    assert letterbox.box.received.empty()
    guardian = say(ana, Purpose.CONTACT, answer="given").guardian_id
    with db.unit_of_work():
        db.session.get_one(Guardian, guardian).email = "gerda@example.org"
        make.audit.record("make", "test", None, by=None)
    page = client.post(f"/members/{ana.id}/link").get_data(as_text=True)
    assert "also mailed" in page
    link = page.split('id="link" value="')[1].split('"')[0]
    by_reader = {}
    for _number in range(2):
        _sender, readers, message = letterbox.box.next()
        by_reader[readers[0]] = message.get_body(("plain",)).get_content()
    assert link in by_reader["ana@example.org"]
    assert link not in by_reader["gerda@example.org"]
    assert "Brookfield" not in " ".join(by_reader.values())
