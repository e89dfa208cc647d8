"""Pages of positions: recording one, all of a target, all of a campaign, the scan, withdrawing."""

from datetime import date
from typing import Any

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from crm.campaigns import positions, queries, rules
from crm.campaigns.evidence import evidence
from crm.campaigns.models import Ask, Campaign, Position
from crm.campaigns.position_forms import MEANINGS, PositionForm, WithdrawForm
from crm.campaigns.views import blueprint
from crm.core import access
from crm.core.access import Can, requires
from crm.core.files import as_picture
from crm.core.forms import parse_id
from crm.core.i18n import today
from crm.core.paging import page_number, page_of
from crm.members.disclosure import first_name
from crm.targets.queries import offices, target
from crm.targets.rules import KINDS

#: Badge of each step.
TONES = {2: "good", 1: "good", 0: "plain", -1: "warn", -2: "bad"}


def hang(app: Flask) -> None:
    """Register what lies under a target's address and not under the campaigns'."""
    app.jinja_env.globals.update(SUPPORTS=rules.SUPPORTS, CONFIDENCES=rules.CONFIDENCES)
    app.jinja_env.globals["SUPPORT_TONES"] = TONES
    for path, name, view, methods in (
        ("/targets/<int:target_id>/positions", "positions", of_target, ["GET"]),
        ("/targets/<int:target_id>/positions/new", "new_position", new_position, ["GET", "POST"]),
        ("/targets/positions/<int:position_id>/withdraw", "withdraw_position", withdraw,
         ["GET", "POST"]),
        ("/targets/positions/<int:position_id>/scan", "position_scan", scan, ["GET"]),
    ):  # fmt: skip
        app.add_url_rule(path, f"{blueprint.name}.{name}", view, methods=methods)


@requires(Can.RECORD_POSITIONS)
def new_position(target_id: int) -> Any:
    """Record where a target stands; the address may name the ask, campaign, action and day."""
    whom = target(target_id)
    name = whom.name
    asks = positions.asks_for(target_id)
    args = request.args
    action_id = parse_id(args.get("action"))
    form = PositionForm()
    offered = evidence().offered(target_id, also=action_id)
    form.offer(asks, offered)
    if not form.is_submitted():
        wanted = parse_id(args.get("ask"))
        of_campaign = [ask.id for ask in asks if ask.campaign_slug == args.get("campaign")]
        form.ask_id.data = wanted if wanted is not None else next(iter(of_campaign), None)
        form.action_id.data = action_id
        form.seen_on.data = _day(args.get("on")) or today()
    entry = form.carry(
        lambda: positions.record_position(
            target_id=target_id,
            ask_id=form.ask_id.data,
            support=form.support.data,
            confidence=form.confidence.data,
            seen_on=form.seen_on.data,
            evidence_text=form.evidence.data,
            link=form.link.data,
            scan=form.keep_scan(),
            action_id=form.action_id.data,
            by=current_user,
            today=today(),
        )
    )
    if entry is not None:
        flash(_("Where %(name)s stands is recorded.", name=name), "success")
        return redirect(url_for("campaigns.positions", target_id=target_id), 303)
    return render_template(
        "campaigns/position_new.html",
        form=form,
        target_id=target_id,
        name=name,
        asks=asks,
        offered=offered,
        meanings=MEANINGS,
        latest=today(),
    ), form.status


@requires(Can.SEE)
def of_target(target_id: int) -> Any:
    """Every entry on a target, by ask, and which of them hold on a day."""
    whom = target(target_id)
    on = _day(request.args.get("on")) or today()
    entries = positions.positions_of(target_id)
    held = {entry.id for entry in _holding(entries, on).values()}
    by_ask: dict[int, list[Position]] = {}
    for entry in entries:
        by_ask.setdefault(entry.ask_id, []).append(entry)
    return render_template(
        "campaigns/positions_of_target.html",
        target=whom,
        on=on,
        is_today=on == today(),
        by_ask=list(by_ask.values()),
        held=held,
        shown=evidence().kept([entry.id for entry in entries]),
        reasons=positions.withdrawals([e.id for e in entries if e.withdrawn_at is not None]),
        withdrawable=positions.withdrawable(entries, current_user),
        scans=_scans(entries),
        first_name=first_name,
    )


