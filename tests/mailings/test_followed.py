"""What becomes of pieces when people and targets change between making and posting."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from sqlalchemy import func, select

from crm.core import audit, db
from crm.mailings.as_tasks import hand_out
from crm.mailings.handover import find, repoint
from crm.mailings.models import Mailing, Piece
from crm.mailings.operations import prepare
from crm.mailings.posting import post_pieces, return_pieces
from crm.mailings.queries import gone_targets, postings, progress
from crm.members import merging as member_merging
from crm.members import own_data
from crm.members.forgetting import forget
from crm.members.models import Member
from crm.members.own_data import Asked
from crm.outreach.queries import ActionFilter, total
from crm.targets import merging as target_merging
from crm.targets.models import Target, Term
from crm.tasks.models import Task, TaskTarget
from tests import make
from tests.mailings.conftest import TODAY

Pack = Callable[..., Mailing]


def do(operation: Any, *args: Any, **more: Any) -> Any:
    with db.unit_of_work():
        return operation(*args, **more)


def count(*conditions: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(Piece).where(*conditions)) or 0


def test_two_members_who_are_one(any_scene: SimpleNamespace, pack: Pack) -> None:
    made = pack(any_scene)
    one, two = any_scene.members[:2]
    do(post_pieces, made, members={two: 2}, posted_on=TODAY, by=None, today=TODAY)
    do(member_merging.merge, kept_id=one, merged_id=two, by=None)
    assert count(Piece.member_id == one) == 10
    # What was posted for the other agrees still, and can come back.
    assert do(return_pieces, made, members={one: 1}, by=None, today=TODAY) == 1
    do(post_pieces, made, posted_on=TODAY, by=None, today=TODAY)
    assert total(ActionFilter()) == 155


def test_two_targets_that_are_one(any_scene: SimpleNamespace, pack: Pack) -> None:
    made = pack(any_scene)
    do(post_pieces, made, pieces=50, posted_on=TODAY, by=None, today=TODAY)
    twin = make.target("Niue, again", country="NU").id

    def merged() -> None:
        kept, other = (db.session.get_one(Target, each) for each in (twin, any_scene.targets[4]))
        target_merging.merge(kept=kept, merged=other, by=None)

    do(merged)
    assert count(Piece.target_id == twin) == 31
    assert all(each.agrees for each in postings(made.id))
    do(return_pieces, made, pieces=50, by=None, today=TODAY)
    do(post_pieces, made, posted_on=TODAY, by=None, today=TODAY)
    assert (total(ActionFilter()), total(ActionFilter(target_id=twin))) == (155, 31)


def test_somebody_is_forgotten(any_scene: SimpleNamespace, pack: Pack) -> None:
    made, one = pack(any_scene), any_scene.members[0]
    do(post_pieces, made, members={one: 2}, posted_on=TODAY, by=None, today=TODAY)
    do(forget, member_id=one, by=None, today=TODAY)
    now = progress([made.id])[made.id]
    assert (now.posted, now.pool, now.total) == (2, 3, 155)
    # What was posted stays counted, and agrees.
    assert postings(made.id)[0].agrees
    assert do(return_pieces, made, pieces=1, by=None, today=TODAY) == 1
    do(post_pieces, made, posted_on=TODAY, by=None, today=TODAY)
    assert total(ActionFilter()) == 155


def test_a_member_reads_of_their_pieces(any_scene: SimpleNamespace, pack: Pack) -> None:
    pack(any_scene, name="Cards of May")
    member = db.session.get_one(Member, any_scene.members[0])
    asked = Asked(member=member, today=TODAY, **_rest())
    section = own_data.SECTIONS[86](asked)
    assert section is not None
    assert section.rows[0][0] == "Cards of May"
    assert section.rows[0][3] == "5"


def _rest() -> dict[str, Any]:
    names = set(Asked.__dataclass_fields__) - {"member", "today"}
    return dict.fromkeys(names)


def test_a_target_leaves_office(any_scene: SimpleNamespace, pack: Pack) -> None:
    """Unposted pieces go to the successor, and their tasks with them; posted ones stay."""
    leader, old = any_scene.people.leader, any_scene.targets[0]
    made = pack(any_scene, by=leader)
    do(hand_out, made, client_key="hand-out-9", by=leader, today=TODAY)
    first = any_scene.members[0]
    do(post_pieces, made, members={first: 5}, posted_on=TODAY, by=leader, today=TODAY)
    do(prepare, made, member_ids=[any_scene.members[1]], by=leader, today=TODAY)
    new = make.legislator("Nova", "Elder", district="2").id
    with db.unit_of_work():
        for term in db.session.scalars(select(Term).where(Term.target_id == old)):
            term.is_current, term.ends_on = False, TODAY
        audit.record("make", "test", None, by=None)
    assert list(gone_targets(made.id)) == [old]
    [hanging] = find([old], leader)
    assert "30 pieces" in hanging.told
    assert hanging.movable
    assert find([old], any_scene.people.outsider) == []
    do(repoint, hanging.key, old, new, by=leader)
    assert (count(Piece.target_id == old), count(Piece.target_id == new)) == (1, 30)
    assert find([old], leader) == []
    assert gone_targets(made.id) == {}
    # What was written to the other is to be written anew.
    assert count(Piece.state == "prepared") == 4
    task = db.session.scalars(select(Task).where(Task.member_id == any_scene.members[1])).one()
    assert (task.done, task.pieces) == (4, 5)
    assert db.session.get(TaskTarget, (task.id, new)) is not None
    term = db.session.scalar(select(Piece.term_id).where(Piece.target_id == new).limit(1))
    assert term is not None


def test_who_left_and_who_withdrew_are_still_counted(
    any_scene: SimpleNamespace, pack: Pack
) -> None:
    made = pack(any_scene)
    with db.unit_of_work():
        for term in db.session.scalars(select(Term)):
            term.is_current, term.ends_on = False, TODAY
        audit.record("make", "test", None, by=None)
    do(post_pieces, made, posted_on=TODAY, by=None, today=TODAY)
    assert total(ActionFilter()) == 155
