"""Two periods of a report side by side: joined by what each row is, adding up on both sides."""

from datetime import date
from html import unescape
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.core.access import Scope
from crm.core.tables import Column, Kind, Share
from crm.members.disclosure import Viewer
from crm.outreach.queries import ActionFilter
from crm.outreach.rules import Reconciliation
from crm.reports.answering import extract
from crm.reports.catalogue import Question, Report, reports
from crm.reports.comparing import compared
from crm.reports.forms import parse
from crm.reports.rules import Reckoning
from tests import make
from tests.reports.conftest import ids, logged

EVERYWHERE = Viewer(sees=Scope(everywhere=True, chapter_ids=frozenset()), exports_people=True)
NOW, THEN = ActionFilter(since=date(2026, 1, 1)), ActionFilter(until=date(2025, 12, 31))


def invented(now: list[Any], then: list[Any], **more: Any) -> Report:
    """A report with other rows in each period."""
    return Report(
        **{
            "name": "invented",
            "order": 1,
            "icon": "people",
            "title": "Invented",
            "description": "",
            "columns": (
                Column("who", "Who"),
                Column("pieces", "Reached", Kind.NUMBER),
                Column("rate", "Rate", Kind.SHARE),
                Column("last", "Last", Kind.DATE),
            ),
            "rows": lambda asked: now if asked.wanted == NOW else then,
            "reckon": lambda _asked, total: Reckoning(
                Reconciliation(total, 0, 0, total), [f"It is {total}."]
            ),
            **more,
        }
    )


def told(app: Flask, report: Report) -> Any:
    question = Question(wanted=NOW, viewer=EVERYWHERE)
    return extract(app, compared(report, THEN), question)


def test_what_changed_is_told_with_words_where_nothing_was_before(app: Flask) -> None:
    day = date(2026, 1, 1)
    now = [("Ann", 30, Share(1, 2), day, 1), ("Bea", 5, None, day, 2), ("Cy", 4, None, day, 3)]
    then = [
        ("Ann", 20, Share(1, 4), day, 1),
        ("Cy", 5, Share(0, 0), day, 3),
        ("Dee", 7, None, day, 4),
    ]
    report = invented(now, then, compares=("pieces", "rate"))
    answer = told(app, report)
    assert [column.label for column in answer.columns] == [
        "Who", "Reached", "Reached before", "Reached, change", "Reached, in %",
        "Rate", "Rate before", "Rate, change in points",
    ]  # fmt: skip
    assert answer.rows == [
        ("Ann", 30, 20, 10, "+50%", Share(1, 2), Share(1, 4), 25),
        ("Bea", 5, 0, 5, "new", None, None, None),
        ("Cy", 4, 5, -1, "-20%", None, Share(0, 0), None),
        ("Dee", 0, 7, -7, "no more", None, None, None),
    ]
    assert answer.totals[:5] == (None, 39, 32, 7, "+22%")
    assert answer.told == "It is 39. In the period before: It is 32."
    assert answer.keys == ["1", "2", "3", "4"]


def test_a_side_that_does_not_add_up_is_said(app: Flask) -> None:
    def reckon(asked: Question, total: int) -> Reckoning:
        wrong = asked.wanted == THEN
        return Reckoning(Reconciliation(total, 0, 0, total + wrong), ["It is."])

    answer = told(app, invented([("Ann", 1, None, None, 1)], [], reckon=reckon))
    assert not answer.holds
    assert "do not agree" in answer.told


