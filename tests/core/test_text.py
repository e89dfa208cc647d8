"""Text made comparable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.core.text import fold, free_slug, many_lines, one_line, slugify


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


@pytest.mark.parametrize(
    ("typed", "line", "lines"),
    [
        ("  Ana Núñez ", "Ana Núñez", "Ana Núñez"),
        ("Ana\x00 \x07Nu\x1bñez\x7f", "Ana Nuñez", "Ana Nuñez"),
        ("Ana\tNúñez", "Ana Núñez", "Ana\tNúñez"),
        ("Ana \r\n\n Núñez\n", "Ana Núñez", "Ana \n\n Núñez"),
        ("a\rb\x0bc\x85d\u2028e", "a b c d e", "a\nb\nc\nd\ne"),
        ("\ufeffAn\u200ba", "Ana", "Ana"),
        ("\u202eanA\u202c \u2066x\u2069", "anA x", "anA x"),
        ("\u00a0Ana\u00a0Núñez\u00a0", "Ana\u00a0Núñez", "Ana\u00a0Núñez"),
        ("\u200b\u202e\x01", "", ""),
        # What joins letters, and what runs from right to left, is words.
        ("👩🏽\u200d💻 ❤️", "👩🏽\u200d💻 ❤️", "👩🏽\u200d💻 ❤️"),
        ("می\u200cخواهم", "می\u200cخواهم", "می\u200cخواهم"),
        ("علي\u200f (حسن)", "علي\u200f (حسن)", "علي\u200f (حسن)"),
        ("שלום", "שלום", "שלום"),
        ("क्\u200dष", "क्\u200dष", "क्\u200dष"),
    ],
)
def test_what_nobody_sees_is_not_kept(typed: str, line: str, lines: str) -> None:
    assert one_line(typed) == line
    assert many_lines(typed) == lines


@given(
    st.text(st.sampled_from("aé \t\r\n\x00\x7f\x85\u2028\u200b\u200d\u202e\ufeff👩"), max_size=20)
)
def test_cleaning_twice_changes_nothing(typed: str) -> None:
    for clean in (one_line, many_lines):
        assert clean(clean(typed)) == clean(typed)
    assert one_line(many_lines(typed)) == one_line(typed)
    assert not set(one_line(typed)) & set("\t\r\n\x00\x7f\x85\u2028\u200b\u202e\ufeff")
