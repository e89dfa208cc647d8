"""What was promised: due, kept, broken, by target, by campaign, or by whose promise it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import and_, case, exists, func, select

from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.charts import Chart, split
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row, Share
from crm.outreach.commitment_queries import CommitmentFilter, is_open, is_overdue
from crm.outreach.commitments import BROKEN, KEPT, KINDS, WHOSE
from crm.outreach.filters import NONE
from crm.outreach.models import ActionTarget, Commitment, Outcome
from crm.outreach.rules import Reconciliation
from crm.outreach.whom import targets_meant
from crm.reports.catalogue import Question, Report
from crm.reports.queries import number_of, target_names
from crm.reports.rules import Reckoning, See
from crm.targets.models import Target


@dataclass(frozen=True)
class _Sums:
    many: int
    open: int
    overdue: int
    kept: int
    broken: int
    next_on: date | None

    @property
    def cells(self) -> Row:
        """In the order of the columns."""
        settled = self.kept + self.broken
        return (
            self.many, self.open, self.overdue, self.kept, self.broken,
            Share(self.kept, settled) if settled else None, self.next_on,
        )  # fmt: skip


def _sums(asked: Question, what: Any) -> dict[Any, _Sums]:
    """By a column of `Commitment`, as they stood on the day that is asked for: one statement."""
    on = asked.on
    open_ = is_open(on)

    def counted(which: Any) -> Any:
        return func.sum(case((which, 1), else_=0))

    rows = db.session.execute(
        select(
            what,
            func.count(),
            counted(open_),
            counted(is_overdue(on)),
            counted(and_(~open_, Commitment.state == KEPT)),
            counted(and_(~open_, Commitment.state == BROKEN)),
            func.min(case((and_(open_, Commitment.due_on >= on), Commitment.due_on))),
        )
        .where(*CommitmentFilter(asked.wanted).conditions(on))
        .group_by(what)
    )
    return {
        key: _Sums(int(many), int(still), int(late), int(kept), int(broken), next_on)
        for key, many, still, late, kept, broken, next_on in rows
    }


def rows_by_target(asked: Question) -> Iterator[Row]:
    """One row a target, most overdue first."""
    sums = _sums(asked, Commitment.target_id)
    names = target_names(sums)
    for each in sorted(
        sums, key=lambda key: (-sums[key].overdue, -sums[key].open, names[key][1], key)
    ):
        yield names[each][0], *sums[each].cells, each


def rows_by_campaign(asked: Question) -> Iterator[Row]:
    """One row a campaign, and one of what was promised apart from any."""
    sums = _sums(asked, Commitment.campaign_id)
    found = db.session.execute(
        select(Campaign.id, Campaign.name, Campaign.slug).where(Campaign.id.in_(list(sums)))
    )
    known = {row.id: (row.name, row.slug) for row in found}
    for each in sorted(sums, key=lambda key: (key is None, -sums[key].many, key or 0)):
        name, slug = known.get(each, (_("No campaign"), NONE))
        yield name, *sums[each].cells, slug


def rows_by_whose(asked: Question) -> Iterator[Row]:
    """What they promised, and what we did."""
    sums = _sums(asked, Commitment.whose)
    for each in (key for key in WHOSE if key in sums):
        yield str(WHOSE[each]), *sums[each].cells, each


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """Each is open, kept or broken, and one target's."""
    conditions = CommitmentFilter(asked.wanted).conditions(asked.on)
    total = number_of(select(func.count()).select_from(Commitment).where(*conditions))
    by_state = _sums(asked, Commitment.state).values()
    open_, overdue, kept, broken = (
        sum(getattr(each, name) for each in by_state)
        for name in ("open", "overdue", "kept", "broken")
    )
    said = [
        _(
            "%(total)s: %(open)s open, of which %(overdue)s overdue, %(kept)s kept, "
            "%(broken)s broken. Each belongs to one target.",
            total=ngettext("%(many)s commitment", "%(many)s commitments", total,
                           many=number(total)),
            open=number(open_), overdue=number(overdue), kept=number(kept),
            broken=number(broken),
        )
    ]  # fmt: skip
    if asked.wanted.since or asked.wanted.until:
        undated = CommitmentFilter(asked.wanted.with_(since=None, until=None)).conditions(asked.on)
        without = number_of(
            select(func.count())
            .select_from(Commitment)
            .where(*undated, Commitment.due_on.is_(None))
        )
        if without:
            said.append(
                ngettext(
                    "%(many)s more names no day, and is in no period.",
                    "%(many)s more name no day, and are in no period.",
                    without,
                    many=number(without),
                )
            )
    see = []
    if bare := _unwritten(asked):
        see.append(
            See(
                ngettext(
                    "%(many)s promise is not written down yet",
                    "%(many)s promises are not written down yet",
                    bare,
                    many=number(bare),
                ),
                "reports.page",
                {"name": "data-quality", "by": "no-promise"},
                keeps=USES - {"since", "until"},
            )
        )
        said.append(
            ngettext(
                "%(many)s answer says that something was promised, and nobody wrote down what.",
                "%(many)s answers say that something was promised, and nobody wrote down what.",
                bare,
                many=number(bare),
            )
        )
    return Reckoning(Reconciliation(rows_total, 0, 0, total), said, see=see)


