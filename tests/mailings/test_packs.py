"""Packs made, prepared, taken and given back: both databases."""

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import g
from sqlalchemy import func, select

from crm.core import audit, db
from crm.core.access import Scope
from crm.core.errors import Refused
from crm.mailings.allotment import Way
from crm.mailings.models import Mailing, Piece
from crm.mailings.operations import (
    Changed,
    claim,
    close_pack,
    give_back,
    keep_print,
    make_pack,
    prepare,
    reopen_pack,
    take,
)
from crm.mailings.planning import plan
from crm.mailings.queries import by_member, mailing, pieces, progress
from crm.targets.models import DistrictTable, ZipDistrict
from tests import make
from tests.mailings.conftest import TODAY, asked, class_of, text

Pack = Callable[..., Mailing]
EVERYWHERE = Scope(everywhere=True, chapter_ids=frozenset())


def count(*conditions: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(Piece).where(*conditions)) or 0


def test_it_works(any_scene: SimpleNamespace, pack: Pack) -> None:
    made = pack(any_scene, by=any_scene.people.leader)
    assert count(Piece.mailing_id == made.id) == 155
    assert len(made.code) == 7
    rows = pieces(made.id)
    assert [each.number for each in rows] == list(range(1, 156))
    assert Counter(each.target_id for each in rows) == dict.fromkeys(any_scene.targets, 31)
    assert Counter(each.member_id for each in rows) == dict.fromkeys(any_scene.members, 5)
    # What each target held is kept; a government holds nothing.
    assert {each.term_id is None for each in rows if each.target_id == any_scene.targets[4]} == {
        True
    }
    assert all(each.term_id for each in rows if each.target_id != any_scene.targets[4])
    assert made.allotted["pieces"] == 155
    assert mailing(f" {made.code[:3].lower()}-{made.code[3:]} ", EVERYWHERE).id == made.id


