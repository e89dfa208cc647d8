"""Posted once however often a code is scanned; what comes back is counted no more."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import func, select

from crm.campaigns.models import Ask
from crm.core import db
from crm.core.errors import Refused
from crm.mailings.models import Mailing, Piece, Posting
from crm.mailings.operations import give_back, prepare
from crm.mailings.posting import Result, post_pieces, return_pieces
from crm.mailings.queries import postings, progress
from crm.outreach.models import Action
from crm.outreach.operations import correct_action, redo_action, snapshot, undo_action
from crm.outreach.queries import ActionFilter, total
from crm.reports.catalogue import Question, reports
from crm.reports.cli import COMMAND
from tests import make
from tests.mailings.conftest import TODAY
from tests.outreach.test_at_once import at_once

Pack = Callable[..., Mailing]


def post(made: Mailing, **more: Any) -> Result:
    with db.unit_of_work():
        return post_pieces(made, posted_on=TODAY, today=TODAY, **({"by": None} | more))


def come_back(made: Mailing, **more: Any) -> int:
    with db.unit_of_work():
        return return_pieces(made, today=TODAY, **({"by": None} | more))


def all_counted() -> int:
    return total(ActionFilter())


def test_it_works(any_scene: SimpleNamespace, pack: Pack) -> None:
    """155 are posted and scanned twice; six come back; everything says 149."""
    leader = any_scene.people.leader
    made = pack(any_scene, by=leader, place="Huntington")
    first = post(made, number=1, by=leader)
    assert first.is_new
    again = post(made, number=1, by=leader)
    assert not again.is_new
    assert again.action.id == first.action.id
    # Without a number, as on the command line.
    assert not post(made).is_new
    action = db.session.get_one(Action, first.action.id)
    assert (action.pieces, action.unnamed, action.minutes, action.place) == (
        155, 0, 775, "Huntington",
    )  # fmt: skip
    assert action.details == {"postage": "94.55"}
    assert (all_counted(), total(ActionFilter(target_id=any_scene.targets[0]))) == (155, 31)
    said = snapshot(action)
    assert {row["pieces"] for row in said["members"]} == {5}
    assert len(said["asks"]) == 1
    assert come_back(made, members=dict.fromkeys(any_scene.members[:6], 1), by=leader) == 6
    assert all_counted() == 149
    assert sum(total(ActionFilter(target_id=each)) for each in any_scene.targets) == 149
    action = db.session.get_one(Action, first.action.id)
    assert (action.pieces, action.minutes, action.details) == (149, 745, {"postage": "90.89"})
    now = progress([made.id])[made.id]
    assert (now.posted, now.to_prepare, now.pool) == (149, 6, 6)
    assert postings(made.id)[0].agrees
    # They can be posted after all, as a posting of its own.
    later = post(made, number=2, by=leader)
    assert (later.is_new, later.action.pieces, later.action.unnamed) == (True, 6, 6)
    assert all_counted() == 155


def test_what_was_asked_is_known_where_one_thing_is(any_scene: SimpleNamespace, pack: Pack) -> None:
    make.kept(Ask(campaign_id=any_scene.campaign, text="Meet us", position=1))
    assert snapshot(post(pack(any_scene)).action)["asks"] == []


def test_a_part_is_posted_and_the_rest_later(any_scene: SimpleNamespace, pack: Pack) -> None:
    made = pack(any_scene)
    with db.unit_of_work():
        prepare(made, member_ids=any_scene.members[10:12], by=None, today=TODAY)
    assert post(made, pieces=10).action.pieces == 10
    # What was prepared went first.
    gone = set(db.session.scalars(select(Piece.member_id).where(Piece.state == "posted")))
    assert gone == set(any_scene.members[10:12])
    assert post(made, members={any_scene.members[0]: 2, any_scene.members[1]: 0}).action.pieces == 2
    assert post(made, targets={any_scene.targets[4]: 3}).action.pieces == 3
    assert post(made).action.pieces == 140
    assert all_counted() == 155
    assert db.session.scalar(select(func.count()).select_from(Posting)) == 4


@pytest.mark.parametrize(
    "numbers",
    [
        {"pieces": 156},
        {"pieces": 0},
        {"members": {1: 6}},
        {"members": {-1: 1}},
        {"members": {1: -1}},
        {"members": {1: 0}},
        {"members": {1: 1}, "targets": {1: 1}},
        {"number": 7},
    ],
)
def test_numbers_that_cannot_be(scene: SimpleNamespace, pack: Pack, numbers: Any) -> None:
    made = pack(scene)
    with pytest.raises(Refused):
        post(made, **numbers)
    assert all_counted() == 0


def test_a_pool_counts_unnamed(any_scene: SimpleNamespace, pack: Pack) -> None:
    made = pack(any_scene)
    with db.unit_of_work():
        give_back(made, member_id=any_scene.members[0], by=None, today=TODAY)
    action = post(made).action
    assert (action.pieces, action.unnamed) == (155, 5)
    # Of those that come back, nobody's go first.
    assert come_back(made, pieces=6) == 6
    action = db.session.get_one(Action, action.id)
    assert (action.pieces, action.unnamed) == (149, 0)


def test_all_come_back(any_scene: SimpleNamespace, pack: Pack) -> None:
    made = pack(any_scene)
    action = post(made).action.id
    assert come_back(made, pieces=155) == 155
    assert db.session.get_one(Action, action).undone_at is not None
    assert (all_counted(), progress([made.id])[made.id].pool) == (0, 155)
    assert post(made).action.pieces == 155
    assert all_counted() == 155


def test_what_was_changed_by_hand_is_left_alone(any_scene: SimpleNamespace, pack: Pack) -> None:
    made = pack(any_scene)
    action = post(made).action
    said = snapshot(action)
    with db.unit_of_work():
        correct_action(
            action, reason="counted again", by=None, today=TODAY,
            campaign_id=said["campaign_id"], happened_on=TODAY, pieces=100,
            targets={any_scene.targets[0]: 100}, members={}, chapter_ids=said["chapters"],
        )  # fmt: skip
    assert not postings(made.id)[0].agrees
    with pytest.raises(Refused, match="changed by hand"):
        come_back(made, pieces=6)
    assert all_counted() == 100


def test_what_was_added_by_hand_stays(any_scene: SimpleNamespace, pack: Pack) -> None:
    made = pack(any_scene)
    action = post(made).action
    said = snapshot(action)
    given: dict[str, Any] = {
        "campaign_id": said["campaign_id"], "happened_on": TODAY, "pieces": 155,
        "targets": {row["target_id"]: row["pieces"] for row in said["targets"]},
        "members": {row["member_id"]: row["pieces"] for row in said["members"]},
        "chapter_ids": said["chapters"], "note": "In the rain", "people": 40, "minutes": 310,
    }  # fmt: skip
    with db.unit_of_work():
        correct_action(action, reason=None, by=None, today=TODAY, **given)
    come_back(made, pieces=5)
    action = db.session.get_one(Action, action.id)
    assert (action.pieces, action.note, action.people, action.minutes) == (
        150, "In the rain", 40, 300,
    )  # fmt: skip


def test_undone_elsewhere_pieces_can_still_come_back(
    any_scene: SimpleNamespace, pack: Pack
) -> None:
    made = pack(any_scene)
    action = post(made).action
    with db.unit_of_work():
        undo_action(action, by=None)
    assert not postings(made.id)[0].agrees
    assert come_back(made, pieces=155) == 155
    assert post(made).action.pieces == 155
    assert all_counted() == 155


def test_who_may_post(any_scene: SimpleNamespace, pack: Pack) -> None:
    made, people = pack(any_scene), any_scene.people
    for user in (people.outsider, people.member, people.viewer):
        g.pop("grants", None)
        with pytest.raises(Refused, match="own chapters"):
            post(made, by=user)
    g.pop("grants", None)
    post(made, by=people.leader)
    with pytest.raises(Refused, match="own chapters"):
        come_back(made, pieces=1, by=people.viewer)


def test_two_who_scan_at_once(any_app: Flask, any_scene: SimpleNamespace, pack: Pack) -> None:
    number = pack(any_scene).id

    def scan() -> bool:
        with db.unit_of_work():
            made = db.session.get_one(Mailing, number)
            return post_pieces(made, number=1, posted_on=TODAY, by=None, today=TODAY).is_new

    assert sorted(at_once(any_app, *[scan] * 4)) == [False, False, False, True]
    assert all_counted() == 155
    assert db.session.scalar(select(func.count()).select_from(Action)) == 1


def test_reports_say_the_same(any_scene: SimpleNamespace, pack: Pack) -> None:
    made = pack(any_scene)
    post(made)
    come_back(made, targets={any_scene.targets[0]: 6})
    question = Question(wanted=ActionFilter(), viewer=COMMAND)
    for name in ("activity_by_campaign", "activity_by_chapter", "activity_by_target"):
        report = reports()[name.replace("_", "-")]
        place = report.place(report.counts)
        rows = list(report.rows(question))
        assert sum(int(row[place]) for row in rows) == 149


def test_outreach_whose_pieces_came_back_is_not_brought_back(
    any_scene: SimpleNamespace, pack: Pack
) -> None:
    """They lie in the pack, and would be counted twice once it is posted again."""
    made = pack(any_scene)
    action = post(made).action
    assert come_back(made, pieces=155) == 155
    with pytest.raises(Refused, match="taken back into the pack"), db.unit_of_work():
        redo_action(db.session.get_one(Action, action.id), by=None)
    assert post(made).action.pieces == all_counted() == 155


def test_outreach_undone_by_hand_loses_what_came_back_meanwhile(
    any_scene: SimpleNamespace, pack: Pack
) -> None:
    made = pack(any_scene)
    action = post(made).action
    with db.unit_of_work():
        undo_action(action, by=None)
    with db.unit_of_work():
        redo_action(db.session.get_one(Action, action.id), by=None)
    assert all_counted() == 155
    with db.unit_of_work():
        undo_action(db.session.get_one(Action, action.id), by=None)
    assert come_back(made, pieces=6) == 6
    with pytest.raises(Refused, match="taken back into the pack"), db.unit_of_work():
        redo_action(db.session.get_one(Action, action.id), by=None)
    assert come_back(made, pieces=149) == 149
    assert post(made).action.pieces == all_counted() == 155
