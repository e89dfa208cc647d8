"""Forgetting a member: nothing of the person is left in any table, and the counts are."""

import json
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import String, cast, func, select
from sqlalchemy.exc import NoResultFound

from crm.accounts.imports import ImportRun
from crm.accounts.models import User
from crm.core import audit, db
from crm.core.access import Role
from crm.core.audit import AuditEntry
from crm.core.audit_check import verify
from crm.core.errors import Refused
from crm.core.settings import in_force
from crm.members import forgetting, key_operations, tags
from crm.members.disclosure import NOBODY, Exit, disclose
from crm.members.models import (
    Consent,
    ConsentRequest,
    Guardian,
    Guardianship,
    Member,
    MemberMerge,
    Team,
    TeamMember,
)
from crm.members.operations import edit_member
from crm.outreach.models import Action, ActionMember, ActionTarget
from crm.outreach.operations import correct_action, log_action, record_outcome
from tests import make

TODAY = date(2026, 5, 1)
SCAN = "0123abcd" * 4 + ".pdf"
#: What must be found nowhere.
SECRETS = (
    "Mélisande", "M\\u00e9lisande", "Quagmire", "quagmire", "melisande", "mel@example.org",
    "304 555 0177", "9 Quiet Lane", "K9Z 8V7", "allergic to nuts", "Wilhelmina", "wilhelmina",
    "will@example.org", "Mel Q", SCAN,
)  # fmt: skip


def full_place(people: SimpleNamespace) -> SimpleNamespace:
    """A member about whom everything is known, in every table there is."""
    mel = make.member("Mélisande", "Quagmire", people.school_a)
    bo = make.member("Bo", "Pine", people.school_a)
    target = make.target("Niue")
    campaign = make.campaign(chapters=(people.school_a,), targets=(target,))
    user = make.user(Role.MEMBER, people.school_a, name="Mel Quagmire")
    run = make.kept(
        ImportRun(
            importer="members", source="class of Mélisande Quagmire.csv", counts={"new": 1},
            kept={"chapters": [1], "before": {"member": {str(mel.id): {"note": ["a", "b"]}}}},
        )
    )  # fmt: skip
    wilhelmina = make.kept(
        Guardian(name="Wilhelmina Quagmire", search="quagmire wilhelmina", email="will@example.org")
    )
    of_both = make.kept(Guardian(name="Otto Both", search="both otto"))
    (in_force().folder / "documents").mkdir()
    scan = in_force().folder / "documents" / SCAN
    scan.write_text("signed")
    with db.unit_of_work():
        edit_member(
            member_id=mel.id, given_name="Mélisande", family_name="Quagmire",
            email="mel@example.org", phone="304 555 0177", note="allergic to nuts", by=None,
        )  # fmt: skip
        member = db.session.get_one(Member, mel.id)
        member.address, member.postal_code = "9 Quiet Lane", "K9Z 8V7"
        member.custom = {"shirt": "K9Z 8V7"}
        member.age_band, member.import_id, member.user_id = "young_teen", run.id, user.id
        other = db.session.get_one(Member, bo.id)
        other.note = "sits beside Mélisande Quagmire"
        tags.set_tags(mel.id, tags.ids_of("skill", ["drawing"]))
        team = Team(chapter_id=people.school_a.id, name="Cards", about="led by Quagmire, Mélisande")
        db.session.add(team)
        db.session.flush()
        db.session.add(TeamMember(team_id=team.id, member_id=mel.id, part="writer"))
        for guardian in (wilhelmina, of_both):
            db.session.add(Guardianship(member_id=mel.id, guardian_id=guardian.id, relation="aunt"))
        db.session.add(Guardianship(member_id=bo.id, guardian_id=of_both.id))
        asked = ConsentRequest(
            member_id=mel.id, guardian_id=wilhelmina.id, token_hash="h", purposes=["photo"],
            expires_at=db.now(),
        )  # fmt: skip
        db.session.add(asked)
        db.session.flush()
        consent = Consent(
            member_id=mel.id, purpose="photo", guardian_id=wilhelmina.id, answer="given",
            how="paper", starts_on=TODAY, scan=SCAN, request_id=asked.id,
        )  # fmt: skip
        db.session.add(consent)
        db.session.flush()
        audit.record("keep_consent", "consent", consent.id, by=None, changes={"by": "Wilhelmina"})
        audit.record("add_guardian", "guardian", wilhelmina.id, by=None,
                     changes={"name": "Wilhelmina Quagmire"})  # fmt: skip
        audit.record("create_user", "user_account", user.id, by=None,
                     changes={"name": "Mel Quagmire"})  # fmt: skip
    with db.unit_of_work():
        key_operations.give_link(member_id=mel.id, by=None, today=TODAY)
    with db.unit_of_work():
        action = log_action(
            channel="postcard", campaign_id=campaign.id, happened_on=date(2026, 3, 3), pieces=10,
            targets={target.id: 10}, members={mel.id: 6, bo.id: 4}, place="mélisande  quagmire's",
            note="MÉLISANDE QUAGMIRE drew them all", chapter_ids=[people.school_a.id],
            client_key="key", by=None, today=TODAY,
        )  # fmt: skip
        row = db.session.scalars(select(ActionTarget)).one()
        record_outcome(
            action_target_id=row.id, kind="refusal", received_on=TODAY,
            summary="Dear Mélisande Quagmire, no.", by=None, today=TODAY,
        )  # fmt: skip
    with db.unit_of_work():
        correct_action(
            db.session.get_one(Action, action.id),
            reason="for mel@example.org", by=None, today=TODAY, campaign_id=campaign.id,
            happened_on=date(2026, 3, 3), pieces=10, targets={target.id: 10},
            members={mel.id: 6, bo.id: 4}, chapter_ids=[people.school_a.id],
            note="Mélisande Quagmire and friends", place=None,
        )  # fmt: skip
    twin = make.member("Mel", "Quagmire", people.school_a)
    with db.unit_of_work():
        db.session.get_one(Member, twin.id).merged_into_id = mel.id
        merge = MemberMerge(
            kept_id=mel.id, merged_id=twin.id, moved={"changed": [{"given_name": "Mélisande"}]}
        )
        db.session.add(merge)
        db.session.flush()
        audit.record("merge_members", "member", mel.id, by=None, changes={"name": "Mel Quagmire"})
    return SimpleNamespace(
        mel=mel.id, bo=bo.id, twin=twin.id, user=user.id, action=action.id, run=run.id,
        merge=merge.id, scan=scan, both=of_both.id, people=people,
    )  # fmt: skip


