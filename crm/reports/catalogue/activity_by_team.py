"""What the members of each team did. Who is in two teams counts for both, and once in the total.

Teams of chapters the viewer does not see are one line. A team is who is in it now.
"""

from collections.abc import Iterator, Sequence

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from crm.core.charts import Bar, Chart, bars
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row
from crm.outreach.filters import HIDDEN, NAMES, NONE
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.catalogue.activity_by_member import once_sentences, shared_sentences
from crm.reports.dimensions import DIMENSIONS, UNSEEN, team_seen
from crm.reports.queries import (
    in_several_teams,
    other_teams_did,
    repeated_by_members,
    tally_of_whole,
    teams_did,
    unnamed_by_all,
)
from crm.reports.rules import Reckoning

_TEAM = DIMENSIONS["team"]


def rows(asked: Question) -> Iterator[Row]:
    """One row a team, the busiest first; then members of none, then the unnamed tally."""
    did = teams_did(
        asked.wanted,
        lambda team: team_seen(team, asked.viewer),
        merges=not asked.viewer.sees.everywhere,
    )
    words = _TEAM.told(set(did), asked.viewer)
    order = sorted(did, key=lambda key: (key <= 0, -key if key <= 0 else 0, -did[key].pieces,
                                         words[key].label.casefold()))  # fmt: skip
    for key in order:
        each = did[key]
        yield (
            words[key].label, each.members, each.pieces, each.actions, each.minutes, each.last,
            str(key) if key else NONE,
        )  # fmt: skip
    tallied = unnamed_by_all(asked.wanted)
    if tallied.pieces:
        yield (
            _("Nobody named (tally)"), None, tallied.pieces, tallied.actions, None, tallied.last,
            _TALLY,
        )  # fmt: skip


_TALLY = "tally"


def narrow(row: Row) -> dict[str, str] | None:
    """The outreach of a team's members; none of teams that are not seen."""
    if row[-1] == _TALLY:
        return {"member": NONE}
    return None if row[-1] == str(UNSEEN) else {"team": row[-1]}


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """What members of several teams repeat, and acts that several members took part in."""
    people, in_several = in_several_teams(asked.wanted, lambda team: team_seen(team, asked.viewer))
    acts, shared = repeated_by_members(asked.wanted)
    total = tally_of_whole(asked.wanted)
    sums = Reconciliation(rows_total, in_several + shared, 0, total.total)
    said = [
        _("Teams, members of no team and the unnamed tally add up to %(sum)s.",
          sum=number(rows_total))
    ]  # fmt: skip
    if in_several:
        said.append(
            ngettext(
                "%(more)s of these repeat what one member of several teams did.",
                "%(more)s of these repeat what %(num)s members of several teams did.",
                people,
                more=number(in_several),
            )
        )
    said += shared_sentences(acts, shared)
    said += once_sentences(asked, total, repeats=in_several + shared)
    said.append(_("A team is who is in it now."))
    return Reckoning(sums, said, total.actions)


def limits(asked: Question) -> list[str]:
    """That teams took part which the viewer does not see, where it is so."""
    if asked.viewer.sees.everywhere or not other_teams_did(asked.wanted, asked.viewer.sees):
        return []
    return [_("Teams of chapters you do not see are one line.")]


CHART_TITLE = _l("Outreach by team")


def chart(shown: Sequence[Row]) -> Chart:
    """How much the members of each team did."""
    teams = [row for row in shown if row[-1] not in (_TALLY, NONE)]
    return bars(CHART_TITLE, [Bar(row[0], row[2]) for row in teams[:10]])


REPORT = Report(
    name="activity-by-team",
    order=35,
    icon="person-badge",
    title=_l("Activity by team"),
    description=_l("What the members of each team did, by the number of pieces and acts."),
    columns=(
        Column("team", _l("Team"), width=36),
        Column("members", _l("Members"), Kind.NUMBER, 10),
        Column("pieces", _l("Pieces and acts"), Kind.NUMBER, 14),
        Column("actions", _l("Actions"), Kind.NUMBER, 10),
        Column("minutes", _l("Minutes"), Kind.NUMBER, 10),
        Column("last", _l("Last action"), Kind.DATE, 12),
    ),
    rows=rows,
    reckon=reckon,
    # Who is in two teams is one member, and worked once.
    unsummed=frozenset({"members", "minutes"}),
    plain=frozenset({"members"}),
    chart=chart,
    chart_title=CHART_TITLE,
    narrow=narrow,
    uses=frozenset({*NAMES, *HIDDEN}) - {"team", "member"},
    limits=limits,
)
