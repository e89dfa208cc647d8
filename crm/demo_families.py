"""The demo's families: guardians, what they said on paper, teams, and whose account is whose.

Loaded after the year's outreach, as papers come in after the pictures were taken: whoever takes a
yes back in the demo can be shown what went out before.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from crm.demo_data import families
from crm.demo_data.families import Who
from crm.demo_data.people import Person
from crm.members import consents, field_operations, guardians, key_operations, teams
from crm.members.consent_rules import Answer, How, Purpose, usual_end
from crm.members.rules import AgeBand

#: School years before graduation in which somebody is counted as this old.
_OLDER, _YOUNG = 1, 5


def define_fields() -> list[str]:
    """The administrator's own fields; their keys, in the order of `families.ANSWERS`."""
    return [
        field_operations.define_field(
            label=label, kind="choice", choices=choices, help=help, by=None
        ).key
        for label, choices, help in families.FIELDS
    ]


def age_of(person: Person) -> AgeBand:
    """How old a member is: by the years of school left, grown up outside of it."""
    if (person.chapter, person.given) in families.AGE_UNKNOWN:
        return AgeBand.UNKNOWN
    if person.grade is None or person.grade < 0:
        return AgeBand.ADULT
    if person.grade <= _OLDER:
        return AgeBand.OLDER_TEEN
    return AgeBand.YOUNG_TEEN if person.grade <= _YOUNG else AgeBand.CHILD


def answers_of(who: Who, keys: list[str]) -> dict[str, str]:
    """What a member answered to the administrator's fields, by key."""
    said = families.ANSWERS.get(who, ())
    return {key: answer for key, answer in zip(keys, said, strict=False) if answer is not None}


def add_families(
    *,
    members: Mapping[Who, int],
    chapters: Mapping[str, int],
    users: Mapping[str, int],
    today: date,
) -> None:
    """Guardians and their papers, teams, and the accounts of members."""
    ids = {each.name: _add_guardian(each, members) for each in families.GUARDIANS}
    _keep_papers(members, ids, today)
    for team in families.TEAMS:
        team_id = teams.create_team(
            chapter_id=chapters[team.chapter], name=team.name, about=team.about, by=None
        ).id
        for given, part in team.people:
            teams.put_on_team(
                team_id=team_id,
                member_ids=[members[team.chapter, given]],
                part=part,
                by=None,
                today=today,
            )
    for email, who in families.ACCOUNTS:
        key_operations.link_user(user_id=users[email], member_id=members[who], by=None, today=today)


def _add_guardian(each: families.Guardian, members: Mapping[Who, int]) -> int:
    first, *others = (members[who] for who in each.children)
    guardian_id = guardians.add_guardian(
        member_id=first,
        name=each.name,
        relation=each.relation,
        email=each.email,
        phone=each.phone,
        by=None,
    ).id
    for member_id in others:
        guardians.link_guardian(
            member_id=member_id, guardian_id=guardian_id, relation=each.relation, by=None
        )
    return guardian_id


def _keep_papers(members: Mapping[Who, int], ids: Mapping[str, int], today: date) -> None:
    # The paper went round at the start of the school year, or just now if it has only begun.
    ends_on = usual_end(today)
    signed_on = min(date(ends_on.year - 1, 9, 9), today - timedelta(days=20))
    for paper in families.PAPERS:
        answers = dict.fromkeys(map(Purpose, paper.yes), Answer.GIVEN)
        answers |= dict.fromkeys(map(Purpose, paper.no), Answer.REFUSED)
        last = ends_on if paper.ends_in is None else today + timedelta(days=paper.ends_in)
        consents.record_consents(
            member_id=members[paper.child],
            answers=answers,
            given_by=ids[paper.guardian],
            how=How.PAPER,
            starts_on=signed_on,
            ends_on=last,
            by=None,
            today=today,
        )
    for guardian, child, purpose, ago in families.WITHDRAWN:
        consents.withdraw_consent(
            member_id=members[child],
            purposes=[Purpose(purpose)],
            withdrawn_by=ids[guardian],
            withdrawn_on=today - timedelta(days=ago),
            how=How.IN_PERSON,
            by=None,
            today=today,
        )
