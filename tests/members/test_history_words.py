"""What the history of a member says of consents, ages and an administrator's own fields."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from flask.testing import FlaskClient

from crm.core import db, i18n
from crm.members import consents, field_operations, guardians, operations
from crm.members.consent_rules import Answer, How, Purpose


def test_it_says_in_words_what_was_said_and_kept(
    people: SimpleNamespace, sign_in: Callable[[Any], FlaskClient]
) -> None:
    today = i18n.today()
    with db.unit_of_work():
        size = field_operations.define_field(
            label="T-shirt size", kind="choice", choices=["S", "M"], by=None
        ).key
        member = operations.add_member(
            given_name="Ada", family_name="Birch", chapter_id=people.school_a.id,
            age_band="older_teen", tags_by_kind={"language": ["Arabic", "French"]},
            custom={size: "M"}, by=None, today=today,
        ).id  # fmt: skip
        guardian = guardians.add_guardian(member_id=member, name="Gale", phone="555-0101", by=None)
        answers = dict.fromkeys((Purpose.MEMBER, Purpose.PHOTO), Answer.GIVEN)
        consents.record_consents(
            member_id=member, answers={**answers, Purpose.MEDIA: Answer.REFUSED},
            given_by=guardian.id, how=How.PAPER, starts_on=today, ends_on=None, by=None,
            today=today,
        )  # fmt: skip
        consents.withdraw_consent(
            member_id=member, purposes=[Purpose.PHOTO, Purpose.ARTWORK],
            withdrawn_by=guardian.id, withdrawn_on=today, how=How.IN_PERSON, by=None, today=today,
        )  # fmt: skip
    page = sign_in(people.leader).get(f"/members/{member}/history").text
    told = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    for words in (
        "Age: 16–17",
        "T-shirt size: M",
        "Languages: Arabic, French",
        "Answers: Yes: Be a member, Photos; No: Named to the media",
        "Purposes: Photos, Artwork shown",
    ):
        assert words in told, words
