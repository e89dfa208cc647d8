"""Entering, correcting and taking back: what the treaties rule out is refused in a sentence."""

from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from crm.core import db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.treaties import operations, order, queries, reference
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.models import TreatyEvent
from crm.treaties.rules import Event, Status
from tests import make

NOW = date(2026, 11, 23)


def load() -> None:
    with db.unit_of_work():
        operations.load_reference(by=None)


def number(state: str) -> int:
    return queries.state_ids()[state]


def add(state: str, treaty: str, kind: str, on: date, **more: Any) -> int:
    values = {"source": "A letter", "today": NOW, "by": None, **more}
    with db.unit_of_work():
        row = operations.add_event(
            treaty=treaty, target_id=number(state), kind=kind, happened_on=on, **values
        )
        return row.id


def held(state: str, treaty: str, kind: str) -> TreatyEvent:
    [found] = [each for each in queries.events(treaty) if (each.state, each.kind) == (state, kind)]
    return db.session.get_one(TreatyEvent, found.id)


def correct(event_id: int, kind: str, on: date, **more: Any) -> int:
    values = {"source": "A letter", "today": NOW, "by": None, **more}
    with db.unit_of_work():
        event = db.session.get_one(TreatyEvent, event_id)
        return operations.correct_event(event, kind=kind, happened_on=on, **values).id


def retract(event_id: int) -> None:
    with db.unit_of_work():
        event = db.session.get_one(TreatyEvent, event_id)
        operations.retract_event(event, reason="Never happened", by=None, today=NOW)


def standing(state: str, treaty: str, on: date = NOW) -> Any:
    return queries.standings(treaty, on)[state]


def test_it_works(any_app: Flask) -> None:
    load()
    user = make.user()
    user_id = user.id
    row = add("BRA", "CCM", "accession", date(2026, 10, 5), link="https://example.org/", by=user)
    found = standing("BRA", "CCM")
    assert (found.status, found.number, found.in_force_on) == (
        Status.PARTY, 114, date(2027, 4, 1),
    )  # fmt: skip
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (entry.verb, entry.record_id, entry.by_id) == ("add_event", row, user_id)
    assert db.session.get_one(TreatyEvent, row).entered_by_id == user_id
    add("BRA", "CCM", "report_submitted", date(2026, 11, 1), year=2025)


def test_the_shipped_ledger_breaks_no_rule(app: Flask) -> None:
    theirs: dict[tuple[str, str], list[Event]] = {}
    for at, row in enumerate(reference.rows()):
        event = Event(at, row.treaty, row.state, row.kind, row.on, row.day_known)
        theirs.setdefault((row.treaty, row.state), []).append(event)
    for (treaty, _state), events in theirs.items():
        assert order.faults(INSTRUMENTS[treaty], events, NOW) == []


