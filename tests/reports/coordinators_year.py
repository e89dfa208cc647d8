"""A coordinator's year, made by chance and the same each time: what reports are tried on.

Twelve months, 4 chapters, 200 members, 600 targets, 20,000 actions, with what hangs on them. Rows
are written by the thousand, by the rules that outreach is written by; a few actions are corrected
and undone by the operations. The people are invented; states and their steps are those shipped.

`python -m tests.reports.coordinators_year FOLDER` makes it a database that `crm serve` shows, with
admin, staff, coordinator and leader @example.org; the password is `CRM_DEMO_PASSWORD`.
"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import click
from sqlalchemy import func, select

from crm import create_app
from crm.accounts import operations as accounts
from crm.accounts.models import User
from crm.campaigns.models import (
    Ask,
    Campaign,
    CampaignTarget,
    Goal,
    Indicator,
    IndicatorValue,
    Objective,
    Position,
    Strategy,
    StrategyGoal,
    campaign_chapter,
    objective_campaign,
)
from crm.core import audit, db
from crm.core.access import Role
from crm.core.cli import migrate_database
from crm.core.settings import Settings
from crm.core.text import fold, slugify
from crm.members.models import Chapter, ChapterRole, Member, Membership, MemberWord, words_of
from crm.outreach import operations as outreach
from crm.outreach.channels import channels
from crm.outreach.models import (
    Action,
    ActionChapter,
    ActionMember,
    ActionTarget,
    Commitment,
    Outcome,
    action_ask,
)
from crm.outreach.rules import spread
from crm.targets.models import Body, Post, Target, TargetIdentifier, Term
from crm.tasks.models import HoursSigned, Task, TaskAction, TaskTarget
from crm.treaties.models import TreatyEvent
from crm.treaties.operations import load_reference
from crm.treaties.queries import SCHEME, standings
from tests.bench.seed import FAMILY, GIVEN, STATES, writer

ACTIONS, MEMBERS, TARGETS = 20_000, 200, 600
#: The day the year is told of, where nobody names another.
LAST_DAY = date(2026, 8, 31)
#: How busy a month is: September to August.
_BUSY = dict(zip((9, 10, 11, 12, 1, 2, 3, 4, 5, 6, 7, 8), (7, 12, 11, 5, 8, 11, 14, 12, 9, 5, 3, 3),
                 strict=True))  # fmt: skip
_CHANNELS = {"postcard": 34, "letter": 18, "email": 17, "call": 13, "meeting": 7, "event": 4,
             "petition": 2, "social": 3, "statement": 2}  # fmt: skip
_WAYS = {
    "legislator": {"postcard": "washington", "letter": "district", "email": "online"},
    "government": {"postcard": "mission", "letter": "government", "email": "online"},
}
_KINDS = {"acknowledgement": 30, "form_reply": 34, "substantive_reply": 14, "meeting_offered": 6,
          "commitment": 6, "refusal": 3, "referred": 3, "public_statement": 2,
          "returned": 2}  # fmt: skip
_CAMPAIGNS = ("Treaty postcards", "Pacific letters", "Co-sponsors", "Survivors' week", "Embassies")

#: Tables that are written by the thousand, in an order their keys allow.
_BIG: dict[Any, tuple[str, ...]] = {
    Action: (
        "id", "channel", "campaign_id", "happened_on", "place", "pieces", "unnamed", "people",
        "minutes", "details", "origin", "client_key", "logged_by_id", "logged_at",
    ),
    ActionChapter: ("action_id", "chapter_id", "happened_on"),
    ActionTarget: (
        "id", "action_id", "target_id", "term_id", "pieces", "channel", "campaign_id",
        "happened_on", "awaiting", "asked", "went_to", "closed_on", "closed_why",
    ),
    ActionMember: ("id", "action_id", "member_id", "pieces", "minutes"),
    action_ask: ("action_id", "ask_id"),
    Outcome: ("id", "action_target_id", "kind", "received_on", "recorded_at", "recorded_by_id"),
    Commitment: (
        "id", "target_id", "campaign_id", "outcome_id", "whose", "text", "made_on", "due_on",
        "state", "settled_on", "evidence", "settled_at", "recorded_at",
    ),
    HoursSigned: ("id", "member_id", "action_id", "minutes", "signed_by_id", "signed_at"),
}  # fmt: skip


@dataclass
class Year:
    """What was made, by ids."""

    first: date
    last: date
    users: dict[str, int] = field(default_factory=dict)
    #: The state campaign first, then its schools.
    chapters: list[int] = field(default_factory=list)
    #: By chapter: its members.
    members: dict[int, list[int]] = field(default_factory=dict)
    legislators: list[int] = field(default_factory=list)
    governments: list[int] = field(default_factory=list)
    #: Target → its terms as (first day, id), the latest first.
    terms: dict[int, list[tuple[date, int]]] = field(default_factory=dict)
    campaigns: list[int] = field(default_factory=list)
    #: By campaign: its asks, and the targets of its list.
    asks: dict[int, list[int]] = field(default_factory=dict)
    aims: dict[int, list[int]] = field(default_factory=dict)
    corrected: list[int] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)

    def term_on(self, target_id: int, day: date) -> int | None:
        """The term a target held on a day."""
        for starts_on, term_id in self.terms.get(target_id, ()):
            if starts_on <= day:
                return term_id
        return None


def make_year(*, seed: int = 6, last: date = LAST_DAY, actions: int = ACTIONS) -> Year:
    """Fill an empty database of the present application. The same seed gives the same rows."""
    random = Random(seed)
    year = Year(first=date(last.year - 1, last.month, 1) + timedelta(days=32), last=last)
    year.first = year.first.replace(day=1)
    with db.unit_of_work():
        load_reference(by=None)
        _people(year, random)
        _targets(year, random)
        _campaigns(year, random)
        _steps(year)
        _strategy(year)
        audit.record("make", "test", None, by=None)
    address = db.extension.engine.url.render_as_string(hide_password=False)
    with writer(address) as write:
        rows = _outreach(year, random, actions)
        for model, columns in _BIG.items():
            write(_table(model).name, columns, rows[model])
    with db.unit_of_work():
        _go_on_counting()
        _positions(year, random)
        _tasks(year, random, actions)
        audit.record("make", "test", None, by=None)
    _second_thoughts(year, random, actions)
    return year


def _table(model: Any) -> Any:
    return getattr(model, "__table__", model)


def _insert(model: Any, **values: Any) -> int:
    found = db.session.connection().execute(_table(model).insert().values(**values))
    return int(found.inserted_primary_key[0]) if found.inserted_primary_key else 0


def _insert_all(model: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.session.connection().execute(_table(model).insert(), rows)


def _go_on_counting() -> None:
    """Rows that brought their ids leave PostgreSQL's own numbers where they were."""
    if db.session.get_bind().dialect.name != "postgresql":
        return
    for model in _BIG:
        if "id" in _table(model).columns:
            name = _table(model).name
            most = select(func.max(_table(model).c.id)).scalar_subquery()
            db.session.execute(select(func.setval(func.pg_get_serial_sequence(name, "id"), most)))