def _unwritten(asked: Question) -> int:
    """Answers of the kind commitment of which no promise was kept."""
    wanted = asked.wanted
    meant = targets_meant(wanted)
    conditions = [Outcome.kind == KINDS[0], Outcome.received_on <= asked.on]
    if wanted.campaign_id is not None:
        conditions.append(ActionTarget.campaign_id == wanted.campaign_id)
    if len(meant) > 1:
        conditions.append(
            ActionTarget.target_id.in_(select(Target.id).where(*meant).correlate(None))
        )
    return number_of(
        select(func.count())
        .select_from(Outcome)
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .where(*conditions, ~exists().where(Commitment.outcome_id == Outcome.id))
    )


CHART_TITLE = _l("Kept, broken, open and overdue")


def chart(shown: Sequence[Row]) -> Chart:
    """How the commitments of those with most of them stand."""
    most = sorted(shown, key=lambda row: -row[1])[:8]
    return split(
        CHART_TITLE,
        [row[0] for row in most],
        [
            (_("Kept"), [row[4] for row in most]),
            (_("Open"), [row[2] - row[3] for row in most]),
            (_("Overdue"), [row[3] for row in most]),
            (_("Broken"), [row[5] for row in most]),
        ],
    )


#: What the list of commitments is asked for by each column.
_STATES = {
    "many": "all", "open": "open", "overdue": "overdue", "kept": "kept", "broken": "broken",
    "share": "settled",
}  # fmt: skip


def _leads(
    name: str,
) -> Callable[[str, Row | None, Mapping[str, str]], tuple[str, dict[str, Any]] | None]:
    """To the list of commitments, narrowed by what a row is about."""

    def leads(
        column: str, row: Row | None, given: Mapping[str, str]
    ) -> tuple[str, dict[str, Any]] | None:
        if column not in _STATES:
            return None
        values: dict[str, Any] = {key: value for key, value in given.items() if key in USES}
        values["state"] = _STATES[column]
        if row is not None:
            values[name] = row[-1]
        return "outreach.commitments", values

    return leads


USES = frozenset(
    {"campaign", "since", "until", "kind", "region", "area", "party", "list", "target"}
)

_COUNTED = (
    Column("many", _l("Commitments"), Kind.NUMBER, 12),
    Column("open", _l("Open"), Kind.NUMBER, 10),
    Column("overdue", _l("Overdue"), Kind.NUMBER, 10),
    Column("kept", _l("Kept"), Kind.NUMBER, 10),
    Column("broken", _l("Broken"), Kind.NUMBER, 10),
    Column("share", _l("Kept of those settled"), Kind.SHARE, 20),
    Column("next", _l("Next due"), Kind.DATE, 12),
)

BY_TARGET = Report(
    name="commitments",
    about=_l("Target"),
    order=72,
    icon="hand-thumbs-up",
    title=_l("Commitments"),
    description=_l(
        "What was promised and what became of it. A period is of the days they are due."
    ),
    columns=(Column("target", _l("Target"), width=36), *_COUNTED),
    rows=rows_by_target,
    nothing=_l("Nothing was promised that this asks for"),
    reckon=reckon,
    counts="many",
    chart=chart,
    chart_title=CHART_TITLE,
    record=lambda row: ("targets.page", {"target_id": row[-1]}),
    leads=_leads("target"),
    uses=USES,
    compares=("many", "kept", "broken"),
    counts_ahead=True,
)

BY_CAMPAIGN = replace(
    BY_TARGET,
    about=_l("Campaign"),
    title=_l("Commitments by campaign"),
    columns=(Column("campaign", _l("Campaign"), width=36), *_COUNTED),
    rows=rows_by_campaign,
    record=lambda row: ("campaigns.page", {"slug": row[-1]}) if row[-1] != NONE else None,
    leads=_leads("campaign"),
)

BY_WHOSE = replace(
    BY_TARGET,
    about=_l("Whose promise"),
    title=_l("Commitments by whose promise they are"),
    columns=(Column("whose", _l("Whose promise"), width=20), *_COUNTED),
    rows=rows_by_whose,
    record=None,
    leads=_leads("whose"),
)

REPORT = replace(BY_TARGET, ways={"target": BY_TARGET, "campaign": BY_CAMPAIGN, "whose": BY_WHOSE})
