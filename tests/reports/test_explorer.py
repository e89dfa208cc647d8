"""The explorer: whatever is chosen, its totals are true and every number is what its link lists."""

import json
from datetime import date, timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from flask import Flask, g
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from crm.core import audit, db
from crm.members.disclosure import Viewer
from crm.members.models import Team, TeamMember
from crm.outreach.models import (
    Action,
    ActionTarget,
)
from crm.reports.cli import COMMAND
from crm.reports.dimensions import DAYS, DIMENSIONS, NUMBERS
from crm.reports.explorer import Found, explore, extract, narrowed, parse
from crm.reports.measures import MEASURES
from crm.targets.models import Body, CommitteeSeat
from tests import make
from tests.reports import test_any_campaign as any_campaign
from tests.reports.test_any_campaign import deeds

world = any_campaign.world


@pytest.fixture
def ground(world: dict[str, Any]) -> dict[str, Any]:
    """The world with committees."""
    bodies = [make.kept(Body(key=f"us/{n}", name=f"Body {n}", classification="committee")).id
              for n in range(2)]  # fmt: skip
    for place, body in ((0, 0), (0, 1), (1, 0), (3, 1)):
        make.kept(CommitteeSeat(target_id=world["targets"][place], body_id=bodies[body]))
    return world


def anew(ground: dict[str, Any], done: list[dict[str, Any]]) -> None:
    ids = any_campaign.anew(ground, done)
    with db.unit_of_work():
        db.session.query(Action).update({"minutes": None})
        for number, action_id in enumerate(ids):
            if number % 3:
                db.session.query(Action).filter_by(id=action_id).update({"minutes": 10 * number})
            for row in db.session.query(ActionTarget).filter_by(action_id=action_id):
                row.went_to = "district" if row.target_id % 2 else None
        audit.record("make", "test", None, by=None)


def by_hand(done: list[dict[str, Any]], measure: str) -> int | None:
    """The total of everything, without a database."""
    there = [(number, deed) for number, deed in enumerate(done) if not deed["undone"]]
    if measure == "pieces":
        return sum(deed["pieces"] for _n, deed in there)
    if measure == "actions":
        return len(there)
    if measure == "reached":
        return sum(sum(deed["targets"].values()) for _n, deed in there)
    if measure == "targets":
        return len({place for _n, deed in there for place in deed["targets"]})
    if measure == "outcomes":
        return sum(len(deed["outcomes"]) for _n, deed in there)
    if measure == "minutes":
        return sum(10 * number for number, _deed in there if number % 3)
    return None


@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(done=st.lists(deeds(), max_size=8, min_size=3), data=st.data())
def test_totals_are_true(
    ground: dict[str, Any], done: list[dict[str, Any]], data: st.DataObject
) -> None:
    anew(ground, done)
    for _each in range(5):
        rows, columns = data.draw(st.lists(st.sampled_from(list(DIMENSIONS)), min_size=2,
                                           max_size=2, unique=True))  # fmt: skip
        measure = data.draw(st.sampled_from(list(MEASURES)))
        asked = parse({"rows": rows, "columns": columns, "measure": measure}, COMMAND)
        if asked.problems:
            assert "outcome" in (rows, columns)
            continue
        found = explore(ground["app"], asked)
        said = (rows, columns, measure)
        assert found.reckoning.sums.holds, said
        truth = by_hand(done, measure)
        assert truth in (None, found.total), said
        for line in found.lines:
            leads(asked, line.total, line.told, said=said)
            for (_key, head), cell in zip(found.heads, line.cells, strict=True):
                leads(asked, cell, line.told, head, said=said)
        for (_key, head), cell in zip(found.heads, found.foot, strict=True):
            leads(asked, cell, head, said=said)
        db.rollback()


