"""What reached governments, each with where it stands to the treaties; and by region."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from flask_babel import lazy_gettext as _l

from crm.core.charts import Bar, Chart, bars
from crm.core.tables import Column, Kind, Row, Share
from crm.outreach.filters import HIDDEN, NAMES, NONE
from crm.outreach.queries import ActionFilter
from crm.reports.by_month import ACTIONS_OF_REGIONS
from crm.reports.catalogue import Question, Report
from crm.reports.catalogue.activity_by_target import reckoned
from crm.reports.dimensions import REGION, TARGET
from crm.reports.measures import MEASURES
from crm.reports.queries import Did, named_targets, reached_by
from crm.reports.rules import ANSWERED, Reckoning
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.queries import standings_of
from crm.treaties.words import STATUS

_KIND = "government"


def _wanted(asked: Question) -> ActionFilter:
    return asked.wanted.with_(kind=_KIND)


def rows(asked: Question) -> Iterator[Row]:
    """One row a government that was reached, the most often reached first."""
    wanted = _wanted(asked)
    reached = reached_by(wanted, TARGET)
    rates = MEASURES["rate"].by(wanted, [TARGET])
    names = named_targets(reached)
    standings = standings_of(list(reached), asked.on) if reached else {}
    for target_id in sorted(reached, key=lambda each: (-reached[each].pieces, names[each].sort_name,
                                                       each)):  # fmt: skip
        each, rate = reached[target_id], rates.get((target_id,), Share(0, 0))
        standing = standings.get(target_id, {})
        yield (
            names[target_id].name, names[target_id].region or "", each.pieces, each.actions,
            rate.n, rate,
            *(str(STATUS[standing[key].status]) if key in standing else "" for key in INSTRUMENTS),
            each.last, target_id,
        )  # fmt: skip


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """What acts with several governments repeat."""
    return reckoned(rows_total, replace(asked, wanted=_wanted(asked)))


CHART_TITLE = _l("Governments reached most")


def chart(shown: Sequence[Row]) -> Chart:
    """The governments reached most."""
    most = sorted(shown, key=lambda row: -row[2])[:10]
    return bars(CHART_TITLE, [Bar(row[0], row[2]) for row in most])


BY_GOVERNMENT = Report(
    name="activity-by-government",
    about=_l("Government"),
    order=12,
    icon="globe2",
    title=_l("Activity by government"),
    description=_l(
        "How often each government was reached, how it answered, and where it stands on the "
        "treaties."
    ),
    columns=(
        Column("government", _l("Government"), width=28),
        Column("region", _l("Region"), width=18),
        Column("pieces", _l("Reached"), Kind.NUMBER, 10),
        Column("actions", _l("Actions"), Kind.NUMBER, 10),
        Column("answers", _l("Answers"), Kind.NUMBER, 10),
        Column("rate", _l("Answer rate"), Kind.SHARE, 18),
        *(Column(key, each.short, width=16) for key, each in INSTRUMENTS.items()),
        Column("last", _l("Last contact"), Kind.DATE, 12),
    ),
    rows=rows,
    reckon=reckon,
    chart=chart,
    chart_title=CHART_TITLE,
    lists_outcomes={"answers": ANSWERED, "rate": ANSWERED},
    beneath={"region": "government"},
    narrow=lambda row: {"target": str(row[-1])},
    record=lambda row: ("targets.page", {"target_id": row[-1]}),
    # All of it is outreach to governments: so are the lists behind it.
    always={"kind": _KIND},
    uses=frozenset({*NAMES, *HIDDEN}) - {"kind"},
)


def _regions(wanted: ActionFilter) -> dict[str, Did]:
    """By region: each government's sums, and each action once."""
    each_target = reached_by(wanted, TARGET)
    names = named_targets(each_target)
    theirs: dict[str, list[Did]] = {}
    for target_id, each in each_target.items():
        theirs.setdefault(names[target_id].region or "", []).append(each)
    return {
        region: Did(
            sum(each.pieces for each in theirs[region]),
            actions,
            max(each.last for each in theirs[region]),
            len(theirs[region]),
        )
        for (region,), (actions,) in ACTIONS_OF_REGIONS(wanted).items()
    }


def rows_by_region(asked: Question) -> Iterator[Row]:
    """One row a region, the most often reached first."""
    wanted = _wanted(asked)
    reached = _regions(wanted)
    rates = MEASURES["rate"].by(wanted, [REGION])
    for region in sorted(reached, key=lambda key: (not key, -reached[key].pieces, key)):
        each, rate = reached[region], rates.get((region,), Share(0, 0))
        yield (
            region or str(_l("No region")), each.targets, each.pieces, each.actions, rate.n, rate,
            each.last, region or NONE,
        )  # fmt: skip


def reckon_by_region(asked: Question, rows_total: int) -> Reckoning:
    """The same; a government lies in one region, so they too are counted once."""
    found = reckon(asked, rows_total)
    targets = MEASURES["targets"].by(_wanted(asked), []).get((), 0)
    return replace(found, whole={"governments": targets})


REGIONS_TITLE = _l("Regions reached most")

BY_REGION = replace(
    BY_GOVERNMENT,
    about=_l("Region"),
    title=_l("Activity by region"),
    description=_l("How often the governments of each region were reached, and how they answered."),
    columns=(
        Column("region", _l("Region"), width=28),
        Column("governments", _l("Governments"), Kind.NUMBER, 12),
        Column("pieces", _l("Reached"), Kind.NUMBER, 10),
        Column("actions", _l("Actions"), Kind.NUMBER, 10),
        Column("answers", _l("Answers"), Kind.NUMBER, 10),
        Column("rate", _l("Answer rate"), Kind.SHARE, 18),
        Column("last", _l("Last contact"), Kind.DATE, 12),
    ),
    rows=rows_by_region,
    reckon=reckon_by_region,
    chart=lambda shown: bars(REGIONS_TITLE, [Bar(row[0], row[2]) for row in shown[:10]]),
    chart_title=REGIONS_TITLE,
    beneath={},
    narrow=lambda row: {"region": row[-1]},
    record=None,
    leads=lambda key, _row, given: (
        ("reports.page", {k: v for k, v in {**given, "name": "activity-by-government"}.items()
                          if k != "kind"})
        if key == "governments" else None
    ),
)  # fmt: skip

REPORT = replace(
    BY_GOVERNMENT,
    title=_l("Activity by government and region"),
    ways={"government": BY_GOVERNMENT, "region": BY_REGION},
)
