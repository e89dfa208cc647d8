"""The ledger in the database: shipped rows, corrections, figures."""

from datetime import date

import pytest
from flask import Flask
from sqlalchemy import func, select

from crm.accounts.imports import ImportRun
from crm.core import audit, db
from crm.core.errors import Refused
from crm.treaties import figures, operations, queries
from crm.treaties.models import TreatyEvent
from crm.treaties.rules import Status

NOW = date(2026, 11, 23)


def load() -> int:
    with db.unit_of_work():
        return operations.load_reference(by=None)


def test_it_works(any_app: Flask) -> None:
    assert load() == 816
    assert load() == 0
    assert db.session.scalar(select(func.count(TreatyEvent.id))) == 816
    assert db.session.scalars(select(ImportRun.importer)).all() == ["governments", "treaties"]
    found = queries.counts("CCM", NOW)
    assert (found.joined, found.signatories, found.withdrawn, found.outside) == (112, 12, 1, 72)
    assert found.states == 197
    assert queries.standings("MBT", NOW)["USA"].status is Status.OUTSIDE


def test_rows_replaced_and_taken_back_drop_out(any_app: Flask) -> None:
    load()
    niue = next(each for each in queries.events("CCM") if each.state == "NIU")
    row = db.session.get_one(TreatyEvent, niue.id)
    again = {"treaty": "CCM", "target_id": row.target_id, "source": "a test"}
    with db.unit_of_work():
        entry = TreatyEvent(
            **again, kind=niue.kind, happened_on=date(2020, 9, 1), corrects_id=niue.id
        )
        db.session.add(entry)
        audit.record("make", "test", None, by=None)
    assert queries.standings("CCM", date(2020, 8, 31))["NIU"].status is Status.OUTSIDE
    assert queries.standings("CCM", date(2020, 9, 1))["NIU"].status is Status.PARTY
    with db.unit_of_work():
        db.session.add(
            TreatyEvent(**again, kind="retraction", happened_on=NOW, corrects_id=entry.id)
        )
        audit.record("make", "test", None, by=None)
    assert queries.standings("CCM", NOW)["NIU"].status is Status.OUTSIDE


@pytest.mark.parametrize(
    ("name", "on", "value"),
    [
        ("ccm.parties", date(2020, 11, 25), 110),
        ("ccm.gap_to:130", date(2020, 11, 25), 20),
        ("mbt.not_party", date(2022, 6, 21), 33),
        ("ccm.endorsed", date(2020, 11, 25), 123),
        ("CCM.in_force", date(2010, 7, 31), 0),
        ("mbt.share_of_states", date(2022, 6, 21), 83.2),
        ("mbt.not_party@nato", date(2022, 6, 21), 1),
        ("mbt.not_party@EU", date(2022, 6, 21), 0),
        ("mbt.not_party@americas", date(2022, 6, 21), 2),
        ("ccm.joined@pif", date(2020, 11, 25), 8),
        ("ccm.not_party@pif", date(2020, 11, 25), 8),
        ("ccm.gap_to:100", date(2020, 11, 25), 0),
        ("mbt.outside@northern-america", date(2022, 6, 21), 1),
    ],
)
def test_figures(ledger: Flask, name: str, on: date, value: float) -> None:
    found = figures.figure(name, on=on)
    assert (found.value, found.on) == (value, on)
    assert found.source == "UN Treaty Collection, status as at 3 February 2026"


def test_every_figure_named_can_be_read(ledger: Flask) -> None:
    for name in figures.FIGURES:
        assert figures.figure(name, on=NOW).label
    assert {"ccm.joined", "mbt.gap_to:130@polynesia", "ccm.joined@eu"} <= dict(
        figures.names()
    ).keys()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nope",
        "ccm",
        "ccm.joind",
        "ccm.joined:3",
        "ccm.joined@moon",
        "ccm.joined@",
        "ccm.gap_to:",
        "ccm.gap_to:x",
    ],
)
def test_a_figure_that_does_not_exist(ledger: Flask, name: str) -> None:
    with pytest.raises(Refused, match=r"There is no figure .*\. The nearest: "):
        figures.figure(name, on=NOW)