def _people(year: Year, random: Random) -> None:
    for role, name in ((Role.ADMINISTRATOR, "Ada Brook"), (Role.STAFF, "Bo Carver"),
                       (Role.COORDINATOR, "Cam Dale"), (Role.LEADER, "Dee Ellis")):  # fmt: skip
        short = "admin" if role is Role.ADMINISTRATOR else role.value
        year.users[short] = _insert(User, email=f"{short}@example.org", name=name, active=True)
    state = _insert(Chapter, slug="state", name="State Campaign", kind="state", path="/1/")
    year.chapters.append(state)
    for number, name in enumerate(("Alder High", "Birch High", "Cedar High"), state + 1):
        year.chapters.append(
            _insert(
                Chapter,
                slug=slugify(name),
                name=name,
                kind="school",
                parent_id=state,
                path=f"/{state}/{number}/",
            )
        )
    places = {"admin": None, "staff": None, "coordinator": state, "leader": year.chapters[1]}
    for short, chapter in places.items():
        role = "administrator" if short == "admin" else short
        _insert(ChapterRole, user_id=year.users[short], chapter_id=chapter, role=role)
    year.members = {chapter: [] for chapter in year.chapters}
    for number in range(MEMBERS):
        given = GIVEN[number % len(GIVEN)]
        family = f"{random.choice(FAMILY)}{chr(97 + number // 26)}{chr(97 + number % 26)}"
        search = fold(f"{family} {given} {family}")
        member = _insert(Member, given_name=given, family_name=family, search=search,
                         age_band="older_teen" if number % 4 else "adult")  # fmt: skip
        _insert_all(MemberWord, [{"word": word, "member_id": member} for word in words_of(search)])
        chapter = year.chapters[number % len(year.chapters)]
        left = year.last - timedelta(days=random.randrange(300)) if number % 12 == 0 else None
        _insert(Membership, member_id=member, chapter_id=chapter, left_on=left,
                joined_on=year.first - timedelta(days=random.randrange(400)))  # fmt: skip
        year.members[chapter].append(member)


