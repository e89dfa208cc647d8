"""Whatever was done and whatever is asked: the sums of all reports agree. On both databases."""

import csv
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO, StringIO
from itertools import count
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from pypdf import PdfReader
from sqlalchemy import delete, select

from crm.campaigns.models import Ask
from crm.core import audit, db
from crm.core.access import Scope
from crm.members.disclosure import Exit, Viewer
from crm.members.models import Member, Team, TeamMember
from crm.outreach.channels import channels
from crm.outreach.models import (
    Action,
    ActionChapter,
    ActionMember,
    ActionRevision,
    ActionTarget,
    Outcome,
    action_ask,
)
from crm.outreach.operations import (
    correct_action,
    log_action,
    record_outcome,
    redo_action,
    undo_action,
)
from crm.outreach.outcome_kinds import outcome_kinds
from crm.outreach.queries import ActionFilter, total
from crm.outreach.rules import spread
from crm.reports.answering import Order, answer, extract, file_of
from crm.reports.catalogue import Question, Report, reports
from crm.reports.documents import of_extract
from crm.targets.models import Target, Term
from tests import make
from tests.reports.conftest import logged

EVERYWHERE = Viewer(sees=Scope(everywhere=True, chapter_ids=frozenset()), exports_people=False)
FIRST = date(2025, 9, 1)
TODAY = date(2026, 12, 1)
_keys = count(1)
days = st.integers(0, 300).map(lambda after: FIRST + timedelta(days=after))


def shares(among: list[int], pieces: int) -> dict[int, int]:
    return dict(zip(among, spread(pieces, len(among)), strict=True)) if among else {}


@st.composite
def deeds(draw: st.DrawFn) -> dict[str, Any]:
    """One action by the rules of its channel; places of targets, members and chapters, not ids."""
    channel = draw(st.sampled_from(list(channels().values())))
    targets = draw(
        st.lists(
            st.integers(0, 4), unique=True, max_size=4, min_size=1 if channel.needs_target else 0
        )
    )
    members = draw(st.lists(st.integers(0, 3), unique=True, max_size=4))
    if channel.per_piece:
        pieces = draw(st.integers(max(len(targets), len(members), 1), 40))
        named = draw(st.integers(len(members), pieces))
        of_targets = (
            dict(zip(targets, spread(pieces, len(targets)), strict=True)) if targets else {}
        )
        of_members = dict(zip(members, spread(named, len(members)), strict=True)) if members else {}
    else:
        pieces = 1
        of_targets, of_members = dict.fromkeys(targets, 1), dict.fromkeys(members, 1)
    return {
        "channel": channel.name,
        "campaign": draw(st.integers(0, 1)),
        "pieces": pieces,
        "targets": of_targets,
        "members": of_members,
        "chapters": draw(st.lists(st.integers(0, 2), unique=True, max_size=3)),
        "on": draw(days),
        "outcomes": draw(
            st.lists(
                st.tuples(st.sampled_from(targets or [0]), st.sampled_from(list(outcome_kinds()))),
                max_size=3,
            )
        )
        if targets
        else [],
        "undone": draw(st.integers(0, 9)) == 0,
        #: Places among the campaign's asks.
        "asks": draw(st.lists(st.integers(0, 1), unique=True)),
        #: As rows, or by the operations: as logged, after a correction, undone and redone.
        "how": draw(st.sampled_from(["rows", "logged", "corrected", "redone"])),
    }


@st.composite
def filters(draw: st.DrawFn) -> dict[str, Any]:
    since, until = sorted(draw(st.tuples(days, days)))
    every = {
        "campaign_id": draw(st.integers(0, 1)),
        "since": since,
        "until": until,
        "channel": draw(st.sampled_from(list(channels()))),
        "chapter_ids": draw(st.frozensets(st.integers(0, 2), min_size=1)),
        "target_id": draw(st.integers(0, 4)),
        "post_id": draw(st.integers(0, 2)),
        "kind": draw(st.sampled_from(["legislator", "government"])),
        "area": draw(st.sampled_from(["WV", "OH"])),
        "region": "Oceania",
        "party": draw(st.sampled_from(["Democrat", "Republican"])),
    }
    asked = draw(st.sets(st.sampled_from(list(every)), max_size=3))
    return {name: every[name] for name in asked}


