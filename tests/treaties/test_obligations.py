"""What is due of a state by when, and how it stands: never more than the ledger says."""

from datetime import date

import pytest

from crm.treaties import reference, rules
from crm.treaties.instruments import CCM, INSTRUMENTS, MBT, Instrument
from crm.treaties.obligations import (
    Obligation,
    ObligationStatus,
    first_report_due,
    obligations,
    years_after,
)
from crm.treaties.rules import Event

EVENTS = [
    Event(number, row.treaty, row.state, row.kind, row.on, row.day_known)
    for number, row in enumerate(reference.rows())
]
IS = ObligationStatus


def day(text: str) -> date:
    return date.fromisoformat(text)


def due(treaty: Instrument, state: str, on: str, *more: Event) -> list[Obligation]:
    ours = [
        event for event in (*EVENTS, *more) if (event.treaty, event.state) == (treaty.key, state)
    ]
    standing = rules.standings(treaty, day(on), ours, [state])[state]
    return obligations(treaty, standing, ours, day(on))


def step(treaty: str, state: str, kind: str, on: str, article: str, until: str = "") -> Event:
    return Event(
        0, treaty, state, kind, day(on), article=article, until=day(until) if until else None
    )


def test_it_works() -> None:
    found = due(CCM, "NIU", "2021-03-01")
    assert [(each.article, each.label, each.due_on, each.status) for each in found] == [
        ("3", "Destroy stockpiles", day("2029-02-01"), IS.DUE),
        ("4", "Clear contaminated areas", day("2031-02-01"), IS.DUE),
        ("7", "First transparency report", day("2021-07-31"), IS.DUE),
        ("7", "Transparency report for 2021", day("2022-04-30"), IS.DUE),
    ]


@pytest.mark.parametrize(
    ("in_force", "report"), [("2020-07-01", "2020-12-28"), ("2012-03-01", "2012-08-28")]
)
def test_the_first_report_is_due_after_180_days(in_force: str, report: str) -> None:
    assert first_report_due(day(in_force)) == day(report)


@pytest.mark.parametrize(
    ("treaty", "state", "report"), [(CCM, "STP", "2020-12-28"), (MBT, "TUV", "2012-08-28")]
)
def test_first_reports_of_states(treaty: Instrument, state: str, report: str) -> None:
    assert day(report) in [each.due_on for each in due(treaty, state, "2026-11-23")]


@pytest.mark.parametrize(("treaty", "years"), [(MBT, {"4": 4, "5": 10}), (CCM, {"3": 8, "4": 10})])
def test_no_deadline_of_the_other_treaty(treaty: Instrument, years: dict[str, int]) -> None:
    for state in {event.state for event in EVENTS if event.treaty == treaty.key}:
        for each in due(treaty, state, "2026-11-23"):
            assert each.treaty == treaty.key
            assert each.article in {*years, "7"}
            if each.article in years and each.first_due_on:
                [in_force] = [
                    event.on
                    for event in EVENTS
                    if (event.treaty, event.state) == (treaty.key, state)
                    and event.kind == "entry_into_force"
                ]
                assert each.first_due_on == years_after(in_force, years[each.article])


def test_a_day_that_passed_is_told_as_what_the_ledger_lacks() -> None:
    stockpiles, clearance, *reports = due(MBT, "GRC", "2026-11-23")
    assert (stockpiles.due_on, stockpiles.status) == (day("2008-03-01"), IS.NOT_RECORDED)
    assert (clearance.due_on, clearance.status) == (day("2014-03-01"), IS.NOT_RECORDED)
    assert stockpiles.note
    assert [each.status for each in reports] == [IS.NOT_RECORDED, IS.NOT_RECORDED, IS.DUE]
    assert [each.due_on for each in reports[1:]] == [day("2026-04-30"), day("2027-04-30")]


