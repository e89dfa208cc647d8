"""The dossier: all that is worth knowing of a target before a meeting, in words.

Page and PDF are made of the same sections. No member is in it: outreach is counts, and where a
text that somebody typed names a member who took part, the name is taken out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import url_for
from flask_babel import format_date, format_decimal, ngettext
from flask_babel import gettext as _
from sqlalchemy import case, exists, func, select

from crm.campaigns.evidence import evidence
from crm.campaigns.models import Campaign
from crm.campaigns.positions import Asked, asks_on, position_on
from crm.campaigns.rules import CONFIDENCES, SUPPORTS
from crm.core import db
from crm.outreach.channels import channels
from crm.outreach.commitment_queries import is_overdue, state_on
from crm.outreach.commitments import KEPT, OPEN, OURS, STATES
from crm.outreach.history import Answer, answers_to
from crm.outreach.models import ActionTarget, Commitment, Outcome
from crm.outreach.outcome_kinds import outcome_kinds
from crm.outreach.plain import Plain, of_any_member, without_members
from crm.reports.rules import Tally
from crm.targets import queries as targets
from crm.targets.contact_queries import CAPITAL, paper
from crm.targets.models import Target
from crm.targets.rules import CONTACT_KINDS, KINDS, PERSONS, area_name, is_link
from crm.treaties import queries as treaties
from crm.treaties import rules as treaty_rules
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.obligations import LABELS, ObligationStatus, obligations
from crm.treaties.rules import Standing, Status

#: Rows a section holds; the rest is a number.
MOST_ROWS = 30
#: Contacts that are listed.
LATEST = 10
#: Contact points of a kind that are listed.
MOST_WAYS = 8
#: Letters of a text; what is longer ends in "…".
MOST_TEXT = 240
TONES = {2: "good", 1: "good", 0: "plain", -1: "warn", -2: "bad"}


@dataclass(frozen=True)
class Line:
    """One row of a section. All of it is words; `tone` colours the badge `mark`."""

    head: str = ""
    #: Beside the head, less loud.
    beside: str = ""
    text: str = ""
    note: str = ""
    mark: str = ""
    tone: str = "plain"
    url: str | None = None


@dataclass(frozen=True)
class Section:
    """A heading and its rows; `empty` is said where there is none, `hidden` rows are not given."""

    key: str
    title: str
    rows: Sequence[Line]
    empty: str = ""
    hidden: int = 0
    #: A sentence under the heading.
    lead: str = ""

    def more(self, shown: int) -> str:
        """`and 12 more`, when so many rows are shown; empty for none."""
        rest = self.hidden + len(self.rows) - shown
        return ngettext("and %(num)s more", "and %(num)s more", rest) if rest > 0 else ""


@dataclass(frozen=True)
class Dossier:
    """All of it. `main` is what is known and happened, `side` who it is and how to reach them."""

    target_id: int
    name: str
    kind: str
    lead: str
    party: str
    on: date
    facts: Sequence[tuple[str, str]]
    main: Sequence[Section]
    side: Sequence[Section]
    sources: str


def dossier(target: Target, on: date) -> Dossier:
    """Gather it as of a day: seventeen statements at most, whatever there is."""
    terms = [row for row in targets.terms(target.id) if row[0].starts_on is None
             or row[0].starts_on <= on]  # fmt: skip
    office = _office(terms, on)
    points = targets.contact_points(target.id)
    contacts = _contacts(target.id, on)
    promised = _commitments(target.id, on)
    held = sorted(
        position_on([target.id], None, on).values(),
        key=lambda each: (each.ask.campaign.name, each.ask.position, each.ask_id),
    )
    shown = evidence().kept([each.id for each in held])
    plain = without_members(
        [*(c.action_id for c in contacts.latest),
         *(each.action_id for each in promised if each.action_id),
         *(each.action_id for each in shown.values())],
        but=target.name,
    )  # fmt: skip
    events = treaties.events(target_id=target.id) if target.kind == "government" else []
    main = [
        _positions(held, asks_on(target.id, on), shown, plain),
        *(_treaty(key, events, on) for key in INSTRUMENTS if target.kind == "government"),
        _promises(promised, plain, on),
        contacts.section(plain),
    ]
    if any(_late(each, on) for each in promised):
        # What is owed is what the talk begins with.
        main.insert(0, main.pop(-2))
    side = [_ways(points)]
    if target.kind in PERSONS:
        side.insert(0, _committees(target.id))
    return Dossier(
        target_id=target.id,
        name=target.name,
        kind=str(KINDS.get(target.kind, target.kind)),
        lead=_lead(target, office, terms),
        party=(office[0].party or "") if office else "",
        on=on,
        facts=_facts(target, office, terms),
        main=main,
        side=side,
        sources=_sources(target, points, events),
    )


# Who it is


def _office(terms: Sequence[Any], on: date) -> Any | None:
    """The term held on the day: the present one, if that has begun, else the last that ran then."""
    ran = [row for row in terms if row[0].ends_on is None or row[0].ends_on >= on
           or row[0].is_current]  # fmt: skip
    return next((row for row in ran if row[0].is_current), next(iter(ran), None))


def _lead(target: Target, office: Any | None, terms: Sequence[Any]) -> str:
    if office is not None:
        _term, post, body = office
        return f"{post.label}, {body.name}" if body.key.startswith("own/") else str(post.label)
    if terms:
        return _("No longer in office")
    return target.sub_region or target.region or ""


def _facts(target: Target, office: Any | None, terms: Sequence[Any]) -> list[tuple[str, str]]:
    found = [(_("Form of address"), target.salutation or "")]
    parts = (target.given_name, target.additional_name, target.family_name, target.suffix)
    full = " ".join(part for part in parts if part)
    found.append((_("Full name"), full if full != target.name else ""))
    found.append((_("Also known as"), target.nickname or ""))
    if office is not None:
        term, post, _body = office
        found += [
            (_("State"), area_name(post.area) if post.area else ""),
            (_("Party"), term.party or ""),
            (_("In office since"), _day(_since(office, terms))),
            (_("Term ends"), _day(term.ends_on)),
        ]
    places = dict.fromkeys(each for each in (target.sub_region, target.region) if each)
    found.append((_("Region"), ", ".join(places)))
    return [(label, _short(value)) for label, value in found if value]


def _since(office: Any, terms: Sequence[Any]) -> date | None:
    """The first day of an unbroken hold on the post: terms that follow within two months."""
    term, post, _body = office
    first = term.starts_on
    for other in sorted((row[0] for row in terms if row[1].id == post.id),
                        key=lambda each: each.starts_on or date.min, reverse=True):  # fmt: skip
        follows = first and other.ends_on and (first - other.ends_on).days <= 60
        if other.starts_on and follows and other.starts_on < first:
            first = other.starts_on
    return first


def _committees(target_id: int) -> Section:
    rows: dict[str, Line] = {}
    subs: dict[str, list[str]] = {}
    for seat, body, above in targets.committee_seats(target_id):
        if body.classification == "subcommittee":
            subs.setdefault(above.name, []).append(body.name)
        else:
            rows[body.name] = Line(head=_short(body.name, 90), mark=seat.title or "")
    names = sorted({*rows, *subs})
    lines = []
    for name in names:
        base = rows.get(name, Line(head=_short(name, 90)))
        below = subs.get(name, ())
        note = (
            ngettext("%(num)s subcommittee", "%(num)s subcommittees", len(below)) if below else ""
        )
        lines.append(Line(head=base.head, mark=base.mark, note=note))
    return _section("committees", _("Committees"), lines, _("Nothing known."))


def _ways(points: dict[str, list[Any]]) -> Section:
    """A row for paper, then one for each kind of contact point, each on a line of its own."""
    preferred = paper(points.get("postal", ()), prefer=CAPITAL).point
    lines: list[Line] = []
    if preferred is not None:
        head = str(CONTACT_KINDS["postal"])
        lines.append(Line(head=head, text=_way(preferred), mark=_("for paper")))
    left_out = 0
    for kind in ("postal", "phone", "email", "web form", "website", "fax", "social"):
        good = [point for point in points.get(kind, ()) if point.status == "good"]
        left_out += len(points.get(kind, ())) - len(good)
        others = [point for point in good if preferred is None or point.id != preferred.id]
        if others:
            rest = len(others) - MOST_WAYS
            lines.append(
                Line(
                    head=_("Other addresses") if kind == "postal" else str(CONTACT_KINDS[kind]),
                    text="\n".join(_way(point) for point in others[:MOST_WAYS]),
                    note=ngettext("and %(num)s more", "and %(num)s more", rest) if rest > 0 else "",
                )
            )
    lead = (
        ngettext(
            "%(num)s that is bad or past is left out.",
            "%(num)s that are bad or past are left out.",
            left_out,
        )
        if left_out
        else ""
    )
    return _section("ways", _("How to reach them"), lines, _("No good one is known."), lead=lead)


def _way(point: Any) -> str:
    """`DC: 202-224-6472`; of a link its address, which says itself what it is."""
    if is_link(point.value):
        return _short(point.value.split("://", 1)[1].removeprefix("www.").rstrip("/"), 120)
    value = ", ".join(point.value.splitlines())
    return _short(f"{point.label}: {value}" if point.label else value, 160)


# What is known of them


def _positions(held: Sequence[Any], asked: Sequence[Asked], shown: Any, plain: Plain) -> Section:
    """What is known of where they stand, then what we ask of them and know nothing of."""
    lines = []
    for each in held:
        action = shown.get(each.id)
        said = [_("seen %(day)s", day=_day(each.seen_on)), str(CONFIDENCES[each.confidence])]
        if action is not None:
            said.append(_("shown by %(what)s of %(day)s", what=action.what, day=_day(action.on)))
        if each.link:
            said.append(each.link.split("://", 1)[-1][:50])
        if each.scan:
            said.append(_("a scan is kept"))
        lines.append(
            Line(
                head=_short(each.ask.text, 140),
                text=_short(plain(each.evidence or "")),
                note=" · ".join(said),
                mark=str(SUPPORTS[each.support]),
                tone=TONES[each.support],
                url=url_for("campaigns.positions", target_id=each.target_id)
                + f"#position-{each.id}",
            )
        )
    known = {each.ask_id for each in held}
    lines += [
        Line(head=_short(ask.text, 140), mark=_("not known"))
        for ask in asked
        if ask.id not in known
    ]
    return _section(
        "positions",
        _("What we ask, and where they stand"),
        lines,
        _("No position is recorded, and no running campaign lists them."),
    )


def _treaty(key: str, events: Sequence[Any], on: date) -> Section:
    treaty = INSTRUMENTS[key]
    ours = [event for event in events if event.treaty == key]
    code = ours[0].state if ours else "-"
    standing = treaty_rules.standings(treaty, on, ours, [code])[code]
    status = {
        Status.PARTY: _("State Party"),
        Status.SIGNATORY: _("Signatory"),
        Status.WITHDRAWN: _("Withdrew"),
        Status.OUTSIDE: _("Has not signed or joined"),
    }[standing.status]
    tone = {Status.PARTY: "good", Status.SIGNATORY: "warn", Status.WITHDRAWN: "bad"}
    lines = [
        Line(
            mark=status,
            note=" · ".join(_dates(standing, on)),
            tone=tone.get(standing.status, "plain"),
        )
    ]
    for due in obligations(treaty, standing, ours, on):
        when = _("due %(day)s", day=_day(due.due_on)) if due.due_on else ""
        label = "" if due.status is ObligationStatus.DUE and when else str(LABELS[due.status])
        if due.met_on:
            when = _("on %(day)s", day=_day(due.met_on))
        lines.append(
            Line(
                head=_("Art. %(number)s: %(what)s", number=due.article, what=due.label),
                note=" · ".join(filter(None, [label, when])),
            )
        )
    return _section(f"treaty-{key.lower()}", str(treaty.short), lines, "")


def _dates(standing: Standing, on: date) -> list[str]:
    said = []
    if standing.signed_on:
        said.append(_("signed %(day)s", day=_day(standing.signed_on)))
    if standing.consented_on:
        what = {
            "ratification": _("ratified"),
            "acceptance": _("accepted"),
            "approval": _("approved"),
            "accession": _("acceded"),
            "succession": _("succeeded"),
        }[standing.consent or "ratification"]
        by = _("%(what)s %(day)s", what=what, day=_day(standing.consented_on))
        said.append(
            by if standing.day_known
            else _("%(what)s by %(day)s", what=what, day=_day(standing.consented_on))
        )  # fmt: skip
    if standing.in_force_on:
        words = (
            _("in force since %(day)s")
            if standing.in_force_on <= on
            else _("in force from %(day)s")
        )
        said.append(words % {"day": _day(standing.in_force_on)})
    if standing.withdrawn_on:
        said.append(_("withdrawal takes effect %(day)s", day=_day(standing.withdrawn_on)))
    return said


# What passed between us


@dataclass(frozen=True)
class _Contact:
    action_id: int
    what: str
    on: date
    campaign: str
    awaiting: bool
    answers: Sequence[Answer]


@dataclass(frozen=True)
class _Contacts:
    latest: Sequence[_Contact]
    actions: int
    told: str
    answers: str

    def section(self, plain: Plain) -> Section:
        lines = []
        campaigns = {each.campaign for each in self.latest}
        for each in self.latest:
            came = [
                f"{answer.kind.label}, {_day(answer.received_on)}"
                + (f": {plain(answer.summary)}" if answer.summary else "")
                for answer in each.answers
            ]
            lines.append(
                Line(
                    head=each.what,
                    beside=_day(each.on),
                    text=_short(" · ".join(came)),
                    note=_short(each.campaign, 70) if len(campaigns) > 1 else "",
                    mark=_("waiting") if each.awaiting else "",
                    url=url_for("outreach.page", action_id=each.action_id),
                )
            )
        lead = " ".join(filter(None, [self.told, self.answers]))
        return _section(
            "contacts", _("What reached them"), lines, _("Nothing has reached them yet."),
            hidden=self.actions - len(lines), lead=lead,
        )  # fmt: skip


def _contacts(target_id: int, on: date) -> _Contacts:
    """The last ten with what came back, and how many of what there were: four statements."""
    until = (ActionTarget.target_id == target_id, ActionTarget.happened_on <= on)
    ways = channels()
    rows = db.session.execute(
        select(
            ActionTarget.id,
            ActionTarget.action_id,
            ActionTarget.channel,
            ActionTarget.pieces,
            ActionTarget.happened_on,
            Campaign.name,
            ActionTarget.awaiting,
        )
        .join(Campaign, Campaign.id == ActionTarget.campaign_id)
        .where(*until)
        .order_by(ActionTarget.happened_on.desc(), ActionTarget.action_id.desc())
        .limit(LATEST)
    ).all()
    if not rows:
        return _Contacts((), 0, "", "")
    came = answers_to([row[0] for row in rows])
    sums = db.session.execute(
        select(ActionTarget.channel, func.count(), func.sum(ActionTarget.pieces))
        .where(*until)
        .group_by(ActionTarget.channel)
    ).all()
    kinds = db.session.execute(
        select(Outcome.kind, func.count())
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .where(*until, Outcome.received_on <= on)
        .group_by(Outcome.kind)
    ).all()
    told = Tally({channel: int(pieces) for channel, _n, pieces in sums}, 0).told
    back: dict[str, int] = {row[0]: row[1] for row in kinds}
    answers = ", ".join(
        f"{kind.label} {format_decimal(back[name])}"
        for name, kind in outcome_kinds().items()
        if name in back
    )
    return _Contacts(
        latest=[
            _Contact(
                action, ways[channel].count(pieces), day, campaign, awaiting,
                [each for each in came[row_id] if each.received_on <= on],
            )
            for row_id, action, channel, pieces, day, campaign, awaiting in rows
        ],
        actions=sum(row[1] for row in sums),
        told=_("In all %(what)s.", what=told),
        answers=_("Came back: %(what)s.", what=answers) if answers else _("Nothing came back yet."),
    )  # fmt: skip


@dataclass(frozen=True)
class _Promise:
    """What was promised, with the outreach it came of if any."""

    action_id: int | None
    made_on: date
    text: str
    #: None of an answer of which no promise was written down.
    record: Commitment | None


def _commitments(target_id: int, on: date) -> list[_Promise]:
    """What they promised and we did, the overdue ones whatever else there is, then the latest
    first, and answers that only say that they promised. Two statements.
    """
    rows = db.session.execute(
        select(Commitment, ActionTarget.action_id)
        .outerjoin(Outcome, Outcome.id == Commitment.outcome_id)
        .outerjoin(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .where(Commitment.target_id == target_id, Commitment.made_on <= on)
        .order_by(
            case((is_overdue(on), 0), else_=1), Commitment.made_on.desc(), Commitment.id.desc()
        )
        .limit(MOST_ROWS + 1)
    ).all()
    told = [_Promise(action, each.made_on, each.text, each) for each, action in rows]
    written = exists().where(Commitment.outcome_id == Outcome.id)
    bare = db.session.execute(
        select(ActionTarget.action_id, Outcome.received_on, Outcome.summary)
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .where(
            ActionTarget.target_id == target_id,
            Outcome.kind == "commitment",
            Outcome.received_on <= on,
            ~written,
        )
        .order_by(Outcome.received_on.desc(), Outcome.id.desc())
        .limit(MOST_ROWS + 1)
    )
    told += [_Promise(action, day, summary or "", None) for action, day, summary in bare]
    return sorted(told, key=lambda each: each.made_on, reverse=True)


def _promises(promised: Sequence[_Promise], plain: Plain, on: date) -> Section:
    """Overdue ones first, those due first at the top, then open ones; each says how it stands. Of
    what came of no outreach, any member's full name is taken out.
    """
    alone = [each.text for each in promised if each.action_id is None]
    read = of_any_member(alone).then(plain) if alone else plain
    lines = []
    for each in sorted(promised, key=lambda one: _order(one, on)):
        mark, tone = _standing(each.record, on) if each.record else ("", "plain")
        lines.append(
            Line(
                head=_day(each.made_on),
                beside=_("due %(day)s", day=_day(each.record.due_on))
                if each.record and each.record.due_on and _late(each, on)
                else "",
                mark=mark,
                tone=tone,
                text=_short(_whose(each, read(each.text or _("No words were kept.")))),
                url=url_for("outreach.commitment", commitment_id=each.record.id)
                if each.record
                else url_for("outreach.page", action_id=each.action_id),
            )
        )
    return _section("commitments", _("Commitments"), lines, _("No commitment is recorded."))


def _whose(each: _Promise, text: str) -> str:
    if each.record is not None and each.record.whose == OURS:
        return _("We promised: %(text)s", text=text)
    return text


def _late(each: _Promise, on: date) -> int:
    """Days it is overdue on a day; 0 where it is not."""
    due = each.record.due_on if each.record else None
    if each.record is None or due is None or state_on(each.record, on) != OPEN:
        return 0
    return max(0, (on - due).days)


def _order(each: _Promise, on: date) -> tuple[int, int]:
    if late := _late(each, on):
        return 0, -late
    if each.record is None:
        return 2, 0
    return (1, 0) if state_on(each.record, on) == OPEN else (3, 0)


def _standing(each: Commitment, on: date) -> tuple[str, str]:
    """`overdue by 12 days`, `due 3 Mar 2026`, `kept`; and the colour of it."""
    state = state_on(each, on)
    if state != OPEN:
        return str(STATES[state]).lower(), "good" if state == KEPT else "bad"
    if each.due_on is None:
        return _("open"), "plain"
    if each.due_on < on:
        late = (on - each.due_on).days
        return ngettext("overdue by %(num)s day", "overdue by %(num)s days", late), "bad"
    return _("due %(day)s", day=_day(each.due_on)), "plain"


def _sources(target: Target, points: dict[str, list[Any]], events: Sequence[Any]) -> str:
    found: dict[str, None] = {}
    if target.source:
        seen = f" ({_day(target.seen_on)})" if target.seen_on else ""
        found[f"{target.source}{seen}"] = None
    for of_kind in points.values():
        for point in of_kind:
            if point.source and point.status == "good":
                found.setdefault(point.source, None)
    for event in events:
        found.setdefault(event.source, None)
    if target.source:
        found.pop(target.source, None)
    several = list(found)
    more = len(several) - 4
    rest = [ngettext("and %(num)s more", "and %(num)s more", more)] if more > 0 else []
    return "; ".join([*(_short(each, 80) for each in several[:4]), *rest])


def _section(
    key: str, title: str, lines: Sequence[Line], empty: str, *, hidden: int = 0, lead: str = ""
) -> Section:
    return Section(
        key=key, title=title, rows=lines[:MOST_ROWS], empty=empty,
        hidden=hidden + max(0, len(lines) - MOST_ROWS), lead=lead,
    )  # fmt: skip


def _day(value: date | None) -> str:
    return str(format_date(value, "medium")) if value else ""


def _short(text: str, most: int = MOST_TEXT) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"
