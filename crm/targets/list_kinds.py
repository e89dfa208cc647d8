"""The conditions on targets that this room knows: what they are, hold, sit on, belong to.

Offices are those of the day that is asked for; committees and regions only as they are now.
"""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, func, not_, or_, select
from sqlalchemy.orm import aliased

from crm.core import db
from crm.targets import queries, rules
from crm.targets.list_queries import on_list
from crm.targets.list_rules import Asking, Memory, Param, RuleKind, Values
from crm.targets.models import Body, CommitteeSeat, Post, Target, TargetList, Term

_GROUP = _l("Who they are")
_PLURAL = {
    "legislator": _l("Legislators"),
    "official": _l("Officials"),
    "government": _l("Governments"),
    "body": _l("Bodies"),
    "company": _l("Companies"),
}
ON, NOT_ON = "on", "not on"


def _choices(memory: Memory) -> queries.Choices:
    if "targets.choices" not in memory:
        memory["targets.choices"] = queries.filter_choices()
    found: queries.Choices = memory["targets.choices"]
    return found


def _lists(memory: Memory) -> list[tuple[str, str]]:
    if "targets.lists" not in memory:
        memory["targets.lists"] = [
            (str(number), name)
            for number, name in db.session.execute(
                select(TargetList.id, TargetList.name).order_by(func.lower(TargetList.name))
            )
        ]
    found: list[tuple[str, str]] = memory["targets.lists"]
    return found


def _holding(asking: Asking, *asked: Any) -> ColumnElement[bool]:
    """Those whose office of the day is so. `asked` speaks of `Term` and `Post`."""
    if not asking.is_past:
        held = select(Term.target_id).join(Post, Post.id == Term.post_id).where(Term.is_current)
        return Target.id.in_(held.where(*asked))
    # Of several held that day, the one begun last: as `queries.terms_on` takes it.
    every = aliased(Term)
    ranked = (
        select(
            every.id,
            func.row_number()
            .over(
                partition_by=every.target_id,
                order_by=(every.starts_on.is_(None), every.starts_on.desc(), every.id.desc()),
            )
            .label("place"),
        )
        .where(
            or_(every.starts_on.is_(None), every.starts_on <= asking.day),
            or_(every.ends_on.is_(None), every.ends_on >= asking.day, every.is_current),
        )
        .subquery()
    )
    return Target.id.in_(
        select(Term.target_id)
        .join(ranked, ranked.c.id == Term.id)
        .join(Post, Post.id == Term.post_id)
        .where(ranked.c.place == 1, *asked)
    )


def _in_chamber(values: Values, asking: Asking) -> ColumnElement[bool]:
    body = select(Body.id).where(Body.key == values["chamber"]).scalar_subquery()
    return _holding(asking, Post.body_id == body)


def _on_committee(values: Values, _asking: Asking) -> ColumnElement[bool]:
    return Target.id.in_(
        select(CommitteeSeat.target_id).where(CommitteeSeat.body_id == int(values["committee"]))
    )


def _in_region(values: Values, _asking: Asking) -> ColumnElement[bool]:
    region = values["region"]
    return or_(Target.region == region, Target.sub_region == region)


def _on_list(values: Values, asking: Asking) -> ColumnElement[bool]:
    number = int(values["list"])
    found = on_list(number, asking)
    return not_(found) if values.get("is") == NOT_ON else found


def _as_it_is(value: str) -> str:
    return value


KINDS = (
    RuleKind(
        name="kind",
        label=_l("Are of a kind"),
        group=_GROUP,
        order=10,
        params=(Param("is", _l("Kind"), choices=lambda _memory: list(rules.KINDS.items())),),
        where=lambda values, _asking: Target.kind == values["is"],
        tell=lambda _words: "",
        noun=lambda words: str(_PLURAL.get(words["is:value"], words["is"])),
    ),
    RuleKind(
        name="chamber",
        label=_l("Hold a seat or office in"),
        group=_GROUP,
        order=11,
        params=(Param("chamber", _l("Chamber or body"), choices=lambda m: _choices(m).chambers),),
        where=_in_chamber,
        tell=lambda words: _("in the %(chamber)s", chamber=words["chamber"]),
    ),
    RuleKind(
        name="area",
        label=_l("Hold an office of a state"),
        group=_GROUP,
        order=12,
        params=(
            Param("area", _l("State"), choices=lambda m: _choices(m).areas, words=rules.area_name),
        ),
        where=lambda values, asking: _holding(asking, Post.area == values["area"]),
        tell=lambda words: _("for %(state)s", state=words["area"]),
    ),
    RuleKind(
        name="party",
        label=_l("Hold an office for a party"),
        group=_GROUP,
        order=13,
        params=(
            Param("party", _l("Party"), choices=lambda m: _choices(m).parties, words=_as_it_is),
        ),
        where=lambda values, asking: _holding(asking, Term.party == values["party"]),
        tell=lambda words: _("party %(party)s", party=words["party"]),
    ),
    RuleKind(
        name="committee",
        label=_l("Sit on a committee"),
        group=_GROUP,
        order=14,
        params=(
            Param(
                "committee",
                _l("Committee"),
                choices=lambda m: [(str(number), name) for number, name in _choices(m).committees],
            ),
        ),
        where=_on_committee,
        tell=lambda words: _("on the %(committee)s", committee=words["committee"]),
        only_now=_l("Who sits on a committee is known for today only, not for an earlier day."),
    ),
    RuleKind(
        name="region",
        label=_l("Lie in a region"),
        group=_GROUP,
        order=15,
        params=(
            Param(
                "region",
                _l("Region or sub-region"),
                choices=lambda m: _choices(m).regions,
                words=_as_it_is,
            ),
        ),
        where=_in_region,
        tell=lambda words: _("in %(region)s", region=words["region"]),
    ),
    RuleKind(
        name="list",
        label=_l("Are on another list, or not"),
        group=_GROUP,
        order=16,
        params=(
            Param(
                "is",
                _l("Are they on it?"),
                choices=lambda _memory: [(ON, _l("on the list")), (NOT_ON, _l("not on the list"))],
                default=ON,
            ),
            Param("list", _l("List"), choices=_lists),
        ),
        where=_on_list,
        tell=lambda words: _(
            "%(on)s “%(name)s”",
            on=words["is"],
            name=words["list"],
        ),
    ),
)
