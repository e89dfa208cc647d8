"""What a report is asked for, and whole answers with what makes their rows the same."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from crm.core.access import Scope
from crm.core.errors import Refused
from crm.core.tables import Column, Kind
from crm.members.disclosure import Viewer
from crm.outreach.queries import ActionFilter
from crm.outreach.rules import Reconciliation
from crm.reports.answering import extract, keys_of
from crm.reports.catalogue import Question, Report, reports
from crm.reports.extracts import Extract
from crm.reports.forms import parse
from crm.reports.progress.asked import wished
from crm.reports.rules import Reckoning
from tests import make
from tests.reports.conftest import ids, logged

EVERYWHERE = Viewer(sees=Scope(everywhere=True, chapter_ids=frozenset()), exports_people=True)


def question(**wanted: Any) -> Question:
    return Question(wanted=ActionFilter(**wanted), viewer=EVERYWHERE)


def invented(**more: Any) -> Report:
    """A report of three rows, two of which have no key of their own."""

    def rows(_asked: Question) -> Iterator[tuple[Any, ...]]:
        yield from (("Ann Alpha", 3, 7), ("Other chapters", 2, None), ("Nobody named", 1, None))

    return Report(
        **{
            "name": "invented",
            "order": 1,
            "icon": "people",
            "title": "Invented",
            "description": "",
            "columns": (Column("who", "Who"), Column("pieces", "Pieces", Kind.NUMBER)),
            "rows": rows,
            "reckon": lambda _asked, total: Reckoning(
                Reconciliation(total, 0, 0, 6), ["It adds up."]
            ),
            **more,
        }
    )


@pytest.fixture
def work(any_app: Flask) -> SimpleNamespace:
    targets = ids(make.target("Niue", region="Oceania"), make.target("Tonga", region="Oceania"))
    campaign = make.campaign().id
    logged("postcard", campaign, pieces=5, targets={targets[0]: 3, targets[1]: 2})
    return SimpleNamespace(app=any_app, targets=targets)


def test_the_whole_answer_is_told_free_of_the_database(work: SimpleNamespace) -> None:
    told = extract(
        work.app, reports()["activity-by-target"], question(), facts=[("Kind", "Government")]
    )
    assert [row[:5] for row in told.rows] == [
        ("Niue", "", "Oceania", "", 3),
        ("Tonga", "", "Oceania", "", 2),
    ]
    assert told.keys == [str(each) for each in work.targets]
    assert told.totals is not None
    assert told.totals[4:6] == (5, 1)
    assert (told.holds, told.counts) == (True, "pieces")
    assert "each counted once" in told.told
    assert Extract.from_json(told.as_json()) == replace(told, columns=tuple(told.columns))


def test_more_lines_than_one_document_holds_are_refused(work: SimpleNamespace) -> None:
    with pytest.raises(Refused, match="more than 1 lines"):
        extract(work.app, reports()["actions"], question(), most=1)


def test_rows_without_a_key_are_told_apart(app: Flask) -> None:
    report = invented()
    assert keys_of(report, list(report.rows(question()))) == [
        "7",
        '[null, "Other chapters"]',
        '[null, "Nobody named"]',
    ]


def test_a_viewers_limits_are_in_it(app: Flask) -> None:
    told = extract(app, invented(limits=lambda _asked: ["Only Alder High."]), question())
    assert told.limits == ["Only Alder High."]


def test_a_filter_the_report_does_not_heed_is_a_problem(app: Flask) -> None:
    report = invented(uses=frozenset({"campaign"}))
    asked = parse({"channel": "postcard"}, report)
    assert asked.problems == [
        "“Invented” cannot be narrowed by “Channel”: take that filter away."
    ]  # fmt: skip
    assert parse({"channel": "postcard"}, invented()).problems == []


@pytest.mark.parametrize("name", ["since", "until"])
def test_days_no_period_lies_beyond_are_a_problem(app: Flask, name: str) -> None:
    typed = "0001-01-01" if name == "since" else "9999-12-31"
    other = {"since": "2025-01-01", "until": "2025-02-01"} | {name: typed}
    for compare in ("before", "year"):
        asked = parse({**other, "compare": compare}, reports()["response-rate"])
        assert asked.problems[0] == "Give a day between 1900 and 2100."
    with pytest.raises(Refused, match="between 1900 and 2100"):
        wished({"audience": "board", name: typed}, date(2026, 3, 1))


def test_days_are_written_one_way(app: Flask) -> None:
    """Narrower periods are compared with them as text."""
    asked = parse({"since": "20250301", "until": "2025-W10-1"}, reports()["outcomes"])
    assert asked.given == {"since": "2025-03-01", "until": "2025-03-03"}
