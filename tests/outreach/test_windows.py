"""How long an answer may take, when it is asked about, and when nobody waits any longer."""

from collections.abc import Callable
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from crm.core import audit, db, outbox
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.outreach import asking, waits, window_rules, windows
from crm.outreach.models import Action, ActionTarget
from crm.outreach.operations import (
    correct_action,
    record_outcome,
    redo_action,
    undo_action,
    withdraw_outcome,
)
from crm.outreach.window_rules import AGAIN, NO_ANSWER, Wait, Windows
from crm.targets.models import ContactPoint, Term
from tests import make
from tests.members.test_queries import statements
from tests.outreach.conftest import TODAY

Log = Callable[..., Action]
SENT = date(2026, 3, 3)
DAY = timedelta(days=1)


def rows(action_id: int) -> dict[int, ActionTarget]:
    db.session.expire_all()
    found = db.session.scalars(select(ActionTarget).where(ActionTarget.action_id == action_id))
    return {row.target_id: row for row in found}


def clock(day: date) -> waits.Asked:
    with db.unit_of_work():
        done = waits.by_the_clock(day)
        audit.record("ask_for_replies", "action", None, by=None)
    return done


def office(target_id: int, label: str, key: str | None = None) -> ContactPoint:
    return make.kept(
        ContactPoint(target_id=target_id, kind="postal", label=label, value="1 Main St", key=key)
    )


# Rules


@pytest.mark.parametrize(
    ("kind", "key", "label", "capital", "found"),
    [
        ("legislator", "dc/x", "Washington", True, "washington"),
        ("legislator", "office/x", "Charleston", False, "district"),
        ("legislator", "openstates/capitol/x", "Capitol", True, "district"),
        ("legislator", None, "DC office", True, "washington"),
        ("government", None, "Embassy in Washington", True, "mission"),
        ("government", None, "Permanent Mission to the UN", False, "mission"),
        ("government", None, "Ministry of Defence", False, "government"),
        ("company", None, "Head office", False, "any"),
    ],
)
def test_the_kind_of_an_address(
    kind: str, key: str | None, label: str, capital: bool, found: str
) -> None:
    words = frozenset(label.lower().split())
    assert window_rules.address_kind(kind, key, words, is_capital=capital) == found


def test_washingtons_mail_takes_longer_than_a_district_offices() -> None:
    force = Windows({})
    for channel in ("letter", "postcard"):
        assert force.days(channel, "washington") > force.days(channel, "district")
    assert force.days("email", "online") < force.days("letter", "district")
    assert force.days("something new", "district") == window_rules.OTHERWISE
    assert Windows({("letter", "district"): 9}).days("letter", "district") == 9
    assert force.again == 7


@given(
    jumps=st.lists(st.integers(-3, 60), max_size=40),
    said=st.lists(st.sampled_from(["nothing", "later", "silence"]), max_size=40),
)
def test_a_row_is_asked_twice_at_most_and_closed_once(jumps: list[int], said: list[str]) -> None:
    """Whatever the clock does: it is asked, asked again, closed; what is said never adds one."""
    day, wait = date(2026, 1, 1), Wait(date(2026, 1, 10))
    asked = closed = 0
    for place, jump in enumerate(jumps):
        day += timedelta(days=jump)
        then = window_rules.by_the_clock(wait, day, 7)
        asked += then.asked - wait.asked
        closed += wait.closed_on is None and then.closed_on is not None
        assert then.asked - wait.asked in (0, 1)
        wait = then
        word = said[place] if place < len(said) else "silence"
        if wait.closed_on is None and word == "nothing":
            then = window_rules.nothing_yet(wait, day, 7)
            asked += then.asked - wait.asked
            closed += then.closed_on is not None
            wait = then
            assert wait.closed_on is not None or not wait.is_due(day)
        elif wait.closed_on is None and word == "later":
            asked, wait = 0, window_rules.later(wait, day, 14)
            assert not wait.is_due(day)
            assert wait.is_due(day + timedelta(days=14))
    assert asked <= 2
    assert closed <= 1
    if wait.closed_on is not None:
        assert wait == window_rules.by_the_clock(wait, day + timedelta(days=500), 7)