rows = st.lists(
    st.tuples(
        st.sampled_from("abcdef"), st.integers(0, 9), st.none(), st.none(), st.integers(1, 3)
    ),
    max_size=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(now=rows, then=rows)
def test_no_row_is_lost_and_none_counted_twice(app: Flask, now: list[Any], then: list[Any]) -> None:
    """Also where rows are the same by their key, which a report should not have."""
    answer = told(app, invented(now, then))
    assert sum(row[1] for row in answer.rows) == sum(row[1] for row in now)
    assert sum(row[2] for row in answer.rows) == sum(row[1] for row in then)
    assert sum(row[3] for row in answer.rows) == answer.totals[3]


@pytest.fixture
def work(app: Flask) -> SimpleNamespace:
    targets = ids(*(make.target(name, region="Oceania") for name in ("Niue", "Tonga", "Tuvalu")))
    campaign = make.campaign().id
    for on, reached in ((date(2026, 3, 2), {0: 3, 1: 2}), (date(2026, 2, 3), {0: 4, 2: 6})):
        pieces = {targets[place]: many for place, many in reached.items()}
        logged("postcard", campaign, pieces=sum(reached.values()), targets=pieces, on=on)
    return SimpleNamespace(app=app, targets=targets)


MARCH = "/reports/activity-by-target?since=2026-03-01&until=2026-03-31&compare=before"


def test_every_number_leads_to_the_records_of_its_period(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: Any
) -> None:
    page = unescape(sign_in(people.staff).get(MARCH).text)
    niue, _tonga, tuvalu = work.targets
    now, then = "since=2026-03-01&until=2026-03-31", "since=2026-02-01&until=2026-02-28"
    assert f"/outreach?{now}&target={niue}" in page
    assert f"/outreach?{then}&target={niue}" in page
    assert f"/outreach?{then}&target={tuvalu}" in page
    assert f"/outreach?{now}&target={tuvalu}" not in page
    assert f'/outreach?{then}"' in page
    for words in (
        "Compared with: The period before (Feb 1, 2026 – Feb 28, 2026)",
        "new",
        "no more",
    ):
        assert words in page


def test_the_files_say_the_same(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: Any
) -> None:
    client = sign_in(people.staff)
    found = client.get(MARCH.replace("-target?", "-target.json?")).json
    assert [(row["target"], row["pieces"], row["pieces_before"]) for row in found["rows"]] == [
        ("Niue", 3, 4), ("Tonga", 2, 0), ("Tuvalu", 0, 6),
    ]  # fmt: skip
    assert "In the period before: Targets were reached 10 times" in found["reconciliation"]
    for format in ("csv", "xlsx", "pdf"):
        answer = client.get(MARCH.replace("-target?", f"-target.{format}?"))
        assert answer.status_code == 200, answer.text
        assert len(answer.data) > 100


def test_a_change_in_per_cent_is_a_number_of_files(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: Any
) -> None:
    """What is new or no more stays a word: nothing can be divided there."""
    client = sign_in(people.staff)
    book = openpyxl.load_workbook(
        BytesIO(client.get(MARCH.replace("-target?", "-target.xlsx?")).data)
    )
    heads = [cell.value for cell in book["Rows"][1]]
    cells = [
        row[heads.index("Reached, relative change")] for row in book["Rows"].iter_rows(min_row=2)
    ]
    assert [cell.value for cell in cells] == [-0.25, "new", "no more"]
    assert (cells[0].data_type, cells[0].number_format) == ("n", "+0%;-0%;0%")
    found = client.get(MARCH.replace("-target?", "-target.json?")).json
    assert [row["pieces_percent"] for row in found["rows"]] == [-0.25, "new", "no more"]
    assert ",-0.25\r\n" in client.get(MARCH.replace("-target?", "-target.csv?")).text
    # A frozen one's file says the same.
    frozen = client.post(
        "/reports/activity-by-target/freeze" + MARCH[MARCH.index("?") :], data={"reason": ""}
    )
    book = openpyxl.load_workbook(BytesIO(client.get(f"{frozen.location}.xlsx").data))
    assert book["Rows"].cell(2, heads.index("Reached, relative change") + 1).value == -0.25


def test_a_change_in_per_cent_is_sorted_as_a_number(app: Flask) -> None:
    now = [(name, many, None, None, at) for at, (name, many) in
           enumerate({"Ann": 40, "Bea": 9, "Cy": 5, "Dee": 10}.items())]  # fmt: skip
    then = [("Ann", 20, None, None, 0), ("Bea", 10, None, None, 1), ("Dee", 10, None, None, 3),
            ("Eve", 0, None, None, 4), ("Flo", 3, None, None, 5)]  # fmt: skip
    report = compared(invented(now, then), THEN)
    question = Question(wanted=NOW, viewer=EVERYWHERE)
    told = extract(app, report, question, "-pieces_percent")
    assert [(row[0], row[4]) for row in told.rows] == [
        ("Cy", "new"), ("Ann", "+100%"), ("Dee", "0%"), ("Bea", "-10%"), ("Flo", "no more"),
        ("Eve", ""),
    ]  # fmt: skip


def test_months_stand_beside_the_month_in_their_place(work: SimpleNamespace) -> None:
    report = reports()["activity-by-period"]
    asked = parse({"since": "2026-03-01", "until": "2026-03-31", "compare": "before"}, report)
    answer = extract(work.app, asked.shown, asked.question(EVERYWHERE))
    assert [(row[0], row[2:5]) for row in answer.rows] == [(date(2026, 3, 1), (5, 10, -5))]


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"compare": "before"}, "Choose what is to be compared: a period, or both From and To."),
        ({"compare": "before", "period": "all"}, "Choose what is to be compared"),
        ({"compare": "never"}, "A report cannot be compared with “never”"),
        ({"period": "someday"}, "There is no period called “someday”"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    app: Flask, args: dict[str, str], sentence: str
) -> None:
    [problem] = parse(args, reports()["activity-by-target"]).problems
    assert sentence in problem


def test_a_day_moves_by_days(app: Flask) -> None:
    now = [("Ann", 3, None, date(2026, 1, 5), 1), ("Bea", 5, None, date(2026, 1, 1), 2)]
    then = [("Ann", 2, None, date(2025, 12, 5), 1), ("Cy", 4, None, None, 3)]
    answer = told(app, invented(now, then, compares=("last",)))
    assert [column.label for column in answer.columns][-3:] == [
        "Last", "Last before", "Last, change in days",
    ]  # fmt: skip
    assert [row[-3:] for row in answer.rows] == [
        (date(2026, 1, 5), date(2025, 12, 5), 31),
        (date(2026, 1, 1), None, None),
        (None, None, None),
    ]


