"""What a page says of a report's cells, and where they lead: told once a column and once a row."""

from dataclasses import replace
from datetime import date

from flask import Flask

from crm.core.tables import Column, Kind, Share
from crm.reports.catalogue import find_report
from crm.reports.cells import cell, lines, total_line
from crm.reports.drilling import Links

COLUMNS = {kind: Column("some", "Some", kind) for kind in Kind}


def test_each_kind_is_told_as_the_reader_writes_it(app: Flask) -> None:
    with app.test_request_context():
        assert cell(COLUMNS[Kind.NUMBER], 12345) == "12,345"
        assert cell(COLUMNS[Kind.NUMBER], 0) == "0"
        assert cell(COLUMNS[Kind.DATE], date(2026, 3, 1)) == "Mar 1, 2026"
        assert cell(COLUMNS[Kind.MONTH], date(2026, 3, 1)) == "March 2026"
        assert cell(COLUMNS[Kind.TEXT], 7) == "7"
        share = cell(COLUMNS[Kind.SHARE], Share(4, 2000))
        assert share == '<span class="nowrap">4 of 2,000</span> <span class="nowrap">(0.2%)</span>'


def test_what_is_not_there_is_told_by_nothing(app: Flask) -> None:
    with app.test_request_context():
        for column in COLUMNS.values():
            assert cell(column, None) == ""
        assert cell(COLUMNS[Kind.SHARE], Share(0, 0)) == ""


def test_a_line_leads_to_its_records_under_the_same_filter(app: Flask) -> None:
    report = find_report("activity-by-target")
    assert report is not None
    row = ("Ann Example", "Senator", "WV", "", 3, 0, 1, Share(1, 3), date(2026, 3, 1), 7)
    with app.test_request_context():
        links = Links(report, {"channel": "letter", "target": "9"})
        [line] = lines(report, [row], links)
        total = total_line(report, row[:-1], links)
    told = {each.label: each for each in line}
    assert told["Target"].url == "/targets/7"
    assert told["Target"].below == ["Senator"]
    assert told["Reached"].url == "/outreach?channel=letter&target=7"
    assert told["Actions"].url is None
    assert told["Answers"].url == told["Answer rate"].url
    assert told["Answers"].url == "/reports/answers?outcome=answered&channel=letter&target=7"
    assert told["Last contact"].url is None
    assert {each.label: each.url for each in total}["Reached"] == (
        "/outreach?channel=letter&target=9"
    )


def test_words_of_people_are_no_markup(app: Flask) -> None:
    report = replace(find_report("activity-by-campaign"), record=None, leads=None)  # type: ignore[type-var]
    row = ("<b>Peace</b>", *(None for _column in report.columns[1:]), "peace")
    with app.test_request_context():
        [line] = lines(report, [row], Links(report, {}))
    assert not hasattr(line[0].words, "__html__")
