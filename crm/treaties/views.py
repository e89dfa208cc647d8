"""Pages of the treaties: both side by side, one on a date, one state, the figures."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from crm.core import charts, reads
from crm.core.access import Can, requires
from crm.core.i18n import day as written
from crm.core.i18n import timezone_name, today
from crm.core.tables import FORMATS, Column, Kind, Table
from crm.core.tiles import WORLD, Tile
from crm.treaties import (
    anniversaries,
    blocs,
    figures,
    history,
    meeting_queries,
    operations,
    queries,
    rules,
    words,
    years,
)
from crm.treaties.forms import DayAsked, asked_day, number_asked
from crm.treaties.groups import Group, groups
from crm.treaties.instruments import INSTRUMENTS, Instrument
from crm.treaties.meetings import CAPACITIES
from crm.treaties.obligations import LABELS, Obligation, ObligationStatus, obligations
from crm.treaties.queries import Ledger, State
from crm.treaties.rules import Counts, Standing, Status

blueprint = Blueprint("treaties", __name__)

#: Events told as what changed last, anniversaries, meetings, states that joined last.
LATEST, COMING, LAST_JOINED = 8, 4, 5
#: Obligations of a treaty's page: those due within so many days, and how many of each kind.
SOON, DUE_SHOWN = 366, 12
PASSED = frozenset({ObligationStatus.NO_REQUEST, ObligationStatus.OVERDUE})
RUNNING = frozenset({ObligationStatus.DUE, ObligationStatus.EXTENDED})
#: What the list of states can be narrowed to.
SHOWN = {"all": None, **{status.value: status for status in Status}}
OBLIGATION_BADGES = {
    ObligationStatus.MET: "badge-good",
    ObligationStatus.DUE: "badge-plain",
    ObligationStatus.EXTENDED: "badge-plain",
    ObligationStatus.OVERDUE: "badge-warn",
    ObligationStatus.NO_REQUEST: "badge-bad",
}
#: Kinds of event that are news.
NEWS = frozenset({
    "signature", *rules.CONSENTS, "provisional_application", "withdrawal_announced",
    "withdrawal_deposited", "extension_requested", "extension_granted", "completion_declared",
})  # fmt: skip


@blueprint.context_processor
def _words() -> dict[str, Any]:
    return {
        "INSTRUMENTS": INSTRUMENTS,
        "COUNTS": words.COUNTS,
        "STATUS": words.STATUS,
        "BADGES": words.BADGES,
        "KIND_LABELS": rules.KIND_LABELS,
        "OBLIGATIONS": LABELS,
        "OBLIGATION_BADGES": OBLIGATION_BADGES,
        "CAPACITIES": CAPACITIES,
        "told": words.told,
        "nth": words.nth,
        "period": words.period,
        "sentence": lambda clause: clause[:1].upper() + clause[1:] + ".",
        "this_day": today(),
    }


def treaty_of(slug: str) -> Instrument:
    """The treaty of an address; 404 for one there is not."""
    return next((each for each in INSTRUMENTS.values() if each.slug == slug), None) or abort(404)


@blueprint.get("/treaties")
@requires(Can.SEE)
def index() -> Any:
    """Both treaties on a day, what changed last and what comes next."""
    asked = asked_day()
    ledger = queries.ledger()
    if not ledger.events:
        return render_template("treaties/empty.html")
    names = {state.iso3: state for state in ledger.states}
    news = [each for each in ledger.events if each.kind in NEWS and each.on <= asked.day]
    return render_template(
        "treaties/index.html",
        asked=asked,
        counts={key: ledger.counts(key, asked.day) for key in INSTRUMENTS},
        latest=[(each, names[each.state]) for each in reversed(news[-LATEST:])],
        anniversaries=anniversaries.upcoming(today())[:COMING],
        meetings=meeting_queries.upcoming(meeting_queries.meetings(), today())[:COMING],
    )


@blueprint.post("/treaties/reference")
@requires(Can.EDIT_TREATIES)
def load_reference() -> Any:
    """Fill an empty ledger with the tables that come with the project."""
    number = operations.load_reference(by=current_user)
    if number:
        flash(_("%(number)s events were loaded.", number=number), "success")
    else:
        flash(_("The ledger has entries already; nothing was loaded."), "warning")
    return redirect(url_for(".index"), 303)


@dataclass(frozen=True)
class Part:
    """A region or a bloc, counted."""

    group: Group
    counts: Counts


@dataclass(frozen=True)
class Due:
    """Something a state has to do."""

    state: State
    obligation: Obligation


@blueprint.get("/treaties/<slug>")
@requires(Can.SEE)
def page(slug: str) -> Any:
    """One treaty on a day."""
    treaty = treaty_of(slug)
    asked = asked_day()
    ledger = queries.ledger()
    if not ledger.events:
        return render_template("treaties/empty.html")
    standings = ledger.standings(treaty.key, asked.day)
    counts = rules.count(treaty.key, asked.day, standings.values())
    names = {state.iso3: state for state in ledger.states}
    show = request.args.get("show", "all")
    chosen = SHOWN.get(show)
    goal = number_asked("goal")
    ordinal = number_asked("nth")
    joined = rules.deposits(each for each in ledger.of(treaty.key) if each.on <= asked.day)
    overdue, due = _due(treaty, ledger, asked.day)
    planned = meeting_queries.meetings()
    return render_template(
        "treaties/page.html",
        treaty=treaty,
        asked=asked,
        counts=counts,
        names=names,
        picture_tiles=list(_tiles(ledger.states, standings, asked)),
        layout=WORLD,
        sorts=words.sorts(counts),
        over_years=_chart(treaty, ledger, asked.day),
        parts=_parts(treaty, ledger, standings, asked.day),
        missing=_missing(ledger.states, standings),
        rows=[
            (names[code], standing)
            for code, standing in standings.items()
            if chosen is None or standing.status is chosen
        ],
        show=show if show in SHOWN else "all",
        joined=[
            (number, each) for number, each in list(enumerate(joined, start=1))[-LAST_JOINED:][::-1]
        ],
        goal=goal,
        goal_by=request.args.get("by", "").strip()[:40].replace("\x00", ""),
        ordinal=ordinal,
        asked_nth=ledger.nth(treaty.key, ordinal) if ordinal else None,
        due=due,
        overdue=overdue,
        due_shown=DUE_SHOWN,
        source=figures.source_of(ledger.of(treaty.key), asked.day),
        anniversaries=anniversaries.upcoming(today(), treaties=[treaty]),
        meetings=[each for each in planned if each.meeting.treaty == treaty.key],
        formats=FORMATS.values(),
    )


def _tiles(
    states: Iterable[State], standings: dict[str, Standing], asked: DayAsked
) -> Iterable[Tile]:
    for state in states:
        standing = standings[state.iso3]
        yield Tile(
            state.iso3,
            f"{state.name}: {words.told(standing)}",
            words.sort_of(standing),
            url_for("treaties.country", iso3=state.iso3.lower(), on=asked.given),
        )


def _chart(treaty: Instrument, ledger: Ledger, on: date) -> charts.Chart:
    """States that had joined at the end of each year, and on the day itself."""
    ends = [date(year, 12, 31) for year in range(treaty.opened_on.year, on.year)]
    days = [*ends, on]
    numbers = years.joined_on(ledger.of(treaty.key), days)
    return charts.stacked(
        _("States that had joined the %(treaty)s at the end of each year", treaty=treaty.short),
        [str(each.year) for each in days],
        [(str(_("Joined")), numbers)],
        head=_("Year"),
    )


def _parts(
    treaty: Instrument, ledger: Ledger, standings: dict[str, Standing], on: date
) -> dict[str, list[Part]]:
    found: dict[str, list[Part]] = {"region": [], "sub-region": [], "bloc": []}
    for group in groups(ledger.states, on).values():
        theirs = (standings[code] for code in group.members if code in standings)
        found[group.kind].append(Part(group, rules.count(treaty.key, on, theirs)))
    return found


def _missing(
    states: Iterable[State], standings: dict[str, Standing]
) -> list[tuple[str, dict[Status, list[tuple[State, Standing]]]]]:
    """Who is not a party, by sub-region and status, in the order of regions."""
    found: dict[tuple[str, str], dict[Status, list[tuple[State, Standing]]]] = {}
    for state in states:
        standing = standings[state.iso3]
        if standing.status is not Status.PARTY:
            place = (state.region or "", state.sub_region or state.region or "")
            found.setdefault(place, {}).setdefault(standing.status, []).append((state, standing))
    return [(place[1], by_status) for place, by_status in sorted(found.items())]


def _due(treaty: Instrument, ledger: Ledger, on: date) -> tuple[list[Due], list[Due]]:
    """Deadlines of stockpiles and clearance: those that were let pass, those within a year."""
    articles = {each.article for each in treaty.deadlines}
    names = {state.iso3: state for state in ledger.states}
    overdue, soon = list[Due](), list[Due]()
    for code, theirs in ledger.obligations(treaty.key, on).items():
        for each in theirs:
            if each.article not in articles or each.due_on is None:
                continue
            if each.status in PASSED:
                overdue.append(Due(names[code], each))
            elif each.status in RUNNING and (each.due_on - on).days <= SOON:
                soon.append(Due(names[code], each))
    return _by_day(overdue), _by_day(soon)


def _by_day(found: list[Due]) -> list[Due]:
    return sorted(found, key=lambda each: (each.obligation.due_on or date.max, each.state.name))


#: Columns of the file of a day's status.
COLUMNS = (
    Column("iso3", _l("Code")),
    Column("name", _l("State"), width=32),
    Column("region", _l("Region"), width=24),
    Column("sub_region", _l("Sub-region"), width=32),
    Column("status", _l("Status"), width=16),
    Column("signed", _l("Signed"), Kind.DATE),
    Column("joined", _l("Consent deposited"), Kind.DATE),
    Column("how", _l("How"), width=16),
    Column("in_force", _l("In force from"), Kind.DATE),
    Column("is_in_force", _l("In force on the day"), width=12),
    Column("withdrawn", _l("Withdrawal takes effect"), Kind.DATE),
    Column("number", _l("Number"), Kind.NUMBER),
)


@blueprint.get("/treaties/<slug>/status.<any(csv, xlsx, json):format>")
@requires(Can.SEE)
def download(slug: str, format: str) -> Any:
    """Where each state stands on a day, as a file."""
    treaty = treaty_of(slug)
    asked = asked_day()
    ledger = queries.ledger()
    standings = ledger.standings(treaty.key, asked.day)
    counts = rules.count(treaty.key, asked.day, standings.values())
    table = Table(
        name=f"{treaty.slug}-{asked.day.isoformat()}",
        title=_("%(treaty)s on %(day)s", treaty=treaty.short, day=written(asked.day)),
        columns=COLUMNS,
        rows=[_row(state, standings[state.iso3]) for state in ledger.states],
        facts=[
            (str(_("Day")), asked.day.isoformat()),
            (str(_("Source")), figures.source_of(ledger.of(treaty.key), asked.day)),
        ],
        made_at=datetime.now(ZoneInfo(timezone_name())),
        made_by=current_user.name,
        closing=lambda: _(
            "%(joined)s joined + %(signatories)s signatories + %(outside)s outside + "
            "%(withdrawn)s withdrawn = %(states)s states",
            joined=counts.joined, signatories=counts.signatories, outside=counts.outside,
            withdrawn=counts.withdrawn, states=counts.states,
        ),
    )  # fmt: skip
    on = asked.day.isoformat()
    reads.export("treaty", format=format, filters={"treaty": treaty.slug, "on": on})
    response = Response(b"".join(FORMATS[format].write(table)), mimetype=FORMATS[format].mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=f"{table.name}.{format}")
    return response


def _row(state: State, standing: Standing) -> tuple[Any, ...]:
    how = words.CONSENTS.get(standing.consent or "")
    return (
        state.iso3, state.name, state.region, state.sub_region,
        str(words.STATUS[standing.status]), standing.signed_on, standing.consented_on,
        str(how) if how else None, standing.in_force_on,
        str(_("yes")) if standing.is_in_force else str(_("no")), standing.withdrawn_on,
        standing.number,
    )  # fmt: skip


@dataclass(frozen=True)
class OfTreaty:
    """What one state's page says of one treaty."""

    treaty: Instrument
    standing: Standing
    obligations: list[Obligation]

    @property
    def more(self) -> str:
        """What went before it joined, in sentences."""
        standing, told = self.standing, []
        if standing.signed_on and standing.consented_on:
            told.append(_("Signed on %(day)s.", day=written(standing.signed_on)))
        if standing.provisional_on:
            day = written(standing.provisional_on)
            told.append(_("Applied it provisionally from %(day)s.", day=day))
        if standing.status is Status.WITHDRAWN:
            told.append(_("Its obligations ended with the withdrawal."))
        return " ".join(told)


