"""What follows from events by the treaties' articles, on days that sources name."""

from datetime import date
from itertools import pairwise

import pytest

from crm.targets.sources import governments
from crm.treaties import reference, rules
from crm.treaties.instruments import CCM, INSTRUMENTS, MBT, Instrument
from crm.treaties.rules import Counts, Event, Standing, Status

EVENTS = [
    Event(number, row.treaty, row.state, row.kind, row.on, row.day_known, source=row.source)
    for number, row in enumerate(reference.rows(), start=1)
]
STATES = [dict(each.identifiers)["iso3166-alpha3"] for each in governments.read().targets]


def day(text: str) -> date:
    return date.fromisoformat(text)


def standings(treaty: Instrument, on: str, events: list[Event] = EVENTS) -> dict[str, Standing]:
    ours = [event for event in events if event.treaty == treaty.key]
    found = rules.standings(treaty, day(on), ours, STATES)
    assert len(found) == 197
    return found


def counts(treaty: Instrument, on: str) -> Counts:
    return rules.count(treaty.key, day(on), standings(treaty, on).values())


def test_it_works() -> None:
    niue = standings(CCM, "2020-08-06")["NIU"]
    assert niue.status is Status.PARTY
    assert niue.number == 109
    assert (niue.in_force_on, niue.is_in_force) == (day("2021-02-01"), False)
    assert standings(CCM, "2021-02-01")["NIU"].is_in_force
    assert standings(CCM, "2020-08-05")["NIU"].status is Status.OUTSIDE


@pytest.mark.parametrize(
    ("deposited", "in_force"),
    [
        ("2020-08-06", "2021-02-01"),
        ("2020-09-15", "2021-03-01"),
        ("2025-09-05", "2026-03-01"),
        ("2020-01-27", "2020-07-01"),
        ("2011-03-24", "2011-09-01"),
        ("2020-08-31", "2021-02-01"),
        ("2020-09-01", "2021-03-01"),
    ],
)
def test_first_of_the_sixth_month(deposited: str, in_force: str) -> None:
    assert rules.first_of_sixth_month(day(deposited)) == day(in_force)


@pytest.mark.parametrize(("treaty", "last"), [(MBT, "1998-09-16"), (CCM, "2010-02-16")])
def test_general_entry_into_force_follows_from_the_deposits(treaty: Instrument, last: str) -> None:
    deposits = sorted(
        event.on for event in EVENTS if event.treaty == treaty.key and event.kind in rules.CONSENTS
    )
    assert deposits[treaty.needed - 1] == day(last)
    assert rules.general_entry_into_force(deposits, treaty.needed) == treaty.in_force_on
    assert rules.general_entry_into_force(deposits[: treaty.needed - 1], treaty.needed) is None


@pytest.mark.parametrize("treaty", INSTRUMENTS.values())
def test_days_of_entry_into_force_agree_with_the_article(treaty: Instrument) -> None:
    published = {
        event.state: event.on
        for event in EVENTS
        if event.treaty == treaty.key and event.kind == "entry_into_force"
    }
    reckoned = [event for event in EVENTS if event.kind != "entry_into_force"]
    found = standings(treaty, "2026-11-23", reckoned)
    differing = {state for state, on in published.items() if found[state].in_force_on != on}
    assert differing == ({"SSD"} if treaty is MBT else set())


def test_a_succession_may_be_in_force_before_its_deposit() -> None:
    assert standings(MBT, "2011-11-10")["SSD"].status is Status.OUTSIDE
    found = standings(MBT, "2011-11-11")["SSD"]
    assert found.status is Status.PARTY
    assert (found.is_in_force, found.in_force_on) == (True, day("2011-07-09"))


@pytest.mark.parametrize(
    ("treaty", "on", "joined"),
    [
        (MBT, "2006-07-31", 151),
        (MBT, "2024-12-31", 164),
        (MBT, "2025-03-12", 165),
        (MBT, "2025-06-26", 166),
        (MBT, "2026-02-03", 162),
        (MBT, "2026-02-20", 161),
        (MBT, "2026-11-22", 161),
        (MBT, "2026-11-23", 162),
        (CCM, "2010-02-16", 30),
        (CCM, "2010-08-01", 38),
        (CCM, "2020-10-23", 110),
        (CCM, "2022-08-31", 110),
        (CCM, "2023-12-31", 112),
        (CCM, "2025-03-07", 111),
        (CCM, "2025-09-05", 112),
    ],
)
def test_published_totals(treaty: Instrument, on: str, joined: int) -> None:
    assert counts(treaty, on).joined == joined