def test_one_line_a_record_is_not_compared(app: Flask) -> None:
    asked = parse({"compare": "before", "period": "this-month"}, reports()["actions"])
    assert asked.problems == ["“Every action” cannot be compared with another period."]


def test_days_by_hand_win_over_a_name_and_that_is_said(app: Flask) -> None:
    args = {"since": "2026-01-05", "period": "last-month"}
    asked = parse(args, reports()["activity-by-target"])
    assert (asked.period, asked.wanted.since, asked.wanted.until) == (None, date(2026, 1, 5), None)
    assert asked.notes == ["From and To were given, so “Last month” is not used."]


def test_a_period_that_goes_on_says_up_to_when_it_is_told(app: Flask) -> None:
    on = date(2026, 3, 10)
    asked = parse({"period": "this-term"}, reports()["activity-by-target"], on=on)
    assert asked.facts == [
        ("Period", "This term (Jan 1, 2026 – Jun 30, 2026)"),
        ("Note", "This period is not over: it is told up to Mar 10, 2026."),
    ]
    assert asked.address == {"period": "this-term"}
    assert asked.fixed == {"since": "2026-01-01", "until": "2026-06-30"}


def test_a_period_that_goes_on_is_compared_with_the_same_days(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: Any, monkeypatch: Any
) -> None:
    """In February six more came after the day of the month that March has reached."""
    monkeypatch.setattr("crm.reports.forms.today", lambda: date(2026, 3, 10))
    campaign = make.campaign("Letters").id
    logged("letter", campaign, pieces=6, targets={work.targets[0]: 6}, on=date(2026, 2, 11))
    client = sign_in(people.staff)
    address = "/reports/activity-by-target{}?period=this-month&compare=before"
    told = (
        "This period is not over: Mar 1, 2026 – Mar 10, 2026 is compared with the same days of the "
        "month before, Feb 1, 2026 – Feb 10, 2026."
    )
    page = unescape(client.get(address.format("")).text)
    assert told in page
    assert "Compared with: The period before (Feb 1, 2026 – Feb 10, 2026)" in page
    assert "it is told up to" not in page
    assert f"/outreach?since=2026-02-01&until=2026-02-10&target={work.targets[0]}" in page
    assert "2026-02-28" not in page
    found = client.get(address.format(".json")).json
    assert found["filters"]["Note"].startswith(told)
    assert [(row["pieces"], row["pieces_before"]) for row in found["rows"]] == [
        (3, 4), (2, 0), (0, 6),
    ]  # fmt: skip
    page = unescape(client.get(address.format("").replace("before", "year")).text)
    assert "with the same days a year earlier, Mar 1, 2025 – Mar 10, 2025." in page


def test_days_before_the_first_record_are_said_to_be_unknown(work: SimpleNamespace) -> None:
    """All is new beside them, and may be older than the record."""
    words = {"since": "2026-02-01", "until": "2026-02-28"}
    report = reports()["activity-by-target"]
    begins = "The first outreach in the record is of Feb 3, 2026, "
    assert parse(words | {"compare": "before"}, report).notes == [
        begins + "after the days that this is compared with: nothing is known of them."
    ]
    march = {"since": "2026-03-01", "until": "2026-03-31", "compare": "before"}
    assert parse(march, report).notes == [begins + "within the days that this is compared with."]
    april = {"since": "2026-04-01", "until": "2026-04-30", "compare": "before"}
    assert parse(april, report).notes == []
    assert parse(words, report).notes == []
    # Of what is no outreach its first day says nothing.
    assert parse(march, reports()["tasks"]).notes == []


def test_what_lies_ahead_is_compared_on_neither_side(app: Flask) -> None:
    """Of tasks due this month, those due after today stand beside nothing."""
    on, words = date(2026, 3, 10), {"period": "this-month", "compare": "before"}
    asked = parse(words, reports()["tasks"], on=on)
    assert asked.question(EVERYWHERE).wanted.until == on
    assert asked.written["until"] == "2026-03-10"
    assert asked.written_before["until"] == "2026-02-10"
    assert asked.facts[0] == ("Period", "This month (Mar 1, 2026 – Mar 31, 2026)")
    # Not compared, a report tells of them all.
    alone = parse({"period": "this-month"}, reports()["tasks"], on=on)
    assert alone.question(EVERYWHERE).wanted.until == date(2026, 3, 31)


def test_nothing_that_was_typed_is_lost(app: Flask, people: SimpleNamespace, sign_in: Any) -> None:
    answer = sign_in(people.staff).get(
        "/reports/activity-by-target?since=soon&campaign=nothing&period=nope&compare=never"
        "&as_of=2999-01-01"
    )
    assert answer.status_code == 422
    for typed in ("soon", "nope", "never", "nothing", "2999-01-01"):
        assert f'value="{typed}"' in answer.text
    assert answer.text.count("<li>") >= 4
