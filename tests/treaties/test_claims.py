"""The claim check on sentences as campaigns write them: right, wrong, and what is no claim."""

import time
from datetime import date
from functools import cache
from typing import Any

import pytest
from flask import Flask

from crm.core.errors import Refused
from crm.targets.sources import governments
from crm.treaties import claims, reference
from crm.treaties.claims.dates import find_dates
from crm.treaties.claims.reading import Ledger
from crm.treaties.claims.text import sentences
from crm.treaties.rules import Event

TODAY = date(2026, 11, 23)
NOV_2020 = "2020-11-25"


@cache
def ledger() -> Ledger:
    names = {
        next(code for scheme, code in facts.identifiers if scheme == "iso3166-alpha3"):
        facts.columns["name"]
        for facts in governments.read().targets
    }  # fmt: skip
    events = [
        Event(number, row.treaty, row.state, row.kind, row.on, row.day_known, source=row.source)
        for number, row in enumerate(reference.rows(), start=1)
    ]
    return Ledger(sorted(events, key=lambda each: each.on), names, reference.DEPOSITARY)


def check(text: str, on: str | None = NOV_2020) -> claims.Report:
    return claims.check(
        text, ledger(), on=date.fromisoformat(on) if on else None, today=TODAY
    )  # fmt: skip


def told(text: str, on: str | None = NOV_2020) -> list[tuple[Any, ...]]:
    return [
        (claim.kind, claim.says, claim.ledger, claim.verdict.value)
        for claim in check(text, on).claims
    ]


def test_it_works(app: Flask) -> None:
    text = (
        "Today 108 States Parties + 13 signatories = 121 countries have embraced the Convention on "
        "Cluster Munitions. We need another 22 to reach 130."
    )
    assert told(text) == [
        ("joined", 108, 110, "wrong"),
        ("signatories", 13, 13, "right"),
        ("endorsed", 121, 123, "wrong"),
        ("gap", 22, 20, "wrong"),
    ]
    first = check(text).claims[0]
    assert first.treaty == "CCM"
    assert first.source == reference.DEPOSITARY
    assert text[first.start : first.end] == first.text
    assert "110 States Parties (joined by deposit), not 108" in first.message
    assert "108 was right from January 27, 2020 to August 5, 2020" in first.message