def test_consents_a_year() -> None:
    ends = [f"{year}-12-31" for year in range(1996, 2006)] + ["2006-07-31"]
    joined = [counts(MBT, on).joined for on in ends]
    assert [after - before for before, after in pairwise(joined)] == [
        3, 55, 32, 19, 13, 8, 11, 3, 4, 3,
    ]  # fmt: skip


def test_signatures() -> None:
    def signed(treaty: Instrument, on: str) -> int:
        return sum(each.signed_on is not None for each in standings(treaty, on).values())

    assert signed(MBT, "2026-11-23") == 133
    assert signed(CCM, "2026-11-23") == 108
    assert signed(CCM, "2008-12-04") == 94
    assert signed(CCM, "2010-08-01") == 108
    assert counts(CCM, "2026-11-23") == Counts("CCM", day("2026-11-23"), 112, 112, 12, 72, 1)
    assert counts(MBT, "2026-02-03").signatories == 0


@pytest.mark.parametrize(
    ("treaty", "state", "number"),
    [
        (MBT, "TUV", 157), (MBT, "SSD", 158), (MBT, "POL", 161), (MBT, "OMN", 162),
        (MBT, "LKA", 163), (MBT, "PSE", 164), (MBT, "MHL", 165), (MBT, "TON", 166),
        (CCM, "LAO", 5), (CCM, "MWI", 22), (CCM, "MKD", 23), (CCM, "MNE", 27), (CCM, "MDA", 30),
        (CCM, "LBN", 46), (CCM, "LTU", 55), (CCM, "LKA", 103), (CCM, "GMB", 105),
        (CCM, "STP", 108), (CCM, "NIU", 109), (CCM, "LCA", 110), (CCM, "SSD", 112),
        (CCM, "VUT", 113),
    ],
)  # fmt: skip
def test_the_nth_state(treaty: Instrument, state: str, number: int) -> None:
    assert standings(treaty, "2026-11-23")[state].number == number


@pytest.mark.parametrize(
    ("treaty", "state", "noticed", "left"),
    [
        (MBT, "EST", "2025-06-27", "2025-12-27"),
        (MBT, "LVA", "2025-06-27", "2025-12-27"),
        (MBT, "LTU", "2025-06-27", "2025-12-27"),
        (MBT, "FIN", "2025-07-10", "2026-01-10"),
        (MBT, "POL", "2025-08-20", "2026-02-20"),
        (CCM, "LTU", "2024-09-06", "2025-03-06"),
    ],
)
def test_a_withdrawal_takes_six_months(
    treaty: Instrument, state: str, noticed: str, left: str
) -> None:
    assert rules.six_months(day(noticed)) == day(left)
    reckoned = [event for event in EVENTS if event.kind != "withdrawal_effective"]
    for events in (EVENTS, reckoned):
        before = standings(treaty, noticed, events)[state]
        assert (before.status, before.is_in_force) == (Status.PARTY, True)
        assert before.withdrawn_on == day(left)
        after = standings(treaty, left, events)[state]
        assert (after.status, after.is_in_force) == (Status.WITHDRAWN, False)


def test_an_armed_conflict_holds_a_withdrawal() -> None:
    def event(kind: str, on: str) -> Event:
        return Event(0, "MBT", "USA", kind, day(on))

    held = [
        event("accession", "2000-01-10"),
        event("withdrawal_deposited", "2024-01-10"),
        event("withdrawal_held", "2024-07-10"),
    ]
    found = standings(MBT, "2026-01-01", held)["USA"]
    assert (found.status, found.withdrawn_on) == (Status.PARTY, None)
    ended = [*held, event("withdrawal_effective", "2026-01-05")]
    assert standings(MBT, "2026-01-04", ended)["USA"].status is Status.PARTY
    assert standings(MBT, "2026-01-05", ended)["USA"].status is Status.WITHDRAWN
    again = [*ended, event("accession", "2027-03-31")]
    found = standings(MBT, "2027-03-31", again)["USA"]
    assert (found.status, found.number) == (Status.PARTY, 2)
    assert (found.in_force_on, found.withdrawn_on) == (day("2027-09-01"), None)


def test_a_day_that_is_not_known_is_said() -> None:
    found = standings(MBT, "2026-11-23")["LBN"]
    assert (found.status, found.day_known, found.in_force_on) == (Status.PARTY, False, None)
    assert counts(MBT, "2026-11-23").unknown_day == ("LBN",)
    assert counts(MBT, "2026-02-20").unknown_day == ()
    assert counts(MBT, "2026-11-23").in_force == 161
