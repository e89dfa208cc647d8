"""Lists of targets by rule: who is on them on a day, and what may be kept."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from crm.core import audit, db
from crm.core.errors import Refused
from crm.targets import list_operations as operations
from crm.targets import list_rules, queries
from crm.targets.list_queries import list_target_ids, sizes
from crm.targets.models import Body, CommitteeSeat, Target, TargetList, TargetListItem, Term
from tests import make


def rule(*conditions: dict[str, Any]) -> dict[str, Any]:
    return list_rules.rule_of(conditions)


HOUSE = {"kind": "chamber", "chamber": "us/house"}


@pytest.fixture
def scene(any_app: Flask) -> SimpleNamespace:
    """Two in the House, one in the Senate who came from it, two governments."""
    brook = make.legislator("Ada", "Brook", chamber="us/house", district="1")
    cole = make.legislator("Ben", "Cole", chamber="us/house", district="2", area="OH")
    dunn = make.legislator("Cleo", "Dunn", party="Independent")
    niue = make.target("Niue", region="Oceania", sub_region="Polynesia")
    malta = make.target("Malta", region="Europe", sub_region="Southern Europe")
    seat = db.session.scalars(select(Term).where(Term.target_id == cole.id)).one().post_id
    committee = make.kept(
        Body(key="us/house/FA", name="Committee on Foreign Affairs", classification="committee")
    )
    make.kept(
        Term(
            target_id=dunn.id,
            post_id=seat,
            starts_on=date(2019, 1, 3),
            ends_on=date(2025, 1, 3),
            party="Republican",
        ),
        CommitteeSeat(target_id=brook.id, body_id=committee.id),
    )
    return SimpleNamespace(
        brook=brook.id, cole=cole.id, dunn=dunn.id, niue=niue.id, malta=malta.id,
        committee=committee.id,
    )  # fmt: skip


def kept(name: str = "Mine", as_of: date | None = None, *conditions: dict[str, Any]) -> TargetList:
    with db.unit_of_work():
        slug = operations.keep_rule_list(
            name=name, as_of=as_of, rule=rule(*conditions), by=None
        ).slug
    return queries.target_list(slug)


def test_it_works(scene: SimpleNamespace) -> None:
    found = kept("House", None, HOUSE)
    assert list_target_ids(found) == [scene.brook, scene.cole]
    assert list_rules.tell(found.rule, day=None, memory={}).words == "Targets in the us/house"
    on_it = db.session.scalars(queries.targets(queries.TargetFilter(list_id=found.id)))
    assert [each.id for each in on_it] == [scene.brook, scene.cole]


def test_offices_are_those_of_the_day(scene: SimpleNamespace) -> None:
    found = kept("House", date(2020, 4, 1), HOUSE)
    assert list_target_ids(found) == [scene.dunn]
    # Of two terms that meet on a day, the one begun last is held.
    assert list_target_ids(found, on=date(2025, 1, 3)) == [scene.brook, scene.cole]
    assert list_target_ids(found, on=date(2025, 1, 2)) == [scene.dunn]
    assert list_target_ids(found, on=date(2018, 1, 1)) == []
    party = kept("Party", None, HOUSE, {"kind": "party", "party": "Republican"})
    assert list_target_ids(party, on=date(2020, 4, 1)) == [scene.dunn]
    ohio = kept("Ohio", date(2020, 4, 1), {"kind": "area", "area": "OH"})
    assert list_target_ids(ohio) == [scene.dunn]


def test_all_conditions_must_be_true(scene: SimpleNamespace) -> None:
    committee = {"kind": "committee", "committee": str(scene.committee)}
    found = kept("Foreign affairs", None, {"kind": "kind", "is": "legislator"}, HOUSE, committee)
    assert list_target_ids(found) == [scene.brook]
    told = list_rules.tell(found.rule, day=date(2020, 4, 1), memory={})
    assert told.words == (
        "Legislators in the us/house, on the Committee on Foreign Affairs on Apr 1, 2020"
    )
    assert told.notes[0].startswith("Who sits on a committee is known for today only")
    region = kept("Oceania", None, {"kind": "region", "region": "Polynesia"})
    assert list_target_ids(region) == [scene.niue]


def test_on_and_off_another_list(scene: SimpleNamespace) -> None:
    with db.unit_of_work():
        fixed = operations.keep_list(name="Fixed", target_ids=[scene.niue, scene.brook], by=None).id
    on_it = {"kind": "list", "is": "on", "list": str(fixed)}
    assert list_target_ids(kept("House of it", None, HOUSE, on_it)) == [scene.brook]
    off = kept("Others", None, {**on_it, "is": "not on"}, {"kind": "kind", "is": "government"})
    assert list_target_ids(off) == [scene.malta]
    assert sizes([off, queries.target_list("fixed")], {}) == {off.id: 1, fixed: 2}


def test_a_circle_of_lists_holds_nobody(scene: SimpleNamespace) -> None:
    first = kept("First", None, HOUSE).id
    second = kept("Second", None, {"kind": "list", "is": "on", "list": str(first)}).id
    with db.unit_of_work():
        operations.change_rule(
            queries.target_list("first"),
            rule=rule({"kind": "list", "is": "on", "list": str(second)}),
            by=None,
        )
    assert list_target_ids(queries.target_list("first")) == []
    with pytest.raises(Refused, match="cannot go by itself"), db.unit_of_work():
        operations.change_rule(
            queries.target_list("first"),
            rule=rule({"kind": "list", "is": "on", "list": str(first)}),
            by=None,
        )


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        ([], "at least one condition"),
        ([{"kind": "horoscope"}], "does not know"),
        ([{"kind": "chamber"}], "Chamber or body: fill this in"),
        ([{"kind": "chamber", "chamber": "us/moon"}], "not there any more"),
        ([{"kind": "committee", "committee": "999"}], "not there any more"),
        ([{"kind": "list", "is": "on", "list": "7"}], "not there any more"),
        ([{"kind": "untouched", "days": "soon"}], "give a whole number"),
        ([{"kind": "untouched", "days": 0}], "from 1 to"),
        ([{"kind": "contacted", "since": "2026-02-30"}], "give a date"),
        ([HOUSE] * 13, "at most 12"),
    ],
)
def test_a_rule_that_is_refused(
    scene: SimpleNamespace, conditions: list[dict[str, Any]], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        kept("Mine", None, *conditions)
    assert db.session.query(TargetList).count() == 0


@pytest.mark.parametrize(
    "kept_rule",
    [
        {},
        {"kind": "all"},
        {"kind": "all", "of": "x"},
        {"kind": "all", "of": [7]},
        {"kind": "all", "of": [{"kind": "horoscope"}]},
        {"kind": "all", "of": [{"kind": "committee", "committee": "x"}]},
        {"kind": "all", "of": [{"kind": "untouched"}]},
        {"kind": "all", "of": [{"kind": "list", "list": 99}]},
        {"kind": "all", "of": [{"kind": []}]},
    ],
)
def test_a_kept_rule_that_means_nothing_finds_nobody(
    scene: SimpleNamespace, kept_rule: dict[str, Any]
) -> None:
    number = make.kept(TargetList(slug="odd", name="Odd", rule=kept_rule)).id
    odd = queries.target_list("odd")
    assert list_target_ids(odd) == []
    assert sizes([odd], {}) == {number: 0}
    assert list_rules.tell(kept_rule, day=None, memory={}).words.startswith("Targets")


def test_frozen_as_it_is_on_a_day(scene: SimpleNamespace) -> None:
    found = kept("House", None, HOUSE)
    day = date(2020, 4, 1)
    with db.unit_of_work():
        slug = operations.freeze_list(found, name="House then", on=day, by=None).slug
    frozen = queries.target_list(slug)
    assert (frozen.rule, frozen.as_of, list_target_ids(frozen)) == (None, day, [scene.dunn])
    for source, name, on, sentence in (
        (frozen, "Again", day, "fixed already"),
        (queries.target_list("house"), "House then", day, "of this name already"),
        (queries.target_list("house"), "Before", date(1999, 1, 1), "Nobody is on this list"),
    ):
        with pytest.raises(Refused, match=sentence):
            operations.freeze_list(source, name=name, on=on, by=None)


def test_a_list_by_rule_is_not_put_together_by_hand(scene: SimpleNamespace) -> None:
    found = kept("House", None, HOUSE)
    with pytest.raises(Refused, match="goes by a rule"):
        operations.add_to_list(found, [scene.niue], by=None)
    with pytest.raises(Refused, match="goes by a rule"):
        operations.take_off_list(found, scene.brook, by=None)
    with db.unit_of_work():
        slug = operations.keep_list(name="Fixed", target_ids=[scene.niue], by=None).slug
    with pytest.raises(Refused, match="This list is fixed"):
        operations.change_rule(queries.target_list(slug), rule=rule(HOUSE), by=None)


def test_a_list_is_handed_on(scene: SimpleNamespace) -> None:
    owner = make.user(name="Ada Brook").id
    found = kept("House", None, HOUSE)
    values: dict[str, Any] = {"name": "House", "note": None, "as_of": None, "by": None}
    with db.unit_of_work():
        operations.change_list(queries.target_list("house"), owner_id=owner, **values)
    assert queries.target_list("house").owner_id == owner
    with pytest.raises(Refused, match="not there any more"):
        operations.change_list(found, owner_id=999, **values)


def test_who_was_merged_into_another_is_on_no_list(scene: SimpleNamespace) -> None:
    with db.unit_of_work():
        slug = operations.keep_list(name="Two", target_ids=[scene.niue, scene.malta], by=None).slug
    with db.unit_of_work():
        db.session.get_one(Target, scene.malta).merged_into_id = scene.niue
        audit.record("make", "test", None, by=None)
    assert list_target_ids(queries.target_list(slug)) == [scene.niue]
    with db.unit_of_work():
        operations.remove_list(queries.target_list(slug), by=None)
    assert db.session.query(TargetListItem).count() == 0
