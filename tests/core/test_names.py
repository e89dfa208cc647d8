"""What is known of people's names."""

import pytest

from crm.core.names import names_of, sound


@pytest.mark.parametrize(
    ("one", "other"),
    [("bob", "robert"), ("kate", "katie"), ("alex", "alexandra"), ("sam", "samuel"),
     ("sam", "samantha"), ("steven", "stephen"), ("ana", "ana")],
)  # fmt: skip
def test_it_works(one: str, other: str) -> None:
    assert names_of(one) & names_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("samuel", "samantha"), ("robert", "roberta"), ("alexander", "alexandra"), ("ana", "eva")],
)
def test_names_that_share_a_short_form_are_two(one: str, other: str) -> None:
    assert not names_of(one) & names_of(other)


@pytest.mark.parametrize(
    ("one", "other"), [("schmidt", "schmitt"), ("macdonald", "mcdonald"), ("philips", "filips")]
)
def test_sounds(one: str, other: str) -> None:
    assert sound(one) == sound(other)