def _holding(entries: Any, on: date) -> dict[int, Position]:
    """By ask the entry that holds on a day, of all entries of one target, the last seen first."""
    found: dict[int, Position] = {}
    for entry in entries:
        if entry.withdrawn_at is None and entry.seen_on <= on:
            found.setdefault(entry.ask_id, entry)
    return found


@requires(Can.RECORD_POSITIONS)
def withdraw(position_id: int) -> Any:
    """Take an entry back, with a reason."""
    entry = positions.position(position_id)
    if entry.withdrawn_at is not None or not positions.may_withdraw(entry, current_user):
        abort(404)
    target_id = entry.target_id
    form = WithdrawForm()

    def carry_out() -> bool:
        positions.withdraw_position(entry, reason=form.reason.data, by=current_user)
        return True

    if form.carry(carry_out):
        flash(_("Withdrawn. It stays to be read and holds on no day."), "success")
        return redirect(url_for("campaigns.positions", target_id=target_id), 303)
    return render_template(
        "campaigns/position_withdraw.html", form=form, entry=positions.position(position_id)
    ), form.status


@requires(Can.SEE_MEMBERS)
def scan(position_id: int) -> Response:
    """The scan of what showed a position: it may show who wrote, as that of an answer."""
    entry = positions.position(position_id)
    if not entry.scan or entry.id not in _scans([entry]):
        abort(404)
    try:
        return as_picture(entry.scan)
    except FileNotFoundError:
        abort(404)


def _scans(entries: Any) -> set[int]:
    """Ids of the entries whose scan the person may see: its author, and the owners' leaders."""
    scanned = [entry for entry in entries if entry.scan]
    if not scanned:
        return set()
    scope = access.scope(current_user, Can.SEE_MEMBERS)
    theirs = positions.owners({entry.ask.campaign_id for entry in scanned})
    return {
        entry.id
        for entry in scanned
        if scope
        and (
            entry.author_id == current_user.id
            or scope.includes(*theirs.get(entry.ask.campaign_id, ()))
        )
    }


@blueprint.get("/<slug>/positions")
@requires(Can.SEE)
def positions_page(slug: str) -> Any:
    """A campaign's targets by where they stand on one ask, champions first, on any day."""
    campaign = queries.campaign(slug)
    on = _day(request.args.get("on")) or today()
    ask = _ask(campaign, request.args.get("ask"))
    stand = request.args.get("stand", "")
    if ask is None:
        return render_template("campaigns/positions.html", campaign=campaign, ask=None, on=on)
    listed = page_of(
        positions.by_position(
            campaign.id,
            ask.id,
            on,
            support=next((each for each in rules.SUPPORTS if str(each) == stand), None),
            unknown=stand == "unknown",
        ),
        number=page_number(),
        scalars=False,
    )
    found = [entry for _target, entry in listed.rows if entry is not None]
    return render_template(
        "campaigns/positions.html",
        campaign=campaign,
        ask=ask,
        on=on,
        stand=stand,
        standings=positions.standings(campaign.id, campaign.asks, on),
        listed=listed,
        offices=offices([whom.id for whom, _entry in listed.rows]),
        shown=evidence().kept([entry.id for entry in found]),
        KINDS=KINDS,
    )


def _ask(campaign: Campaign, given: str | None) -> Ask | None:
    chosen = [ask for ask in campaign.asks if str(ask.id) == given]
    return next(iter([*chosen, *campaign.asks]), None)


def _day(given: str | None) -> date | None:
    """The day of an address; None for what is none."""
    try:
        return date.fromisoformat(given or "")
    except ValueError:
        return None