@pytest.fixture
def world(any_app: Flask) -> dict[str, Any]:
    """Five targets (three with a term), four members, three chapters, two campaigns."""
    state = make.chapter("State", kind="state")
    chapters = [state.id, make.chapter("Alder", state).id, make.chapter("Birch", state).id]
    legislators = [
        make.legislator("Ann", "Alpha", party="Democrat", district="1").id,
        make.legislator("Bea", "Beta", district="2").id,
        make.legislator("Cy", "Gamma", area="OH", district="1").id,
    ]
    governments = [make.target(name, region="Oceania").id for name in ("Niue", "Tonga")]
    members = [make.member(f"Member{n}", "Invented").id for n in range(4)]
    # Ann and Bea held one seat, one after the other.
    with db.unit_of_work():
        second = db.session.scalars(select(Term).where(Term.target_id == legislators[1])).one()
        second.post_id = 1
        audit.record("make", "test", None, by=None)
    held = db.session.scalars(select(Term)).all()
    terms = {term.target_id: term.id for term in held}
    posts = {term.target_id: term.post_id for term in held}
    campaigns = [make.campaign("Cards").id, make.campaign("Letters").id]
    for campaign in campaigns:
        make.kept(Ask(campaign_id=campaign, text="Meet us"))
    asks = [
        [ask.id for ask in db.session.query(Ask).filter_by(campaign_id=campaign).order_by(Ask.id)]
        for campaign in campaigns
    ]
    teams = [make.kept(Team(chapter_id=chapters[1], name=f"Team {n}")).id for n in range(2)]
    for team, member in ((0, 0), (1, 0), (1, 1)):
        make.kept(TeamMember(team_id=teams[team], member_id=members[member]))
    return {
        "app": any_app,
        "asks": asks,
        "chapters": chapters,
        "targets": legislators + governments,
        "members": members,
        "terms": terms,
        "posts": posts,
        "campaigns": campaigns,
    }


def write(world: dict[str, Any], deed: dict[str, Any]) -> int:
    targets = world["targets"]
    asks = [world["asks"][deed["campaign"]][place] for place in deed["asks"]]
    shape: dict[str, Any] = {
        "campaign_id": world["campaigns"][deed["campaign"]],
        "happened_on": deed["on"],
        "pieces": deed["pieces"],
        "targets": {targets[place]: pieces for place, pieces in deed["targets"].items()},
        "members": {world["members"][place]: n for place, n in deed["members"].items()},
        "chapter_ids": [world["chapters"][place] for place in deed["chapters"]],
        "ask_ids": asks,
    }
    if deed["how"] == "rows" or not deed["chapters"]:
        action_id = logged(
            deed["channel"],
            shape["campaign_id"],
            pieces=deed["pieces"],
            targets=shape["targets"],
            members=shape["members"],
            chapters=shape["chapter_ids"],
            on=deed["on"],
            terms=world["terms"],
            outcomes=[
                (targets[place], kind, deed["on"] + timedelta(days=9))
                for place, kind in deed["outcomes"]
            ],
            undone=deed["undone"],
        )
        if asks and not deed["undone"]:
            with db.unit_of_work():
                rows = [{"action_id": action_id, "ask_id": ask} for ask in asks]
                db.session.execute(action_ask.insert(), rows)
                audit.record("make", "test", None, by=None)
        return action_id
    with db.unit_of_work():
        first = shape
        if deed["how"] == "corrected":
            # Another day, another chapter, nobody by name: all of it is put right below.
            first = {**shape, "happened_on": FIRST, "members": {}, "ask_ids": [],
                     "chapter_ids": [world["chapters"][0]]}  # fmt: skip
        action = log_action(
            channel=deed["channel"], client_key=f"any-{next(_keys)}", by=None, today=TODAY, **first
        )
        if deed["how"] == "corrected":
            correct_action(action, reason="It was otherwise", by=None, today=TODAY, **shape)
        if deed["how"] == "redone":
            undo_action(action, by=None)
            redo_action(action, by=None)
        if deed["undone"]:
            undo_action(action, by=None)
            return action.id
        reached = {
            row.target_id: row.id
            for row in db.session.scalars(
                select(ActionTarget).where(ActionTarget.action_id == action.id)
            )
        }
        for number, (place, kind) in enumerate(deed["outcomes"]):
            record_outcome(
                action_target_id=reached[targets[place]],
                kind=kind,
                received_on=deed["on"] + timedelta(days=9),
                summary=f"Number {number}",
                by=None,
                today=TODAY,
            )
        return action.id


