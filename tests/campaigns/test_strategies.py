"""Strategies on both databases: made, changed, measured, refused; and their pages."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import select

from crm.campaigns import indicators, outline, strategies, strategy_queries
from crm.campaigns.indicator_rules import Standing
from crm.campaigns.models import IndicatorValue, Objective
from crm.campaigns.strategies import ValueDraft
from crm.core import db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.outreach import operations as outreach
from tests import make
from tests.members.test_queries import statements

SignIn = Callable[[Any], FlaskClient]
LINES = "I More states join\n1a Embassies hear from us\n1b Answers come\n\nII We speak\n2a Calls"
SINCE, END, TODAY = date(2025, 9, 1), date(2027, 6, 30), date(2026, 3, 1)


def made(chapter: Any, by: Any = None, **more: Any) -> Any:
    """A strategy of two goals."""
    return strategies.create_strategy(
        name=more.pop("name", "Strategy 2025–2027"), chapter_id=chapter.id, starts_on=SINCE,
        ends_on=END, goals=outline.read(more.pop("lines", LINES)), by=by, **more,
    )  # fmt: skip


def objective(strategy: Any, code: str) -> Objective:
    return next(each for each in strategy_queries.objectives(strategy) if each.code == code)


def found(strategy: Any, on: date = TODAY) -> dict[str, indicators.Measured]:
    g.pop("known_members", None)
    fresh = strategy_queries.strategy(strategy.slug)
    listed = strategy_queries.indicators(fresh)
    by_id = indicators.measured(listed, since=fresh.starts_on, on=on)
    return {each.text: by_id[each.id] for each in listed}


def test_it_works(any_app: Flask) -> None:
    home = make.chapter("Mountain State Campaign", kind="state")
    whom = make.target("Arcadia")
    campaign = make.campaign(chapters=(home,), targets=(whom,))
    with db.unit_of_work():
        strategy = made(home, approved_on=date(2025, 8, 30), approved_by="The board")
        strategies.choose_campaigns(strategy, objective(strategy, "1a"), [campaign.id], by=None)
        strategies.add_indicator(
            strategy, objective(strategy, "1a"), text="Postcards", unit="postcards",
            count="pieces", asked={"channel": "postcard", "figure": "nothing"}, by=None,
            values=[ValueDraft("baseline", 0, SINCE), ValueDraft("target", 100, END)],
        )  # fmt: skip
        for name, count in (("Reached", "targets"), ("Answers", "answers"), ("Rate", "answered"),
                            ("Members", "members"), ("Promises", "commitments"), ("Kept", "kept"),
                            ("Friends", "supporters"), ("Actions", "actions")):  # fmt: skip
            strategies.add_indicator(
                strategy, objective(strategy, "1b"), text=name, count=count, by=None
            )
        strategies.add_indicator(
            strategy, objective(strategy, "1b"), text="Parties", count="figure",
            asked={"figure": "ccm.joined"}, by=None,
        )  # fmt: skip
        entered = strategies.add_indicator(
            strategy, objective(strategy, "2a"), text="Calls", falls=True, by=None,
            values=[ValueDraft("baseline", 40, SINCE), ValueDraft("target", 10, END)],
        )  # fmt: skip
        strategies.add_value(
            strategy, entered, ValueDraft("actual", 38, date(2026, 2, 1), "Their own report"),
            by=None, today=TODAY,
        )  # fmt: skip
        outreach.log_action(
            channel="postcard", client_key="strategy-1", campaign_id=campaign.id,
            happened_on=date(2026, 1, 5), pieces=30, targets={whom.id: 30}, members={},
            chapter_ids=[home.id], by=None, today=TODAY,
        )  # fmt: skip
    assert strategy.slug == "strategy-2025-2027"
    with statements() as seen:
        now = found(strategy)
    assert len(seen) <= 9
    assert now["Postcards"].course.actual is not None
    assert now["Postcards"].course.actual.value == 30
    assert now["Postcards"].indicator.asked == {"channel": "postcard"}
    assert now["Reached"].course.actual.value == 1  # type: ignore[union-attr]
    assert now["Rate"].course.actual.value == 0  # type: ignore[union-attr]
    assert {
        now[each].course.actual.value for each in ("Promises", "Kept", "Friends", "Members")
    } == {0}  # type: ignore[union-attr]
    assert now["Calls"].standing is Standing.BEHIND
    assert now["Calls"].source == "Their own report"
    # Before anything was done or measured.
    before = found(strategy, date(2025, 10, 1))
    assert before["Postcards"].course.actual.value == 0  # type: ignore[union-attr]
    assert before["Rate"].standing is Standing.UNMEASURED
    assert before["Calls"].standing is Standing.UNKNOWN
    assert [each.code for each in strategy_queries.of_campaign(campaign.id)] == ["1a"]
    verbs = set(db.session.scalars(select(AuditEntry.verb)))
    assert {"create_strategy", "choose_campaigns", "add_indicator", "add_value"} <= verbs


def test_lines_change_the_tree_by_their_codes(any_app: Flask) -> None:
    home = make.chapter("Mountain State Campaign", kind="state")
    with db.unit_of_work():
        strategy = made(home)
        kept = objective(strategy, "1a").id
        strategies.add_indicator(strategy, objective(strategy, "1a"), text="Cards", by=None)
    facts = {"name": strategy.name, "chapter_id": home.id, "starts_on": SINCE, "ends_on": END}
    with db.unit_of_work():
        # 1a moves to the other goal, and is the same; 1b and the first goal go.
        strategy = strategies.edit_strategy(
            strategy_queries.strategy(strategy.slug), **facts, by=None,
            goals=outline.read("II We speak up\n1a Embassies write back\n2b New"),
        )  # fmt: skip
    again = strategy_queries.strategy(strategy.slug)
    assert [(goal.code, [each.code for each in goal.objectives]) for goal in again.goals] == [
        ("II", ["1a", "2b"])
    ]
    assert objective(again, "1a").id == kept
    assert objective(again, "1a").text == "Embassies write back"
    with pytest.raises(Refused, match="1a has indicators") as refusal, db.unit_of_work():
        strategies.edit_strategy(again, **facts, goals=outline.read("I One"), by=None)
    assert refusal.value.field == "outline"


def test_what_is_refused(any_app: Flask) -> None:
    world = make.people()
    with db.unit_of_work():
        strategy = made(world.state)
        for name, count in (("Calls", None), ("Cards", "pieces")):
            strategies.add_indicator(
                strategy, objective(strategy, "2a"), text=name, count=count, by=None
            )

    def with_tree(what: Callable[[Any, Any, Any], Any]) -> Any:
        whole = strategy_queries.strategy("strategy-2025-2027")
        return what(whole, *strategy_queries.indicators(whole))

    def refused(words: str, what: Callable[[Any, Any, Any], Any]) -> None:
        with pytest.raises(Refused, match=words), db.unit_of_work():
            with_tree(what)

    def add(draft: ValueDraft, by: Any = None, counted: bool = False) -> Any:
        return lambda whole, calls, cards: strategies.add_value(
            whole, cards if counted else calls, draft, by=by, today=TODAY
        )

    def measure(**more: Any) -> Any:
        return lambda whole, *_more: strategies.add_indicator(
            whole, objective(whole, "2a"), text="x", by=None, **more
        )

    actual = ValueDraft("actual", 3, TODAY, "A report")
    refused("Only the chapter", add(actual, by=world.coordinator))
    refused("your own chapters", lambda *_all: made(world.state, by=world.coordinator, name="New"))
    refused("where the value comes from", add(ValueDraft("actual", 3, TODAY)))
    refused("the day is to come", add(ValueDraft("actual", 3, END, "A report")))
    refused("The system counts", add(actual, counted=True))
    refused("A link begins", add(ValueDraft("actual", 3, TODAY, "A", "javascript:x")))
    refused(
        "last day is before",
        lambda *_all: strategies.create_strategy(
            name="Late", chapter_id=world.state.id, starts_on=END, ends_on=SINCE, by=None
        ),
    )
    refused("Nothing is counted so", measure(count="magic"))
    refused("Choose the figure", measure(count="figure"))
    refused("not there any more", measure(count="pieces", asked={"campaign": "99"}))
    with db.unit_of_work():
        value_id = with_tree(add(actual, by=world.staff)).id
    refused(
        "so it stays",
        lambda whole, calls, _c: strategies.remove_indicator(whole, calls, by=None),
    )
    refused(
        "Withdraw them before",
        lambda whole, calls, _c: strategies.edit_indicator(
            whole, calls, text="x", count="pieces", by=None
        ),
    )

    def withdraw(whole: Any, *_more: Any) -> None:
        value = db.session.get_one(IndicatorValue, value_id)
        strategies.withdraw_value(whole, value, reason="Read wrongly", by=world.staff)

    with db.unit_of_work():
        with_tree(withdraw)
    refused("withdrawn already", withdraw)
    assert found(strategy)["Calls"].course.actual is None
    with db.unit_of_work():
        with_tree(lambda whole, _c, cards: strategies.remove_indicator(whole, cards, by=None))
    assert "Cards" not in found(strategy)


def test_pages(app: Flask, people: SimpleNamespace, sign_in: SignIn) -> None:
    staff = sign_in(people.staff)
    assert "No strategy yet" in staff.get("/campaigns/strategies").text
    form = {
        "name": "Strategy 2025–2027", "starts_on": "2025-09-01", "ends_on": "2027-06-30",
        "chapter_id": str(people.state.id), "outline": "1a no goal above",
    }  # fmt: skip
    wrong = staff.post("/campaigns/strategies/new", data=form)
    assert wrong.status_code == 422
    assert "an objective stands below a goal" in wrong.text
    assert "1a no goal above" in wrong.text
    assert (
        staff.post("/campaigns/strategies/new", data={**form, "outline": LINES}).status_code == 303
    )
    address = "/campaigns/strategies/strategy-2025-2027"
    number = db.session.scalar(select(Objective.id).where(Objective.code == "1a"))
    new = f"{address}/objectives/{number}/indicators/new"
    assert "counted by the system" in staff.get(new).text
    typed = {
        "text": "Postcards to embassies", "count": "", "unit": "cards", "baseline": "1,000",
        "baseline_on": "2025-09-01", "targets-0-value": "2,500.5", "targets-0-on": "2027-06-30",
    }  # fmt: skip
    wrong = staff.post(new, data={**typed, "baseline": "many", "targets-1-source": "The plan"})
    assert wrong.status_code == 422
    assert "Write a number, such as 150 or 12.5." in wrong.text
    assert "Row 2: Write the number, or empty the row." in wrong.text
    saved = staff.post(new, data={**typed, "more": "1"})
    assert (saved.status_code, saved.location) == (303, new)
    values = list(db.session.scalars(select(IndicatorValue.value).order_by(IndicatorValue.value)))
    assert values == [1000, 2500.5]
    shown = staff.get(address).text
    assert "Postcards to embassies" in shown
    assert "No value yet" in shown
    one = db.session.scalars(select(IndicatorValue.indicator_id)).first()
    indicator = f"{address}/indicators/{one}"
    value = {"kind": "actual", "value": "1500", "on": "2026-01-01"}
    assert "Say where the value comes from" in staff.post(indicator, data=value).text
    assert staff.post(indicator, data={**value, "source": "Our log"}).status_code == 303
    assert "1,500 cards" in staff.get(indicator).text
    last = db.session.scalars(select(IndicatorValue.id).order_by(IndicatorValue.id.desc())).first()
    assert staff.get(f"{address}/values/{last}/withdraw").status_code == 200
    gone = staff.post(f"{address}/values/{last}/withdraw", data={"reason": "Read wrongly"})
    assert gone.status_code == 303
    assert "Value withdrawn" in staff.get(f"{address}/history").text
    campaign = make.campaign(chapters=(people.state,))
    chosen = staff.post(
        f"{address}/objectives/{number}/campaigns", data={"campaign_ids": [campaign.id]}
    )
    assert chosen.status_code == 303
    assert "Embassies hear from us" in staff.get(f"/campaigns/{campaign.slug}").text
    # A coordinator of a school sees it and may not change it; a GET of a form is refused too.
    coordinator = sign_in(people.coordinator)
    assert coordinator.get(address).status_code == 200
    assert "Change" not in coordinator.get(address).text
    assert coordinator.get(f"{address}/edit").status_code == 403
    assert coordinator.post(indicator, data={**value, "source": "x"}).status_code == 403
    assert staff.get(f"{address}/edit").status_code == 200
    assert staff.get("/campaigns/strategies/none").status_code == 404
    with statements() as seen:
        staff.get(address)
    assert len(seen) <= 16