CCM = "Convention on Cluster Munitions"
RIGHT = [
    ("2020-10-23", f"So far 110 states parties have joined the {CCM}.", "joined", 110),
    (NOV_2020, f"One hundred and ten States Parties and thirteen signatories to the {CCM}.",
     "joined", 110),
    (NOV_2020, f"There are 110 States Parties to the {CCM}.", "joined", 110),
    (NOV_2020, "The CCM has 110 State Parties.", "joined", 110),
    (NOV_2020, "The number of States Parties to the CCM now stands at 110.", "joined", 110),
    (NOV_2020, "This brings the number of States Parties to the CCM to 110.", "joined", 110),
    (NOV_2020, "110 countries are party to the CCM.", "joined", 110),
    (NOV_2020, "110 countries have ratified or acceded to the CCM.", "joined", 110),
    (NOV_2020, "In all, 110 States are now party to the Oslo Convention.", "joined", 110),
    (NOV_2020, "More than 100 countries have joined the CCM.", "joined", 100),
    (NOV_2020, "At least 110 countries have joined the ban on cluster munitions.", "joined", 110),
    (NOV_2020, "Nearly 115 states have joined the CCM.", "joined", 115),
    (NOV_2020, "Eighteen of the 110 States Parties to the CCM sent a report.", "joined", 110),
    (NOV_2020, "All 110 States Parties to the CCM have destroyed something.", "joined", 110),
    (NOV_2020, "The CCM has 13 signatories that must still ratify.", "signatories", 13),
    (NOV_2020, "13 countries have signed but not yet ratified the CCM.", "signatories", 13),
    (NOV_2020, "The CCM has 110 States Parties and 13 signatories, 123 countries in all.",
     "endorsed", 123),
    (NOV_2020, "123 countries have signed or joined the CCM.", "endorsed", 123),
    (NOV_2020, "123 nations are on board with the cluster munition ban.", "endorsed", 123),
    (NOV_2020, "Cluster bombs are banned by 123 countries.", "endorsed", 123),
    (NOV_2020, "108 states have signed the CCM.", "signed", 108),
    ("2010-08-01", "The CCM enters life with 108 on board.", "endorsed", 108),
    ("2010-08-01", "The CCM has 38 States Parties.", "joined", 38),
    (NOV_2020, "87 countries have not joined the CCM.", "not_joined", 87),
    (NOV_2020, "74 countries remain outside the CCM.", "not_joined", 74),
    (NOV_2020, "The CCM is in force for 108 states.", "in_force", 108),
    (NOV_2020, "We are 20 States Parties short of the goal of 130 States Parties to the CCM.",
     "gap", 20),
    (NOV_2020, "Another twenty countries must join the CCM to reach 130.", "gap", 20),
    ("2023-12-01", "164 countries party to the Mine Ban Treaty.", "joined", 164),
    ("2023-12-01", "The MBT has 164 States Parties.", "joined", 164),
    ("2023-12-01", "Only 33 states are not party to the Ottawa Convention.", "not_joined", 33),
    ("2023-12-01", "Over 80 percent of the world's countries have joined the Mine Ban Treaty.",
     "share", 80),
    ("2023-12-01", "More than three-quarters of the world's states have joined the Ottawa Treaty.",
     "share", 75),
    ("2023-12-01", "164 of 197 states are party to the Mine Ban Treaty.", "out_of", "164/197"),
    ("2025-10-01", "As of 1 August 2010, 38 States Parties had joined the CCM.", "joined", 38),
    ("2024-05-01", "In 2020 the CCM had 110 States Parties.", "joined", 110),
    (NOV_2020, "Niue became the 109th State Party to the CCM.", "nth", 109),
    (NOV_2020, "Saint Lucia, the one hundred and tenth State Party to the CCM, acted.", "nth", 110),
    (NOV_2020, "The CCM entered into force on 1 August 2010.", "entry_into_force", "2010-08-01"),
    (NOV_2020, "The Mine Ban Treaty entered into force in 1999.", "entry_into_force", "1999"),
    (NOV_2020, "The CCM will enter into force for Niue on 1 February 2021.", "entry_into_force",
     "2021-02-01"),
    (NOV_2020, "On 6 August, Niue deposited its instrument of accession to the CCM.", "deposit",
     "6 August"),
    (NOV_2020, "The CCM was opened for signature on 3 December 2008.", "opened", "2008-12-03"),
    (NOV_2020, "The CCM was adopted in Dublin on 30 May 2008.", "adopted", "2008-05-30"),
    (NOV_2020, "The United States has not joined the Mine Ban Treaty.", "status",
     "United States has not joined"),
    ("2023-12-01", "Under the Mine Ban Treaty, states must destroy stockpiles within four years.",
     "deadline", 4),
    (NOV_2020, "CCM parties must clear contaminated land within 10 years.", "deadline", 10),
    (NOV_2020, "Ten years ago, on 1 August 2010, the CCM entered into force with 108 on board.",
     "endorsed", 108),
    (NOV_2020, "Ninety-four states signed the CCM on 3 December 2008.", "signed", 94),
    (NOV_2020, "Since 2010, 110 countries have joined the CCM.", "joined", 110),
    (NOV_2020, "The CCM (adopted in 2008) with 110 States Parties is strong.", "joined", 110),
    (NOV_2020, "110 states have joined the CCM and a further 13 have signed but not yet ratified.",
     "signatories", 13),
    (NOV_2020, "Of the 123 countries that have signed the CCM, 110 have ratified it.", "joined",
     110),
    ("2023-05-01", "In 1997, 122 countries signed the Mine Ban Treaty in Ottawa.", "signed", 122),
    (NOV_2020, "Niue has joined the CCM.", "status", "Niue has joined"),
    ("2025-05-01", "Lithuania's withdrawal from the CCM took effect on 6 March 2025.", "withdrawal",
     "2025-03-06"),
    ("2024-09-01", "The meeting was on Thursday, August 15th, 2024.", "weekday", "Thursday"),
    ("2008-12-01", "Sign with us on Wednesday, 3 December 2008!", "weekday", "Wednesday"),
]  # fmt: skip


