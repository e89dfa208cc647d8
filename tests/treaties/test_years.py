"""Joined over the years, and the days a campaign remembers."""

from datetime import date

import pytest
from flask import Flask

from crm.treaties import queries, reference, rules, words
from crm.treaties.anniversaries import upcoming
from crm.treaties.instruments import CCM, INSTRUMENTS, MBT
from crm.treaties.rules import Event
from crm.treaties.years import joined_on


def event(kind: str, on: date, state: str = "NIU") -> Event:
    return Event(1, "CCM", state, kind, on)


def test_it_is_what_the_counts_of_each_day_say() -> None:
    events = [
        Event(number, row.treaty, row.state, row.kind, row.on, row.day_known)
        for number, row in enumerate(reference.rows())
    ]
    days = [date(year, month, 15) for year in range(1997, 2028) for month in (1, 6, 9, 12)]
    for treaty in INSTRUMENTS.values():
        ours = [each for each in events if each.treaty == treaty.key]
        states = sorted({each.state for each in ours})
        counted = [
            rules.count(treaty.key, day, rules.standings(treaty, day, ours, states).values()).joined
            for day in days
        ]
        assert joined_on(ours, days) == counted


def test_a_state_that_leaves_and_comes_back() -> None:
    events = [
        event("accession", date(2012, 1, 1)),
        event("withdrawal_deposited", date(2014, 1, 1)),
        event("withdrawal_effective", date(2014, 7, 1)),
        event("accession", date(2016, 1, 1)),
        event("withdrawal_deposited", date(2018, 1, 1)),
        event("withdrawal_held", date(2018, 3, 1)),
    ]
    days = [date(year, 12, 31) for year in (2011, 2012, 2014, 2016, 2018)]
    assert joined_on(events, days) == [0, 1, 0, 1, 1]


def test_anniversaries_come_in_turn_with_their_years(app: Flask) -> None:
    found = upcoming(date(2026, 11, 23))
    assert [(each.on, each.years) for each in found] == [
        (date(2026, 12, 3), 18), (date(2026, 12, 3), 29), (date(2027, 3, 1), 28),
        (date(2027, 4, 4), None), (date(2027, 8, 1), 17), (date(2027, 11, 13), 24),
    ]  # fmt: skip
    assert [each.on for each in upcoming(date(2027, 8, 1), treaties=[CCM], days=1)] == [
        date(2027, 8, 1)
    ]
    assert len(upcoming(date(2027, 1, 1), treaties=[MBT])) == 3
    assert upcoming(date.max) == []


@pytest.mark.parametrize(
    ("number", "told"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"),
     (109, "109th"), (111, "111th"), (112, "112th"), (113, "113th"), (122, "122nd")],
)  # fmt: skip
def test_ordinals(app: Flask, number: int, told: str) -> None:
    assert words.nth(number) == told


def test_the_words_of_every_standing(ledger: Flask) -> None:
    on = date(2025, 7, 1)
    mbt, ccm = queries.standings("MBT", on), queries.standings("CCM", on)
    assert words.told(mbt["LVA"]) == (
        "acceded on Jul 1, 2005, withdrawal takes effect on Dec 27, 2025"
    )
    assert words.told(mbt["TON"]) == "acceded on Jun 25, 2025, in force from Dec 1, 2025"
    assert words.told(ccm["UGA"]) == "signed on Dec 3, 2008, not joined"
    assert words.told(ccm["USA"]) == "neither signed nor joined"
    assert words.told(ccm["LTU"]).endswith("withdrew with effect from Mar 6, 2025")
    lebanon = queries.standings("MBT", date(2026, 11, 23))["LBN"]
    assert words.told(lebanon) == (
        "acceded, seen by Nov 23, 2026 (the day is not known), entry into force not known"
    )
