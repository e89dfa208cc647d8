"""Today, a task, the board, handing out: through the client, by owner, colleague and stranger."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from crm.core import db
from crm.core.i18n import today
from crm.outreach.models import Action
from crm.tasks.models import Task
from crm.tasks.operations import Draft, add_tasks
from crm.texts.models import Text
from crm.texts.operations import approve, make_text
from tests.members.test_queries import statements
from tests.reports.conftest import logged

SignIn = Callable[[object], FlaskClient]


def made(scene: SimpleNamespace, number: int = 1, **changes: Any) -> list[int]:
    given: dict[str, Any] = {
        "title": "Write to your senators",
        "chapter_id": scene.school_a,
        "member_id": scene.members[0],
        "campaign_id": scene.campaign,
        "channel": "postcard",
        "targets": dict.fromkeys(scene.targets, 2),
        "due_on": today() - timedelta(days=2),
        "leader_id": scene.people.leader.id,
    }
    with db.unit_of_work():
        tasks = add_tasks(
            [Draft(**{**given, **changes}) for _one in range(number)],
            by=None,
            today=today(),
            client_key=f"key-{rows(Task)}",
        )
        return [task.id for task in tasks]


def rows(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def task(task_id: int) -> Task:
    db.session.rollback()
    return db.session.get_one(Task, task_id, populate_existing=True)


# Today


def test_members_see_today_first(scene: SimpleNamespace, sign_in: SignIn) -> None:
    [task_id] = made(scene)
    made(scene, member_id=scene.members[1], title="For Ben alone")
    ana = sign_in(scene.ana)
    front = ana.get("/")
    assert (front.status_code, front.location) == (303, "/tasks/today")
    page = ana.get("/tasks/today").text
    assert "Write to your senators" in page
    assert "2 days late" in page
    assert "Shelley Alder" in page
    assert "For Ben alone" not in page
    done = ana.post(f"/tasks/{task_id}/done", data={"turn": "0.0", "back": "today"})
    assert (done.status_code, done.location) == (303, "/tasks/today")
    again = ana.post(f"/tasks/{task_id}/done", data={"turn": "0.0", "back": "today"})
    assert again.status_code == 303
    assert rows(Action) == 1
    assert task(task_id).state == "completed"
    assert "It is logged" in ana.get("/tasks/today").text


def test_a_colleague_and_a_stranger_see_nothing(scene: SimpleNamespace, sign_in: SignIn) -> None:
    [task_id] = made(scene)
    for who in (scene.ben, scene.sol, scene.people.outsider):
        client = sign_in(who)
        assert client.get(f"/tasks/{task_id}").status_code == 404
        for verb in ("done", "start", "return", "help", "reopen"):
            assert client.post(f"/tasks/{task_id}/{verb}", data={"words": "x"}).status_code == 404
        assert "Write to your senators" not in client.get("/tasks/today").text
    viewer = sign_in(scene.people.viewer)
    assert viewer.get("/tasks/today").status_code == 403
    assert viewer.post(f"/tasks/{task_id}/done").status_code == 403
    assert sign_in(scene.people.outsider).get(f"/tasks/{task_id}/history").status_code == 404
    assert sign_in(scene.people.outsider).get(f"/tasks/{task_id}/edit").status_code == 404
    assert task(task_id).state == "needs-action"
    assert sign_in(scene.ana).get(f"/tasks/{task_id}").status_code == 200
    assert sign_in(scene.people.leader).get(f"/tasks/{task_id}").status_code == 200


def test_a_part_is_done_and_what_is_wrong_comes_back(
    scene: SimpleNamespace, sign_in: SignIn
) -> None:
    [task_id] = made(scene)
    one, two, three = scene.targets
    ana = sign_in(scene.ana)
    typed = {"turn": "0.0", "parts": "1", f"n-{one}": "7", f"n-{two}": "1", f"n-{three}": "0"}
    wrong = ana.post(f"/tasks/{task_id}/done", data=typed)
    assert wrong.status_code == 422
    assert 'value="7"' in wrong.text
    assert "more than was left" in wrong.text
    wrong = ana.post(f"/tasks/{task_id}/done", data={**typed, f"n-{one}": "many"})
    assert wrong.status_code == 422
    right = ana.post(f"/tasks/{task_id}/done", data={**typed, f"n-{one}": "2", "minutes": "20"})
    assert right.status_code == 303
    assert (task(task_id).done, task(task_id).state) == (3, "in-process")
    assert "3 postcards left" in ana.get(f"/tasks/{task_id}").text


def test_help_is_seen_by_the_leader(scene: SimpleNamespace, sign_in: SignIn) -> None:
    [task_id] = made(scene)
    ana, leader = sign_in(scene.ana), sign_in(scene.people.leader)
    assert ana.post(f"/tasks/{task_id}/help", data={"words": ""}).status_code == 422
    ana.post(f"/tasks/{task_id}/help", data={"words": "Which stamp?"})
    assert "help asked for" in leader.get("/tasks").text
    assert "Which stamp?" in leader.get(f"/tasks/{task_id}").text
    leader.post(f"/tasks/{task_id}/helped", data={})
    assert task(task_id).help is None


def test_the_pool_is_for_who_is_quick(scene: SimpleNamespace, sign_in: SignIn) -> None:
    [task_id] = made(scene, member_id=None, in_pool=True)
    ana, ben, sol = (sign_in(each) for each in (scene.ana, scene.ben, scene.sol))
    assert "Write to your senators" in ana.get("/tasks/today").text
    assert "Write to your senators" not in sol.get("/tasks/today").text
    assert sol.post(f"/tasks/{task_id}/take").status_code == 404
    ben.post(f"/tasks/{task_id}/take")
    late = ana.post(f"/tasks/{task_id}/take", follow_redirects=True)
    assert "quicker" in late.text
    assert task(task_id).member_id == scene.members[1]
    ben.post(f"/tasks/{task_id}/start")
    assert task(task_id).state == "in-process"
    ben.post(f"/tasks/{task_id}/return", data={"words": "I am ill"})
    assert task(task_id).in_pool


def test_pages_of_a_day_ask_a_fixed_number_of_times(
    scene: SimpleNamespace, sign_in: SignIn
) -> None:
    ana = sign_in(scene.ana)
    made(scene)
    with statements() as few:
        assert ana.get("/tasks/today").status_code == 200
    made(scene, 30)
    made(scene, 5, member_id=None, in_pool=True)
    with statements() as many:
        assert ana.get("/tasks/today").status_code == 200
    assert len(many) <= max(16, len(few))


# The board


@pytest.mark.parametrize("view", ["", "&view=list"])
def test_the_board_is_for_who_hands_out(scene: SimpleNamespace, sign_in: SignIn, view: str) -> None:
    made(scene, 3)
    made(scene, member_id=scene.members[1], title="Call the embassy", due_on=None)
    for who, status in (
        (scene.people.leader, 200),
        (scene.people.staff, 200),
        (scene.ana, 403),
        (scene.people.viewer, 403),
    ):
        assert sign_in(who).get(f"/tasks?{view}").status_code == status
    leader = sign_in(scene.people.leader)
    page = leader.get(f"/tasks?{view}").text
    assert page.count("Write to your senators</a>") == 3
    assert "2 days late" in page
    assert "Ana Brook" in page
    assert "Write to your senators" not in sign_in(scene.people.outsider).get(f"/tasks?{view}").text
    late = leader.get(f"/tasks?due=overdue{view}").text
    assert "Call the embassy" not in late
    assert "Call the embassy" in leader.get(f"/tasks?due=none{view}").text
    assert "Call the embassy" in leader.get(f"/tasks?member={scene.members[1]}{view}").text
    assert "There is no such choice" in leader.get(f"/tasks?due=someday{view}").text


@pytest.mark.parametrize("view", ["", "&view=list"])
def test_the_board_asks_a_fixed_number_of_times(
    scene: SimpleNamespace, sign_in: SignIn, view: str
) -> None:
    made(scene, 200)
    made(scene, 200, member_id=scene.members[1])
    leader = sign_in(scene.people.leader)
    with statements() as said:
        assert leader.get(f"/tasks?{view}").status_code == 200
    assert len(said) <= 16, len(said)


def test_many_are_changed_at_once(scene: SimpleNamespace, sign_in: SignIn) -> None:
    ids = made(scene, 4)
    leader = sign_in(scene.people.leader)
    given = leader.post("/tasks/many", data={"do": "give", "task": ids, "to": scene.members[1:]})
    assert given.status_code == 303
    assert [task(each).member_id for each in ids] == [scene.members[1]] * 2 + [scene.members[2]] * 2
    leader.post("/tasks/many?due=overdue", data={"do": "move", "task": ids, "due_on": "2031-01-01"})
    assert str(task(ids[0]).due_on) == "2031-01-01"
    leader.post("/tasks/many", data={"do": "pool", "task": ids[:1]})
    assert task(ids[0]).in_pool
    leader.post("/tasks/many", data={"do": "mine", "task": ids[:1]})
    assert (task(ids[0]).in_pool, task(ids[0]).leader_id) == (False, scene.people.leader.id)
    leader.post("/tasks/many", data={"do": "cancel", "task": ids[1:2], "reason": "Vote is over"})
    assert task(ids[1]).state == "cancelled"
    for data in (
        {"do": "give", "task": ids},
        {"do": "give", "task": [], "to": scene.members},
        {"do": "give", "task": ids, "to": [scene.stranger]},
        {"do": "burn", "task": ids},
    ):
        assert leader.post("/tasks/many", data=data).status_code == 422
    outsider = sign_in(scene.people.outsider)
    assert outsider.post("/tasks/many", data={"do": "pool", "task": ids}).status_code == 422
    assert sign_in(scene.ana).post("/tasks/many", data={"do": "pool"}).status_code == 403


def test_the_file_names_nobody(scene: SimpleNamespace, sign_in: SignIn) -> None:
    made(scene)
    for format in ("csv", "xlsx", "json"):
        assert sign_in(scene.people.coordinator).get(f"/tasks.{format}").status_code == 200
    text = sign_in(scene.people.coordinator).get("/tasks.csv").text
    assert "Write to your senators" in text
    assert "Brook" not in text
    assert "M-" in text
    assert sign_in(scene.people.leader).get("/tasks.csv").status_code == 403


# Handing out


def form(scene: SimpleNamespace, **changes: Any) -> dict[str, Any]:
    given = {
        "client_key": "0f2b7a31-abcd",
        "title": "Write a card",
        "channel": "postcard",
        "campaign": scene.campaign_slug,
        "aim": "campaign",
        "who": "all",
        "how": "spread",
        "pieces": "2",
        "due_on": "2031-05-05",
        "repeats": "",
        "then-0": "Any reply?",
        "days-0": "21",
    }
    return {**given, **changes}


def test_a_class_gets_its_tasks_in_one_step(scene: SimpleNamespace, sign_in: SignIn) -> None:
    leader = sign_in(scene.people.leader)
    assert leader.get("/tasks/new").status_code == 200
    look = leader.post("/tasks/new", data=form(scene, look="1"))
    assert look.status_code == 200
    assert "This makes 3 tasks" in look.text
    assert rows(Task) == 0
    for _time in range(2):
        made = leader.post("/tasks/new", data=form(scene))
        assert made.status_code == 303, made.text
    tasks = db.session.scalars(select(Task).order_by(Task.id)).all()
    assert [each.member_id for each in tasks] == scene.members
    assert {each.pieces for each in tasks} == {2}
    assert tasks[0].then == [{"title": "Any reply?", "days": 21}]
    assert tasks[0].leader_id == scene.people.leader.id


@pytest.mark.parametrize(
    ("changes", "count", "pieces"),
    [
        ({"how": "all"}, 3, 18),
        ({"how": "one"}, 3, 6),
        ({"how": "pieces", "pieces": "5"}, 3, 15),
        ({"who": "pool", "how": "spread"}, 3, 6),
        ({"who": "me", "how": "all"}, 1, 6),
        ({"aim": "chosen", "chosen": "Niue", "how": "all"}, 3, 6),
        ({"aim": "none", "channel": "", "campaign": ""}, 3, 0),
    ],
)
def test_work_is_handed_out_by_rule(
    scene: SimpleNamespace, sign_in: SignIn, changes: dict[str, str], count: int, pieces: int
) -> None:
    made = sign_in(scene.people.leader).post("/tasks/new", data=form(scene, **changes))
    assert made.status_code == 303, made.text
    assert rows(Task) == count
    assert db.session.scalar(select(func.sum(Task.pieces))) == pieces


@pytest.mark.parametrize(
    "changes",
    [
        {"title": ""},
        {"who": "ticked"},
        {"who": "ticked", "members": ["4"]},
        {"campaign": ""},
        {"aim": "list"},
        {"aim": "chosen", "chosen": "Nobody at all"},
        {"aim": "none"},
        {"pieces": "x"},
        {"pieces": "999999"},
        {"due_on": "soon"},
        {"repeats": "weekly", "due_on": ""},
        {"days-0": "soon"},
        {"due_on": "9999-12-31"},
        {"who": "team", "team": "²"},
        {"client_key": "?"},
        {"title": "x" * 201},
        {"title": "\x00"},
    ],
)
def test_what_is_wrong_comes_back_as_typed(
    scene: SimpleNamespace, sign_in: SignIn, changes: dict[str, Any]
) -> None:
    back = sign_in(scene.people.leader).post("/tasks/new", data=form(scene, **changes))
    assert back.status_code == 422
    assert "could not be saved yet" in back.text
    assert rows(Task) == 0


def test_nobody_hands_out_in_a_chapter_of_others(scene: SimpleNamespace, sign_in: SignIn) -> None:
    leader = sign_in(scene.people.leader)
    assert leader.get("/tasks/new?chapter=birch-high-school").status_code == 404
    for who in (scene.ana, scene.people.viewer):
        assert sign_in(who).get("/tasks/new").status_code == 403


# One task


def test_a_task_tells_its_history_and_its_series(scene: SimpleNamespace, sign_in: SignIn) -> None:
    [task_id] = made(scene, repeats="weekly", then=[{"title": "Any reply?", "days": 21}])
    ana, leader = sign_in(scene.ana), sign_in(scene.people.leader)
    leader.post("/tasks/many", data={"do": "give", "task": [task_id], "to": [scene.members[1]]})
    assert ana.get(f"/tasks/{task_id}").status_code == 404
    leader.post("/tasks/many", data={"do": "give", "task": [task_id], "to": [scene.members[0]]})
    ana.post(f"/tasks/{task_id}/done", data={})
    page = leader.get(f"/tasks/{task_id}").text
    assert "The next" in page
    assert "6 postcards" in page
    history = leader.get(f"/tasks/{task_id}/history").text
    for words in ("Handed out", "Given to somebody else", "Ana Brook", "Ben Cole", "Done"):
        assert words in history
    assert ana.get(f"/tasks/{task_id}/history").status_code == 403


def test_a_task_is_edited(scene: SimpleNamespace, sign_in: SignIn) -> None:
    [task_id] = made(scene)
    leader = sign_in(scene.people.leader)
    assert leader.get(f"/tasks/{task_id}/edit").status_code == 200
    typed = {"title": "Blue cards", "note": "With a stamp", "due_on": "2031-02-03", "repeats": ""}
    assert leader.post(f"/tasks/{task_id}/edit", data={**typed, "title": ""}).status_code == 422
    assert leader.post(f"/tasks/{task_id}/edit", data=typed).status_code == 303
    assert (task(task_id).title, str(task(task_id).due_on)) == ("Blue cards", "2031-02-03")


def test_undone_outreach_is_told(scene: SimpleNamespace, sign_in: SignIn) -> None:
    [task_id] = made(scene)
    leader = sign_in(scene.people.leader)
    leader.post(f"/tasks/{task_id}/done", data={})
    action_id = db.session.scalars(select(Action.id)).one()
    leader.post(f"/outreach/{action_id}/undo", data={"reason": "Wrong day"})
    page = leader.get(f"/tasks/{task_id}").text
    assert "was undone since" in page
    assert "outreach was undone" in leader.get("/tasks?state=completed").text
    leader.post(f"/tasks/{task_id}/reopen", data={})
    assert (task(task_id).state, task(task_id).done) == ("needs-action", 0)
    leader.post(f"/tasks/{task_id}/done", data={"turn": "1.0"})
    assert task(task_id).done == 6


# Panels


def test_lower_pages_tell_of_tasks(scene: SimpleNamespace, sign_in: SignIn) -> None:
    made(scene)
    leader, outsider = sign_in(scene.people.leader), sign_in(scene.people.outsider)
    for path, words in (
        (f"/targets/{scene.targets[0]}", "Open tasks"),
        (f"/members/{scene.members[0]}", "Open tasks"),
        (f"/campaigns/{scene.campaign_slug}", "1 overdue"),
    ):
        assert words in leader.get(path).text
        assert words not in outsider.get(path).text
    ana = sign_in(scene.ana)
    assert "Open tasks" not in ana.get(f"/targets/{scene.targets[0]}").text


def test_the_front_page_says_whose_tasks_are_overdue(
    scene: SimpleNamespace, sign_in: SignIn
) -> None:
    """Those a leader handed out and those of their chapters are two numbers, each of which is how
    many its list has: what they once handed out elsewhere is in neither.
    """
    logged("letter", scene.campaign, targets=[scene.targets[0]])
    made(scene)
    made(scene, leader_id=scene.people.staff.id)
    made(scene, 3, chapter_id=scene.people.school_b.id, member_id=None)
    leader = sign_in(scene.people.leader)
    page = leader.get("/").text
    assert "1 task that you handed out is overdue" in page
    assert "all of Alder High School; 2 open, 0 done this month" in page
    own = f"/tasks?leader={scene.people.leader.id}&due=overdue&view=list"
    for path, count in ((own, 1), ("/tasks?due=overdue&view=list", 2)):
        assert leader.get(path).text.count(">Write to your senators<") == count, path


def test_a_draft_of_another_chapter_is_nobodys_task(
    scene: SimpleNamespace, sign_in: SignIn
) -> None:
    """Its name is not offered, and sent all the same it is not there."""
    with db.unit_of_work():
        draft = make_text(
            name="Secret plans", kind="letter", chapter_id=scene.people.school_b.id,
            campaign_id=None, language="en", subject=None, body="Not for you yet.", by=None,
        )  # fmt: skip
        draft_id, slug = draft.id, draft.slug
    [task_id] = made(scene)
    leader = sign_in(scene.people.leader)
    page = f"/tasks/{task_id}/edit"
    assert "Secret plans" not in leader.get(page).get_data(as_text=True)
    sent = {"title": "Write", "due_on": today().isoformat(), "text_slug": slug, "repeats": ""}
    answer = leader.post(page, data=sent)
    assert "This text does not exist" in answer.get_data(as_text=True)
    assert (answer.status_code, task(task_id).text_id) == (422, None)
    assert "Secret plans" not in leader.get("/tasks/new?chapter=alder-high-school").get_data(
        as_text=True
    )
    # Once it is approved everybody reads it.
    with db.unit_of_work():
        approve(db.session.get_one(Text, draft_id), language="en", number=1,
                by=scene.people.admin, today=today())  # fmt: skip
    assert leader.post(page, data=sent).status_code == 303
    assert task(task_id).text_id == draft_id


def test_what_asks_for_answers_leads_to_them(scene: SimpleNamespace, sign_in: SignIn) -> None:
    leader = scene.people.leader
    [task_id] = made(scene, title="Any reply?", channel=None, member_id=None)
    page = sign_in(leader).get(f"/tasks/{task_id}").text
    assert "/outreach/waiting?campaign=" in page
    assert "Shelley Alder" in page
    # Nothing stands below the names, so nothing opens.
    assert "<summary>\n              <span" not in page
    [other] = made(scene, title="Any reply, Ana?", channel=None)
    own = sign_in(scene.ana).get(f"/tasks/{other}").text
    assert "Any reply, Ana?" in own
    assert "/outreach/waiting?" not in own


def test_a_card_says_what_its_number_counts(scene: SimpleNamespace, sign_in: SignIn) -> None:
    [task_id] = made(scene, due_on=today() + timedelta(days=1), member_id=None)
    leader = sign_in(scene.people.leader)
    assert "6 to do" in leader.get("/tasks").text
    assert "/tasks/calendar" in leader.get("/tasks/today").text
    assert "1 task of your own is due within three days" in leader.get("/").text
    part = {"turn": "0.0", "parts": "1", f"n-{scene.targets[0]}": "2"}
    assert leader.post(f"/tasks/{task_id}/done", data=part).status_code == 303
    assert "2 of 6 done" in leader.get("/tasks").text