@pytest.mark.parametrize(("on", "text", "kind", "says"), RIGHT)
def test_right(app: Flask, on: str, text: str, kind: str, says: Any) -> None:
    found = [claim for claim in check(text, on).claims if claim.kind == kind]
    assert [(claim.says, claim.verdict.value) for claim in found] == [(says, "right")], told(
        text, on
    )
    assert not [claim for claim in check(text, on).claims if claim.verdict == "wrong"]


WRONG = [
    (NOV_2020, "108 States Parties to the CCM.", "joined", 108, 110),
    (NOV_2020, "The CCM now counts 121 States Parties.", "joined", 121, 110),
    (NOV_2020, "States Parties to the CCM: 109.", "joined", 109, 110),
    (NOV_2020, "112 countries have joined the CCM.", "joined", 112, 110),
    (NOV_2020, "More than 110 states have ratified the CCM.", "joined", 110, 110),
    (NOV_2020, "The CCM has 121 signatories.", "signatories", 121, 13),
    (NOV_2020, "The CCM entered into force for 110 states.", "in_force", 110, 108),
    (NOV_2020, "125 states have endorsed the CCM.", "endorsed", 125, 123),
    (NOV_2020, "We need another twenty-two to reach 130 States Parties to the CCM.", "gap", 22, 20),
    (NOV_2020, "The CCM is 22 short of 130.", "gap", 22, 20),
    (NOV_2020, "22 more countries are needed to reach the goal of 130 for the CCM.", "gap", 22, 20),
    ("2023-12-01", "The US is one of only 35 countries that have not joined the Mine Ban Treaty.",
     "not_joined", 35, 33),
    ("2023-12-01", "35 states remain outside the Ottawa Treaty.", "not_joined", 35, 33),
    ("2023-12-01", "There are 35 states not party to the MBT.", "not_joined", 35, 33),
    ("2023-12-01", "Thirty-five countries still haven't joined the MBT.", "not_joined", 35, 33),
    ("2023-12-01", "Over 85 percent of the world's countries have joined the MBT.", "share", 85,
     83.2),
    ("2023-12-01", "164 of 193 states are party to the Mine Ban Treaty.", "out_of", "164/193",
     "164/197"),
    (NOV_2020, "Saint Lucia became the 109th State Party to the CCM.", "nth", 109, "Niue"),
    (NOV_2020, "Niue became the 200th State Party to the CCM.", "nth", 200, None),
    (NOV_2020, "The CCM entered into force on 1 August 2011.", "entry_into_force", "2011-08-01",
     "2010-08-01"),
    (NOV_2020, "The CCM will enter into force for Niue on 1 January 2021.", "entry_into_force",
     "2021-01-01", "2021-02-01"),
    (NOV_2020, "Niue deposited its instrument of accession to the CCM on 5 August 2020.", "deposit",
     "2020-08-05", "2020-08-06"),
    (NOV_2020, "Cuba is not a State Party to the CCM.", "status", "Cuba is not a State Party",
     "state_party"),
    (NOV_2020, "Under the CCM, states must destroy stockpiles within four years.", "deadline",
     4, 8),
    (NOV_2020, "The Mine Ban Treaty requires states to destroy stockpiles within 8 years.",
     "deadline", 8, 4),
    (NOV_2020, "The CCM has 110 States Parties and 12 signatories, 123 in all, or 123 = 110 States "
     "Parties + 12 signatories.", "sum", 123, 122),
    (None, "Join us on Thursday, August 15th, 2004 at noon.", "weekday", "Thursday", "Sunday"),
    (NOV_2020, "It was on 15 August 2004, a Thursday.", "weekday", "Thursday", "Sunday"),
    (NOV_2020, "Signed Mon 3 Dec 2008 in Oslo.", "weekday", "Monday", "Wednesday"),
    (NOV_2020, "The deadline is 31 June 2021.", "date", "31 June 2021", None),
    (NOV_2020, "Come on 29 February 2021.", "date", "29 February 2021", None),
    (NOV_2020, "Dear [YOUR COUNTRY], act!", "field", "[YOUR COUNTRY]", None),
    (NOV_2020, "Sincerely, [insert name here]", "field", "[insert name here]", None),
    (NOV_2020, "Dear ((target.salutation)),", "field", "((target.salutation))", None),
    (NOV_2020, "On the XX of May we march.", "field", "XX", None),
    (NOV_2020, "Name: ________", "field", "________", None),
    (NOV_2020, "Venue: TBC", "field", "TBC", None),
    (NOV_2020, "Fill in what is highlighted in yellow.", "field", "highlighted in yellow", None),
]  # fmt: skip