def leads(asked: Any, value: Any, *told: Any, said: Any) -> None:
    """The number is what is counted under the filter it leads to."""
    values = narrowed(asked, *told)
    assert values is not None
    again = parse({**values, "rows": "month", "measure": asked.measure.name}, COMMAND)
    if value is None and again.problems:
        # A week that does not lie in that month.
        return
    assert not again.problems, again.problems
    counted = asked.measure.by(again.wanted, []).get((), asked.measure.nothing)
    if value is None and any(each.of_outcomes for each in (asked.rows, asked.columns)):
        return
    assert counted == (asked.measure.nothing if value is None else value), (said, values)


@pytest.mark.parametrize("kind", list(DAYS))
def test_a_period_holds_its_days(kind: str) -> None:
    for after in range(0, 800, 3):
        day = date(2024, 12, 20) + timedelta(days=after)
        first, last = DAYS[kind](NUMBERS[kind](day))
        assert first <= day <= last
        assert NUMBERS[kind](first) == NUMBERS[kind](last) == NUMBERS[kind](day)
        assert NUMBERS[kind](last + timedelta(days=1)) != NUMBERS[kind](day)


@pytest.fixture
def statements(app: Flask) -> list[str]:
    """Every statement that is sent from now on."""
    sent: list[str] = []
    event.listen(db.extension.engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
    return sent


@pytest.fixture
def seen(app: Flask) -> SimpleNamespace:
    """A joint act of two schools, with a team each."""
    who = make.people()
    ann = make.legislator("Ann", "Alpha", party="Democrat").id
    bea = make.target("Bea", region="Oceania").id
    ours = make.member("Ida", "Alder", who.school_a).id
    theirs = make.member("Odo", "Birch", who.school_b).id
    for chapter, member, name in (
        (who.school_a.id, ours, "Writers"),
        (who.school_b.id, theirs, "Callers"),
        (who.school_b.id, theirs, "Readers"),
    ):
        team = make.kept(Team(chapter_id=chapter, name=name)).id
        make.kept(TeamMember(team_id=team, member_id=member))
    any_campaign.logged(
        "meeting", make.campaign("Cards"), targets=[ann, bea], members={ours: 1, theirs: 1},
        chapters=[who.school_a.id, who.school_b.id],
    )  # fmt: skip
    return SimpleNamespace(app=app, who=who)


def told(found: Found) -> dict[str, Any]:
    return {line.told.label: line.total for line in found.lines}


def test_teams_of_others_are_one_line(seen: SimpleNamespace) -> None:
    everyone = explore(seen.app, parse({"rows": "team"}, COMMAND))
    assert told(everyone) == {
        "Alder High School: Writers": 1,
        "Birch High School: Callers": 1,
        "Birch High School: Readers": 1,
    }
    assert (everyone.total, everyone.reckoning.sums.shared) == (1, 2)
    g.pop("grants", None)
    asked = parse({"rows": "team"}, Viewer.of(seen.who.leader))
    found = explore(seen.app, asked)
    assert told(found) == {"Alder High School: Writers": 1, "Teams of other chapters": 1}
    assert [narrowed(asked, line.told) is None for line in found.lines] == [False, True]
    assert extract(seen.app, asked).limits == ["Teams of chapters you do not see are one line."]


def test_pages_and_files(seen: SimpleNamespace, sign_in: Any) -> None:
    client = sign_in(seen.who.staff)
    page = client.get("/reports/explorer?rows=chapter&columns=channel&measure=pieces")
    assert page.status_code == 200
    assert "Outreach by chapter and channel" in page.text
    assert "1 of these repeat what stands in other lines." in page.text
    assert "chapter_itself=alder-high-school&amp;channel=meeting" in page.text
    assert client.get("/reports/explorer").status_code == 200
    # A chart of lines some of which have nothing in some columns.
    for address in (
        "rows=state&columns=party",
        "rows=target&columns=kind",
        "rows=kind&columns=region",
    ):
        assert client.get(f"/reports/explorer?{address}&measure=reached").status_code == 200, (
            address
        )
    file = client.get("/reports/explorer.json?rows=chapter&columns=channel&measure=pieces")
    assert file.status_code == 200
    assert file.json["rows"]
    for address, why in (
        ("rows=state&columns=state", "choose two different things"),
        ("rows=outcome&measure=pieces", "tells apart what came back"),
        ("rows=horoscope", "cannot be chosen for lines"),
        ("rows=state&measure=rate&outcome=form_reply", "cannot be narrowed by what came back"),
        ("rows=state&since=2026-01-02&until=2026-01-01", "The period ends before it starts"),
    ):
        refused = client.get(f"/reports/explorer?{address}")
        assert (refused.status_code, why in refused.text) == (422, True), address
    nothing = client.get("/reports/explorer?rows=state&campaign=cards&until=2020-01-01")
    assert "Nothing was done that this asks for" in nothing.text


def test_months_and_weeks_are_dates_of_files(seen: SimpleNamespace, sign_in: Any) -> None:
    client = sign_in(seen.who.staff)
    for rows, first, kind in (("month", 1, "month"), ("week", None, "date")):
        address = f"/reports/explorer.{{}}?rows={rows}&columns=channel&measure=pieces"
        found = client.get(address.format("json")).json
        days = [date.fromisoformat(row["line"]) for row in found["rows"]]
        assert days
        assert found["columns"][0]["kind"] == kind
        assert {day.day for day in days} == {1} if first else {day.weekday() for day in days} == {0}
        book = openpyxl.load_workbook(BytesIO(client.get(address.format("xlsx")).data))
        cells = [row[0] for row in book["Rows"].iter_rows(min_row=2)]
        assert [cell.value.date() for cell in cells] == days
    frozen = client.post("/reports/explorer/freeze?rows=month&measure=pieces", data={"reason": ""})
    book = openpyxl.load_workbook(BytesIO(client.get(f"{frozen.location}.xlsx").data))
    assert book["Rows"].cell(2, 1).value.day == 1


def test_it_takes_as_many_statements_whatever_it_lists(
    seen: SimpleNamespace, sign_in: Any, statements: list[str]
) -> None:
    client = sign_in(seen.who.staff)
    for rows, columns in (("team", "committee"), ("target", "ask"), ("month", "channel")):
        for measure in MEASURES:
            statements.clear()
            page = client.get(f"/reports/explorer?rows={rows}&columns={columns}&measure={measure}")
            assert page.status_code == 200
            asked = [each for each in statements if not each.startswith(("BEGIN", "PRAGMA"))]
            assert len(asked) <= 16, (rows, columns, measure, len(asked))


def test_an_extract_says_what_it_is(seen: SimpleNamespace) -> None:
    asked = parse({"rows": "target", "columns": "month", "measure": "reached"}, COMMAND)
    kept = extract(seen.app, asked)
    assert json.loads(json.dumps(kept.as_json()))["more"]["query"]["rows"] == "target"
    assert kept.totals is not None
    assert kept.totals[-1] == sum(row[-1] for row in kept.rows) == 2
    assert kept.columns[1].key == "month:202510"


def test_many_columns_are_cut_and_said(seen: SimpleNamespace) -> None:
    campaign = make.campaign("More").id
    for number in range(43):
        target = make.target(f"Place {number}").id
        any_campaign.logged("letter", campaign, targets={target: 1}, pieces=1)
    found = explore(seen.app, parse({"rows": "month", "columns": "target"}, COMMAND))
    assert (len(found.heads), found.left_out) == (40, 5)
    assert "40 columns are shown and 5 are not" in found.told
    assert found.total == 44


def test_filters_of_a_dimension_keep_to_it(seen: SimpleNamespace) -> None:
    only = parse({"rows": "chapter", "chapter": seen.who.school_a.slug}, COMMAND)
    found = explore(seen.app, only)
    assert told(found) == {"Alder High School": 1}