def meant(world: dict[str, Any], asked: dict[str, Any]) -> ActionFilter:
    ids = dict(asked)
    if "campaign_id" in ids:
        ids["campaign_id"] = world["campaigns"][ids["campaign_id"]]
    if "target_id" in ids:
        ids["target_id"] = world["targets"][ids["target_id"]]
    if "chapter_ids" in ids:
        ids["chapter_ids"] = frozenset(world["chapters"][place] for place in ids["chapter_ids"])
    return ActionFilter(**ids)


def by_hand(world: dict[str, Any], done: list[dict[str, Any]], wanted: ActionFilter) -> int:
    """The total by the counting rule, without a database."""
    kinds = dict.fromkeys(world["targets"][:3], ("legislator", None))
    kinds |= dict.fromkeys(world["targets"][3:], ("government", "Oceania"))
    seats = dict(zip(world["targets"], [("WV", "Democrat"), ("WV", "Republican"),
                                        ("OH", "Republican")], strict=False))  # fmt: skip
    found = 0
    for deed in done:
        chapters = {world["chapters"][place] for place in deed["chapters"]}
        if (
            deed["undone"]
            or wanted.campaign_id not in (None, world["campaigns"][deed["campaign"]])
            or wanted.channel not in (None, deed["channel"])
            or (wanted.since and deed["on"] < wanted.since)
            or (wanted.until and deed["on"] > wanted.until)
            or (wanted.chapter_ids is not None and not wanted.chapter_ids & chapters)
        ):
            continue
        if not wanted.narrows_targets:
            found += deed["pieces"]
            continue
        reached = [
            pieces
            for place, pieces in deed["targets"].items()
            if wanted.target_id in (None, target := world["targets"][place])
            and wanted.post_id in (None, world["posts"].get(target, 0))
            and wanted.kind in (None, kinds[target][0])
            and wanted.region in (None, kinds[target][1])
            and wanted.area in (None, seats.get(target, (0, 0))[0])
            and wanted.party in (None, seats.get(target, (0, 0))[1])
        ]
        if reached:
            found += sum(reached) if channels()[deed["channel"]].per_piece else 1
    return found


def every_report() -> list[Report]:
    """All reports, and those that can be counted by something else once more by that."""
    return [way for each in reports().values() for way in (each.ways or {"": each}).values()]


