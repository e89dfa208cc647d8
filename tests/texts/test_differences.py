"""What two versions differ in: together they are both texts, and it does not take long."""

from hypothesis import given
from hypothesis import strategies as st

from crm.texts.differences import ADDED, REMOVED, SAME, Piece, differences

WORDS = st.text(alphabet="ab .\nÉ((", max_size=40)


def test_it_works() -> None:
    assert differences("Please join us now.", "Please do join them now.") == [
        Piece(SAME, "Please "),
        Piece(ADDED, "do "),
        Piece(SAME, "join "),
        Piece(REMOVED, "us"),
        Piece(ADDED, "them"),
        Piece(SAME, " now."),
    ]
    assert differences("", "") == []


@given(WORDS, WORDS)
def test_both_texts_are_in_it(old: str, new: str) -> None:
    pieces = differences(old, new)
    assert "".join(each.text for each in pieces if each.what != ADDED) == old
    assert "".join(each.text for each in pieces if each.what != REMOVED) == new


def test_long_texts_that_share_nothing_are_compared() -> None:
    old, new = "word " * 4000, "other thing " * 1600
    pieces = differences(old, new)
    assert "".join(each.text for each in pieces if each.what != REMOVED) == new
