"""Letters to members: who gets one, once, in which words, how fast, and who does not and why."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from crm import create_app
from crm.accounts.models import User
from crm.core import audit, backups, db, outbox, restoring
from crm.core.errors import Refused
from crm.core.links import digest
from crm.core.mail_models import MailChoice, MailFailure
from crm.core.outbox import Outgoing, State
from crm.mailings import letter_operations, letter_queries, letter_sending, letters
from crm.mailings.letter_operations import Changed
from crm.members import chaperone, consents, forgetting, merging
from crm.members.consent_rules import How, Purpose
from crm.members.models import Consent, Member
from crm.members.reach import reaches
from crm.texts.models import Text, TextVersion
from tests import make
from tests.accounts.conftest import Letterbox
from tests.accounts.conftest import letterbox as letterbox
from tests.conftest import _in_context, empty, settings_for
from tests.core.places import empty_place
from tests.mailings.letter_scene import (
    FRENCH,
    TODAY,
    adult,
    change,
    child,
    kept_rows,
    leader,
    message,
    minute,
    rows,
    say,
    send,
    state,
    wanted,
)
from tests.members.test_queries import statements


@pytest.fixture(params=["sqlite", "postgresql"])
def posting_app(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    sqlite_template: Path,
    letterbox: SimpleNamespace,
) -> Iterator[Flask]:
    """An application that sends mail, on each kind of database."""
    given = {
        "mail_server": "127.0.0.1", "mail_port": str(letterbox.port),
        "mail_sender": "outreach@example.org", "base_url": "https://outreach.example.org/",
    }  # fmt: skip
    folder = tmp_path / "instance"
    if request.param == "sqlite":
        folder.mkdir()
        (folder / "crm.sqlite3").write_bytes(sqlite_template.read_bytes())
    else:
        given["database_url"] = request.getfixturevalue("postgres")
        empty(given["database_url"])
    yield from _in_context(create_app(settings_for(folder, **given)))


def scene_of(box: Any) -> SimpleNamespace:
    people = make.people()
    return SimpleNamespace(
        people=people,
        school_a=people.school_a.id,
        text=message().id,
        box=box,
        ana=adult("Ana", people.school_a, "ana@example.org"),
        bea=adult("Bea", people.school_a, "bea@example.org"),
    )


@pytest.fixture
def scene(posting_app: Flask, letterbox: SimpleNamespace) -> SimpleNamespace:
    return scene_of(letterbox.box)


def received(box: Letterbox) -> list[tuple[str, Any]]:
    found = []
    while not box.received.empty():
        _sender, [to], mail = box.received.get()
        found.append((to, mail))
    return found


def plain(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content()).replace("\r\n", "\n")


def test_it_works(scene: SimpleNamespace) -> None:
    """The real mail server gets one letter for each, and the letter ends."""
    letter = send(scene, by=scene.people.leader, answers_to_me=True)
    minute()
    minute()
    got = received(scene.box)
    assert sorted(to for to, _mail in got) == ["ana@example.org", "bea@example.org"]
    mail = dict(got)["ana@example.org"]
    assert "Dear Ana,\n\nwe meet on Friday." in plain(mail)
    assert "Sent by" in plain(mail)
    assert "Alder High School" in plain(mail)
    assert mail["Subject"] == "We meet (en)"
    assert mail["Reply-To"] == scene.people.leader.email
    assert "Secretname" not in str(mail)
    assert set(kept_rows(letter).values()) == {"sent"}
    assert state(letter) == "done"
    verbs = [each.verb for each in db.session.query(audit.AuditEntry).filter_by(
        kind="member_letter")]  # fmt: skip
    assert verbs == ["send_letter", "end_letter"]


def test_each_reads_their_own_language(scene: SimpleNamespace) -> None:
    with db.unit_of_work():
        text = db.session.get_one(Text, scene.text)
        db.session.add(
            TextVersion(
                text_id=text.id, language="fr", number=1, subject="Vendredi", body=FRENCH,
                approved_at=db.now(),
            )
        )  # fmt: skip
        user = User(email="bea@example.org", name="Bea", language="fr")
        db.session.add(user)
        db.session.flush()
        db.session.get_one(Member, scene.bea).user_id = user.id
        audit.record("make", "test", None, by=None)
    send(scene)
    minute()
    got = dict(received(scene.box))
    assert "Salut Bea" in plain(got["bea@example.org"])
    assert "Dear Ana" in plain(got["ana@example.org"])


def test_why_not(scene: SimpleNamespace) -> None:
    """Row by row: no address, no leave, stopped, came back."""
    school = scene.people.school_a
    no_address = adult("Cal", school, None)
    no_leave = child("Dot", school, "dot@example.org", "dad@example.org").id
    stopped = adult("Eve", school, "eve@example.org")
    bad = adult("Fay", school, "fay@example.org")
    refused = adult("Gus", school, "gus@example.org")
    say(refused, None, "refused")
    with db.unit_of_work():
        db.session.add_all([
            MailChoice(recipient=digest("eve@example.org"), kind="letter", how="here"),
            MailFailure(recipient=digest("fay@example.org"), count=1, bad_since=db.now()),
        ])  # fmt: skip
    found = letters.look(wanted(scene), by=None, today=TODAY)
    assert {line.member_id: line.why for line in found.lines} == {
        scene.ana: None, scene.bea: None, no_address: "no-address", no_leave: "contact",
        stopped: "stopped", bad: "bad-address", refused: "contact",
    }  # fmt: skip
    assert found.lines[0].why
    assert found.lines[-1].why is None
    letter = send(scene)
    minute()
    assert Counter(each for each, _why in rows(letter).values()) == {"sent": 2, "withheld": 5}
    assert len(received(scene.box)) == 2


def test_siblings_with_one_address_get_a_letter_each(scene: SimpleNamespace) -> None:
    change(scene.bea, email="Ana@example.org")
    found = letters.look(wanted(scene), by=None, today=TODAY)
    assert found.shared == 2
    send(scene)
    minute()
    got = received(scene.box)
    assert sorted("Ana" if "Dear Ana" in plain(mail) else "Bea" for _to, mail in got) == [
        "Ana", "Bea",
    ]  # fmt: skip


# Minors


def test_minors(scene: SimpleNamespace) -> None:
    """No consent; consent and nobody to get a copy; with a guardian; with a leader."""
    school = scene.people.school_b
    given = {"chapter": [school.slug]}
    alone = child("Cal", school, "cal@example.org")
    say(alone.id, alone.parent)
    found = letters.look(wanted(scene, given=given), by=None, today=TODAY)
    assert [line.why for line in found.lines] == ["no-copy"]
    leader(school)
    asked = child("Dot", school, "dot@example.org", "dad@example.org")
    kept = child("Eli", school, "eli@example.org", "mum@example.org")
    say(kept.id, kept.parent)
    letter = send(scene, given=given)
    minute()
    assert rows(letter) == {
        alone.id: ("sent", None), kept.id: ("sent", None), asked.id: ("withheld", "contact"),
    }  # fmt: skip
    assert sorted(to for to, _mail in received(scene.box)) == [
        "cal@example.org", "eli@example.org", "lee@example.org", "mum@example.org",
    ]  # fmt: skip


@pytest.mark.parametrize("minor", [True, False])
@pytest.mark.parametrize("when", ["before queued", "before handed over"])
def test_consent_withdrawn_on_the_way(scene: SimpleNamespace, minor: bool, when: str) -> None:
    school = scene.people.school_b
    who = child("Cal", school, "cal@example.org", "dad@example.org")
    guardian = who.parent if minor else None
    if not minor:
        change(who.id, age_band="adult")
    say(who.id, guardian)
    letter = send(scene, given={"chapter": [school.slug]})
    if when == "before handed over":
        with db.unit_of_work():
            letter_sending.step(letter.id)
        assert kept_rows(letter) == {who.id: "queued"}
    with db.unit_of_work():
        consents.withdraw_consent(
            member_id=who.id, purposes=[Purpose.CONTACT], withdrawn_by=guardian,
            withdrawn_on=db.now().date(), how=How.PAPER, by=None, today=db.now().date(),
        )  # fmt: skip
    assert kept_rows(letter) == {who.id: "withheld"}
    minute()
    minute()
    assert rows(letter) == {who.id: ("withheld", "contact")}
    assert received(scene.box) == []
    assert state(letter) == "done"


def test_a_withdrawal_nobody_told_of_holds_all_the_same(scene: SimpleNamespace) -> None:
    """Written past the operations, as an import may: the step and the hand-over ask themselves."""
    school = scene.people.school_b
    who = child("Cal", school, "cal@example.org", "dad@example.org")
    say(who.id, who.parent)
    letter = send(scene, given={"chapter": [school.slug]})
    with db.unit_of_work():
        letter_sending.step(letter.id)
    with db.unit_of_work():
        db.session.execute(update(Consent).values(withdrawn_on=db.now().date()))
        audit.record("make", "test", None, by=None)
    minute()
    assert rows(letter)[who.id][0] == "withheld"
    assert all(to != "cal@example.org" for to, _mail in received(scene.box))


def test_reach_says_what_the_chaperone_says(scene: SimpleNamespace) -> None:
    school_a, school_b = scene.people.school_a, scene.people.school_b
    leader(school_a)
    for place, school in enumerate((school_a, school_b)):
        for mail in ("dad@example.org", None):
            for allowed in (True, False):
                name = f"kid{place}{mail is None}{allowed}".lower()
                who = child("Kid", school, f"{name}@example.org", mail and f"{name}-{mail}")
                if allowed:
                    say(who.id, who.parent)
    shared = child("Twin", school_a, "dad@example.org", "dad@example.org")
    say(shared.id, shared.parent)
    ids = db.session.scalars(select(Member.id)).all()
    for number, how in reaches(ids, "letter").items():
        record = db.session.get_one(Member, number)
        assert how.address == record.email
        ruling = chaperone.ruling(record.email or "")
        may = number in chaperone.allowed([number], Purpose.CONTACT) and ruling.why_not is None
        assert (how.bar is None) == may, (how, ruling)


# Once, and what was shown


def test_only_what_was_shown_is_sent(scene: SimpleNamespace) -> None:
    shown = letters.look(wanted(scene), by=None, today=TODAY).digest
    adult("Cal", scene.people.school_a, "cal@example.org")
    with pytest.raises(Changed):
        send(scene, shown=shown)
    shown = letters.look(wanted(scene), by=None, today=TODAY).digest
    first = send(scene, shown=shown, client_key="the-same-key")
    assert send(scene, shown="whatever", client_key="the-same-key").id == first.id
    late = adult("Dot", scene.people.school_a, "dot@example.org")
    minute()
    assert late not in rows(first)
    assert len(received(scene.box)) == 3


def test_refusals(scene: SimpleNamespace) -> None:
    people = scene.people
    with pytest.raises(Refused, match="keep the members"):
        send(scene, by=people.outsider)
    with pytest.raises(Refused, match="messages a minute"):
        send(scene, rate=0)
    with pytest.raises(Refused, match="Nobody is on this list"):
        send(scene, given={"q": ["nobody"]})
    with db.unit_of_work():
        db.session.execute(update(TextVersion).values(approved_at=None))
        audit.record("make", "test", None, by=None)
    with pytest.raises(Refused, match="no approved version"):
        send(scene)


def test_others_chapters_are_not_on_it(scene: SimpleNamespace) -> None:
    adult("Cal", scene.people.school_b, "cal@example.org")
    found = letters.look(wanted(scene), by=scene.people.leader, today=TODAY)
    assert {line.member_id for line in found.lines} == {scene.ana, scene.bea}


# Rate, pause, stop


def many(scene: SimpleNamespace, number: int) -> None:
    for place in range(number):
        adult(f"Kim{place}", scene.people.school_a, f"kim{place}@example.org")


def test_it_goes_at_its_rate(scene: SimpleNamespace) -> None:
    many(scene, 5)
    letter = send(scene, rate=3)
    seen = []
    for _minute in range(4):
        minute()
        seen.append(len(received(scene.box)))
    assert seen == [3, 3, 1, 0]
    assert state(letter) == "done"


def test_a_minutes_share_is_queued_a_few_at_a_time(scene: SimpleNamespace) -> None:
    many(scene, letter_sending.AT_ONCE + 10)
    letter = send(scene, rate=letter_sending.AT_ONCE + 5)
    outbox.work("work")
    assert outbox.counts(letter.code) == {State.WAITING: letter_sending.AT_ONCE + 5}
    steps = select(func.count()).where(Outgoing.job == "letter", Outgoing.state == State.DONE)
    assert db.session.scalar(steps) == 2
    db.rollback()
    outbox.drain()
    assert len(received(scene.box)) == letter_sending.AT_ONCE + 5
    minute()
    assert len(received(scene.box)) == 7


def test_one_step_a_minute_however_often_it_is_asked(scene: SimpleNamespace) -> None:
    many(scene, 5)
    letter = send(scene, rate=2)
    for _again in range(3):
        with db.unit_of_work():
            letter_operations.pause(letter.id, by=None)
        with db.unit_of_work():
            letter_operations.resume(letter.id, by=None)
    outbox.drain()
    assert len(received(scene.box)) == 2


def test_paused_at_once(scene: SimpleNamespace) -> None:
    many(scene, 5)
    letter = send(scene, rate=3)
    with db.unit_of_work():
        letter_sending.step(letter.id)
    with db.unit_of_work():
        letter_operations.pause(letter.id, by=None)
    minute()
    assert received(scene.box) == []
    assert outbox.counts(letter.code) == {State.HELD: 3}
    with db.unit_of_work():
        letter_operations.resume(letter.id, by=None)
    outbox.drain()
    assert len(received(scene.box)) == 3
    for _minute in range(3):
        minute()
    assert set(kept_rows(letter).values()) == {"sent"}


def test_stopped_for_good(scene: SimpleNamespace) -> None:
    many(scene, 5)
    letter = send(scene, rate=3)
    minute(drain=False)
    outbox.drain()
    with db.unit_of_work():
        letter_operations.stop(letter.id, by=None, reason="wrong day")
    minute()
    assert Counter(rows(letter).values()) == {("sent", None): 3, ("withheld", "letter-stopped"): 4}
    with pytest.raises(Refused), db.unit_of_work():
        letter_operations.resume(letter.id, by=None)


def test_words_that_may_not_go_out_pause_it(scene: SimpleNamespace) -> None:
    letter = send(scene)
    with db.unit_of_work():
        db.session.execute(update(TextVersion).values(approved_at=None))
        audit.record("make", "test", None, by=None)
    minute()
    assert state(letter) == "paused"
    assert received(scene.box) == []
    assert set(kept_rows(letter).values()) == {"to-send"}


def test_what_failed_and_is_let_go_again_is_sent(scene: SimpleNamespace) -> None:
    letter = send(scene)
    with db.unit_of_work():
        letter_sending.step(letter.id)
        db.session.execute(
            update(Outgoing).where(Outgoing.job == "mail").values(state=State.DEAD, fault="550")
        )
    assert set(rows(letter).values()) == {("failed", "550")}
    minute()
    assert set(kept_rows(letter).values()) == {"failed"}
    assert state(letter) == "done"
    with db.unit_of_work():
        db.session.execute(
            update(Outgoing).where(Outgoing.job == "mail").values(state=State.WAITING)
        )
    outbox.drain()
    assert set(rows(letter).values()) == {("sent", None)}
    with db.unit_of_work():
        letter_sending.settle_all(TODAY)
    assert set(kept_rows(letter).values()) == {"sent"}


# Others' pages


def test_forgotten_and_made_one(scene: SimpleNamespace) -> None:
    letter = send(scene)
    with db.unit_of_work():
        letter_sending.step(letter.id)
    with db.unit_of_work():
        forgetting.forget(member_id=scene.ana, by=None, today=TODAY)
    assert set(kept_rows(letter)) == {scene.bea}
    minute()
    assert [to for to, _mail in received(scene.box)] == ["bea@example.org"]
    cal = adult("Cal", scene.people.school_a, "cal@example.org")
    second = send(scene)
    with db.unit_of_work():
        merging.merge(kept_id=scene.bea, merged_id=cal, by=None)
    minute()
    minute()
    assert kept_rows(second) == {scene.bea: "sent"}
    assert len(received(scene.box)) == 1


def test_statements_do_not_grow(scene: SimpleNamespace) -> None:
    def counted() -> int:
        with statements() as seen:
            letters.look(wanted(scene), by=None, today=TODAY)
        return len(seen)

    many(scene, 1)
    few = counted()
    many(scene, 12)
    assert counted() == few
    letter = send(scene)
    with statements() as seen:
        letter_queries.progress([letter.id])
    assert len([each for each in seen if each != "BEGIN"]) == 1


# Whatever happens on the way


class Killed(BaseException):
    """As if the process were gone."""


ACTIONS = st.lists(
    st.sampled_from(["minute", "step and die", "take and die", "pause", "resume", "withdraw",
                     "hand over and die"]),
    max_size=8,
)  # fmt: skip


@given(actions=ACTIONS, rate=st.integers(1, 5))
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_each_row_ends_in_one_state(
    posting_app: Flask, letterbox: SimpleNamespace, actions: list[str], rate: int
) -> None:
    address = posting_app.config["SQLALCHEMY_DATABASE_URI"]
    if "postgresql" in str(address):
        db.session.remove()
        empty(str(address))
        scene = scene_of(letterbox.box)
        many(scene, 5)
    elif not hasattr(test_each_row_ends_in_one_state, str(address)):
        setattr(test_each_row_ends_in_one_state, str(address), scene_of(letterbox.box))
        many(getattr(test_each_row_ends_in_one_state, str(address)), 5)
        scene = getattr(test_each_row_ends_in_one_state, str(address))
    else:
        scene = getattr(test_each_row_ends_in_one_state, str(address))
        with db.unit_of_work():
            db.session.execute(Consent.__table__.delete())
            audit.record("make", "test", None, by=None)
    received(scene.box)
    letter = send(scene, rate=rate)
    everybody = len(rows(letter))
    for action in actions:
        _act(action, scene, letter)
        assert len(rows(letter)) == everybody
        found = letter_queries.progress([letter.id])[letter.id]
        assert found.total == everybody
    if state(letter) == "paused":
        with db.unit_of_work():
            letter_operations.resume(letter.id, by=None)
    for _minute in range(everybody + 4):
        minute()
    assert state(letter) == "done"
    ends = kept_rows(letter)
    assert set(ends.values()) <= {"sent", "withheld", "failed"}
    got = Counter(to for to, _mail in received(scene.box))
    assert all(number == 1 for number in got.values())
    known = db.session.execute(select(Member.id, Member.email))
    of = {number: email for number, email in known}  # noqa: C416
    assert {of[number] for number, end in ends.items() if end == "sent"} == set(got)


def _act(action: str, scene: SimpleNamespace, letter: Any) -> None:
    if action == "minute":
        minute()
    elif action == "step and die":
        with pytest.raises(Killed):
            _die_in_step(letter)
    elif action == "take and die":
        with db.unit_of_work():
            letter_sending.step(letter.id)
        outbox.take("mail", most=2)
        _sweep()
    elif action == "hand over and die":
        with db.unit_of_work():
            letter_sending.step(letter.id)
        for _number, _name, turn in outbox.take("mail", most=1):
            turn.hand_over()
        _sweep()
    elif action in ("pause", "resume"):
        try:
            with db.unit_of_work():
                getattr(letter_operations, action)(letter.id, by=None)
        except Refused:
            db.rollback()
    else:
        with db.unit_of_work():
            consents.withdraw_consent(
                member_id=scene.ana, purposes=[Purpose.CONTACT], withdrawn_by=None,
                withdrawn_on=db.now().date(), how=How.PAPER, by=None, today=db.now().date(),
            )  # fmt: skip


def _die_in_step(letter: Any) -> None:
    with db.unit_of_work():
        letter_sending.step(letter.id)
        raise Killed


def _sweep() -> None:
    with db.unit_of_work():
        db.session.execute(
            update(Outgoing)
            .where(Outgoing.lease_until.is_not(None))
            .values(lease_until=db.now() - timedelta(seconds=1))
        )
    outbox.sweep()


def test_a_restore_sends_no_letter_on(scene: SimpleNamespace, tmp_path: Path) -> None:
    """What it sent after the backup was made nobody knows: a person lets it go on."""
    letter = send(scene)
    path, _told = backups.make(tmp_path / "x")
    with empty_place("sqlite", tmp_path / "back", lambda: ""):
        restoring.restore(path)
        assert state(letter) == "paused"
        with db.unit_of_work():
            restoring.let_go(send=False)
        with db.unit_of_work():
            letter_sending.settle_all(TODAY)
            audit.record("make", "test", None, by=None)
        waits = select(func.count()).where(Outgoing.state == State.WAITING)
        assert db.session.scalar(waits) == 0
        assert set(kept_rows(letter).values()) == {"to-send"}