@pytest.mark.parametrize(("on", "text", "kind", "says", "right"), WRONG)
def test_wrong(app: Flask, on: str | None, text: str, kind: str, says: Any, right: Any) -> None:
    found = [claim for claim in check(text, on).claims if claim.kind == kind]
    assert (says, right, "wrong") in [
        (claim.says, claim.ledger, claim.verdict.value) for claim in found
    ], told(text, on)


NONE = [
    "The CCM was agreed in 2008 by States Parties.",
    "The Meeting of States Parties (12MSP) and 2RevCon of the CCM.",
    "The 17th Meeting of States Parties to the MBT met in Vienna.",
    "States Parties cleared 156 km² of mined land, 10 more than the year before.",
    "35 states destroyed 99 percent of the cluster munitions that were declared.",
    "States Parties to the CCM meet within 4 years.",
    "Article 4 States Parties have obligations; article 7 States Parties report.",
    "States Parties gave $13 million for the CCM.",
    "Eleven States Parties to the CCM have completed clearance.",
    "Nine States Parties to the MBT requested extensions of their deadlines.",
    "31 States Parties to the MBT declared themselves mine-free.",
    "Ten non-signatory states attended the meeting of the CCM.",
    "Two new States Parties joined us.",
    "In Africa, 35 States Parties to the CCM are affected.",
    "Our goal is 130 States Parties to the CCM.",
    "We want 130 States Parties by 2020, says the Dubrovnik Action Plan of the CCM.",
    "38 states have joined the lawsuit.",
    "50 states have joined forces against landmines.",
    "1.5 million cluster munitions were destroyed by 35 States Parties.",
    "In at least six countries, armed groups used landmines.",
    "The class wrote 150 postcards to 30 countries about the CCM.",
    "See [1], [sic] and [the treaty](https://example.org) [...] (emphasis added).",
    "The march on 15 August 2004 and the one on 6 August.",
    "A march of 12 people; may 5 of them join the CCM.",
    "Call 1-800-110-1300, room XXVI-5, about the CCM.",
    "Chapter 20 of the MBT report.",
    "Thanks to 110 volunteers, the CCM was discussed.",
    "28 priority countries for the CCM; eight Pacific states have joined the CCM.",
]


@pytest.mark.parametrize("text", NONE)
def test_no_claim(app: Flask, text: str) -> None:
    assert told(text) == []


def test_every_table_is_long_enough() -> None:
    assert len(RIGHT) + len(WRONG) + len(NONE) >= 60


# What the campaign's own texts got wrong


def test_the_post_of_november_2020(app: Flask) -> None:
    text = """25 November 2020

The Second Review Conference of the Convention on Cluster Munitions opens today.

Niue deposited its instrument of accession on 6 August and became the 109th State Party. The
Convention will enter into force for Niue on 1 February 2021.

The Convention now has 108 States Parties and 13 signatories, 121 in all. To reach the goal of
130 States Parties by 2020 we need another 22 to reach 130.
"""
    report = check(text, None)
    assert (report.on, report.on_from, report.line) == (date(2020, 11, 25), "text", 1)
    found = {claim.kind: claim for claim in report.claims}
    assert (found["joined"].says, found["joined"].ledger) == (108, 110)
    assert (found["gap"].says, found["gap"].ledger) == (22, 20)
    assert found["nth"].verdict == "right"
    assert found["deposit"].verdict == "right"
    assert found["entry_into_force"].verdict == "right"
    assert [claim.says for claim in report.claims if claim.verdict == "wrong"] == [108, 121, 22]


def test_endorsing_is_not_being_a_state_party(app: Flask) -> None:
    for text in (
        "121 countries have endorsed the CCM, which falls short of 130 States Parties.",
        "To date 121 countries have endorsed the CCM. That falls short of 130 States Parties.",
    ):
        found = {claim.kind: claim for claim in check(text, "2020-08-01").claims}
        assert found["endorsed"].verdict == "right"
        assert found["mixed"].verdict == "wrong"
        assert found["mixed"].ledger == 108
        assert "signed or joined" in found["mixed"].message


