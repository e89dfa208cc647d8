"""Where outreach went: by state of the post held that day, by country, and on the page."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from crm.core import db
from crm.outreach.models import ActionTarget, Outcome
from crm.outreach.operations import log_action
from crm.outreach.queries import ActionFilter
from crm.outreach.where import where
from crm.targets.models import TargetIdentifier
from tests import make

SignIn = Callable[[object], FlaskClient]
TODAY = date(2026, 5, 1)


def logged() -> SimpleNamespace:
    """Cards to two members of West Virginia, one of Ohio, Niue and a company."""
    campaign = make.campaign()
    ada = make.legislator("Ada", "Brook")
    bea = make.legislator("Bea", "Crane", chamber="us/house", district="1")
    cal = make.legislator("Cal", "Dune", area="OH")
    niue = make.target("Niue", country="NU", region="Oceania")
    mill = make.target("Mill & Sons", kind="company")
    code = TargetIdentifier(target_id=niue.id, scheme="iso3166-alpha3", identifier="NIU")
    make.kept(code)
    pieces = {ada.id: 30, bea.id: 12, cal.id: 5, niue.id: 7, mill.id: 2}
    chapter = make.chapter("Elm High School")
    with db.unit_of_work():
        log_action(
            channel="postcard", campaign_id=campaign.id, happened_on=date(2026, 3, 3),
            pieces=sum(pieces.values()), targets=pieces, members={}, chapter_ids=[chapter.id],
            client_key="where", by=None, today=TODAY,
        )  # fmt: skip
    return SimpleNamespace(
        campaign=campaign, niue=niue.id, bea=bea.id, other=make.campaign("Other")
    )


def test_it_works(any_app: Flask) -> None:
    scene = logged()
    found = where(ActionFilter())
    assert [(each.code, each.times, each.targets) for each in found.states] == [
        ("WV", 42, 2), ("OH", 5, 1),
    ]  # fmt: skip
    [niue] = found.countries
    assert (niue.code, niue.name, niue.times, niue.target_id) == ("NIU", "Niue", 7, scene.niue)
    assert (found.elsewhere, found.times) == (2, 56)
    assert where(ActionFilter(campaign_id=scene.other.id)).times == 0
    assert where(ActionFilter(since=date(2026, 3, 4))).times == 0
    assert where(ActionFilter(area="OH")).times == 5


def test_the_page(app: Flask, people: SimpleNamespace, sign_in: SignIn) -> None:
    scene = logged()
    slug, other, niue = scene.campaign.slug, scene.other.slug, scene.niue
    client = sign_in(people.viewer)
    statements: list[str] = []
    event.listen(
        db.extension.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    page = client.get(f"/outreach/where?campaign={slug}").text
    assert len(statements) <= 15
    # Kept sums answer, not the rows one by one.
    assert sum("kept_reach" in each for each in statements) == 1
    assert not any("action_target" in each for each in statements)
    for text in (
        f'href="/outreach?campaign={slug}&amp;area=WV"',
        'aria-label="West Virginia: reached 42 times"',
        f'href="/outreach?campaign={slug}&amp;target={niue}" aria-label="Niue: reached 7 times"',
        'aria-label="Ohio: reached 5 times"', 'aria-label="Guam: not reached"',
        "2 times more, targets were reached that lie on neither map",
        f'href="/reports/activity-by-target?campaign={slug}"',
    ):  # fmt: skip
        assert text in page, text
    empty = client.get(f"/outreach/where?campaign={other}").text
    assert "Nothing reached a target here" in empty
    assert "is not a date" in client.get("/outreach/where?since=never").text
    assert "Where it went, on a map" in client.get(f"/campaigns/{slug}").text
    assert client.get("/outreach?area=WV").text.count('href="/outreach/where?area=WV"') == 1


def answer(target_id: int) -> None:
    [row] = db.session.scalars(select(ActionTarget).where(ActionTarget.target_id == target_id))
    make.kept(
        Outcome(action_target_id=row.id, kind="form_reply", received_on=date(2026, 3, 9)),
        Outcome(action_target_id=row.id, kind="form_reply", received_on=date(2026, 3, 10)),
    )


def test_who_answered_is_counted_once_and_no_sum_grows(any_app: Flask) -> None:
    scene = logged()
    answer(scene.bea)
    answer(scene.niue)
    found = where(ActionFilter(), answers=True)
    assert [(each.code, each.times, each.targets, each.answered) for each in found.states] == [
        ("WV", 42, 2, 1), ("OH", 5, 1, 0),
    ]  # fmt: skip
    assert [(each.times, each.answered) for each in found.countries] == [(7, 1)]


def test_the_maps_by_answers_and_by_treaty(
    app: Flask, people: SimpleNamespace, sign_in: SignIn
) -> None:
    scene = logged()
    answer(scene.bea)
    client = sign_in(people.viewer)
    page = client.get("/outreach/where?show=answers").text
    for text in (
        'href="/outreach?state=answered&amp;area=WV"',
        'aria-label="West Virginia: 1 of 2 targets answered"',
        'aria-label="Ohio: 0 of 1 target answered"', 'aria-label="Guam: not reached"',
        "26–50%", "No answer yet",
    ):  # fmt: skip
        assert text in page, text
    page = client.get("/outreach/where?show=cluster-munitions").text
    assert 'aria-label="Niue: neither signed nor joined; reached 7 times"' in page
    assert 'href="/treaties/states/niu"' in page
    assert "Times the targets" in client.get("/outreach/where?show=nothing").text