@pytest.mark.parametrize(
    ("state", "treaty", "kind", "on", "more", "field"),
    [
        ("BRA", "CCM", "ratification", date(2020, 1, 1), {}, "kind"),
        ("AGO", "CCM", "accession", date(2020, 1, 1), {}, "kind"),
        ("NIU", "CCM", "accession", date(2021, 1, 1), {}, "kind"),
        ("BRA", "CCM", "accession", date(2026, 11, 24), {}, "happened_on"),
        ("BRA", "CCM", "accession", date(2008, 6, 1), {}, "happened_on"),
        ("BRA", "CCM", "accession", date(2007, 6, 1), {}, "happened_on"),
        ("BRA", "CCM", "signature", date(2010, 8, 1), {}, "happened_on"),
        ("USA", "MBT", "signature", date(1999, 3, 1), {}, "happened_on"),
        ("USA", "MBT", "signature", date(1997, 12, 2), {}, "happened_on"),
        ("AGO", "CCM", "signature", date(2009, 1, 1), {}, "kind"),
        ("AGO", "CCM", "ratification", date(2008, 12, 2), {}, "happened_on"),
        ("USA", "MBT", "withdrawal_deposited", date(2020, 1, 1), {}, "happened_on"),
        ("NIU", "CCM", "withdrawal_deposited", date(2020, 8, 5), {}, "happened_on"),
        ("LTU", "CCM", "withdrawal_deposited", date(2024, 9, 7), {}, "kind"),
        ("LTU", "CCM", "withdrawal_announced", date(2025, 3, 7), {}, "happened_on"),
        ("NIU", "CCM", "withdrawal_effective", date(2026, 1, 1), {}, "happened_on"),
        ("BRA", "CCM", "entry_into_force", date(2026, 1, 1), {}, "happened_on"),
        ("NIU", "CCM", "entry_into_force", date(2021, 3, 1), {}, "kind"),
        ("NIU", "CCM", "report_submitted", date(2021, 3, 1), {}, "year"),
        ("NIU", "CCM", "report_submitted", date(2021, 3, 1), {"year": 2022}, "year"),
        ("NIU", "CCM", "completion_declared", date(2021, 3, 1), {}, "article"),
        ("NIU", "CCM", "completion_declared", date(2021, 3, 1), {"article": "5"}, "article"),
        ("NIU", "CCM", "extension_requested", date(2021, 3, 1), {"article": "3"}, "until"),
        ("NIU", "CCM", "joined", date(2021, 3, 1), {}, "kind"),
        ("NIU", "CCM", "retraction", date(2021, 3, 1), {}, "kind"),
        ("NIU", "XXX", "accession", date(2021, 3, 1), {}, "treaty"),
        ("NIU", "CCM", "withdrawal_announced", date(2025, 3, 7), {"source": " "}, "source"),
        ("NIU", "CCM", "withdrawal_announced", date(2025, 3, 7), {"source": "x" * 501}, "source"),
        ("NIU", "CCM", "withdrawal_announced", date(2025, 3, 7), {"link": "javascript:1"}, "link"),
    ],
)  # fmt: skip
def test_what_cannot_be(
    ledger: Flask, state: str, treaty: str, kind: str, on: date, more: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as no:
        add(state, treaty, kind, on, **more)
    assert no.value.field == field
    assert str(no.value.message).endswith((".", "https://"))
    assert db.session.scalar(select(func.count(TreatyEvent.id))) == 816


def test_extensions_have_an_end(ledger: Flask) -> None:

    def extend(treaty: str, state: str, article: str, until: date) -> str | None:
        try:
            add(state, treaty, "extension_granted", NOW, article=article, until=until)
        except Refused as no:
            return no.field
        return None

    # The MBT: stockpiles never, clearance ten years at a time and again.
    assert extend("MBT", "GRC", "4", date(2027, 1, 1)) == "article"
    assert extend("MBT", "GRC", "5", date(2024, 3, 2)) == "until"
    assert extend("MBT", "GRC", "5", date(2014, 3, 1)) == "until"
    assert extend("MBT", "GRC", "5", date(2024, 3, 1)) is None
    assert extend("MBT", "GRC", "5", date(2034, 3, 1)) is None
    # The CCM: stockpiles four and four more, clearance five years at a time.
    assert extend("CCM", "NIU", "3", date(2033, 2, 2)) == "until"
    assert extend("CCM", "NIU", "3", date(2033, 2, 1)) is None
    assert extend("CCM", "NIU", "3", date(2036, 2, 1)) is None
    assert extend("CCM", "NIU", "3", date(2037, 2, 2)) == "until"
    assert extend("CCM", "NIU", "3", date(2037, 2, 1)) is None
    assert extend("CCM", "NIU", "3", date(2038, 2, 1)) == "until"
    assert extend("CCM", "NIU", "4", date(2036, 2, 2)) == "until"
    assert extend("CCM", "NIU", "4", date(2036, 2, 1)) is None
    # Nothing runs from a day that is not known.
    assert extend("MBT", "LBN", "5", date(2040, 1, 1)) == "until"


def test_a_correction_is_a_new_row(any_app: Flask) -> None:
    load()
    event = held("NIU", "CCM", "accession").id
    new = correct(event, "accession", date(2020, 9, 2))
    found = standing("NIU", "CCM")
    # The entry into force was reckoned from the deposit and moves with it.
    assert (found.consented_on, found.in_force_on) == (date(2020, 9, 2), date(2021, 3, 1))
    assert db.session.get_one(TreatyEvent, new).corrects_id == event
    assert db.session.get_one(TreatyEvent, event).happened_on == date(2020, 8, 6)
    assert db.session.scalar(select(func.count(TreatyEvent.id))) == 818
    with pytest.raises(Refused, match="replaced or taken back already"):
        correct(event, "accession", date(2020, 8, 7))
    with pytest.raises(Refused, match="Nothing is different"):
        correct(new, "accession", date(2020, 9, 2))


def test_a_correction_breaks_no_rule_either(ledger: Flask) -> None:
    event = held("LTU", "CCM", "ratification").id
    for on in (date(2008, 12, 2), date(2025, 1, 1)):
        with pytest.raises(Refused) as no:
            correct(event, "ratification", on)
        assert no.value.field == "happened_on"
    with pytest.raises(Refused) as no:
        correct(event, "accession", date(2011, 3, 24))
    assert no.value.field == "kind"


def test_a_day_that_becomes_known(ledger: Flask) -> None:
    correct(held("LBN", "MBT", "accession").id, "accession", date(2026, 5, 4))
    found = standing("LBN", "MBT")
    assert (found.day_known, found.in_force_on) == (True, date(2026, 11, 1))
    assert queries.counts("MBT", date(2026, 5, 4)).joined == 162
    assert queries.counts("MBT", NOW).unknown_day == ()


def test_what_was_never_so_is_taken_back(any_app: Flask) -> None:
    load()
    event = held("NIU", "CCM", "accession").id
    retract(event)
    assert standing("NIU", "CCM").status is Status.OUTSIDE
    assert queries.events("CCM", target_id=number("NIU")) == []
    assert db.session.get_one(TreatyEvent, event).kind == "accession"
    with pytest.raises(Refused, match="already"):
        retract(event)
    signature = held("LTU", "CCM", "signature").id
    with pytest.raises(Refused, match="had not signed"):
        retract(signature)


def test_a_state_may_come_back(ledger: Flask) -> None:
    add("LTU", "CCM", "accession", date(2026, 2, 10))
    found = standing("LTU", "CCM")
    assert (found.status, found.number, found.in_force_on) == (
        Status.PARTY, 114, date(2026, 8, 1),
    )  # fmt: skip
    assert standing("LTU", "CCM", date(2026, 2, 9)).status is Status.WITHDRAWN
    assert queries.nth("CCM", 55).state == queries.nth("CCM", 114).state == "LTU"
    assert queries.nth("CCM", 115) is None
    assert queries.number_of("CCM", "NIU", NOW) == 109