def standing(secrets: tuple[str, ...] = SECRETS) -> list[str]:
    """Where any of them stands, of all columns of all tables."""
    found = []
    for table in db.metadata.sorted_tables:
        for column in table.columns:
            rows = db.session.execute(select(cast(column, String)).where(column.is_not(None)))
            for (value,) in rows:
                found += [f"{column}: {each}" for each in secrets if each in str(value)]
    return found


def test_it_works(any_app: Flask) -> None:
    place = full_place(make.people())
    db.rollback()
    assert {each.split(": ")[1] for each in standing()} >= {
        "Quagmire", "quagmire", "melisande", "mel@example.org", "304 555 0177", "9 Quiet Lane",
        "K9Z 8V7", "allergic to nuts", "Wilhelmina", "will@example.org", SCAN,
    }  # fmt: skip
    with db.unit_of_work():
        told = forgetting.preview(place.mel, by=None)
    assert (told.guardians, told.consents, told.scans, told.keys) == (1, 1, 1, 1)
    assert (told.ways_back, told.account, told.has_namesake) == (2, True, False)
    labels = [each.label for each in told.mentions]
    assert "Outreach of Mar 3, 2026" in labels
    assert f"/outreach/{place.action}" in [each.url for each in told.mentions]
    with db.unit_of_work():
        forgetting.forget(member_id=place.mel, by=place.people.staff, today=TODAY)
        assert place.scan.exists()
    assert standing() == []
    assert not place.scan.exists()
    # What was counted is counted.
    assert db.session.scalar(select(func.sum(ActionMember.pieces))) == 10
    action = db.session.get_one(Action, place.action)
    assert action.note == "a former member and friends"
    shown = disclose([place.mel], to=NOBODY, exit=Exit.EXPORT)[place.mel]
    assert shown.name == "A former member"
    assert db.session.get_one(Member, place.bo).note == "sits beside a former member"
    # Whoever has another child here is that child's.
    assert db.session.get_one(Guardian, place.both).name == "Otto Both"
    user = db.session.get_one(User, place.user)
    assert (user.active, user.name, user.password_hash) == (False, "Former member", None)
    assert forgetting.is_scrubbed(db.session.get_one(ImportRun, place.run).kept)
    assert forgetting.is_scrubbed(db.session.get_one(MemberMerge, place.merge).moved)


