"""The counting rule and the arithmetic of a batch."""

from datetime import date
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.core.errors import Refused
from crm.outreach import rules
from crm.outreach.channels import channels, per_piece_names
from crm.outreach.outcome_kinds import outcome_kinds
from crm.outreach.rules import Spread

TODAY = date(2026, 5, 1)
counts = st.integers(1, 500)
quiet = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def test_it_works() -> None:
    assert rules.spread(150, 5) == [30] * 5
    assert rules.spread(7, 3) == [3, 2, 2]


@given(pieces=counts, among=counts)
def test_spread_loses_nothing_and_is_even(pieces: int, among: int) -> None:
    if pieces < among:
        with pytest.raises(ValueError, match="cannot reach"):
            rules.spread(pieces, among)
        return
    shares = rules.spread(pieces, among)
    assert sum(shares) == pieces
    assert max(shares) - min(shares) <= 1
    assert min(shares) >= 1


@pytest.mark.parametrize(
    ("pieces", "numbers", "way", "shares"),
    [
        (150, [None] * 5, Spread.EVENLY, [30] * 5),
        (155, [None] * 5, Spread.EVENLY, [31] * 5),
        (150, [100, 50], Spread.NUMBERS, [100, 50]),
        (150, [100, None, None], Spread.NUMBERS, [100, 25, 25]),
        (150, [None], Spread.ONE, [150]),
        (1, [], Spread.EVENLY, []),
    ],
)
def test_shares_to_targets(
    app: Flask, pieces: int, numbers: list[int | None], way: Spread, shares: list[int]
) -> None:
    assert rules.share_to_targets(pieces, numbers, way) == shares


@pytest.mark.parametrize(
    ("pieces", "numbers", "way", "sentence"),
    [
        (3, [None] * 5, Spread.EVENLY, "3 pieces cannot reach 5 targets: each needs at least one."),
        (150, [100, None], Spread.EVENLY, "Numbers stand behind some targets"),
        (150, [None, None], Spread.ONE, "but 2 are chosen"),
        (
            150,
            [100, 60],
            Spread.NUMBERS,
            "The targets' numbers add up to 160, 10 more than the 150 pieces.",
        ),
        (
            150,
            [100, 40],
            Spread.NUMBERS,
            "The targets' numbers add up to 140, the pieces are 150: 10 have no target.",
        ),
        (150, [149, None, None], Spread.NUMBERS, "1 of 150 pieces are left for 2 targets"),
    ],
)
def test_shares_to_targets_refused(
    app: Flask, pieces: int, numbers: list[int | None], way: Spread, sentence: str
) -> None:
    with app.test_request_context(), pytest.raises(Refused, match=sentence[:40]) as refused:
        rules.share_to_targets(pieces, numbers, way)
    assert sentence in refused.value.message


@pytest.mark.parametrize(
    ("pieces", "numbers", "shares"),
    [
        (155, [None] * 31, [5] * 31),
        (150, [100, 48], [100, 48]),
        (150, [100, None], [100, 50]),
        (10, [], []),
    ],
)
def test_shares_to_members(pieces: int, numbers: list[int | None], shares: list[int]) -> None:
    assert rules.share_to_members(pieces, numbers) == shares


@pytest.mark.parametrize(
    ("pieces", "numbers", "sentence"),
    [
        (150, [100, 60], "Named pieces add up to 160, 10 more than the 150 pieces."),
        (150, [150, None], "0 of 150 pieces are left for 1 people without a number."),
    ],
)
def test_shares_to_members_refused(
    app: Flask, pieces: int, numbers: list[int | None], sentence: str
) -> None:
    with app.test_request_context(), pytest.raises(Refused) as refused:
        rules.share_to_members(pieces, numbers)
    assert sentence in refused.value.message


def test_the_tally_is_said(app: Flask) -> None:
    with app.test_request_context():
        assert rules.tally_told(148, 150) == (
            "The students' numbers add up to 148, the pieces are 150: 2 are unnamed."
        )