def test_extensions_completion_and_what_is_overdue() -> None:
    def clearance(on: str, *more: Event) -> Obligation:
        return due(MBT, "ERI", on, *more)[1]

    granted = step("MBT", "ERI", "extension_granted", "2014-06-27", "5", "2020-02-01")
    asked = step("MBT", "ERI", "extension_requested", "2020-11-11", "5", "2020-12-31")
    done = step("MBT", "ERI", "completion_declared", "2021-05-01", "5")
    assert clearance("2012-01-31").status is IS.DUE
    assert clearance("2012-02-02").status is IS.NOT_RECORDED
    assert clearance("2019-01-01", granted).status is IS.EXTENDED
    assert clearance("2019-01-01", granted).due_on == day("2020-02-01")
    assert clearance("2019-01-01", granted).first_due_on == day("2012-02-01")
    assert clearance("2020-02-02", granted).status is IS.NO_REQUEST
    late = clearance("2020-11-23", granted, asked)
    assert (late.status, late.requested_until) == (IS.OVERDUE, day("2020-12-31"))
    met = clearance("2026-11-23", granted, asked, done)
    assert (met.status, met.met_on) == (IS.MET, day("2021-05-01"))
    # What was entered later is not known earlier.
    assert clearance("2020-02-02", granted, asked, done).status is IS.NO_REQUEST
    # The other article is not concerned.
    assert due(MBT, "ERI", "2026-11-23", done)[0].status is IS.NOT_RECORDED


def test_something_to_do_that_was_declared_can_be_overdue() -> None:
    declared = step("CCM", "BGR", "obligation_declared", "2012-01-10", "3")
    assert due(CCM, "BGR", "2019-10-02", declared)[0].status is IS.NO_REQUEST
    assert due(CCM, "BGR", "2019-10-01", declared)[0].status is IS.DUE


def test_reports_are_met_by_their_year() -> None:
    first = Event(0, "CCM", "NIU", "report_submitted", day("2021-07-01"), year=2020)
    second = Event(0, "CCM", "NIU", "report_submitted", day("2026-05-20"), year=2025)
    reports = due(CCM, "NIU", "2026-11-23", first, second)[2:]
    assert [(each.due_on, each.status, each.met_on) for each in reports] == [
        (day("2021-07-31"), IS.MET, day("2021-07-01")),
        (day("2026-04-30"), IS.MET, day("2026-05-20")),
        (day("2027-04-30"), IS.DUE, None),
    ]


def test_a_withdrawal_ends_what_was_open() -> None:
    done = step("CCM", "LTU", "completion_declared", "2015-01-10", "3")
    before = due(CCM, "LTU", "2025-03-05", done)
    assert [each.status for each in before][:2] == [IS.MET, IS.NOT_RECORDED]
    after = due(CCM, "LTU", "2025-03-06", done)
    assert {each.status for each in after[1:]} == {IS.ENDED}
    assert after[0].status is IS.MET
    # The report for 2024 fell due when it had left.
    assert [each.label for each in before[3:]] == [
        "Transparency report for 2023",
        "Transparency report for 2024",
    ]
    assert day("2025-04-30") not in [each.due_on for each in after]


def test_nothing_is_due_of_who_has_not_joined() -> None:
    for treaty in INSTRUMENTS.values():
        assert due(treaty, "USA", "2026-11-23") == []
    assert due(CCM, "NIU", "2020-08-05") == []


def test_no_day_follows_from_a_day_that_is_not_known() -> None:
    found = due(MBT, "LBN", "2026-11-23")
    assert {(each.due_on, each.status) for each in found} == {(None, IS.DAY_UNKNOWN)}


def test_years_after_a_leap_day() -> None:
    assert years_after(day("2020-02-29"), 1) == day("2021-02-28")
    assert years_after(day("2020-02-29"), 4) == day("2024-02-29")


def test_reports_end_with_the_calendar() -> None:
    assert due(MBT, "AFG", "9999-12-31")[-1].due_on == day("9999-04-30")
