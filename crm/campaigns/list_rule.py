"""The condition of a list's rule that speaks of positions: where a target stands on an ask."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, func, select

from crm.campaigns.models import Ask, Campaign, Position
from crm.campaigns.positions import holding
from crm.core import db
from crm.targets.list_rules import Asking, Memory, Param, RuleKind, Values
from crm.targets.models import Target

SUPPORT = {
    "-2": _l("strong opponent"),
    "-1": _l("opponent"),
    "0": _l("undecided"),
    "1": _l("supporter"),
    "2": _l("champion"),
}
LEAST, MOST = "least", "most"


def _asks(memory: Memory) -> list[tuple[str, str]]:
    if "campaigns.asks" not in memory:
        memory["campaigns.asks"] = [
            (str(number), f"{campaign}: {text}")
            for number, campaign, text in db.session.execute(
                select(Ask.id, Campaign.name, Ask.text)
                .join(Campaign, Campaign.id == Ask.campaign_id)
                .order_by(func.lower(Campaign.name), Ask.position, Ask.id)
            )
        ]
    found: list[tuple[str, str]] = memory["campaigns.asks"]
    return found


def _stands(values: Values, asking: Asking) -> ColumnElement[bool]:
    """The last entry up to the day that is not withdrawn is at least, or at most, so good."""
    support, ask_id = int(values["support"]), int(values["ask"])
    held = holding(asking.day, Position.ask_id == ask_id)
    bound = held.c.support >= support if values["is"] == LEAST else held.c.support <= support
    return Target.id.in_(select(held.c.target_id).where(bound))


def _tell(words: Any) -> str:
    return _(
        "%(bound)s %(support)s on “%(ask)s”",
        bound=words["is"],
        support=words["support"],
        ask=words["ask"],
    )


KINDS = (
    RuleKind(
        name="position",
        label=_l("Hold a position on an ask"),
        group=_l("Where they stand"),
        order=35,
        params=(
            Param(
                "is",
                _l("They are"),
                choices=lambda _m: [(LEAST, _l("at least")), (MOST, _l("at most"))],
                default=LEAST,
            ),
            Param(
                "support",
                _l("Position"),
                choices=lambda _m: list(SUPPORT.items()),
            ),
            Param("ask", _l("Ask"), choices=_asks),
        ),
        where=_stands,
        tell=_tell,
    ),
)
