"""The conditions of a list's rule that speak of outreach: contacted or not, answered or not."""

from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import ColumnElement, and_, exists, func, not_, select

from crm.campaigns.models import Campaign
from crm.core import db
from crm.outreach.channels import awaited_names, channels
from crm.outreach.models import ActionTarget, Outcome
from crm.outreach.outcome_kinds import answer_names
from crm.targets.list_rules import Asking, Memory, Param, RuleKind, Values
from crm.targets.models import Target

_GROUP = _l("What reached them")
ANSWERED, SILENT = "answered", "silent"


def _campaigns(memory: Memory) -> list[tuple[str, str]]:
    if "outreach.campaigns" not in memory:
        memory["outreach.campaigns"] = [
            (str(number), name)
            for number, name in db.session.execute(
                select(Campaign.id, Campaign.name).order_by(func.lower(Campaign.name))
            )
        ]
    found: list[tuple[str, str]] = memory["outreach.campaigns"]
    return found


def _channels(_memory: Memory) -> list[tuple[str, Any]]:
    return [(name, channel.label) for name, channel in channels().items()]


_CHANNEL = Param("channel", _l("By"), choices=_channels, required=False, empty=_l("any channel"))
_CAMPAIGN = Param(
    "campaign", _l("Campaign"), choices=_campaigns, required=False, empty=_l("any campaign")
)


def _contacts(values: Values, asking: Asking) -> list[ColumnElement[bool]]:
    """Rows of the target by channel and campaign, up to the day asked."""
    asked = [ActionTarget.target_id == Target.id, ActionTarget.happened_on <= asking.day]
    if values.get("channel"):
        asked.append(ActionTarget.channel == values["channel"])
    if values.get("campaign"):
        asked.append(ActionTarget.campaign_id == int(values["campaign"]))
    return asked


def _untouched(values: Values, asking: Asking) -> ColumnElement[bool]:
    since = asking.day - timedelta(days=int(values["days"]))
    return not_(exists().where(*_contacts(values, asking), ActionTarget.happened_on > since))


def _contacted(values: Values, asking: Asking) -> ColumnElement[bool]:
    asked = _contacts(values, asking)
    if values.get("since"):
        asked.append(ActionTarget.happened_on >= date.fromisoformat(values["since"]))
    if values.get("until"):
        asked.append(ActionTarget.happened_on <= date.fromisoformat(values["until"]))
    return exists().where(*asked)


def _waiting(values: Values, asking: Asking) -> ColumnElement[bool]:
    """Something sent so long ago that nothing had come back of it by the day asked."""
    until = asking.day - timedelta(days=int(values["days"]))
    awaited = awaited_names()
    came = exists().where(
        Outcome.action_target_id == ActionTarget.id, Outcome.received_on <= asking.day
    )
    return exists().where(
        *_contacts(values, asking),
        ActionTarget.channel.in_(awaited),
        ActionTarget.happened_on <= until,
        not_(came) if asking.is_past else ActionTarget.awaiting.is_(True),
    )


def _answered(values: Values, asking: Asking) -> ColumnElement[bool]:
    contacts = _contacts(values, asking)
    came = exists().where(
        *contacts,
        Outcome.action_target_id == ActionTarget.id,
        Outcome.kind.in_(answer_names()),
        Outcome.received_on <= asking.day,
    )
    return and_(exists().where(*contacts), not_(came)) if values["is"] == SILENT else came


def _with(told: str, words: Any) -> str:
    """`contacted by letter for Postcards to Congress`."""
    if words.get("channel"):
        told = _("%(what)s by %(channel)s", what=told, channel=words["channel"].lower())
    if words.get("campaign"):
        told = _("%(what)s for “%(campaign)s”", what=told, campaign=words["campaign"])
    return told


def _days(words: Any) -> str:
    number = words["days"]
    return ngettext("%(num)s day", "%(num)s days", int(number)) if number.isdigit() else number


def _tell_contacted(words: Any) -> str:
    told = _with(_("contacted"), words)
    if words["since"]:
        told = _("%(what)s from %(day)s", what=told, day=words["since"])
    if words["until"]:
        told = _("%(what)s until %(day)s", what=told, day=words["until"])
    return told


KINDS = (
    RuleKind(
        name="untouched",
        label=_l("Were not contacted for some days"),
        group=_GROUP,
        order=40,
        params=(Param("days", _l("Days"), kind="number", default="90"), _CHANNEL, _CAMPAIGN),
        where=_untouched,
        tell=lambda words: _(
            "%(what)s in %(days)s", what=_with(_("without contact"), words), days=_days(words)
        ),
    ),
    RuleKind(
        name="contacted",
        label=_l("Were contacted"),
        group=_GROUP,
        order=41,
        params=(
            _CHANNEL,
            _CAMPAIGN,
            Param("since", _l("From"), kind="day", required=False),
            Param("until", _l("To"), kind="day", required=False),
        ),
        where=_contacted,
        tell=_tell_contacted,
    ),
    RuleKind(
        name="waiting",
        label=_l("Have not answered for some days"),
        group=_GROUP,
        order=42,
        params=(Param("days", _l("Days"), kind="number", default="30"), _CHANNEL, _CAMPAIGN),
        where=_waiting,
        tell=lambda words: _(
            "%(what)s for %(days)s", what=_with(_("without an answer"), words), days=_days(words)
        ),
    ),
    RuleKind(
        name="answered",
        label=_l("Have ever answered, or never"),
        group=_GROUP,
        order=43,
        params=(
            Param(
                "is",
                _l("Did they?"),
                choices=lambda _memory: [
                    (ANSWERED, _l("answered")),
                    (SILENT, _l("contacted, never answered")),
                ],
                default=ANSWERED,
            ),
            _CHANNEL,
            _CAMPAIGN,
        ),
        where=_answered,
        tell=lambda words: _with(words["is"], words),
    ),
)