def anew(world: dict[str, Any], done: list[dict[str, Any]]) -> list[int]:
    """Nothing but these deeds; their ids."""
    with db.unit_of_work():
        for model in (Outcome, ActionTarget, ActionMember, ActionChapter, ActionRevision,
                      action_ask, Action):  # fmt: skip
            db.session.execute(delete(model))
        audit.record("empty", "test", None, by=None)
    ids = [write(world, deed) for deed in done]
    assert db.session.query(Target).count() == 5
    assert db.session.query(Member).count() == 4
    db.rollback()
    return ids


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(done=st.lists(deeds(), max_size=7), asked=st.lists(filters(), min_size=1, max_size=1))
def test_it_works(
    world: dict[str, Any], done: list[dict[str, Any]], asked: list[dict[str, Any]]
) -> None:
    anew(world, done)
    for filter_ in ({}, *asked):
        wanted = meant(world, filter_)
        truth = by_hand(world, done, wanted)
        assert total(wanted) == truth
        db.rollback()
        for report in every_report():
            # What tells of other records than outreach is asked under filters in test_results.
            if filter_ and report.uses is not None and not report.uses >= {"channel", "outcome"}:
                continue
            found = answer(world["app"], report, Question(wanted=wanted, viewer=EVERYWHERE))
            sums = found.reckoning.sums
            assert sums.holds, (report.name, wanted, str(found.reckoning))
            place = report.place(report.counts)
            assert sum(row[place] for row in found.rows) == sums.rows_total, report.name
            if report.counts == "pieces":
                held(world, done, report, wanted, sums.total)


def held(
    world: dict[str, Any], done: list[dict[str, Any]], report: Report, wanted: ActionFilter, of: int
) -> None:
    """The report's total is what is counted by hand, of what that report is about."""
    by_people = report.shows_people or report.name == "activity-by-team"
    if by_people and wanted.narrows_targets:
        # Who wrote to whom is not kept: of targets, whole actions are counted.
        return
    if report.always:
        if wanted.kind not in (None, report.always["kind"]):
            return
        wanted = wanted.with_(**report.always)
    assert of == by_hand(world, done, wanted), (report.name, report.about)


@settings(
    max_examples=1,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(done=st.lists(deeds(), min_size=4, max_size=7))
def test_every_format_says_the_same(world: dict[str, Any], done: list[dict[str, Any]]) -> None:
    anew(world, done)
    truth = by_hand(world, done, ActionFilter())
    for report in every_report():
        question = Question(wanted=ActionFilter(), viewer=EVERYWHERE, exit=Exit.EXPORT)
        found = answer(world["app"], report, question, most=10_000)
        counted = [row[report.place(report.counts)] for row in found.rows]
        for format, read in READ.items():
            order = Order(
                report=report, question=question, format=format, made_by="a test", locale="en",
                made_at=datetime(2026, 6, 1, tzinfo=UTC),
            )  # fmt: skip
            lines, told = read(b"".join(file_of(world["app"], order)), report)
            assert lines == counted, (report.name, format)
            assert told in (None, str(found.reckoning)), (report.name, format)
        if report.counts == "pieces" and not report.always:
            assert found.reckoning.sums.total == truth, report.name
    # And as a document: two of them, for each takes as long as all other files together.
    for name in ("activity-by-campaign", "activity-by-period"):
        kept = extract(world["app"], reports()[name], replace(question, exit=Exit.PAGE))
        data = of_extract(
            kept, made_at=datetime(2026, 6, 1, tzinfo=UTC), made_by="a test", paper="a4"
        )
        text = " ".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages)
        assert " ".join(str(kept.told).split()) in " ".join(text.split()), name


def label_of(report: Report) -> str:
    return str(report.columns[report.place(report.counts)].label)


def read_csv(data: bytes, report: Report) -> tuple[list[int], str | None]:
    rows = list(csv.reader(StringIO(data.decode("utf-8-sig"))))
    at = rows[0].index(label_of(report))
    return [int(row[at]) for row in rows[1:]], None


def read_json(data: bytes, report: Report) -> tuple[list[int], str | None]:
    found = json.loads(data)
    return [row[report.counts] for row in found["rows"]], found["reconciliation"]


def read_xlsx(data: bytes, report: Report) -> tuple[list[int], str | None]:
    book = load_workbook(BytesIO(data), read_only=True)
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    at = rows[0].index(label_of(report))
    return [row[at] for row in rows[1:]], None


READ = {"csv": read_csv, "json": read_json, "xlsx": read_xlsx}
