"""Lists by where states stand: whoever the ledger counts outside is on the list, and no other."""

from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from crm.core import db
from crm.targets import list_operations, list_rules
from crm.targets import queries as targets
from crm.targets.list_queries import list_target_ids, sizes
from crm.targets.models import Target, TargetList
from crm.treaties import queries
from crm.treaties.operations import load_reference

APRIL = date(2020, 4, 1)


@pytest.fixture
def ledger(any_app: Flask) -> None:
    with db.unit_of_work():
        load_reference(by=None)


def kept(name: str, as_of: date | None, *conditions: dict[str, Any]) -> TargetList:
    with db.unit_of_work():
        slug = list_operations.keep_rule_list(
            name=name, as_of=as_of, rule=list_rules.rule_of(conditions), by=None
        ).slug
    return targets.target_list(slug)


def stand(wanted: str, treaty: str = "CCM") -> dict[str, Any]:
    return {"kind": "treaty", "is": wanted, "treaty": treaty}


def names(found: TargetList, on: date | None = None) -> set[str]:
    ids = list_target_ids(found, on=on)
    return set(db.session.scalars(select(Target.name).where(Target.id.in_(ids))))


def test_it_works(ledger: None) -> None:
    """“All states not party to the CCM on 1 April 2020.”"""
    found = kept("Not party", APRIL, stand("not_party"))
    counted = queries.counts("CCM", APRIL)
    assert counted.joined == 108
    assert len(list_target_ids(found)) == 197 - counted.joined == counted.not_party == 89
    assert "Niue" in names(found)
    assert "Niue" not in names(found, on=date(2020, 8, 6))
    assert "Sao Tome and Principe" not in names(found)
    told = list_rules.tell(found.rule, day=APRIL, memory={}).words
    assert told == "States not party to the Convention on Cluster Munitions on Apr 1, 2020"


@pytest.mark.parametrize("treaty", ["MBT", "CCM"])
@pytest.mark.parametrize("on", [date(1998, 1, 1), date(2009, 6, 1), APRIL, date(2026, 11, 23)])
def test_every_standing_is_what_the_ledger_counts(ledger: None, treaty: str, on: date) -> None:
    counted = queries.counts(treaty, on)
    for wanted, number in (
        ("state_party", counted.joined),
        ("not_party", counted.not_party),
        ("in_force", counted.in_force),
        ("signatory", counted.signatories),
        ("non_signatory", counted.outside),
        ("withdrawn", counted.withdrawn),
    ):
        found = kept(f"{wanted} {treaty} {on}", on, stand(wanted, treaty))
        assert len(list_target_ids(found)) == number, wanted


def test_within_a_region_and_of_two_treaties(ledger: None) -> None:
    pacific = kept("Pacific", APRIL, stand("not_party"), {"kind": "region", "region": "Polynesia"})
    assert names(pacific) == {"Niue", "Tonga", "Tuvalu"}
    both = kept("Neither", APRIL, stand("not_party"), stand("not_party", "MBT"))
    assert {"United States", "Georgia"} <= names(both)
    assert "Tuvalu" not in names(both)


def test_of_a_bloc_on_the_day(ledger: None) -> None:
    """“Not party within NATO”, “all EU”: membership is that of the day asked."""
    nato = kept(
        "Within NATO",
        APRIL,
        stand("not_party", "MBT"),
        {"kind": "bloc", "is": "in", "bloc": "nato"},
    )
    assert names(nato) == {"United States"}
    told = list_rules.tell(nato.rule, day=APRIL, memory={}).words
    assert told == (
        "States not party to the Mine Ban Treaty, in the North Atlantic Treaty Organization "
        "on Apr 1, 2020"
    )
    union = kept("Union", APRIL, {"kind": "bloc", "is": "in", "bloc": "eu"})
    assert len(list_target_ids(union)) == 27
    assert len(list_target_ids(union, on=date(2019, 4, 1))) == 28
    outside = kept("Outside", APRIL, {"kind": "bloc", "is": "not in", "bloc": "eu"})
    assert len(list_target_ids(outside)) == 197 - 27


def test_frozen_it_stays_what_it_was(ledger: None) -> None:
    found = kept("Not party", None, stand("not_party"))
    with db.unit_of_work():
        slug = list_operations.freeze_list(
            targets.target_list(found.slug), name="In April", on=APRIL, by=None
        ).slug
    assert len(list_target_ids(targets.target_list(slug))) == 89


def test_a_page_of_many_days_reads_the_ledger_once(ledger: None) -> None:
    lists = [
        kept(f"List {treaty} {year}", date(year, 4, 1), stand("not_party", treaty))
        for year in range(2010, 2026)
        for treaty in ("MBT", "CCM")
        if treaty == "CCM" or year % 2
    ]
    ids = [each.id for each in lists]
    lists = list(db.session.scalars(select(TargetList).where(TargetList.id.in_(ids))))
    statements: list[str] = []
    event.listen(
        db.extension.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    found = sizes(lists, {})
    assert len(statements) == 3
    assert all(
        found[each.id] == queries.counts(each.rule["of"][0]["treaty"], each.as_of).not_party
        for each in lists
    )


def test_an_unknown_treaty_or_standing_finds_nobody(ledger: None) -> None:
    for odd in (stand("not_party", "NPT"), stand("friend"), {"kind": "treaty"}):
        rule = list_rules.rule_of([odd])
        asked = list_rules.Asking(APRIL, APRIL)
        assert (
            db.session.scalars(select(Target.id).where(list_rules.where(rule, asked))).all() == []
        )
        assert list_rules.tell(rule, day=None, memory={}).problems
