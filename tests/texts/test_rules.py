"""Texts with fields: what is read, what is refused, what is filled, what is never run."""

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.core.errors import Refused
from crm.texts.rules import (
    fill,
    key_of,
    names_in,
    parse,
    placeholders,
    with_fields,
)

pytestmark = pytest.mark.usefixtures("app")


def filled(body: str, **values: str | bool | None) -> tuple[str, tuple[str, ...]]:
    found = fill(parse(body), {key_of(name): value for name, value in values.items()})
    return str(found), found.missing


def test_it_works() -> None:
    assert filled("Hi (( Your_Country )), ((x??yes ((y))))((not x??no)).", yourcountry="Niue",
                  x=True, y="Y") == ("Hi Niue, yes Y.", ())  # fmt: skip
    assert filled("((a)) ((b??x))", a=" ") == ("((a)) ", ("a", "b"))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("one\n((open", "Line 2"),
        ("close)) here", "Line 1"),
        ("((a ((b))", "Line 1"),
        ("((a??b ((c??d))))", "condition"),
        ("((1st))", "cannot be"),
        ("((a??never ends", "not closed"),
        ("x" * 100_000, "100000"),
        (" ".join(f"((f{'abcdefghij'[n // 10]}{n}))" for n in range(61)), "at most 60"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(body: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        parse(body)


@pytest.mark.parametrize(
    "body",
    ["{{ 7*7 }} {% raw %}", "#set page() $x$ *b* _i_ @ref <l> \\", "f(g(x)) (see (a)) %(x)s ${x}",
     "<script>alert(1)</script>"],
)  # fmt: skip
def test_markup_is_words(body: str) -> None:
    assert filled(body) == (body, ())
    assert filled("((a))", a="((b)) {{ 7*7 }}", b="no") == ("((b)) {{ 7*7 }}", ())


def test_what_is_pasted_becomes_a_field_where_that_is_chosen() -> None:
    body = "To [YOUR COUNTRY] and [NAME], [link](x) [1]"
    assert [each.name for each in placeholders(body)] == ["your country", "name"]
    assert with_fields(body, {"[YOUR COUNTRY]": "your country"}) == (
        "To ((your country)) and [NAME], [link](x) [1]"
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(alphabet="()?ab \n[]{}", max_size=60))
def test_nothing_breaks_it(app: Flask, body: str) -> None:
    with app.app_context():
        try:
            parts = parse(body)
        except Refused:
            return
        if not names_in(body):
            assert str(fill(parts, {})) == body
        assert len(str(fill(parts, dict.fromkeys(names_in(body), "x")))) <= len(body)
