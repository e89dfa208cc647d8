"""Which records are proposed as one, and in which words."""

from dataclasses import replace

import pytest
from flask import Flask

from crm.targets.likeness import Card, compare, contact_key, likely_pairs

ANA = Card(1, "legislator", "Ana Álder-Núñez", "Ana", "Álder-Núñez", country="US", area="WV")
HAND = replace(ANA, target_id=2, kind="official", name="Ana Alder-Nunez", family="Alder-Nunez")


def person(given: str, family: str, number: int = 2, **more: object) -> Card:
    card = Card(number, "legislator", f"{given} {family}", given, family, country="US", area="WV")
    return replace(card, **more)  # type: ignore[arg-type]


BOB = person("Robert", "Schmidt", 1)


def told(a: Card, b: Card) -> list[str]:
    return [str(reason) for pair in likely_pairs([a, b]) for reason in pair.reasons]


def test_it_works(app: Flask) -> None:
    with app.test_request_context():
        assert told(ANA, HAND) == [
            "The names are the same but for accents, order or punctuation",
            "Same state: West Virginia",
        ]


@pytest.mark.parametrize(
    "other",
    [
        person("Robert", "Schmidt"),
        person("Bob", "Schmidt"),
        person("Robert J.", "Schmidt", name="Robert J. Schmidt"),
        person("Schmidt", "Robert", name="Schmidt Robert"),
        person("Rob", "Schmitt", post_id=None, contacts=(("email", "bob@example.org"),)),
    ],
)
def test_people_who_may_be_one(app: Flask, other: Card) -> None:
    bob = replace(BOB, contacts=(("email", "bob@example.org"),))
    with app.test_request_context():
        assert told(bob, other)


@pytest.mark.parametrize(
    "other",
    [
        person("Roberta", "Schmidt"),
        person("Robert", "Cole"),
        person("Robert", "Schmidt", area="OH", identifiers=(("openstates", "b"),)),
        person("Robert", "Schmidt", country="DE", area=None),
        Card(2, "company", "Robert Schmidt", country="US"),
    ],
)
def test_people_who_are_two(app: Flask, other: Card) -> None:
    one = replace(BOB, identifiers=(("openstates", "a"),))
    with app.test_request_context():
        assert told(one, other) == []


def test_what_both_have(app: Flask) -> None:
    shared = (("email", "ana@example.org"), ("phone", "3045550101"))
    a = replace(ANA, contacts=shared, post_id=7, office="Senator, district 1")
    b = replace(HAND, contacts=shared, post_id=7, office="Senator, district 1")
    with app.test_request_context():
        assert told(a, b)[1:] == [
            "Same e-mail address: ana@example.org",
            "Same number: 3045550101",
            "Same office: Senator, district 1",
        ]


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("Birch Company Ltd.", "The Birch Company", True),
        ("Republic of Birchland", "Birchland", True),
        ("Birch Arms", "Birch Farms", False),
        ("North Birchland", "South Birchland", False),
    ],
)
def test_names_of_no_people(app: Flask, one: str, other: str, are_one: bool) -> None:
    a, b = Card(1, "company", one), Card(2, "company", other)
    with app.test_request_context():
        assert bool(told(a, b)) is are_one


def test_who_was_said_to_be_another_is_not_proposed(app: Flask) -> None:
    with app.test_request_context():
        assert likely_pairs([ANA, HAND], frozenset({(1, 2)})) == []


def test_a_number_everybody_has_says_nothing(app: Flask) -> None:
    many = [
        Card(n, "company", chr(97 + n % 26) * (3 + n), contacts=(("phone", "3045550000"),))
        for n in range(60)
    ]
    with app.test_request_context():
        assert likely_pairs(many) == []


def test_different_identifiers_of_one_scheme_speak_against(app: Flask) -> None:
    a = replace(ANA, identifiers=(("bioguide", "X000001"),))
    b = replace(HAND, identifiers=(("bioguide", "X000002"),))
    with app.test_request_context():
        assert compare(a, b).score == compare(ANA, HAND).score - 30


@pytest.mark.parametrize(
    ("kind", "value", "key"),
    [
        ("phone", "(304) 555-0101", ("phone", "3045550101")),
        ("phone", "+1 304 555 0101", ("phone", "3045550101")),
        ("phone", "911", None),
        ("email", "Ana@Example.org", ("email", "ana@example.org")),
        ("social", "https://www.x.com/ana/", ("social", "x.com/ana")),
        ("postal", "1 Elm St.", None),
    ],
)
def test_contact_points_as_compared(kind: str, value: str, key: tuple[str, str] | None) -> None:
    assert contact_key(kind, value) == key
