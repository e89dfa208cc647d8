"""How far a list is, and the rules that speak of outreach: as somebody would count by hand."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from crm.campaigns.models import Position
from crm.core import db
from crm.outreach.filters import parse_filter
from crm.outreach.list_progress import Reached, Totals, all_of_list, page_of_list, totals
from crm.outreach.models import Action, ActionTarget
from crm.outreach.operations import record_outcome, undo_action
from crm.outreach.queries import ActionFilter, total
from crm.targets import list_operations, list_rules, queries
from crm.targets.list_queries import asking, is_on, list_target_ids
from crm.targets.models import TargetList
from crm.treaties.models import TreatyEvent
from tests import make

TODAY = date(2026, 5, 1)
Log = Callable[..., Action]


def a_list(ids: list[int], name: str = "Mine") -> Any:
    with db.unit_of_work():
        slug = list_operations.keep_list(name=name, target_ids=ids, by=None).slug
    kept = queries.target_list(slug)
    return is_on(kept, asking(kept))


def by_rule(*conditions: dict[str, Any], as_of: date | None = None) -> Any:
    with db.unit_of_work():
        name = f"Rule {db.session.query(TargetList).count()}"
        slug = list_operations.keep_rule_list(
            name=name, rule=list_rules.rule_of(conditions), as_of=as_of, by=None
        ).slug
    return queries.target_list(slug)


def row_of(target_id: int, action_id: int) -> int:
    return db.session.scalars(
        select(ActionTarget.id).where(
            ActionTarget.target_id == target_id, ActionTarget.action_id == action_id
        )
    ).one()


def answer(target_id: int, action_id: int, kind: str, on: date) -> None:
    with db.unit_of_work():
        record_outcome(
            action_target_id=row_of(target_id, action_id),
            kind=kind,
            received_on=on,
            by=None,
            today=TODAY,
        )


def by_id(rows: Any) -> dict[int, Reached]:
    return {row.target.id: row for row in rows}


def test_it_works(any_scene: SimpleNamespace, log: Log) -> None:
    alder, birch, cedar, _dogwood, niue = any_scene.targets
    first = log(any_scene, targets={alder: 100, birch: 50}).id
    log(any_scene, channel="meeting", happened_on=date(2026, 4, 1), targets={alder: 1})
    answer(alder, first, "form_reply", date(2026, 3, 20))
    answer(birch, first, "commitment", date(2026, 4, 2))
    on_it = a_list([alder, birch, cedar, niue])
    assert totals(on_it, ActionFilter()) == Totals(listed=4, contacted=2, answered=2, moved=1)
    rows = all_of_list(on_it, ActionFilter())
    # The untouched by name, then whose contact is longest ago.
    assert [row.target.id for row in rows] == [cedar, niue, birch, alder]
    assert [row.actions for row in rows] == [0, 0, 1, 2]
    assert rows[2].moved_on == rows[2].answered_on == date(2026, 4, 2)
    assert (rows[3].answered_on, rows[3].moved_on) == (date(2026, 3, 20), None)
    page = page_of_list(on_it, ActionFilter(), total=4, number=2, size=3)
    assert ([row.target.id for row in page.rows], page.first, page.total) == ([alder], 4, 4)


def test_a_period_and_a_campaign(any_scene: SimpleNamespace, log: Log) -> None:
    alder, birch, *_rest = any_scene.targets
    first = log(any_scene, targets={alder: 150}).id
    log(any_scene, targets={birch: 150}, campaign_id=any_scene.other_campaign)
    answer(alder, first, "form_reply", date(2026, 4, 20))
    on_it = a_list([alder, birch])
    march = ActionFilter(since=date(2026, 3, 1), until=date(2026, 3, 31))
    assert totals(on_it, march) == Totals(2, 2, 0, 0)
    one = ActionFilter(campaign_id=any_scene.campaign)
    assert totals(on_it, one) == Totals(2, 1, 1, 0)
    assert totals(on_it, ActionFilter(since=date(2026, 3, 4))) == Totals(2, 0, 1, 0)


def test_moved_is_after_the_first_contact(any_scene: SimpleNamespace, log: Log) -> None:
    alder, birch, cedar, dogwood, niue = any_scene.targets

    def position(target_id: int, on: date, support: int, **more: Any) -> None:
        make.kept(
            Position(
                target_id=target_id, ask_id=any_scene.ask, seen_on=on, support=support,
                confidence="high", **more,
            )
        )  # fmt: skip

    def step(kind: str, on: date, **more: Any) -> int:
        record = make.kept(
            TreatyEvent(
                treaty="CCM", target_id=niue, kind=kind, happened_on=on, source="test", **more
            )
        )
        return int(record.id)

    log(any_scene, targets=dict.fromkeys(any_scene.targets, 30))
    on_it = a_list(any_scene.targets)
    before, after = date(2026, 2, 1), date(2026, 4, 1)
    position(alder, before, -1)
    position(alder, after, 0)
    # Better before the contact, and worse or the same after it: no move.
    position(birch, date(2026, 1, 1), -1)
    position(birch, before, 1)
    position(birch, after, 1)
    # The first entry is no improvement; a withdrawn one is none either.
    position(cedar, after, 2)
    position(dogwood, before, -1)
    position(dogwood, after, 2, withdrawn_at=db.now())
    assert totals(on_it, ActionFilter()).moved == 1
    step("signature", before)
    assert totals(on_it, ActionFilter()).moved == 1
    entry = step("accession", after)
    assert by_id(all_of_list(on_it, ActionFilter()))[niue].moved_on == after
    assert totals(on_it, ActionFilter()).moved == 2
    assert totals(on_it, ActionFilter(until=date(2026, 3, 31))).moved == 0
    step("retraction", after, corrects_id=entry)
    assert totals(on_it, ActionFilter()).moved == 1
    foreign = ActionFilter(campaign_id=any_scene.other_campaign)
    assert totals(on_it, foreign).moved == 0


def test_what_is_undone_was_no_contact(any_scene: SimpleNamespace, log: Log) -> None:
    on_it = a_list(any_scene.targets)
    number = log(any_scene).id
    assert totals(on_it, ActionFilter()).contacted == 5
    with db.unit_of_work():
        undo_action(db.session.get_one(Action, number), by=None)
    assert totals(on_it, ActionFilter()) == Totals(5, 0, 0, 0)


def test_a_list_narrows_what_is_reported(any_scene: SimpleNamespace, log: Log) -> None:
    alder, birch, *_rest = any_scene.targets
    log(any_scene)
    a_list([alder, birch], "The two")
    asked = parse_filter({"list": "the-two"})
    assert (asked.problems, total(asked.wanted)) == ([], 60)
    assert parse_filter({"list": "nobody"}).problems == [
        "Nothing is known as “nobody” for list of targets."
    ]


def test_without_contact_for_some_days(any_scene: SimpleNamespace, log: Log) -> None:
    alder, birch, cedar, dogwood, niue = any_scene.targets
    day = date(2026, 3, 3)
    log(any_scene, targets={alder: 150}, happened_on=day)
    log(any_scene, channel="letter", targets={birch: 150}, happened_on=day)
    every = {alder, birch, cedar, dogwood, niue}
    kept = by_rule({"kind": "untouched", "days": 90})

    def on(days: int) -> set[int]:
        return set(list_target_ids(kept, on=day + timedelta(days=days)))

    assert on(-1) == every
    assert on(0) == every - {alder, birch}
    assert on(89) == every - {alder, birch}
    assert on(90) == every
    letters = by_rule({"kind": "untouched", "days": 90, "channel": "letter"}, as_of=day)
    assert set(list_target_ids(letters)) == every - {birch}
    other = {"kind": "untouched", "days": 9, "campaign": str(any_scene.other_campaign)}
    assert set(list_target_ids(by_rule(other, as_of=day))) == every
    told = list_rules.tell(letters.rule, day=day, memory={})
    assert told.words == "Targets without contact by letters in 90 days on Mar 3, 2026"


def test_contacted_waiting_and_answered(any_scene: SimpleNamespace, log: Log) -> None:
    alder, birch, cedar, *_rest = any_scene.targets
    day = date(2026, 3, 3)
    first = log(any_scene, targets={alder: 75, birch: 75}, happened_on=day).id
    log(any_scene, channel="statement", pieces=1, targets={cedar: 1}, happened_on=day)
    answer(alder, first, "form_reply", date(2026, 4, 1))
    contacted = by_rule({"kind": "contacted", "since": "2026-03-01", "until": "2026-03-31"})
    assert set(list_target_ids(contacted)) == {alder, birch, cedar}
    assert list_target_ids(contacted, on=date(2026, 3, 2)) == []
    waiting = by_rule({"kind": "waiting", "days": 30})
    assert list_target_ids(waiting) == [birch]
    # On that day no answer had come yet.
    assert set(list_target_ids(waiting, on=date(2026, 3, 31))) == set()
    assert set(
        list_target_ids(by_rule({"kind": "waiting", "days": 28}, as_of=date(2026, 3, 31)))
    ) == {alder, birch}
    assert list_target_ids(by_rule({"kind": "answered", "is": "answered"})) == [alder]
    silent = by_rule({"kind": "answered", "is": "silent"})
    assert set(list_target_ids(silent)) == {birch, cedar}
    assert set(list_target_ids(silent, on=date(2026, 3, 31))) == {alder, birch, cedar}
    told = list_rules.tell(silent.rule, day=None, memory={}).words
    assert told == "Targets contacted, never answered"


def test_a_page_of_a_list_is_three_statements(any_scene: SimpleNamespace, log: Log) -> None:
    log(any_scene)
    kept = by_rule({"kind": "untouched", "days": 90})
    on_it = is_on(kept, asking(kept))
    statements: list[str] = []
    event.listen(
        db.extension.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    totals(on_it, ActionFilter())
    page_of_list(on_it, ActionFilter(), total=5, number=1)
    assert len(statements) == 3


TURNS = count(1)
DAYS = st.integers(0, 40).map(lambda number: date(2026, 3, 1) + timedelta(days=number))
ACTIONS = st.lists(
    st.tuples(
        DAYS,
        st.sampled_from(["postcard", "letter", "meeting"]),
        st.lists(st.integers(0, 4), min_size=1, max_size=5, unique=True),
        st.booleans(),
    ),
    max_size=8,
)
ANSWERS = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.sampled_from(["form_reply", "commitment", "returned", "refusal", "position_change"]),
        st.integers(0, 15),
    ),
    max_size=8,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    done=ACTIONS,
    came=ANSWERS,
    of_list=st.sets(st.integers(0, 4), min_size=1),
    since=st.none() | DAYS,
    until=st.none() | DAYS,
    one_campaign=st.booleans(),
)
def test_progress_is_what_is_counted_by_hand(
    scene: SimpleNamespace,
    log: Log,
    done: list[Any],
    came: list[Any],
    of_list: set[int],
    since: date | None,
    until: date | None,
    one_campaign: bool,
) -> None:
    # Targets of its own, so that no example meets another's outreach.
    turn = next(TURNS)
    targets = [make.target(f"Country {turn}-{place}").id for place in range(5)]
    reached: list[tuple[int, date, int, int]] = []
    for day, channel, places, is_other in done:
        campaign = scene.other_campaign if is_other else scene.campaign
        ids = [targets[place] for place in places]
        act = channel == "meeting"
        number = log(
            scene,
            channel=channel,
            campaign_id=campaign,
            happened_on=day,
            pieces=1 if act else len(ids),
            targets=dict.fromkeys(ids, 1),
        ).id
        reached += [(target, day, campaign, row_of(target, number)) for target in ids]
    answers: list[tuple[int, date, int, str]] = []
    for place, kind, later in came if reached else []:
        target, day, campaign, row = reached[place % len(reached)]
        on = min(day + timedelta(days=later), TODAY)
        with db.unit_of_work():
            record_outcome(action_target_id=row, kind=kind, received_on=on, by=None, today=TODAY)
        answers.append((target, on, campaign, kind))

    listed = {targets[place] for place in of_list}
    kept = a_list(sorted(listed), f"List {turn}")
    wanted = ActionFilter(
        since=since, until=until, campaign_id=scene.campaign if one_campaign else None
    )

    def counts(target: int, day: date, campaign: int) -> bool:
        return (
            target in listed
            and (since is None or day >= since)
            and (until is None or day <= until)
            and (not one_campaign or campaign == scene.campaign)
        )

    contacts = [(t, d) for t, d, c, _row in reached if counts(t, d, c)]
    first = {t: min(d for other, d in contacts if other == t) for t, _d in contacts}
    last = {t: max(d for other, d in contacts if other == t) for t, _d in contacts}
    said = [(t, d, kind) for t, d, c, kind in answers if counts(t, d, c)]
    answered = {t for t, _d, kind in said if kind in ("form_reply", "commitment", "refusal")}
    moved = {
        t for t, d, kind in said
        if kind in ("commitment", "position_change") and t in first and d >= first[t]
    }  # fmt: skip
    assert totals(kept, wanted) == Totals(len(listed), len(first), len(answered), len(moved))
    rows = all_of_list(kept, wanted)
    assert {row.target.id: row.last_on for row in rows} == {t: last.get(t) for t in listed}
    assert sum(row.actions for row in rows) == len(contacts)
    order = [row.last_on for row in rows]
    assert order == sorted(order, key=lambda day: day or date.min)