def _targets(year: Year, random: Random) -> None:
    found = select(Target.id).where(Target.kind == "government").order_by(Target.id)
    year.governments = list(db.session.scalars(found))
    chambers = {
        key: _insert(Body, key=key, name=name, classification="chamber", country="US")
        for key, name in (("us/senate", "U.S. Senate"), ("us/house", "U.S. House"))
    }
    begins, change = date(year.first.year, 1, 3), year.first + timedelta(days=120)
    many = TARGETS - len(year.governments)
    # The last twenty follow on the seats of twenty others.
    seats: list[int] = []
    for number in range(many):
        follows = number - (many - 20) if number >= many - 20 else None
        area = STATES[(number if follows is None else follows) % 50]
        key = "us/senate" if number < 100 else "us/house"
        given, family = GIVEN[number % len(GIVEN)], f"{FAMILY[number % len(FAMILY)]}{number}"
        target = _insert(
            Target, kind="legislator", name=f"{given} {family}", given_name=given,
            sort_name=fold(f"{family} {given}"), search=fold(f"{given} {family} {area}"),
            family_name=family, country="US",
            salutation=f"Dear {given} {family}:" if number % 15 else None,
            seen_on=year.first - timedelta(days=random.randrange(500)),
        )  # fmt: skip
        _insert(TargetIdentifier, target_id=target, scheme="bioguide",
                identifier=f"Z{number:06}")  # fmt: skip
        if follows is None:
            seats.append(
                _insert(
                    Post,
                    key=f"{key}/{area}/{number}",
                    body_id=chambers[key],
                    area=area,
                    role="Senator" if number < 100 else "Representative",
                    label=f"{area} {number // 50 + 1}",
                    district=str(number // 50 + 1),
                )
            )
        starts_on = begins if follows is None else change
        term = _insert(
            Term, target_id=target, post_id=seats[number if follows is None else follows],
            starts_on=starts_on, ends_on=change if number < 20 else None,
            is_current=number >= 20,
            party=("Democrat", "Republican", "Independent")[min(number % 7 % 3, 2)],
        )  # fmt: skip
        year.terms[target] = [(starts_on, term)]
        year.legislators.append(target)


def _campaigns(year: Year, random: Random) -> None:
    for number, name in enumerate(_CAMPAIGNS):
        campaign = _insert(
            Campaign, slug=slugify(name), name=name, starts_on=year.first,
            ends_on=year.last + timedelta(days=90) if number % 2 else None,
            lead_id=year.users["coordinator"],
        )  # fmt: skip
        year.campaigns.append(campaign)
        of_it = year.chapters[: 1 + number % 4]
        _insert_all(campaign_chapter, [{"campaign_id": campaign, "chapter_id": e} for e in of_it])
        year.asks[campaign] = [
            _insert(Ask, campaign_id=campaign, text=text, position=place)
            for place, text in enumerate(("Join the treaty", "Meet us", "Speak of it")[:2])
        ]
        channel = (None, "letter", "postcard", "call", "email")[number]
        _insert(Goal, campaign_id=campaign, channel=channel, number=(150_000, 8000, 9000, 6000,
                7000)[number], due_on=year.last + timedelta(days=30))  # fmt: skip
        pool = year.governments if number in (1, 4) else year.legislators
        year.aims[campaign] = random.sample(pool, (120, 14, 80, 40, 60)[number])
        _insert_all(CampaignTarget, [
            {"campaign_id": campaign, "target_id": each} for each in year.aims[campaign]
        ])  # fmt: skip
    # Some are reached seldom, and a few never: those the report of coverage is for.
    year.aims[year.campaigns[0]] += (year.legislators + year.governments)[::2]


def _steps(year: Year) -> None:
    """Some states that stand outside a treaty take a step."""
    for treaty, every in (("MBT", 9), ("CCM", 7)):
        outside = [
            standing.state for standing in standings(treaty, year.first).values()
            if standing.consented_on is None
        ]  # fmt: skip
        iso = select(TargetIdentifier.target_id, TargetIdentifier.identifier).where(
            TargetIdentifier.scheme == SCHEME
        )
        ids = {code: target_id for target_id, code in db.session.execute(iso)}
        for place, code in enumerate(outside[::every]):
            day = year.first + timedelta(days=40 + 60 * place)
            if code in ids and day < year.last:
                _insert(
                    TreatyEvent, treaty=treaty, target_id=ids[code], kind="accession",
                    happened_on=day, source="Invented for a test", entered_at=_at(day),
                )  # fmt: skip


def _strategy(year: Year) -> None:
    strategy = _insert(
        Strategy, slug="strategy", name="Strategy of the state campaign", starts_on=year.first,
        ends_on=date(year.last.year + 2, 12, 31), chapter_id=year.chapters[0],
        summary="What the coalition set out to reach.", approved_on=year.first,
    )  # fmt: skip
    for number, text in enumerate(("States join", "Congress acts", "Students lead")):
        goal = _insert(StrategyGoal, strategy_id=strategy, code="I" * (number + 1), text=text,
                       position=number)  # fmt: skip
        for step in range(2):
            objective = _insert(Objective, goal_id=goal, code=f"{number + 1}{'ab'[step]}",
                                text=f"{text}, step {step + 1}", position=step)  # fmt: skip
            _insert_all(objective_campaign, [
                {"objective_id": objective, "campaign_id": year.campaigns[number + step]}
            ])  # fmt: skip
            for kind, unit in (("Letters answered", "letters"), ("Meetings held", "meetings")):
                indicator = _insert(Indicator, objective_id=objective, text=kind, unit=unit)
                for name, on, value in (
                    ("baseline", year.first, 10.0),
                    ("actual", year.first + timedelta(days=180), 40.0 + 5 * number),
                    ("actual", year.last, 70.0 + 9 * step),
                    ("target", date(year.last.year + 2, 12, 31), 100.0),
                ):
                    _insert(IndicatorValue, indicator_id=indicator, kind=name, on=on, value=value,
                            source="Minutes of the board", entered_at=_at(year.first))  # fmt: skip


def _at(day: date, hour: int = 16) -> datetime:
    return datetime.combine(day, time(hour), db.now().tzinfo)


def _days(year: Year, random: Random, many: int) -> list[date]:
    """The days of so many actions in order, more in busy months."""
    every = [year.first + timedelta(days=step) for step in range((year.last - year.first).days + 1)]
    weights = [_BUSY[day.month] * (2 if day.weekday() < 5 else 1) for day in every]
    return sorted(random.choices(every, weights, k=many))


def _outreach(year: Year, random: Random, many: int) -> dict[Any, list[tuple[Any, ...]]]:
    rows: dict[Any, list[tuple[Any, ...]]] = {model: [] for model in _BIG}
    numbers: dict[Any, Iterator[int]] = {model: count(1) for model in _BIG}
    names, weights = list(_CHANNELS), list(_CHANNELS.values())
    kinds, of_kinds = list(_KINDS), list(_KINDS.values())
    governments = set(year.governments)
    everywhere = [each for of_it in year.members.values() for each in of_it]
    pick = random.random
    for action, day in enumerate(_days(year, random, many), 1):
        channel = channels()[random.choices(names, weights)[0]]
        campaign = year.campaigns[int(pick() ** 2 * len(year.campaigns))]
        aims, least = year.aims[campaign], 1 if channel.needs_target else 0
        wanted = random.choice((least, 1, 1, 2, 3, 5))
        reached = sorted({aims[int(pick() ** 2 * len(aims))] for _ in range(wanted)})
        named = _named(year, random, everywhere)
        pieces = max(len(reached), len(named), 1 + int(pick() ** 3 * 60))
        if channel.per_piece:
            of_targets = dict(zip(reached, spread(pieces, len(reached)), strict=True))
            # Of every third batch some pieces were written by nobody who is named.
            theirs = pieces if action % 3 else max(len(named), pieces // 2)
            shares = spread(theirs, len(named)) if named else []
            of_members = dict(zip(named, shares, strict=True))
        else:
            pieces, of_targets = 1, dict.fromkeys(reached, 1)
            of_members = dict.fromkeys(named, 1)
        unnamed = pieces - sum(of_members.values())
        if not channel.per_piece:
            unnamed = 0 if of_members else 1
        spent = 30 + int(pick() * 90) if pick() < 0.4 else None
        logged = min(day + timedelta(days=int(pick() * 6)), year.last)
        rows[Action].append((
            action, channel.name, campaign, day.isoformat(), "Room 12" if pick() < 0.5 else None,
            pieces, unnamed, len(of_members) or None,
            spent * len(of_members) if spent and of_members else None, json.dumps({}), "form",
            f"year-{action:06}", year.users["leader"], _iso(_at(logged)),
        ))  # fmt: skip
        of_chapters = {year.chapters[int(pick() * len(year.chapters))] for _ in range(
            2 if pick() < 0.15 else 1)} if pick() < 0.97 else set()  # fmt: skip
        rows[ActionChapter] += [(action, each, day.isoformat()) for each in sorted(of_chapters)]
        for member, share in of_members.items():
            row = next(numbers[ActionMember])
            rows[ActionMember].append((row, action, member, share, spent))
            if spent and row % 3 == 0:
                rows[HoursSigned].append((
                    next(numbers[HoursSigned]), member, action, spent, year.users["coordinator"],
                    _iso(_at(year.last)),
                ))  # fmt: skip
        for ask in year.asks[campaign][: 1 + action % 2]:
            rows[action_ask].append((action, ask))
        for target, share in of_targets.items():
            row = next(numbers[ActionTarget])
            came = channel.expects_answer and pick() < 0.12
            received = day + timedelta(days=3 + int(pick() * 60))
            came = came and received <= year.last
            closed = channel.expects_answer and not came and day < year.last - timedelta(days=80)
            kind = "government" if target in governments else "legislator"
            rows[ActionTarget].append((
                row, action, target, year.term_on(target, day), share, channel.name, campaign,
                day.isoformat(), channel.expects_answer and not came and not closed,
                2 if closed else 0, _WAYS[kind].get(channel.name),
                (day + timedelta(days=75)).isoformat() if closed else None,
                "no answer" if closed else None,
            ))  # fmt: skip
            if came:
                _answer(year, random, rows, numbers, row, target, campaign, received,
                        random.choices(kinds, of_kinds)[0])  # fmt: skip
    return rows


def _iso(moment: datetime) -> str:
    # Both databases read it: without a zone SQLite keeps it as ours are kept.
    return moment.isoformat(" ").removesuffix("+00:00") + ".000000"


def _named(year: Year, random: Random, everywhere: list[int]) -> list[int]:
    if random.random() < 0.35:
        return []
    chapter = year.chapters[int(random.random() * len(year.chapters))]
    pool = year.members[chapter] if random.random() < 0.9 else everywhere
    return sorted({pool[int(random.random() ** 2 * len(pool))] for _ in range(
        random.choice((1, 1, 2, 4, 8)))})  # fmt: skip


def _answer(
    year: Year, random: Random, rows: dict[Any, list[tuple[Any, ...]]],
    numbers: dict[Any, Iterator[int]], row: int, target: int, campaign: int, received: date,
    kind: str,
) -> None:  # fmt: skip
    outcome = next(numbers[Outcome])
    said = _iso(_at(min(received + timedelta(days=1), year.last)))
    rows[Outcome].append((outcome, row, kind, received.isoformat(), said, year.users["leader"]))
    if kind != "commitment":
        return
    due = received + timedelta(days=30 + int(random.random() * 120))
    state = random.choice(("open", "open", "kept", "broken")) if due < year.last else "open"
    settled = due.isoformat() if state != "open" else None
    rows[Commitment].append((
        next(numbers[Commitment]), target, campaign, outcome, "theirs" if outcome % 4 else "ours",
        "Will write to the committee", received.isoformat(), due.isoformat(), state, settled,
        "A letter" if settled else None, _iso(_at(due)) if settled else None, said,
    ))  # fmt: skip


def _positions(year: Year, random: Random) -> None:
    rows = []
    for place, target in enumerate((year.legislators + year.governments)[::2]):
        campaign = year.campaigns[place % len(year.campaigns)]
        support = random.choice((-1, 0, 0, 1))
        for step in range(1 + place % 2):
            day = year.first + timedelta(days=20 + 150 * step + place % 60)
            rows.append({
                "target_id": target, "ask_id": year.asks[campaign][0], "seen_on": day,
                "support": min(2, support + step), "confidence": "medium",
                "evidence": "Said so to a delegation", "entered_at": _at(day),
                "author_id": year.users["coordinator"],
            })  # fmt: skip
    _insert_all(Position, rows)


def _tasks(year: Year, random: Random, actions: int) -> None:
    tasks: list[dict[str, Any]] = []
    of_targets: list[dict[str, Any]] = []
    did: list[dict[str, Any]] = []
    for number in range(1, 401):
        due = year.first + timedelta(days=int(random.random() * 395))
        chapter = year.chapters[number % len(year.chapters)]
        campaign = year.campaigns[number % len(year.campaigns)]
        over = due < year.last
        states = ("needs-action", "in-process")
        state = random.choice(("completed",) * 6 + (*states, "cancelled") if over else states)
        pieces = 5 + number % 20
        done = {"completed": pieces, "in-process": pieces // 2}.get(state, 0)
        late = timedelta(days=int(random.random() * 20) - 12)
        finished = _at(min(due + late, year.last)) if state == "completed" else None
        tasks.append({
            "id": number, "uid": f"year-{number}", "title": f"Write {pieces} postcards",
            "chapter_id": chapter, "campaign_id": campaign, "channel": "postcard",
            "member_id": None if number % 9 == 0 else random.choice(year.members[chapter]),
            "in_pool": number % 9 == 0, "leader_id": year.users["leader"], "due_on": due,
            "state": state, "pieces": pieces, "done": done, "then": [], "origin": "hand",
            "made_at": _at(due - timedelta(days=21)), "finished_at": finished,
            "started_at": _at(due - timedelta(days=14)) if done else None,
        })  # fmt: skip
        of_targets.append({"task_id": number, "target_id": random.choice(year.aims[campaign]),
                           "pieces": pieces, "done": done})  # fmt: skip
        if state == "completed":
            did.append({"task_id": number, "action_id": 1 + number * actions // 401})
    _insert_all(Task, tasks)
    _insert_all(TaskTarget, of_targets)
    _insert_all(TaskAction, did)
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.execute(select(func.setval("task_id_seq", len(tasks))))


def _second_thoughts(year: Year, random: Random, actions: int) -> None:
    """Ten actions are corrected and ten undone, by the operations that the pages call."""
    staff = year.users["staff"]
    for action_id in random.sample(range(1, actions + 1), 60):
        if len(year.corrected) == len(year.undone) == 10:
            return
        with db.unit_of_work():
            by = db.session.get_one(User, staff)
            action = db.session.get_one(Action, action_id)
            if len(year.corrected) < 10:
                if channels()[action.channel].per_piece and outreach.snapshot(action)["chapters"]:
                    correct_pieces(action, by=by, today=year.last, more=10)
                    year.corrected.append(action_id)
            elif outreach.snapshot(action)["chapters"] and not _is_answered(action_id):
                outreach.undo_action(action, reason="Logged twice", by=by)
                year.undone.append(action_id)


def _is_answered(action_id: int) -> bool:
    rows = select(Outcome.id).join(ActionTarget).where(ActionTarget.action_id == action_id)
    return db.session.scalar(rows.limit(1)) is not None


def correct_pieces(action: Action, *, by: User, today: date, more: int) -> None:
    """Correct a batch to more pieces, all of them of its first target and of nobody named."""
    kept = outreach.snapshot(action)
    targets = {row["target_id"]: row["pieces"] for row in kept["targets"]}
    targets[min(targets)] += more
    outreach.correct_action(
        action, reason="Counted again", by=by, today=today,
        campaign_id=action.campaign_id, happened_on=action.happened_on, until=action.until,
        place=action.place, pieces=action.pieces + more, people=action.people,
        minutes=action.minutes, note=action.note, details=action.details, targets=targets,
        chapter_ids=kept["chapters"], ask_ids=kept["asks"],
        members={row["member_id"]: row["pieces"] for row in kept["members"]},
        member_minutes={
            row["member_id"]: row["minutes"] for row in kept["members"] if row["minutes"]
        },
    )  # fmt: skip


def main() -> None:
    """Make it a SQLite database in a folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    password = os.environ.get("CRM_DEMO_PASSWORD", "demo-password-1")
    with create_app(Settings(instance=str(folder), secret_key="year")).app_context():
        migrate_database()
        year = make_year(last=datetime.now().astimezone().date())
        with db.unit_of_work():
            for user_id in year.users.values():
                user = db.session.get_one(User, user_id)
                accounts.set_password(user=user, password=password, by=None)
    click.echo(f"CRM_INSTANCE={folder} crm serve shows it; sign in as admin@example.org")


if __name__ == "__main__":
    main()
