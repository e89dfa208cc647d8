"""Who took part. Names go through `members.disclosure`; whom the viewer may not see is one sum."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import select

from crm.core import db
from crm.core.charts import Bar, Chart, bars
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row
from crm.members.disclosure import Shown, disclose
from crm.members.models import Member
from crm.members.queries import visible_members
from crm.outreach.filters import HIDDEN, NAMES, NONE
from crm.outreach.models import Action, ActionMember
from crm.outreach.rules import Reconciliation
from crm.reports.by_month import MEMBERS, day_of
from crm.reports.catalogue import Question, Report
from crm.reports.queries import repeated_by_members, tally, tally_of_whole, unnamed_by_all
from crm.reports.rules import Reckoning, Tally, once, once_sentence

#: The key of the unnamed tally; whoever is not seen has none.
_TALLY = 0
#: Members disclosed by one statement.
_AT_ONCE = 10_000


def rows(asked: Question) -> Iterator[Row]:
    """One row a member the viewer may see, then one of all others, then the unnamed tally."""
    seen = _seen(asked)
    taken_part = [
        (member_id, pieces, actions, minutes, day_of(last))
        for (member_id,), (pieces, actions, minutes, last) in MEMBERS(asked.wanted).items()
    ]
    theirs = [row for row in taken_part if seen is None or row[0] in seen]
    others = [row for row in taken_part if seen is not None and row[0] not in seen]
    shown = _shown([row[0] for row in theirs], asked)
    for member_id, pieces, actions, minutes, last in sorted(
        theirs, key=lambda row: (-row[1], row[0])
    ):
        who = shown[member_id]
        yield who.name, who.chapters, pieces, actions, minutes, last, member_id
    if others:
        yield _others(others)
    tallied = unnamed_by_all(asked.wanted)
    if tallied.pieces:
        yield (
            _("Nobody named (tally)"), "", tallied.pieces, tallied.actions, None, tallied.last,
            _TALLY,
        )  # fmt: skip


def named(asked: Question) -> Iterator[int]:
    """The members whose row says who they are."""
    ids = [row[-1] for row in rows(asked) if row[-1]]
    return (each.member_id for each in _shown(ids, asked).values() if each.is_named)


def _others(rows: Sequence[Any]) -> Row:
    # How many actions they are cannot be told from sums: two of them may share one.
    return (
        ngettext("%(num)s member of other chapters", "%(num)s members of other chapters",
                 len(rows)),
        "",
        sum(row[1] for row in rows),
        None,
        sum(row[3] or 0 for row in rows) or None,
        max(row[4] for row in rows),
        None,
    )  # fmt: skip


def _seen(asked: Question) -> set[int] | None:
    """The members the viewer may see; None: all."""
    return None if asked.viewer.sees.everywhere else set(db.session.scalars(_visible(asked)))


def _visible(asked: Question) -> Any:
    return visible_members(asked.viewer.sees).with_only_columns(Member.id)


def _shown(member_ids: Sequence[int], asked: Question) -> dict[int, Shown]:
    shown: dict[int, Shown] = {}
    left = iter(member_ids)
    while some := list(islice(left, _AT_ONCE)):
        shown.update(disclose(some, to=asked.viewer, exit=asked.exit))
    return shown


def narrow(row: Row) -> dict[str, str] | None:
    """The outreach a member took part in; of members who are not seen, nobody's."""
    return None if row[-1] is None else {"member": str(row[-1] or NONE)}


def limits(asked: Question) -> list[str]:
    """That some took part whom the viewer does not see, where it is so."""
    if asked.viewer.sees.everywhere:
        return []
    other = (
        select(ActionMember.id)
        .join(Action, Action.id == ActionMember.action_id)
        .where(*asked.wanted.of_actions(), ActionMember.member_id.not_in(_visible(asked)))
    )
    if db.session.scalar(other.limit(1)) is None:
        return []
    return [_("Members of chapters you do not see are one line.")]


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """What acts with several members repeat. Members' pieces are of whole actions."""
    acts, shared = repeated_by_members(asked.wanted)
    total = tally_of_whole(asked.wanted)
    said = [
        _("Members and the unnamed tally add up to %(sum)s.", sum=number(rows_total)),
        *shared_sentences(acts, shared),
        *once_sentences(asked, total, repeats=shared),
    ]
    sums = Reconciliation(rows_total, shared, 0, total.total)
    return Reckoning(sums, said, total.actions)


def shared_sentences(acts: int, shared: int) -> list[str]:
    """What acts that several named members took part in repeat."""
    if not shared:
        return []
    return [
        ngettext(
            "%(shared)s of these repeat one act that several members took part in.",
            "%(shared)s of these repeat %(num)s acts that several members took part in.",
            acts,
            shared=number(shared),
        )
    ]


def once_sentences(asked: Question, total: Tally, *, repeats: int) -> list[str]:
    """The total counted once, and that it is of whole actions where targets are asked for."""
    said = [
        _("Counted once that is %(total)s.", total=once(total)) if repeats else once_sentence(total)
    ]
    if asked.wanted.narrows_targets:
        said.append(
            _(
                "Who wrote to which target is not kept, so these are whole actions; "
                "%(reached)s of this reached the targets asked for.",
                reached=number(tally(asked.wanted).total),
            )
        )
    return said


CHART_TITLE = _l("How many members did how much")
#: Members by how much each did: a spread that names nobody.
_STEPS = (1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)


def chart(shown: Sequence[Row]) -> Chart:
    """How many members did how much: who did most is no contest."""
    each = [row[2] for row in shown if row[-1]]
    most = max(each, default=0)
    least = min(each, default=0)
    spans = [
        (low, high) for low, high in zip(_STEPS, (*_STEPS[1:], None), strict=True)
        if low <= most and (high is None or least < high)
    ]  # fmt: skip
    return bars(
        CHART_TITLE,
        [
            Bar(
                _("%(least)s or more", least=number(low)) if high is None
                else str(low) if high == low + 1
                else _("%(least)s to %(most)s", least=number(low), most=number(high - 1)),
                sum(low <= pieces and (high is None or pieces < high) for pieces in each),
            )
            for low, high in spans
        ],
    )  # fmt: skip


REPORT = Report(
    name="activity-by-member",
    order=30,
    icon="people",
    title=_l("Activity by member"),
    description=_l(
        "Who took part. Members of chapters you do not see are one sum; a download gives numbers "
        "in place of names."
    ),
    columns=(
        Column("member", _l("Member"), width=28),
        Column("chapters", _l("Chapters"), width=36),
        Column("pieces", _l("Pieces and acts"), Kind.NUMBER, 14),
        Column("actions", _l("Actions"), Kind.NUMBER, 10),
        Column("minutes", _l("Minutes"), Kind.NUMBER, 10),
        Column("last", _l("Last action"), Kind.DATE, 12),
    ),
    rows=rows,
    reckon=reckon,
    record=lambda row: ("members.page", {"member_id": row[-1]}) if row[-1] else None,
    chart=chart,
    chart_title=CHART_TITLE,
    narrow=narrow,
    # Of one member's actions the others who took part are no part.
    uses=frozenset({*NAMES, *HIDDEN}) - {"team", "member"},
    limits=limits,
    shows_people=True,
    named=named,
)
