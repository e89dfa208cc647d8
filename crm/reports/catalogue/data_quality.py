"""What is wrong or old among the records: how many, which, and where each is mended.

Of targets and the ledger alone: what is missing of members stands where members are kept.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import Select, exists, func, literal, null, select
from sqlalchemy.orm import aliased

from crm.campaigns.models import Ask, Campaign, Position
from crm.campaigns.positions import holding
from crm.campaigns.queries import is_running
from crm.core import db
from crm.core.charts import Bar, Chart, bars
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row
from crm.outreach.commitments import KINDS
from crm.outreach.models import ActionTarget, Commitment, Outcome
from crm.outreach.rules import Reconciliation
from crm.outreach.whom import ids_meant, targets_meant
from crm.reports.catalogue import Question, Report
from crm.reports.queries import number_of
from crm.reports.rules import Reckoning
from crm.targets.contact_queries import has_good_address, need_a_look
from crm.targets.models import ContactPoint, Target, Term
from crm.targets.rules import CONTACT_KINDS, PERSONS
from crm.texts.models import AddressForm
from crm.treaties.queries import effective

USES = frozenset({"campaign", "kind", "area", "region", "party", "committee", "list", "target"})
#: After so long a fact wants to be looked at again.
OLD = timedelta(days=365)


@dataclass(frozen=True)
class Fault:
    """One kind of fault: which records have it, and where each is mended."""

    #: In addresses, as the way the report is counted by.
    key: str
    label: Any
    #: What to do about it.
    remedy: Any
    #: (number of the record, target's id, its name, what of it, since when), by target.
    records: Callable[[Question], Select[Any]]
    #: What the third column says, where the records have it.
    what: Callable[[Any], Any] = lambda told: told
    #: Endpoint and values of the page that mends one, from its number and its target's id.
    mend: Callable[[int, int], tuple[str, dict[str, Any]]] = lambda _number, target_id: (
        "targets.page", {"target_id": target_id}
    )  # fmt: skip


def _meant(asked: Question) -> Select[int]:
    return ids_meant(asked.wanted, on_campaigns=True)


def _points(asked: Question, which: str) -> Any:
    found = need_a_look(_meant(asked), today=asked.on, which=which)
    return found.with_only_columns(
        ContactPoint.id, Target.id, Target.name, ContactPoint.kind, ContactPoint.checked_on
    )


def _of_targets(asked: Question, *conditions: Any, since: Any = None) -> Any:
    return (
        select(Target.id, Target.id, Target.name, null(), null() if since is None else since)
        .where(*targets_meant(asked.wanted, on_campaigns=True), *conditions)
        .order_by(Target.sort_name, Target.id)
    )


def _without_address(asked: Question) -> Select[Any]:
    return _of_targets(asked, ~has_good_address())


def _without_form(asked: Question) -> Select[Any]:
    """People who hold nothing that says how they are addressed, and of whom nobody said it."""
    return _of_targets(
        asked,
        Target.kind.in_(PERSONS),
        Target.salutation.is_(None),
        ~exists().where(Term.target_id == Target.id, Term.is_current),
        ~exists().where(AddressForm.target_id == Target.id),
    )


def _old_facts(asked: Question) -> Select[Any]:
    return _of_targets(asked, Target.seen_on < asked.on - OLD, since=Target.seen_on)


def _old_positions(asked: Question) -> Select[Any]:
    """Where a target of a running campaign was seen to stand long ago, and never since."""
    held, target = holding(asked.on), aliased(Target)
    entry = aliased(Position)
    return (
        select(held.c.id, target.id, target.name, Ask.text, entry.seen_on)
        .select_from(held)
        .join(entry, entry.id == held.c.id)
        .join(target, target.id == held.c.target_id)
        .join(Ask, Ask.id == held.c.ask_id)
        .join(Campaign, Campaign.id == Ask.campaign_id)
        .where(
            entry.seen_on < asked.on - OLD,
            is_running(asked.on),
            target.id.in_(_meant(asked)),
        )
        .order_by(entry.seen_on, target.sort_name, held.c.id)
    )


def _without_day(asked: Question) -> Select[Any]:
    """Steps of a treaty of which only the first source is dated."""
    events, target = effective().subquery(), aliased(Target)
    return (
        select(events.c.id, target.id, target.name, events.c.treaty, events.c.happened_on)
        .join(target, target.id == events.c.target_id)
        .where(events.c.day_known.is_(False), target.id.in_(_meant(asked)))
        .order_by(target.sort_name, events.c.happened_on, events.c.id)
    )


def _without_link(asked: Question) -> Select[Any]:
    """Steps of a treaty whose source nobody can open."""
    events, target = effective().subquery(), aliased(Target)
    return (
        select(events.c.id, target.id, target.name, events.c.source, events.c.happened_on)
        .join(target, target.id == events.c.target_id)
        .where(
            events.c.link.is_(None),
            # What came with the project names its tables, and a link to each would say no more.
            events.c.entered_by_id.is_not(None),
            target.id.in_(_meant(asked)),
        )
        .order_by(target.sort_name, events.c.happened_on, events.c.id)
    )


def _unwritten(asked: Question) -> Any:
    """Answers that say that something was promised; of a campaign, those to its own outreach."""
    target = aliased(Target)
    wanted = asked.wanted
    meant = ids_meant(wanted.with_(campaign_id=None), on_campaigns=True)
    of_campaign = []
    if wanted.campaign_id is not None:
        of_campaign.append(ActionTarget.campaign_id == wanted.campaign_id)
    # From the promises, which are few: else every contact would look for one.
    said = (
        select(Outcome.id, Outcome.action_target_id, Outcome.received_on)
        .where(Outcome.kind == KINDS[0], ~exists().where(Commitment.outcome_id == Outcome.id))
        .cte("said")
        .prefix_with("MATERIALIZED")
    )
    return (
        select(said.c.id, target.id, target.name, literal(None), said.c.received_on)
        .select_from(said)
        .join(ActionTarget, ActionTarget.id == said.c.action_target_id)
        .join(target, target.id == ActionTarget.target_id)
        .where(target.id.in_(meant), *of_campaign)
        .order_by(said.c.received_on, said.c.id)
    )


FAULTS: Mapping[str, Fault] = {
    each.key: each
    for each in (
        Fault(
            "bad-address",
            _l("A way to reach them that failed"),
            _l("Find another, or mark it good again."),
            lambda asked: _points(asked, "bad"),
            what=lambda kind: CONTACT_KINDS.get(kind, kind),
        ),
        Fault(
            "no-address",
            _l("No good postal address"),
            _l("Add one; until then no paper goes to them."),
            _without_address,
        ),
        Fault(
            "no-salutation",
            _l("Nobody said how they are addressed"),
            _l("Give the salutation: they hold no office it would follow from."),
            _without_form,
            mend=lambda _number, target_id: ("targets.edit", {"target_id": target_id}),
        ),
        Fault(
            "old-address",
            _l("A way to reach them nobody has checked for a year"),
            _l("Look whether it still holds, and say so."),
            lambda asked: _points(asked, "old"),
            what=lambda kind: CONTACT_KINDS.get(kind, kind),
        ),
        Fault(
            "old-facts",
            _l("Facts whose source is older than a year"),
            _l("Import them anew, or look them up."),
            _old_facts,
        ),
        Fault(
            "old-position",
            _l("A position older than a year, on an ask of a running campaign"),
            _l("Find out where they stand now, and record it."),
            _old_positions,
        ),
        Fault(
            "treaty-day",
            _l("A step of a treaty whose day is not known"),
            _l("Find the day with the depositary, and correct the entry."),
            _without_day,
        ),
        Fault(
            "treaty-link",
            _l("A step of a treaty entered without a link to its source"),
            _l("Correct the entry and give the link."),
            _without_link,
        ),
        Fault(
            "no-promise",
            _l("A commitment nobody wrote down"),
            _l("Write down what was promised, and by when."),
            _unwritten,
            mend=lambda number, _target_id: ("outreach.new_commitment", {"answer": number}),
        ),
    )
}


def _count(asked: Question, fault: Fault) -> int:
    found = fault.records(asked).order_by(None).subquery()
    return number_of(select(func.count()).select_from(found))


def _counts(asked: Question) -> dict[str, int]:
    """How many records have each fault: one statement for all of them."""
    sums = (
        select(func.count())
        .select_from(fault.records(asked).order_by(None).subquery())
        .scalar_subquery()
        .label(f"of_{place}")
        for place, fault in enumerate(FAULTS.values())
    )
    found = db.session.execute(select(*sums)).one()
    return dict(zip(FAULTS, found, strict=True))


def rows_by_fault(asked: Question) -> Iterator[Row]:
    """One row a kind of fault there is, most of it first."""
    found = _counts(asked)
    for fault in sorted(FAULTS.values(), key=lambda each: -found[each.key]):
        if many := found[fault.key]:
            yield str(fault.label), str(fault.remedy), many, fault.key


def reckon(_asked: Question, rows_total: int) -> Reckoning:
    """A target may have several faults: they are counted, and not the targets. Nothing repeats, so
    the lines are the total: to ask all of it once more would tell the same.
    """
    return Reckoning(
        Reconciliation(rows_total, 0, 0, rows_total),
        [
            ngettext("%(many)s fault was found.", "%(many)s faults were found.", rows_total,
                     many=number(rows_total)),
            _("A target with several faults is counted for each of them."),
        ],
    )  # fmt: skip


CHART_TITLE = _l("Faults by kind")


def chart(shown: Sequence[Row]) -> Chart:
    """How many of each kind."""
    most = sorted(shown, key=lambda row: -row[2])
    return bars(CHART_TITLE, [Bar(row[0], row[2]) for row in most if row[2]])


def _to_records(
    column: str, row: Row | None, given: Mapping[str, str]
) -> tuple[str, dict[str, Any]] | None:
    """To the same report, record by record."""
    if row is None:
        return None
    kept = {name: value for name, value in given.items() if name in USES}
    return "reports.page", {**kept, "name": "data-quality", "by": row[-1]}


BY_FAULT = Report(
    name="data-quality",
    about=_l("Kind of fault"),
    order=79,
    icon="clipboard-check",
    title=_l("Data quality"),
    description=_l(
        "What is wrong, missing or old among targets and in the ledger. Of a campaign, the "
        "targets on its list are looked at."
    ),
    columns=(
        Column("fault", _l("What"), width=44),
        Column("remedy", _l("What to do"), width=44),
        Column("many", _l("How many"), Kind.NUMBER, 10),
    ),
    rows=rows_by_fault,
    nothing=_l("Nothing is wrong here"),
    reckon=reckon,
    counts="many",
    chart=chart,
    chart_title=CHART_TITLE,
    leads=_to_records,
    uses=USES,
)


def _of(fault: Fault) -> Report:
    """The records that have one fault, a row each."""

    def rows(asked: Question) -> Iterator[Row]:
        for number_, target_id, name, what, since in db.session.execute(fault.records(asked)):
            told = str(fault.what(what)) if what else ""
            yield name, told, _age(since, asked.on), since, 1, (number_, target_id)

    def reckon_records(asked: Question, rows_total: int) -> Reckoning:
        total = _count(asked, fault)
        told = ngettext("%(many)s record has this fault.", "%(many)s records have this fault.",
                        total, many=number(total))  # fmt: skip
        return Reckoning(Reconciliation(rows_total, 0, 0, total), [told, str(fault.remedy)])

    def mend(row: Row) -> tuple[str, dict[str, Any]]:
        return fault.mend(*row[-1])

    return replace(
        BY_FAULT,
        about=fault.label,
        title=fault.label,
        description=fault.remedy,
        columns=(
            Column("target", _l("Target"), width=32),
            Column("what", _l("What"), width=36),
            Column("days", _l("Days"), Kind.NUMBER, 10),
            Column("since", _l("Since"), Kind.DATE, 12),
            Column("many", _l("Records"), Kind.NUMBER, 10),
        ),
        rows=rows,
        reckon=reckon_records,
        unsummed=frozenset({"days"}),
        plain=frozenset({"many"}),
        chart=None,
        record=mend,
        leads=lambda _column, row, _given: mend(row) if row else None,
    )


def _age(since: date | None, on: date) -> int | None:
    return (on - since).days if since else None


REPORT = replace(
    BY_FAULT, ways={"fault": BY_FAULT, **{key: _of(fault) for key, fault in FAULTS.items()}}
)
