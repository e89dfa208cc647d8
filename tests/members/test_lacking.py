"""Who lacks a consent by SQL is who lacks it by the rule, whatever was said."""

from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from crm.core import db
from crm.members.consent_rules import Answer, Purpose, Statement, allows, state_of
from crm.members.lacking import lacks
from crm.members.models import Consent, Guardian, Guardianship, Member
from crm.members.rules import AgeBand, is_minor

TODAY = date(2026, 5, 1)
days = st.integers(-3, 3).map(lambda number: TODAY + timedelta(days=number))
statements = st.fixed_dictionaries(
    {
        "who": st.sampled_from([None, 0, 1, 2]),
        "purpose": st.sampled_from([Purpose.CONTACT, Purpose.PHOTO]),
        "answer": st.sampled_from(list(Answer)),
        "starts_on": days,
        "ends_on": st.none() | days,
        "withdrawn_on": st.none() | days,
    }
)
members = st.fixed_dictionaries(
    {
        "age_band": st.sampled_from([AgeBand.OLDER_TEEN, AgeBand.ADULT, AgeBand.UNKNOWN]),
        #: The third of those who speak is a guardian of nobody.
        "guardians": st.sets(st.sampled_from([0, 1])),
        "said": st.lists(statements, max_size=5),
    }
)


class Undone(Exception):
    """Takes back what an example wrote."""


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=st.lists(members, min_size=1, max_size=8))
def test_it_works(any_app: Flask, drawn: list[dict[str, Any]]) -> None:
    with suppress(Undone), db.unit_of_work():
        records = [written(each) for each in drawn]
        for purpose in (Purpose.CONTACT, Purpose.PHOTO):
            found = set(db.session.scalars(select(Member.id).where(lacks(purpose, today=TODAY))))
            assert found == {each[0] for each in records if lacks_by_rule(each, purpose)}
        raise Undone


def written(drawn: dict[str, Any]) -> tuple[int, dict[str, Any], list[int], list[Consent]]:
    member = Member(given_name="A", search="a", age_band=drawn["age_band"])
    speakers = [Guardian(name="G", search="g") for _each in range(3)]
    db.session.add_all([member, *speakers])
    db.session.flush()
    theirs = [speakers[at].id for at in sorted(drawn["guardians"])]
    db.session.add_all(Guardianship(member_id=member.id, guardian_id=each) for each in theirs)
    said = []
    for each in drawn["said"]:
        values = {name: value for name, value in each.items() if name != "who"}
        guardian_id = None if each["who"] is None else speakers[each["who"]].id
        said.append(Consent(member_id=member.id, guardian_id=guardian_id, how="paper", **values))
        db.session.add(said[-1])
        db.session.flush()
    return member.id, drawn, theirs, said


def lacks_by_rule(record: Any, purpose: Purpose) -> bool:
    _id, drawn, theirs, said = record
    minor = is_minor(drawn["age_band"])
    state = state_of(
        [
            Statement(
                each.id, each.guardian_id, each.answer, each.starts_on, each.ends_on,
                each.withdrawn_on,
            )
            for each in said
            if each.purpose == purpose
        ],
        is_minor=minor,
        guardian_ids=theirs,
        today=TODAY,
    )  # fmt: skip
    return not allows(state, purpose, is_minor=minor)
