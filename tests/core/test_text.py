"""Text made comparable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.core.text import fold, free_slug, slugify


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Núñez-O'Neil", "nunez o neil"),
        ("  ÅSE   Ødegård ", "ase odegard"),
        ("Straße", "strasse"),
        ("ﬁne", "fine"),
        ("Łódź", "lodz"),
        ("İstanbul", "istanbul"),
        ("Nguyễn Thị Minh", "nguyen thi minh"),
        ("محمد", "محمد"),
        ("北京", "北京"),
        ("snake_case", "snake case"),
        ("!?", ""),
    ],
)
def test_it_works(typed: str, folded: str) -> None:
    assert fold(typed) == folded


@given(st.text())
def test_folding_twice_changes_nothing(typed: str) -> None:
    assert fold(fold(typed)) == fold(typed)


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Côte d’Ivoire", "cote-d-ivoire"), ("北京", "item"), ("", "item"), ("A" * 80, "a" * 60)],
)
def test_a_slug_is_plain_and_short(name: str, slug: str) -> None:
    assert slugify(name) == slug


def test_slugs_are_told_apart_and_leave_pages_alone() -> None:
    assert free_slug("Alder High", set()) == "alder-high"
    assert free_slug("Alder High", {"alder-high", "alder-high-2"}) == "alder-high-3"
    assert free_slug("New", set()) == "new-2"
    assert free_slug("🙂", set()) == "item"
