"""Answers of a class, ticked on one screen: each is one outcome, kept once, taken back together."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import func, select, update

from crm.accounts.models import User
from crm.core import audit, db
from crm.core.errors import Refused
from crm.outreach import waits
from crm.outreach.models import Action, ActionTarget, Outcome
from crm.outreach.operations import withdraw_outcome
from crm.outreach.replies import Reply, Rest, record_replies, withdraw_replies
from crm.outreach.senders import senders_of
from tests import make
from tests.members.test_queries import statements
from tests.outreach.conftest import TODAY

Log = Callable[..., Action]
KEY = "a-form-key-1"


def rows(action_id: int) -> dict[int, ActionTarget]:
    db.session.expire_all()
    found = db.session.scalars(select(ActionTarget).where(ActionTarget.action_id == action_id))
    return {row.target_id: row for row in found}


def save(action_id: int, replies: list[Reply], **changes: Any) -> int:
    given: dict[str, Any] = {
        "shown": [row.id for row in rows(action_id).values()],
        "rest": Rest.NOTHING_YET, "key": KEY, "by": None, "today": TODAY,
    }  # fmt: skip
    with db.unit_of_work():
        return record_replies(action_id=action_id, replies=replies, **(given | changes))


def count() -> int:
    return db.session.scalar(select(func.count(Outcome.id))) or 0


def one_target(scene: SimpleNamespace, log: Log, **more: Any) -> tuple[int, int]:
    """20 letters to one target, three of them named; the action and its row."""
    action_id = log(
        scene, channel="letter", pieces=20, targets={scene.targets[0]: 20},
        members=dict.fromkeys(scene.members, 2), **more,
    ).id  # fmt: skip
    return action_id, rows(action_id)[scene.targets[0]].id


def test_twenty_letters_and_six_answers(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    action_id, row = one_target(any_scene, log)
    replies = [
        Reply(row, "acknowledgement", TODAY, any_scene.members[0]),
        Reply(row, "acknowledgement", TODAY, any_scene.members[1]),
        Reply(row, "substantive_reply", TODAY, any_scene.members[2]),
        Reply(row, "substantive_reply", TODAY, None, 3),
    ]
    assert save(action_id, replies) == 6
    assert count() == 6
    from crm.core.tables import Share
    from tests.reports.test_reports import asked, cells

    found = asked(any_app, "response-rate", channel="letter")
    assert cells(found, "response-rate", "rate", "substance") == [(Share(6, 20), Share(4, 20))]
    assert str(Share(4, 20)) == "4 of 20 (20%)"


def test_sent_again_it_is_kept_once(any_app: Flask, any_scene: SimpleNamespace, log: Log) -> None:
    action_id, row = one_target(any_scene, log)
    replies = [Reply(row, "refusal", TODAY, any_scene.members[0]),
               Reply(row, "refusal", TODAY, None, 4)]  # fmt: skip
    assert save(action_id, replies) == 5
    assert save(action_id, replies) == 0
    # Another who ticks the same member, and another count, which is more.
    assert save(action_id, replies, key="another-key-2") == 4
    assert count() == 9


def test_it_is_taken_back_and_waits_again(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    action_id, row = one_target(any_scene, log)
    save(action_id, [Reply(row, "refusal", TODAY, None, 2)])
    assert not rows(action_id)[any_scene.targets[0]].awaiting
    with db.unit_of_work():
        assert withdraw_replies(action_id=action_id, key=KEY, by=None) == 2
    assert rows(action_id)[any_scene.targets[0]].awaiting
    assert count() == 0
    save(action_id, [Reply(row, "refusal", TODAY, None, 2)], key="another-key-3")
    for number in db.session.scalars(select(Outcome.id)).all():
        with db.unit_of_work():
            withdraw_outcome(db.session.get_one(Outcome, number), by=None)
    assert rows(action_id)[any_scene.targets[0]].awaiting


def test_what_nobody_ticked_goes_its_course(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    action = log(any_scene)
    first = any_scene.targets[0]
    save(action.id, [Reply(rows(action.id)[first].id, "refusal", TODAY, None, 1)])
    found = rows(action.id)
    assert {t: row.awaiting for t, row in found.items()} == {
        t: t != first for t in any_scene.targets
    }
    left = [row for t, row in found.items() if t != first]
    assert {(row.asked, row.ask_on, row.said_on) for row in left} == {
        (1, TODAY + timedelta(days=7), TODAY)
    }
    # The same form again: nobody is asked a second time for it.
    save(action.id, [])
    assert {row.asked for t, row in rows(action.id).items() if t != first} == {1}
    save(action.id, [], key="another-key-2", today=TODAY + timedelta(days=7))
    assert {row.asked for t, row in rows(action.id).items() if t != first} == {2}
    save(action.id, [], key="another-key-3", today=TODAY + timedelta(days=14))
    assert {row.closed_why for t, row in rows(action.id).items() if t != first} == {"no answer"}


def test_still_waiting_and_closed_at_once(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    action = log(any_scene)
    save(action.id, [], rest=Rest.LATER, days=30)
    assert {(row.asked, row.ask_on) for row in rows(action.id).values()} == {
        (0, TODAY + timedelta(days=30))
    }
    save(action.id, [], rest=Rest.CLOSE)
    assert {(row.awaiting, row.closed_on) for row in rows(action.id).values()} == {(False, TODAY)}


@pytest.mark.parametrize(
    ("kind", "day", "number", "words"),
    [
        ("nothing", TODAY, 1, "Choose what came back"),
        ("returned", TODAY, 1, "Choose what came back"),
        ("refusal", TODAY + timedelta(days=1), 1, "in the future"),
        ("refusal", date(2026, 3, 1), 1, "before the outreach"),
        ("refusal", TODAY, 21, "21 answers are given where 20 were sent"),
        ("refusal", TODAY, 0, "whole number"),
    ],
)
def test_what_cannot_have_come_is_refused(
    any_app: Flask, any_scene: SimpleNamespace, log: Log, kind: str, day: date, number: int,
    words: str,
) -> None:  # fmt: skip
    action_id, row = one_target(any_scene, log)
    with pytest.raises(Refused, match=words):
        save(action_id, [Reply(row, kind, day, None, number)])
    assert count() == 0


def test_rows_of_another_action_are_refused(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    one, _row = one_target(any_scene, log)
    _other, row = one_target(any_scene, log)
    with pytest.raises(Refused, match="Open the page anew"):
        save(one, [Reply(row, "refusal", TODAY)])


def test_a_leader_of_another_chapter_records_nothing(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    action_id, row = one_target(any_scene, log)
    g.pop("grants", None)
    outsider = db.session.merge(any_scene.people.outsider)
    with pytest.raises(Refused, match="own chapters"):
        save(action_id, [Reply(row, "refusal", TODAY)], by=outsider)


def test_senders_are_those_who_took_part(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    action_id, _row = one_target(any_scene, log)
    action = db.session.get_one(Action, action_id)
    found = senders_of(action, {any_scene.targets[0]: 20})[any_scene.targets[0]]
    assert found.named == dict.fromkeys(any_scene.members, 2)
    assert (found.unnamed, found.is_known) == (14, True)


# Pages


def due(action_id: int, day: date = date(2026, 4, 1)) -> None:
    with db.unit_of_work():
        db.session.execute(
            update(ActionTarget).where(ActionTarget.action_id == action_id).values(ask_on=day)
        )
        audit.record("make", "test", None, by=None)


def user(record: Any) -> User:
    g.pop("grants", None)
    g.pop("known_members", None)
    return db.session.merge(record)


def test_what_is_due_stands_on_the_page_without_a_worker(
    app: Flask, scene: SimpleNamespace, log: Log, sign_in: Any
) -> None:
    action_id, _row = one_target(scene, log)
    due(action_id, date(2999, 1, 1))
    browser = sign_in(user(scene.people.leader))
    assert "20 letters" not in browser.get("/outreach/replies").text
    due(action_id)
    page = browser.get("/outreach/replies").text
    assert "20 letters" in page
    assert "The time for an answer is over for" in browser.get("/").text
    other = sign_in(user(scene.people.outsider))
    assert "20 letters" not in other.get("/outreach/replies").text
    assert other.get(f"/outreach/replies/{action_id}").status_code == 404


def test_one_screen_records_a_class(
    app: Flask, scene: SimpleNamespace, log: Log, sign_in: Any
) -> None:
    action_id, row = one_target(scene, log)
    due(action_id)
    browser = sign_in(user(scene.people.leader))
    page = browser.get(f"/outreach/replies/{action_id}")
    assert "Ana Brook" in page.text
    assert "And of 14 more, not named" in page.text
    ana, ben, _cleo = scene.members
    sent = {
        "key": "the-form-key-9", "received_on": "2026-05-01", "rest": "nothing-yet", "days": "14",
        f"got-{row}": [str(ana), str(ben), "999999"], f"kind-{row}": "form_reply",
        f"kind-{row}-{ben}": "commitment", f"others-{row}": "2",
    }  # fmt: skip
    assert browser.post(f"/outreach/replies/{action_id}", data=sent).status_code == 303
    assert browser.post(f"/outreach/replies/{action_id}", data=sent).status_code == 303
    kept = db.session.execute(select(Outcome.member_id, Outcome.kind)).all()
    assert sorted((each.member_id or 0, each.kind) for each in kept) == [
        (0, "form_reply"), (0, "form_reply"), (ana, "form_reply"), (ben, "commitment"),
    ]  # fmt: skip
    shown = browser.get(f"/outreach/{action_id}").text
    assert "to Ana Brook" in shown


def test_what_was_typed_comes_back_with_its_error(
    app: Flask, scene: SimpleNamespace, log: Log, sign_in: Any
) -> None:
    action_id, row = one_target(scene, log)
    browser = sign_in(user(scene.people.leader))
    sent = {"key": "the-form-key-9", "received_on": "2026-05-01", "rest": "nothing-yet",
            "days": "14", f"others-{row}": "50"}  # fmt: skip
    answer = browser.post(f"/outreach/replies/{action_id}", data=sent)
    assert answer.status_code == 422
    assert "50 answers are given where 20 were sent" in answer.text
    assert 'value="50"' in answer.text
    # What each one got is folded away until somebody says that they differ.
    differ = rf'id="differ-{row}"[^>]*( checked)'
    assert re.search(differ, answer.text) is None
    sent[f"kind-{row}-{scene.members[0]}"] = "commitment"
    again = browser.post(f"/outreach/replies/{action_id}", data=sent)
    assert re.search(differ, again.text)


def test_a_save_is_taken_back_from_the_page(
    app: Flask, scene: SimpleNamespace, log: Log, sign_in: Any
) -> None:
    action_id, row = one_target(scene, log)
    browser = sign_in(user(scene.people.leader))
    sent = {"key": "the-form-key-9", "received_on": "2026-05-01", "rest": "nothing-yet",
            "days": "14", f"others-{row}": "5"}  # fmt: skip
    browser.post(f"/outreach/replies/{action_id}", data=sent)
    assert "can be taken back" in browser.get("/outreach/replies").text
    browser.post(f"/outreach/replies/{action_id}/withdraw", data={})
    assert count() == 0


def test_the_pages_take_as_many_statements_whatever_they_list(
    app: Flask, scene: SimpleNamespace, log: Log, sign_in: Any
) -> None:
    browser = sign_in(user(scene.people.leader))
    for _each in range(12):
        due(log(scene, members=dict.fromkeys(scene.members, 10)).id)
    action_id = log(scene, members=dict.fromkeys(scene.members, 10)).id
    for address in ("/outreach/replies", f"/outreach/replies/{action_id}", "/outreach/waiting",
                    "/outreach/waiting?state=closed"):  # fmt: skip
        browser.get(address)
        with statements() as found:
            browser.get(address)
        assert len(found) <= 16, address


def test_what_was_closed_has_a_list_of_its_own(
    app: Flask, scene: SimpleNamespace, log: Log, sign_in: Any
) -> None:
    action_id, _row = one_target(scene, log)
    save(action_id, [], rest=Rest.CLOSE)
    browser = sign_in(user(scene.people.leader))
    assert "Shelley Alder" not in browser.get("/outreach/waiting").text
    page = browser.get("/outreach/waiting?state=closed").text
    assert "Shelley Alder" in page
    assert "closed without answer" in page


def test_windows_are_set_on_a_page(app: Flask, scene: SimpleNamespace, sign_in: Any) -> None:
    from crm.outreach import windows

    browser = sign_in(user(scene.people.admin))
    page = browser.get("/settings/reply-windows").text
    assert "Office in Washington" in page
    typed = {windows.field_of(key): str(windows.windows().days(*key)) for key in windows.editable()}
    typed |= {"again-any": "10", "letter-washington": "x"}
    assert browser.post("/settings/reply-windows", data=typed).status_code == 422
    typed["letter-washington"] = "70"
    assert browser.post("/settings/reply-windows", data=typed).status_code == 303
    db.rollback()
    assert windows.windows().days("letter", "washington") == 70
    assert windows.windows().again == 10
    assert sign_in(user(scene.people.leader)).get("/settings/reply-windows").status_code == 403


def test_a_merge_of_targets_keeps_one_asking(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    from tests.outreach.test_merging import merge, unmerge

    one = make.target("Nauru").id
    two = make.target("Naoero").id
    action = log(any_scene, targets={one: 75, two: 75})
    before = {t: (r.awaiting, r.ask_on, r.pieces) for t, r in rows(action.id).items()}
    number = merge(one, two)
    assert {t: (r.awaiting, r.pieces) for t, r in rows(action.id).items()} == {one: (True, 150)}
    with db.unit_of_work():
        waits.by_the_clock(date(2026, 5, 1))
        audit.record("make", "test", None, by=None)
    unmerge(number)
    after = {t: (r.awaiting, r.pieces) for t, r in rows(action.id).items()}
    assert after == {t: (each[0], each[2]) for t, each in before.items()}


def test_a_piece_is_answered_once_in_the_rate(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    from crm.core.tables import Share
    from tests.reports.test_reports import asked, cells

    action_id, row = one_target(any_scene, log)
    ana = any_scene.members[0]
    save(action_id, [Reply(row, "acknowledgement", TODAY, ana)])
    save(action_id, [Reply(row, "substantive_reply", TODAY, ana)], key="another-key-2")
    other = log(any_scene, channel="meeting", targets={any_scene.targets[0]: 1}).id
    [met] = rows(other)
    first = rows(other)[met].id
    save(other, [Reply(first, "acknowledgement", TODAY)], key="another-key-3")
    save(other, [Reply(first, "commitment", TODAY)], key="another-key-4")
    log(any_scene, channel="email")
    found = asked(any_app, "response-rate")
    shown = cells(found, "response-rate", "channel", "answers", "rate", "substance", "window")
    assert shown == [
        ("Letters", 2, Share(1, 20), Share(1, 20), "35–56 days"),
        ("E-mails", 0, Share(0, 150), Share(0, 150), "14 days"),
        ("Meetings", 2, Share(1, 1), Share(1, 1), "14 days"),
    ]
    assert cells(found, "response-rate", "waiting", "closed") == [(0, 0), (150, 0), (0, 0)]