@quiet
@given(pieces=counts, data=st.data())
def test_what_is_shared_out_passes_the_check(app: Flask, pieces: int, data: Any) -> None:
    among = data.draw(st.integers(1, pieces))
    named = data.draw(st.lists(st.integers(0, pieces), max_size=4))
    targets = dict(enumerate(rules.share_to_targets(pieces, [None] * among)))
    members = dict(enumerate(named))
    with app.test_request_context():
        ask = lambda: rules.check_batch(  # noqa: E731
            per_piece=True,
            needs_target=True,
            pieces=pieces,
            targets=targets,
            members=members,
            people=None,
        )
        if sum(named) > pieces:
            with pytest.raises(Refused, match="Named pieces add up"):
                ask()
        else:
            assert ask() + sum(named) == pieces


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"pieces": 0}, "pieces"),
        ({"pieces": 1_000_001}, "pieces"),
        ({"targets": {}}, "aim"),
        ({"targets": {1: 100, 2: 49}}, "chosen"),
        ({"targets": {1: 151}}, "chosen"),
        ({"targets": {1: 150, 2: 0}}, "chosen"),
        ({"members": {1: 151}}, "roster"),
        ({"members": {1: -1}}, "roster"),
        ({"members": {1: 1, 2: 1}, "people": 1}, "people"),
        ({"per_piece": False}, "pieces"),
        ({"per_piece": False, "pieces": 1, "targets": {1: 2}}, "chosen"),
    ],
)
def test_a_batch_that_does_not_add_up(app: Flask, change: dict[str, Any], field: str) -> None:
    batch: dict[str, Any] = {
        "per_piece": True,
        "needs_target": True,
        "pieces": 150,
        "targets": {1: 75, 2: 75},
        "members": {1: 50},
        "people": None,
    }
    with app.test_request_context(), pytest.raises(Refused) as refused:
        rules.check_batch(**batch | change)
    assert refused.value.field == field


def test_an_act_names_everybody_or_nobody(app: Flask) -> None:
    act: dict[str, Any] = {"per_piece": False, "needs_target": False, "pieces": 1, "people": None}
    assert rules.check_batch(**act, targets={1: 1, 2: 1, 3: 1}, members={1: 1, 2: 1}) == 0
    assert rules.check_batch(**act, targets={}, members={}) == 1


@pytest.mark.parametrize(
    ("happened_on", "until", "field"),
    [
        (date(2026, 5, 2), None, "happened_on"),
        (date(1989, 12, 31), None, "happened_on"),
        (date(2026, 4, 1), date(2026, 5, 2), "until"),
        (date(2026, 4, 2), date(2026, 4, 1), "until"),
    ],
)
def test_days_that_cannot_be(app: Flask, happened_on: date, until: date | None, field: str) -> None:
    with app.test_request_context(), pytest.raises(Refused) as refused:
        rules.check_days(happened_on, until, TODAY)
    assert refused.value.field == field


def test_days_that_can_be() -> None:
    rules.check_days(TODAY, TODAY, TODAY)
    rules.check_days(date(1990, 1, 1), None, TODAY)


@pytest.mark.parametrize("received_on", [date(2026, 5, 2), date(2026, 3, 31)])
def test_answers_of_days_that_cannot_be(app: Flask, received_on: date) -> None:
    with app.test_request_context(), pytest.raises(Refused):
        rules.check_answer_day(received_on, date(2026, 4, 1), TODAY)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"link": "javascript:alert(1)"}, "detail_link"),
        ({"reached": "-1"}, "detail_reached"),
        ({"reached": "many"}, "detail_reached"),
        ({"reached": "9" * 12}, "detail_reached"),
        ({"network": "x" * 501}, "detail_network"),
        ({"network": "a\x00b"}, "detail_network"),
    ],
)
def test_details_that_cannot_be(app: Flask, given: dict[str, Any], field: str) -> None:
    with app.test_request_context(), pytest.raises(Refused) as refused:
        rules.check_details(channels()["social"].details, given)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("94.55", "94.55"), ("94,5", "94.5"), ("61", "61"), (" 0.61 ", "0.61"), ("", None)],
)
def test_postage_is_kept_as_typed(typed: str, kept: str | None) -> None:
    found = rules.check_details(channels()["letter"].details, {"postage": typed})
    assert found.get("postage") == kept