@blueprint.get("/treaties/states/<iso3>")
@requires(Can.SEE)
def country(iso3: str) -> Any:
    """One state: where it stands to both treaties, what it has to do, all that is entered."""
    if not (iso3.isascii() and iso3.isalpha() and len(iso3) == 3):
        abort(404)
    asked = asked_day()
    target = history.government(iso3)
    code = iso3.upper()
    entries = history.entries(target.id)
    # Numbers of consents are of all states.
    ledger = queries.ledger()
    return render_template(
        "treaties/country.html",
        asked=asked,
        target=target,
        iso3=code,
        standing_of=[
            _of_treaty(treaty, ledger, code, asked.day) for treaty in INSTRUMENTS.values()
        ],
        entries=entries,
        blocs=blocs.blocs_of(code, asked.day),
        attended=meeting_queries.attended_by(target.id),
    )


def _of_treaty(treaty: Instrument, ledger: Ledger, code: str, on: date) -> OfTreaty:
    standing = ledger.standings(treaty.key, on)[code]
    theirs = [event for event in ledger.of(treaty.key) if event.state == code]
    due = obligations(treaty, standing, theirs, on)
    return OfTreaty(
        treaty, standing, [each for each in due if each.status is not ObligationStatus.ENDED]
    )


@blueprint.get("/treaties/figures")
@requires(Can.SEE)
def figure_list() -> Any:
    """The live figures there are, with their value on a day and the name to type."""
    asked = asked_day()
    ledger = queries.ledger()
    if not ledger.events:
        return render_template("treaties/empty.html")
    parts = groups(ledger.states, asked.day)
    chosen = request.args.get("group", "")
    ending = f"@{chosen}" if chosen in parts else ""
    shown = {
        key: [
            figures.figure(f"{name}{ending}", on=asked.day, ledger=ledger)
            for name, (treaty, _label) in figures.FIGURES.items()
            if treaty.key == key
        ]
        for key in INSTRUMENTS
    }
    return render_template(
        "treaties/figures.html",
        asked=asked,
        shown=shown,
        parts=parts.values(),
        chosen=chosen if ending else "",
        is_share=lambda name: (
            figures.MEASURES.get(_measure(name)) is not None
            and figures.MEASURES[_measure(name)].is_share
        ),
    )


def _measure(name: str) -> str:
    return name.partition("@")[0].partition(".")[2].partition(":")[0]