def test_164_and_35_on_one_day(app: Flask) -> None:
    text = (
        "164 countries are party to the Mine Ban Treaty, over 80 percent of the world. The United "
        "States is one of only 35 countries that have not joined."
    )
    assert [each for each in told(text, "2023-12-01") if each[0] in ("joined", "not_joined")] == [
        ("joined", 164, 164, "right"),
        ("not_joined", 35, 33, "wrong"),
    ]


def test_a_wrong_weekday_names_the_year_that_fits(app: Flask) -> None:
    [claim] = check("Thursday, August 15th, 2004", None).claims
    assert claim.message.startswith("August 15, 2004 was a Sunday, not a Thursday. 2024 fits")
    assert claim.ledger == "Sunday"


# Which treaty, which day


def test_the_treaty_is_the_one_named_nearest(app: Flask) -> None:
    text = "The Mine Ban Treaty has 164 States Parties; the CCM has 110 States Parties."
    assert [(c.treaty, c.verdict.value) for c in check(text).claims] == [
        ("MBT", "right"),
        ("CCM", "right"),
    ]
    headed = "# Mine Ban Treaty\n\nThere are 164 States Parties.\n"
    assert check(headed).claims[0].treaty == "MBT"


def test_without_a_treaty_both_are_considered(app: Flask) -> None:
    [right] = check("There are 110 States Parties.").claims
    assert (right.treaty, right.verdict.value) == ("CCM", "right")
    assert "does not say which treaty" in right.message
    [wrong] = check("There are 111 States Parties.").claims
    assert wrong.ledger == {"MBT": 164, "CCM": 110}
    assert wrong.verdict == "wrong"


def test_the_date_of_the_text(app: Flask) -> None:
    assert check("No date here.", None).on_from == "today"
    assert check("Posted on November 25, 2020\n\nText", None).on == date(2020, 11, 25)
    dateline = "(Geneva, October 23, 2020) – There are 110 states parties to the CCM."
    assert check(dateline, None).on == date(2020, 10, 23)
    assert check("Geneva, 25 November 2020 — it opens.", None).on == date(2020, 11, 25)
    inside = "We met at the conference on 3 December 2008 and have worked for the ban ever since."
    assert check(inside, None).on_from == "today"
    assert check(dateline, "2021-01-01").on_from == "given"


# Hostile texts


@pytest.mark.parametrize(
    "piece",
    [
        "110 States Parties ", "a", "[", "((", "1 ", "and ", "hundred and ", "<0> ",
        "{0} @1@ ~2000~ ",
        "one hundred ", "need another 22 to to to to ", "Niue ", "countries that have not not ",
        "Thursday, ", "15 August ", "XX ", "____", "121 countries ( ", "\n- ", "É", "\u200b",
        "121 countries have endorsed the CCM and ", "Monday, 3/12/2008 ", ". ",
        "states parties to ",
    ],
)  # fmt: skip
def test_a_long_text_takes_no_long_time(app: Flask, piece: str) -> None:
    small, large = piece * (5_000 // len(piece)), piece * (claims.MOST // len(piece))
    check(small)
    started = time.process_time()
    check(large)
    # No catastrophe: seconds would be minutes.
    assert time.process_time() - started < 60


def test_a_text_that_is_too_long_is_refused(app: Flask) -> None:
    with pytest.raises(Refused, match="at most 100000 are checked"):
        check("a" * (claims.MOST + 1))


def test_numbers_in_words_and_places_in_the_text() -> None:
    text = "One hundred and ten, twenty-two, the 109th and the one hundred and ninth; a hundred."
    [sentence] = sentences(text, find_dates(text))
    assert [number.value for number in sentence.numbers] == [110, 22, 100]
    assert [number.value for number in sentence.ordinals] == [109, 109]
    first = sentence.numbers[0]
    assert text[first.start : first.end] == "One hundred and ten"


def test_an_empty_ledger_leaves_dates_and_fields(app: Flask) -> None:
    report = claims.check(
        "108 States Parties. Thursday, August 15th, 2004. [NAME]", Ledger([], {}), today=TODAY
    )
    assert report.without_ledger
    assert [claim.kind for claim in report.claims] == ["weekday", "field"]