@pytest.mark.parametrize("typed", ["-1", "1.234", "1e3", "$4", "٣", "9" * 12])
def test_no_postage(app: Flask, typed: str) -> None:
    with pytest.raises(Refused) as refusal:
        rules.check_details(channels()["postcard"].details, {"postage": typed})
    assert refusal.value.field == "detail_postage"


def test_details_are_read() -> None:
    given = {"network": " Mastodon ", "link": "https://example.org", "reached": "12", "hashtag": ""}
    assert rules.check_details(channels()["social"].details, given) == {
        "network": "Mastodon",
        "link": "https://example.org",
        "reached": 12,
    }
    with pytest.raises(ValueError, match="no such details"):
        rules.check_details(channels()["postcard"].details, {"x": "y"})


def test_a_choice_is_one_of_its_list(app: Flask) -> None:
    asked = channels()["call"].details
    assert rules.check_details(asked, {"result": "voicemail"}) == {"result": "voicemail"}
    with app.test_request_context(), pytest.raises(Refused):
        rules.check_details(asked, {"result": "carrier pigeon"})


def test_channels_and_kinds_are_found(app: Flask) -> None:
    assert list(channels()) == [
        "postcard", "letter", "email", "call", "meeting", "event", "petition", "social",
        "statement",
    ]  # fmt: skip
    assert set(per_piece_names()) == {"postcard", "letter", "email", "call"}
    assert len(outcome_kinds()) == 11
    with app.test_request_context():
        assert channels()["postcard"].count(2) == "2 postcards"


people_of = st.dictionaries(st.integers(1, 50), st.integers(0, 40), max_size=12)


@given(
    minutes=st.integers(0, 20_000), members=people_of, unnamed=st.integers(0, 60), act=st.booleans()
)
def test_minutes_are_shared_to_the_last(
    minutes: int, members: dict[int, int], unnamed: int, act: bool
) -> None:
    """Whole minutes, none lost, nobody ahead of their part by a minute, always the same."""
    if act:
        members = dict.fromkeys(members, 1)
    pieces = sum(members.values()) + unnamed or 1
    people = len(members) + unnamed if act else None

    def share(of: dict[int, int]) -> dict[int, int]:
        return rules.share_minutes(
            minutes, of, per_piece=not act, pieces=1 if act else pieces, people=people
        )

    shares = share(members)
    assert set(shares) == set(members)
    assert shares == share(dict(reversed(members.items())))
    whole = people if act else pieces
    for member, part in shares.items():
        assert abs(part - minutes * members[member] / (whole or 1)) < 1
    left = minutes - sum(shares.values())
    others = (whole or 1) - sum(members.values())
    assert left >= 0
    if members:
        assert abs(left - minutes * others / (whole or 1)) < 1
        assert left == 0 or others > 0


@pytest.mark.parametrize(
    ("minutes", "each", "sentence"),
    [
        (None, {1: -1}, "from 0 to 10000"),
        (None, {1: 10_001}, "from 0 to 10000"),
        (50, {1: 30, 2: 30}, "add up to 60, 10 more than the 50"),
        (None, {3: 5}, "somebody who did not take part"),
    ],
)
def test_minutes_refused(
    app: Flask, minutes: int | None, each: dict[int, int], sentence: str
) -> None:
    with app.test_request_context(), pytest.raises(Refused, match=sentence):
        rules.check_minutes(minutes, each, {1: 4, 2: 6})


def test_minutes_of_everybody_are_at_least_the_members() -> None:
    assert rules.check_minutes(None, {1: 30, 2: 30}, {1: 4, 2: 6}) == 60
    assert rules.check_minutes(90, {1: 30}, {1: 4, 2: 6}) == 90
    assert rules.check_minutes(None, {}, {1: 4}) is None
