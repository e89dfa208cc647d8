"""Lists by where targets stand on an ask, as of a day."""

from datetime import date

from flask import Flask
from sqlalchemy import select

from crm.campaigns.models import Ask, Position
from crm.core import db
from crm.targets import list_rules
from crm.targets.models import Target
from tests import make


def test_it_works(any_app: Flask) -> None:
    brook, cole, dunn = (make.legislator(*name.split()).id for name in (
        "Ada Brook", "Ben Cole", "Cleo Dunn"
    ))  # fmt: skip
    campaign = make.campaign().id
    ask = db.session.scalars(select(Ask.id).where(Ask.campaign_id == campaign)).one()
    for target, day, support, is_withdrawn in (
        (brook, date(2026, 1, 1), -1, False),
        (brook, date(2026, 3, 1), 2, False),
        (cole, date(2026, 1, 1), 0, False),
        (cole, date(2026, 3, 1), 2, True),
    ):
        make.kept(
            Position(
                target_id=target, ask_id=ask, seen_on=day, support=support, confidence="low",
                withdrawn_at=db.now() if is_withdrawn else None,
            )
        )  # fmt: skip

    def found(bound: str, support: int, day: date) -> set[int]:
        rule = list_rules.checked(
            list_rules.rule_of(
                [{"kind": "position", "is": bound, "support": str(support), "ask": str(ask)}]
            )
        )
        asked = list_rules.where(rule, list_rules.Asking(day, date(2026, 5, 1)))
        return set(db.session.scalars(select(Target.id).where(asked)))

    may, february = date(2026, 5, 1), date(2026, 2, 1)
    assert found("least", 1, may) == {brook}
    assert found("least", 0, may) == {brook, cole}
    assert found("most", 0, may) == {cole}
    assert found("most", 0, february) == {brook, cole}
    assert found("least", -2, date(2025, 12, 31)) == set()
    rule = list_rules.rule_of(
        [{"kind": "position", "is": "least", "support": "1", "ask": str(ask)}]
    )
    told = list_rules.tell(rule, day=None, memory={}).words
    assert told == "Targets at least supporter on “Postcards: Join the treaty”"
    assert dunn not in found("least", -2, may)