def test_what_was_old_already_is_spread() -> None:
    assert window_rules.old_a_day(1) == 3
    assert window_rules.old_a_day(500) == 9
    assert -(-500 // window_rules.old_a_day(500)) <= 60


# Logged


def test_each_row_is_given_its_day(any_app: Flask, any_scene: SimpleNamespace, log: Log) -> None:
    alder, birch, cedar, _dogwood, niue = any_scene.targets
    office(alder, "Washington", "dc/1")
    office(birch, "Beckley", "office/1")
    office(niue, "Embassy")
    found = rows(log(any_scene).id)
    assert {each: (row.ask_on - SENT).days for each, row in found.items()} == {
        alder: 56, birch: 35, cedar: 56, any_scene.targets[3]: 56, niue: 42,
    }  # fmt: skip
    assert {each: row.went_to for each, row in found.items()} == {
        alder: "washington", birch: "district", cedar: "washington",
        any_scene.targets[3]: "washington", niue: "mission",
    }  # fmt: skip
    mail = rows(log(any_scene, channel="email").id)
    assert {((row.ask_on - SENT).days, row.went_to) for row in mail.values()} == {(14, "online")}
    calls = rows(log(any_scene, channel="call").id)
    assert {(row.ask_on, row.went_to) for row in calls.values()} == {(None, "any")}


def test_what_is_known_of_the_address_goes_first(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    known = dict.fromkeys(any_scene.targets, "district")
    found = rows(log(any_scene, places=known).id)
    assert {((row.ask_on - SENT).days, row.went_to) for row in found.values()} == {(35, "district")}


def test_it_takes_two_statements_for_any_number(scene: SimpleNamespace, log: Log) -> None:
    with statements() as few:
        log(scene, targets={scene.targets[0]: 75, scene.targets[4]: 75})
    with statements() as many:
        log(scene)
    assert len(many) == len(few)


def test_a_correction_moves_the_day_and_keeps_the_rest(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    action = log(any_scene, targets=dict.fromkeys(any_scene.targets[:2], 75))
    first = any_scene.targets[0]
    before = rows(action.id)[first].ask_on
    clock(before)
    with db.unit_of_work():
        correct_action(
            db.session.get_one(Action, action.id), reason=None, by=None, today=TODAY,
            campaign_id=any_scene.campaign, happened_on=SENT + 5 * DAY, pieces=150,
            targets=dict.fromkeys(any_scene.targets[:3], 50), members={},
            chapter_ids=[any_scene.school_a],
        )  # fmt: skip
    found = rows(action.id)
    assert (found[first].ask_on, found[first].asked) == (before + 7 * DAY + 5 * DAY, 1)
    new = found[any_scene.targets[2]]
    assert (new.ask_on, new.asked) == (SENT + 5 * DAY + 56 * DAY, 0)


def test_undone_and_brought_back_the_asking_is_where_it_was(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    action = log(any_scene)
    for day in (date(2026, 5, 1), date(2026, 5, 8), date(2026, 5, 15)):
        clock(day)
    before = {t: (r.ask_on, r.asked, r.closed_on, r.closed_why, r.awaiting, r.went_to)
              for t, r in rows(action.id).items()}  # fmt: skip
    assert {each[3] for each in before.values()} == {NO_ANSWER}
    with db.unit_of_work():
        undo_action(db.session.get_one(Action, action.id), by=None)
    with db.unit_of_work():
        redo_action(db.session.get_one(Action, action.id), by=None)
    assert before == {t: (r.ask_on, r.asked, r.closed_on, r.closed_why, r.awaiting, r.went_to)
                      for t, r in rows(action.id).items()}  # fmt: skip


# By the clock


def test_asked_asked_again_and_closed(any_app: Flask, any_scene: SimpleNamespace, log: Log) -> None:
    action = log(any_scene)
    due = date(2026, 4, 28)
    assert clock(due - DAY).action_ids == frozenset()
    assert clock(due).action_ids == {action.id}
    assert clock(due).action_ids == frozenset()
    assert clock(due + 6 * DAY).action_ids == frozenset()
    assert clock(due + 7 * DAY).action_ids == {action.id}
    done = clock(due + 20 * DAY)
    assert (done.action_ids, done.closed) == (frozenset(), 5)
    found = rows(action.id).values()
    assert {(row.awaiting, row.closed_on, row.closed_why, row.asked) for row in found} == {
        (False, due + 20 * DAY, NO_ANSWER, 2)
    }
    assert clock(due + 400 * DAY).closed == 0
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "close_waiting")).one()
    assert entry.changes["why"] == NO_ANSWER


def test_a_late_answer_is_kept_and_opens_nothing(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    action = log(any_scene, targets=dict.fromkeys(any_scene.targets[:2], 75))
    for day in (date(2026, 5, 1), date(2026, 5, 8), date(2026, 5, 15)):
        clock(day)
    first = rows(action.id)[any_scene.targets[0]]
    with db.unit_of_work():
        outcome = record_outcome(
            action_target_id=first.id, kind="refusal", received_on=date(2026, 6, 1), by=None,
            today=date(2026, 6, 2),
        )  # fmt: skip
        db.session.flush()
        number = outcome.id
    found = rows(action.id)
    assert {row.awaiting for row in found.values()} == {False}
    with db.unit_of_work():
        from crm.outreach.models import Outcome

        withdraw_outcome(db.session.get_one(Outcome, number), by=None)
    assert {row.awaiting for row in rows(action.id).values()} == {False}
    assert {row.closed_why for row in rows(action.id).values()} == {NO_ANSWER}


def test_what_was_answered_is_not_asked_about(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    action = log(any_scene, targets={any_scene.targets[0]: 150})
    row = rows(action.id)[any_scene.targets[0]]
    with db.unit_of_work():
        record_outcome(action_target_id=row.id, kind="acknowledgement", received_on=TODAY, by=None,
                       today=TODAY)  # fmt: skip
    assert clock(date(2027, 1, 1)) == waits.Asked(frozenset(), 0)


def test_who_left_office_is_waited_for_no_longer(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    action = log(any_scene)
    gone, again = any_scene.targets[0], any_scene.targets[1]
    with db.unit_of_work():
        db.session.execute(
            update(Term).where(Term.target_id.in_((gone, again))).values(is_current=False)
        )
        seat = db.session.scalars(select(Term).where(Term.target_id == again)).one()
        # Elected again: another term of the same post.
        db.session.add(
            Term(target_id=again, post_id=seat.post_id, starts_on=date(2031, 1, 3),
                 is_current=True)
        )  # fmt: skip
        audit.record("make", "test", None, by=None)
    with db.unit_of_work():
        assert waits.close_of_who_left(TODAY, by=None) == 1
    found = rows(action.id)
    assert found[gone].closed_why == window_rules.LEFT_OFFICE
    assert [row.awaiting for target, row in found.items() if target != gone] == [True] * 4


def test_what_waited_before_is_spread(any_app: Flask, any_scene: SimpleNamespace, log: Log) -> None:
    ids = [log(any_scene, targets={any_scene.targets[0]: 150}).id for _each in range(10)]
    recent = log(any_scene, happened_on=date(2026, 4, 30)).id
    with db.unit_of_work():
        db.session.execute(update(ActionTarget).values(ask_on=None))
        audit.record("make", "test", None, by=None)
    with db.unit_of_work():
        assert waits.date_old(TODAY) == (15, None)
        audit.record("make", "test", None, by=None)
    days = [rows(each)[any_scene.targets[0]].ask_on for each in ids]
    assert days == sorted(days)
    assert max(days.count(day) for day in days) == 3
    assert rows(recent)[any_scene.targets[0]].ask_on == date(2026, 4, 30) + 56 * DAY
    with db.unit_of_work():
        assert waits.date_old(TODAY) == (0, None)
        audit.record("make", "test", None, by=None)


def test_the_job_takes_as_many_statements_a_batch(
    scene: SimpleNamespace, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _each in range(4):
        log(scene)
    monkeypatch.setattr(waits, "AT_ONCE", 10)
    with statements() as found:
        assert len(clock(date(2026, 12, 1)).action_ids) == 4
    few = len(found)
    with statements() as found:
        clock(date(2026, 12, 20))
    # Two full batches and the one that is empty: a reading and an update each, and the frame.
    assert few == len(found) <= 3 * 2 + 5


# Adjusted


def test_windows_are_changed_and_move_what_is_open(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    action = log(any_scene)
    g.pop("grants", None)
    admin = db.session.merge(any_scene.people.admin)
    with db.unit_of_work():
        assert windows.set_windows({("postcard", "washington"): 70, AGAIN: 10}, by=admin) == 0
    assert windows.windows().again == 10
    assert rows(action.id)[any_scene.targets[0]].ask_on == SENT + 56 * DAY
    with db.unit_of_work():
        moved = windows.set_windows({("postcard", "washington"): 60}, move_open=True, by=admin)
    assert moved == 5
    assert rows(action.id)[any_scene.targets[0]].ask_on == SENT + 60 * DAY
    with db.unit_of_work():
        windows.set_windows({("postcard", "washington"): 56}, by=admin)
    assert ("postcard", "washington") not in windows.windows().said


@pytest.mark.parametrize("days", [0, -1, 366])
def test_days_have_bounds(any_app: Flask, any_scene: SimpleNamespace, days: int) -> None:
    with pytest.raises(Refused, match="from 1 to 365"), db.unit_of_work():
        windows.set_windows({("letter", "district"): days}, by=None)


def test_a_leader_changes_no_window(any_app: Flask, any_scene: SimpleNamespace) -> None:
    g.pop("grants", None)
    leader = db.session.merge(any_scene.people.leader)
    with pytest.raises(Refused, match="administrator"), db.unit_of_work():
        windows.set_windows({("letter", "district"): 20}, by=leader)


def morning(day: date) -> None:
    """What the schedule asks for, carried out."""
    with db.unit_of_work():
        asking.begin(day)
    outbox.drain()


def test_a_morning_is_done_in_parts(
    any_app: Flask, any_scene: SimpleNamespace, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MOST", "AT_ONCE"):
        monkeypatch.setattr(waits, name, 3)
    ids = [log(any_scene).id for _each in range(10)]
    with db.unit_of_work():
        db.session.execute(update(ActionTarget).values(ask_on=None))
        audit.record("make", "test", None, by=None)
    morning(date(2026, 5, 1))
    found = {each: rows(each).values() for each in ids}
    # The targets of one sitting have one day, however the parts were cut.
    assert all(len({row.ask_on for row in of_one}) == 1 for of_one in found.values())
    assert [next(iter(found[each])).asked for each in ids] == [1] * 3 + [0] * 7
    days = [next(iter(found[each])).ask_on for each in ids[3:]]
    assert days == [date(2026, 5, 1) + (n // 3) * DAY for n in range(3, 10)]
    for later in (1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 17):
        morning(date(2026, 5, 1) + later * DAY)
    assert {row.closed_why for each in ids for row in rows(each).values()} == {NO_ANSWER}


# Who is asked


def test_who_logged_it_is_asked_else_the_chapters_leader(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    people = any_scene.people
    g.pop("grants", None)
    own = log(any_scene, by=db.session.merge(people.coordinator)).id
    nobodys = log(any_scene).id
    with db.unit_of_work():
        db.session.merge(people.leader).active = True
        audit.record("make", "test", None, by=None)
    asked = asking.who_is_asked([own, nobodys])
    assert [user.id for user in asked[own]] == [people.coordinator.id]
    assert [user.id for user in asked[nobodys]] == [people.leader.id]
    with db.unit_of_work():
        for each in (people.leader, people.coordinator):
            db.session.merge(each).active = False
        audit.record("make", "test", None, by=None)
    asked = asking.who_is_asked([own, nobodys])
    assert [[user.id for user in users] for users in asked.values()] == [[people.staff.id]] * 2


def test_one_message_a_leader_a_day(
    any_app: Flask, any_scene: SimpleNamespace, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(asking.mail, "is_configured", lambda: True)

    def send(template: str, **context: Any) -> Any:
        sent.append({"template": template, **context})
        return SimpleNamespace(done=True)

    monkeypatch.setattr(asking.mail, "send", send)
    for _each in range(15):
        log(any_scene)
    morning(date(2026, 5, 1))
    (message,) = sent
    assert message["kind"] == "any_reply"
    assert len(message["lines"]) == asking.NAMED
    assert message["more"] == 3
    assert message["key"].endswith(":2026-05-01")
    assert "15" in str(message["subject"])
    assert {row.asked for row in db.session.scalars(select(ActionTarget))} == {1}