def test_what_is_packed_for_a_way_back_is_read_by_its_importer(
    any_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = full_place(make.people())
    packed = make.kept(ImportRun(importer="packed", source="s", counts={}, kept={"before": "x"}))
    other = make.kept(ImportRun(importer="packed", source="s", counts={}, kept={"before": "y"}))
    monkeypatch.setitem(
        forgetting.READING,
        "packed",
        lambda kept: [{"member": {place.mel if kept["before"] == "x" else place.bo: {}}}],
    )
    with db.unit_of_work():
        forgetting.forget(member_id=place.mel, by=None, today=TODAY)
    assert forgetting.is_scrubbed(db.session.get_one(ImportRun, packed.id).kept)
    assert db.session.get_one(ImportRun, other.id).kept == {"before": "y"}
    assert db.session.get_one(ImportRun, place.run).kept == {"forgotten": True, "chapters": [1]}


def test_the_record_says_that_it_happened_and_holds(any_app: Flask) -> None:
    place = full_place(make.people())
    with db.unit_of_work():
        forgetting.forget(member_id=place.mel, by=place.people.staff, today=TODAY)
    entries = db.session.scalars(
        select(AuditEntry).where(AuditEntry.kind == "member", AuditEntry.record_id == place.mel)
    ).all()
    assert [each for each in entries if each.changes or each.reason] == []
    assert (entries[-1].verb, entries[-1].by_id) == ("forget_member", place.people.staff.id)
    assert verify().fault is None


def test_a_second_time_does_nothing(any_app: Flask) -> None:
    place = full_place(make.people())
    for expected in (False, True):
        with db.unit_of_work():
            done = forgetting.forget(member_id=place.mel, by=place.people.staff, today=TODAY)
        assert done.already is expected
    before = db.session.scalar(select(func.count()).select_from(AuditEntry))
    with db.unit_of_work():
        # The one that was merged into it is the same person.
        assert forgetting.forget(member_id=place.twin, by=None, today=TODAY).already
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == before


def test_who_may_not(any_app: Flask) -> None:
    people = make.people()
    place = full_place(people)
    stranger = make.user(Role.STAFF, people.school_b)
    for by in (people.leader, people.coordinator, people.outsider, stranger, people.viewer):
        with db.unit_of_work(), pytest.raises(NoResultFound):
            forgetting.forget(member_id=place.mel, by=by, today=TODAY)
    make.kept(make.ChapterRole(user_id=place.user, chapter_id=people.school_a.id, role=Role.LEADER))
    with db.unit_of_work(), pytest.raises(Refused, match="roles away"):
        forgetting.forget(member_id=place.mel, by=people.staff, today=TODAY)
    with db.unit_of_work():
        forgetting.forget(member_id=place.mel, by=people.admin, today=TODAY)
    assert standing() == []


@pytest.mark.parametrize("who", ["member", "target"])
def test_texts_stay_where_somebody_else_bears_the_name(any_app: Flask, who: str) -> None:
    people = make.people()
    place = full_place(people)
    if who == "member":
        make.member("Mélisande", "Quagmire", people.school_b)
    else:
        make.target("Mélisande Quagmire")
    with db.unit_of_work():
        done = forgetting.forget(member_id=place.mel, by=None, today=TODAY)
    assert done.has_namesake
    assert "left as they are" in " ".join(done.sentences())
    action = db.session.get_one(Action, place.action)
    assert action.note == "Mélisande Quagmire and friends"


def test_what_brothers_and_sisters_share_stays_theirs(any_app: Flask) -> None:
    people = make.people()
    place = full_place(people)
    with db.unit_of_work():
        edit_member(member_id=place.bo, given_name="Bo", family_name="Pine",
                    email="mel@example.org", note="write to mel@example.org", by=None)  # fmt: skip
    with db.unit_of_work():
        forgetting.forget(member_id=place.mel, by=None, today=TODAY)
    bo = db.session.get_one(Member, place.bo)
    assert (bo.email, bo.note) == ("mel@example.org", "write to mel@example.org")


@pytest.mark.parametrize(("given", "family"), [("Ana", None), ("Ана", "Бреза"), ("A", "B")])
def test_names_of_every_kind(any_app: Flask, given: str, family: str | None) -> None:
    people = make.people()
    member = make.member(given, family, people.school_a)
    other = make.member("Other", "Pine", people.school_a)
    with db.unit_of_work():
        said = member.full_name
        db.session.get_one(Member, other.id).note = f"with {said}, and Anabel"
        make.audit.record("make", "test", None, by=None)
    with db.unit_of_work():
        forgetting.forget(member_id=member.id, by=None, today=TODAY)
    note = db.session.get_one(Member, other.id).note
    # A given name alone may be anybody's: it is left.
    expected = "with a former member, and Anabel" if family else "with Ana, and Anabel"
    assert note == expected


# Pages and command


def test_the_page_asks_for_the_number(app: Flask, sign_in: Any) -> None:
    people = make.people()
    place = full_place(people)
    address = f"/members/{place.mel}/forget"
    staff = sign_in(people.staff)
    page = staff.get(address).get_data(as_text=True)
    for told in ("1 guardian without another child", "Outreach of Mar 3, 2026", "stay counted"):
        assert told in page
    wrong = staff.post(address, data={"pseudonym": "M-00000000"})
    assert wrong.status_code == 422
    assert "not their number" in wrong.get_data(as_text=True)
    number = db.session.get_one(Member, place.mel).pseudonym
    right = staff.post(address, data={"pseudonym": f" {number.lower()} "})
    assert (right.status_code, right.location) == (303, "/members")
    assert staff.get(f"/members/{place.mel}").status_code == 404
    assert staff.get(address).status_code == 404
    assert standing() == []
    assert "A former member" in staff.get(f"/outreach/{place.action}").get_data(as_text=True)
    assert sign_in(people.coordinator).get(address).status_code == 403
    assert sign_in(make.user(Role.STAFF, people.school_b)).get(address).status_code == 404


def test_no_exit_finds_them(app: Flask, sign_in: Any) -> None:
    people = make.people()
    place = full_place(people)
    with db.unit_of_work():
        forgetting.forget(member_id=place.mel, by=None, today=TODAY)
    admin = sign_in(people.admin)
    for url in ("/members?standing=all", "/search?q=quagm", f"/outreach/{place.action}",
                "/reports/activity-by-member", "/reports/activity-by-member.json",
                "/chapters/alder-high-school", f"/settings/users/{place.user}",
                f"/members/{place.bo}"):  # fmt: skip
        told = admin.get(url).get_data(as_text=True)
        assert [each for each in SECRETS if each in told] == [], url


def test_the_command(app: Flask) -> None:
    place = full_place(make.people())
    number = db.session.get_one(Member, place.mel).pseudonym
    db.rollback()
    runner = app.test_cli_runner()
    asked = runner.invoke(args=["member", "forget", str(place.mel)], input="n\n")
    assert "1 guardian without another child" in asked.output
    assert standing() != []
    db.rollback()
    done = runner.invoke(args=["member", "forget", number, "--yes"])
    assert done.exit_code == 0, done.output
    assert "is forgotten" in done.output
    assert "Quagmire" not in done.output
    assert standing() == []
    db.rollback()
    assert "before" in runner.invoke(args=["member", "forget", number, "--yes"]).output
    assert runner.invoke(args=["member", "forget", "4242", "--yes"]).exit_code != 0


def test_json_is_mended_and_stays_json(any_app: Flask) -> None:
    place = full_place(make.people())
    with db.unit_of_work():
        db.session.get_one(Action, place.action).details = {"who": ["Mélisande Quagmire", 3]}
        make.audit.record("make", "test", None, by=None)
    with db.unit_of_work():
        forgetting.forget(member_id=place.mel, by=None, today=TODAY)
    details = db.session.get_one(Action, place.action).details
    assert json.dumps(details) == '{"who": ["a former member", 3]}'