def test_a_form_sent_twice_makes_one_pack(any_scene: SimpleNamespace, pack: Pack) -> None:
    one = pack(any_scene, client_key="the-same-key").id
    assert pack(any_scene, client_key="the-same-key").id == one
    assert count() == 155


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"campaign_id": 99}, "campaign"),
        ({"chapter_id": 99}, "chapter"),
        ({"text_id": 99}, "text"),
        ({"language": "fr"}, "text"),
        ({"target_ids": frozenset()}, "aim"),
        ({"target_ids": frozenset({999})}, "aim"),
        ({"members": {999: None}}, "members"),
        ({"way": Way.OWN, "target_ids": None, "members": {}}, "members"),
        ({"way": Way.OWN, "target_ids": None}, "aim"),
        ({"way": Way.SPREAD, "total": 5001}, "total"),
        ({"each": 40}, "way"),
        ({"way": Way.SPREAD, "total": 0, "each": None, "members": {}}, "way"),
    ],
)
def test_what_cannot_be(scene: SimpleNamespace, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        make_pack(
            asked=asked(scene, **changes),
            planned_on=TODAY,
            client_key="a-key-of-mine",
            by=None,
            today=TODAY,
        )
    assert refusal.value.field == field


def test_only_approved_words_are_made_a_pack(scene: SimpleNamespace, pack: Pack) -> None:
    draft = text("letter", approved=False).id
    with pytest.raises(Refused, match="no approved version"):
        pack(scene, text_id=draft)


def test_a_text_of_another_kind_or_campaign(scene: SimpleNamespace, pack: Pack) -> None:
    other = make.campaign("Other").id
    with pytest.raises(Refused, match="another campaign"):
        pack(scene, text_id=text("letter", campaign_id=other).id)
    with pytest.raises(Refused, match="letter or a postcard"):
        pack(scene, text_id=text("script").id)


def test_who_may_make_packs(any_scene: SimpleNamespace, pack: Pack) -> None:
    people = any_scene.people
    for user in (people.member, people.viewer, people.outsider):
        g.pop("grants", None)
        with pytest.raises(Refused, match="own chapters"):
            pack(any_scene, by=user)
    g.pop("grants", None)
    with pytest.raises(Refused, match="not a member of your chapters"):
        pack(any_scene, by=people.leader, members={any_scene.stranger: None})


def test_only_what_was_shown_is_made(any_scene: SimpleNamespace, pack: Pack) -> None:
    shown = plan(asked(any_scene), today=TODAY).digest
    assert pack(any_scene, shown=shown).id
    spread = {"way": Way.SPREAD, "each": 1}
    shown = plan(asked(any_scene, **spread), today=TODAY).digest
    pack(any_scene, **{**spread, "target_ids": frozenset(any_scene.targets[:2])})
    with pytest.raises(Changed):
        pack(any_scene, shown=shown, **spread)


def test_own_legislators_by_zip(any_scene: SimpleNamespace, pack: Pack) -> None:
    """One ZIP of one district, one of two, one that is none, and nobody's: told, not guessed."""
    table = make.kept(
        DistrictTable(
            congress=119,
            source="invented",
            starts_on=TODAY.replace(year=2025, month=1, day=3),
            ends_on=TODAY.replace(year=2027, month=1, day=2),
            zips=2,
        )
    )
    make.kept(
        *(
            ZipDistrict(zip=zip_code, table_id=table.id, area="WV", district=district)
            for zip_code, district in (("25705", 1), ("26501", 1), ("26501", 2))
        )
    )
    people = any_scene.people
    sure = class_of(1, people.school_a, postal_code="25705-1234")[0]
    unsure = class_of(1, people.school_a, postal_code="26501")[0]
    nowhere = class_of(1, people.school_a, postal_code="K1A 0B1")[0]
    members = dict.fromkeys((sure, unsure, nowhere))
    found = plan(asked(any_scene, way=Way.OWN, target_ids=None, members=members), today=TODAY)
    senators, house = any_scene.targets[:2], any_scene.targets[2]
    assert {(each.member_id, each.target_id) for each in found.shares} == {
        *((sure, each) for each in (*senators, house)),
        *((unsure, each) for each in senators),
    }
    assert (found.homeless, found.unsure) == ((nowhere,), (unsure,))
    # Spread, they come first to their own.
    spread = plan(asked(any_scene, way=Way.SPREAD, members={sure: None}, total=1), today=TODAY)
    assert sum(spread.constituents.values()) == 1
    assert pack(any_scene, way=Way.OWN, target_ids=None, members=members).allotted["pieces"] == 5


def test_prepared_and_not(any_scene: SimpleNamespace, pack: Pack) -> None:
    made = pack(any_scene)
    some = [each.id for each in pieces(made.id)[:3]]
    with db.unit_of_work():
        assert prepare(made, member_ids=[any_scene.members[5]], by=None, today=TODAY) == 5
        assert prepare(made, piece_ids=some, by=None, today=TODAY) == 3
        assert prepare(made, piece_ids=some, by=None, today=TODAY) == 0
        assert prepare(made, piece_ids=some[:1], is_prepared=False, by=None, today=TODAY) == 1
    assert progress([made.id])[made.id].prepared == 7
    assert count(Piece.state == "to-prepare") == 148


def test_given_back_and_claimed(any_scene: SimpleNamespace, pack: Pack) -> None:
    made, member = pack(any_scene), any_scene.members[0]
    with db.unit_of_work():
        given = give_back(
            made, member_id=member, targets={any_scene.targets[0]: 1}, by=None, today=TODAY
        )
        assert given == 1
        assert give_back(made, member_id=member, by=None, today=TODAY) == 4
    assert count(Piece.member_id.is_(None)) == 5
    with db.unit_of_work():
        assert claim(made, member_id=any_scene.members[1], number=2, by=None, today=TODAY) == 2
        assert claim(made, member_id=any_scene.members[2], by=None, today=TODAY) == 3
    with pytest.raises(Refused, match="somebody else took it"):
        claim(made, member_id=member, by=None, today=TODAY)
    rows = {each.id: each.total for each in by_member(made.id)}
    assert (rows[any_scene.members[1]], rows[any_scene.members[2]]) == (7, 8)


def test_a_piece_has_one_claimant(any_scene: SimpleNamespace, pack: Pack) -> None:
    """Two who saw the same pool: the second gets none, and the first keeps all of theirs."""
    pool = pieces(pack(any_scene, members={}, each=2).id)
    ids = [each.id for each in pool]
    one, two = any_scene.members[:2]
    with db.unit_of_work():
        assert take(ids[:4], one) == 4
        audit.record("make", "test", None, by=None)
    with pytest.raises(Refused, match="Somebody else took"), db.unit_of_work():
        take(ids[2:6], two)
    assert (count(Piece.member_id == one), count(Piece.member_id == two)) == (4, 0)


def test_a_print_counts_nothing(any_scene: SimpleNamespace, pack: Pack) -> None:
    made = pack(any_scene)
    printed = SimpleNamespace(
        envelope="The Honorable A", address=("1 Main St", "Town"), contact_point_id=None
    )
    ids = [each.id for each in pieces(made.id)[:2]]
    version = plan(asked(any_scene), today=TODAY).version.id
    for _time in range(2):
        with db.unit_of_work():
            keep_print(ids, dict.fromkeys(ids, printed), version, by=None)
    row = pieces(made.id)[0]
    assert (row.prints, row.address) == (2, ["The Honorable A", "1 Main St", "Town"])
    assert progress([made.id])[made.id].to_prepare == 155


def test_closed_and_opened_again(any_scene: SimpleNamespace, pack: Pack) -> None:
    made = pack(any_scene)
    with db.unit_of_work():
        close_pack(made, by=any_scene.people.leader)
    with pytest.raises(Refused, match="closed"):
        prepare(made, member_ids=any_scene.members, by=None, today=TODAY)
    with db.unit_of_work():
        reopen_pack(made, by=None)
        assert prepare(made, member_ids=any_scene.members, by=None, today=TODAY) == 155
    g.pop("grants", None)
    with pytest.raises(Refused, match="own chapters"):
        close_pack(made, by=any_scene.people.outsider)
