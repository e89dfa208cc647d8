"""Members who lack a consent, as a condition of a list: `consent_rules.state_of`, said in SQL.

A test holds it against the rule for whatever may have been said; whoever changes one, changes both.
"""

from datetime import date

from sqlalchemy import ColumnElement, and_, func, not_, or_, select

from crm.members.consent_rules import IMPLIED_BY_ADULTS, Answer, Purpose
from crm.members.models import Consent, Guardianship, Member
from crm.members.rules import AgeBand


def is_minor() -> ColumnElement[bool]:
    """The condition that a guardian decides (`rules.is_minor`)."""
    return Member.age_band != AgeBand.ADULT


def lacks(purpose: Purpose, *, today: date) -> ColumnElement[bool]:
    """The condition that what is asked for may not be done with a member on that day."""
    # Of each person, themself among them, the latest statement that has begun.
    turn = func.row_number().over(
        partition_by=(Consent.member_id, Consent.guardian_id),
        order_by=(Consent.starts_on.desc(), Consent.id.desc()),
    )
    said = (
        select(
            Consent.member_id,
            Consent.guardian_id,
            Consent.answer,
            Consent.ends_on,
            Consent.withdrawn_on,
            turn.label("turn"),
        )
        .where(Consent.purpose == purpose, Consent.starts_on <= today)
        .subquery("said")
    )
    latest = said.c.turn == 1
    own = said.c.guardian_id.is_(None)
    # Who is no guardian of the member (any more) does not count.
    guardians = (
        select(said.c.member_id)
        .join(
            Guardianship,
            and_(
                Guardianship.member_id == said.c.member_id,
                Guardianship.guardian_id == said.c.guardian_id,
            ),
        )
        .where(latest)
    )
    themselves = select(said.c.member_id).where(latest, own)
    withdrawn = and_(said.c.withdrawn_on.is_not(None), said.c.withdrawn_on <= today)
    says_no = or_(said.c.answer != Answer.GIVEN, withdrawn)
    says_yes = and_(not_(says_no), or_(said.c.ends_on.is_(None), said.c.ends_on >= today))
    may_minor = and_(
        Member.id.in_(guardians.where(says_yes)),
        Member.id.not_in(guardians.where(says_no)),
        Member.id.not_in(themselves.where(says_no)),
    )
    may_adult: ColumnElement[bool] = Member.id.in_(themselves.where(says_yes))
    if purpose in IMPLIED_BY_ADULTS:
        may_adult = or_(may_adult, Member.id.not_in(themselves))
    return not_(or_(and_(is_minor(), may_minor), and_(not_(is_minor()), may_adult)))
