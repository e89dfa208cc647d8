"""Promises: what a target promised us, or we promised to it, by when, and whether it was kept.

One that came with an answer is recorded in the same save and goes with it. Whoever may record
answers of the chapters concerned may settle it: those whose outreach it came of; of one that came
of none, those whose campaign it is; and who recorded it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select, update

from crm.accounts.models import User
from crm.campaigns.models import Campaign, campaign_chapter
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.outreach.models import ActionChapter, ActionTarget, Commitment, Outcome
from crm.outreach.operations import record_outcome
from crm.outreach.rules import EARLIEST
from crm.targets.models import Target

THEIRS, OURS = "theirs", "ours"
WHOSE: Mapping[str, Any] = {THEIRS: _l("Theirs"), OURS: _l("Ours")}
OPEN, KEPT, BROKEN = "open", "kept", "broken"
STATES: Mapping[str, Any] = {OPEN: _l("Open"), KEPT: _l("Kept"), BROKEN: _l("Broken")}
#: Kinds of outcome that come with a promise, or may; the first must.
KINDS = ("commitment", "position_change", "meeting_offered")
MOST_TEXT = 2_000


@dataclass(frozen=True)
class Promised:
    """What was promised with an answer, as a form has it."""

    text: str
    due_on: date | None = None
    whose: str = THEIRS


def record_commitment(
    *,
    text: str | None,
    due_on: date | None = None,
    whose: str = THEIRS,
    outcome: Outcome | None = None,
    target_id: int | None = None,
    campaign_id: int | None = None,
    made_on: date | None = None,
    by: User | None,
    today: date,
) -> Commitment:
    """Keep a promise. With an `outcome` its target, campaign and day are the promise's.

    The very same again is not kept twice.
    """
    if outcome is not None:
        row = db.session.get_one(ActionTarget, outcome.action_target_id)
        target_id, campaign_id, made_on = row.target_id, row.campaign_id, outcome.received_on
        concerned = _chapters_of_action(row.action_id)
        if by is not None and not access.may(by, Can.RECORD_OUTCOMES, *concerned):
            raise Refused(_("You can record answers to the outreach of your own chapters only."))
    elif by is not None and not access.may(by, Can.RECORD_OUTCOMES):
        raise Refused(_("You may not record what was promised."))
    if target_id is None or made_on is None:
        raise Refused(_("Say who promised, and when."))
    merged = db.session.execute(select(Target.merged_into_id).where(Target.id == target_id)).one()
    if merged[0] is not None:
        raise Refused(_("This target was merged into another. Record it there."))
    if campaign_id is not None and db.session.get(Campaign, campaign_id) is None:
        raise Refused(_("This campaign is not there any more."), "campaign_id")
    facts: dict[str, Any] = {
        "target_id": target_id,
        "campaign_id": campaign_id,
        "outcome_id": outcome.id if outcome else None,
        "made_on": made_on,
        **_checked(text, due_on, whose, made_on, today),
    }
    # A form sent twice.
    db.take_turn(f"commitment-{target_id}")
    same = db.session.scalars(select(Commitment).filter_by(**facts)).first()
    if same is not None:
        return same
    commitment = Commitment(**facts, recorded_by_id=by.id if by else None)
    db.session.add(commitment)
    db.session.flush()
    audit.record("record_commitment", "commitment", commitment.id, by=by, changes=facts)
    return commitment


def record_answer(
    *, promised: Promised | None, kind: str | None, summary: str | None, **given: Any
) -> Outcome:
    """Record an outcome with what was promised in it, in one save; `given` as `record_outcome`.

    A commitment without words of its own is in the words of the answer.
    """
    words = promised.text if promised else ""
    if kind == KINDS[0] and not (words or summary):
        raise Refused(_("Say what was promised."), "text")
    outcome = record_outcome(kind=kind or "", summary=summary, **given)
    if kind in KINDS and (words or kind == KINDS[0]):
        record_commitment(
            text=words or summary,
            due_on=promised.due_on if promised else None,
            whose=promised.whose if promised else THEIRS,
            outcome=outcome,
            by=given["by"],
            today=given["today"],
        )
    return outcome


def _checked(
    text: str | None, due_on: date | None, whose: str, made_on: date, today: date
) -> dict[str, Any]:
    """What was promised, by when, by whom; raises `Refused` naming what is off."""
    words = (text or "").strip()
    if not words:
        raise Refused(_("Say what was promised."), "text")
    if len(words) > MOST_TEXT:
        raise Refused(_("Use at most %(most)s characters.", most=MOST_TEXT), "text")
    if whose not in WHOSE:
        raise Refused(_("Say whose promise it is."), "whose")
    if made_on > today:
        raise Refused(_("This date is in the future."), "made_on")
    if made_on < EARLIEST:
        raise Refused(
            _("This date is before %(year)s. Is the year right?", year=EARLIEST.year), "made_on"
        )
    if due_on is not None and due_on < made_on:
        raise Refused(_("It would be due before it was promised."), "due_on")
    if due_on is not None and due_on.year > today.year + 50:
        raise Refused(_("Is the year right?"), "due_on")
    return {"text": words, "due_on": due_on, "whose": whose}


def settle_commitment(
    commitment: Commitment,
    *,
    state: str,
    on: date,
    evidence: str | None,
    by: User | None,
    today: date,
) -> None:
    """Say that it was kept or broken, since which day, and what showed it."""
    _refuse_strangers(commitment, by)
    if state not in (KEPT, BROKEN):
        raise Refused(_("Say whether it was kept or broken."), "state")
    if on > today:
        raise Refused(_("This date is in the future."), "settled_on")
    if on < commitment.made_on:
        raise Refused(_("This date is before it was promised."), "settled_on")
    shown = (evidence or "").strip()
    if not shown:
        raise Refused(_("Say what showed it: a vote, a letter, a link."), "evidence")
    # One of two who settle at once writes.
    done = db.session.execute(
        update(Commitment)
        .where(Commitment.id == commitment.id, Commitment.state == OPEN)
        .values(
            state=state,
            settled_on=on,
            evidence=shown,
            settled_at=db.now(),
            settled_by_id=by.id if by else None,
        )
        .returning(Commitment.id)
    ).first()
    if done is None:
        raise Refused(_("This was settled already. Open it again first."))
    db.session.expire(commitment)
    audit.record(
        "settle_commitment",
        "commitment",
        commitment.id,
        by=by,
        changes={"state": [OPEN, state], "settled_on": on, "evidence": shown},
    )


def reopen_commitment(commitment: Commitment, *, reason: str | None, by: User | None) -> None:
    """Take back that it was kept or broken."""
    _refuse_strangers(commitment, by)
    before = commitment.state
    if before == OPEN:
        return
    evidence = commitment.evidence
    commitment.state = OPEN
    commitment.settled_on = commitment.evidence = None
    commitment.settled_at = commitment.settled_by_id = None
    db.session.flush()
    audit.record(
        "reopen_commitment",
        "commitment",
        commitment.id,
        by=by,
        changes={"state": [before, OPEN], "evidence": [evidence, None]},
        reason=reason or None,
    )


def correct_commitment(
    commitment: Commitment,
    *,
    text: str | None,
    due_on: date | None,
    whose: str,
    by: User | None,
    today: date,
) -> None:
    """Write anew what was promised, by when, or by whom."""
    _refuse_strangers(commitment, by)
    given = _checked(text, due_on, whose, commitment.made_on, today)
    changes = {
        name: [getattr(commitment, name), value]
        for name, value in given.items()
        if getattr(commitment, name) != value
    }
    if not changes:
        return
    for name, value in given.items():
        setattr(commitment, name, value)
    db.session.flush()
    audit.record("correct_commitment", "commitment", commitment.id, by=by, changes=changes)


def withdraw_commitment(commitment: Commitment, *, by: User | None) -> None:
    """Take back a promise that was recorded by mistake. One that is settled was none."""
    _refuse_strangers(commitment, by)
    if commitment.state != OPEN:
        raise Refused(_("This is settled. Open it again before you take it back."))
    gone = {
        name: getattr(commitment, name)
        for name in ("target_id", "campaign_id", "text", "made_on", "due_on", "whose")
    }
    number = commitment.id
    db.session.execute(delete(Commitment).where(Commitment.id == number))
    audit.record("withdraw_commitment", "commitment", number, by=by, changes=gone)


def may_settle(commitment: Commitment, user: User | None) -> bool:
    """Whether the user may settle, correct and take it back."""
    return user is None or commitment.id in settleable([commitment], user)


def settleable(commitments: list[Commitment], user: User) -> set[int]:
    """Ids of those the user may settle: two statements at most."""
    scope = access.scope(user, Can.RECORD_OUTCOMES)
    if not scope:
        return set()
    of_outcomes: dict[int, set[int]] = {}
    outcome_ids = {each.outcome_id for each in commitments if each.outcome_id}
    if outcome_ids and not scope.everywhere:
        for outcome_id, chapter_id in db.session.execute(
            select(Outcome.id, ActionChapter.chapter_id)
            .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
            .join(ActionChapter, ActionChapter.action_id == ActionTarget.action_id)
            .where(Outcome.id.in_(outcome_ids))
        ):
            of_outcomes.setdefault(outcome_id, set()).add(chapter_id)
    of_campaigns: dict[int, set[int]] = {}
    campaign_ids = {each.campaign_id for each in commitments
                    if each.campaign_id and not each.outcome_id}  # fmt: skip
    if campaign_ids and not scope.everywhere:
        for campaign_id, chapter_id in db.session.execute(
            select(campaign_chapter.c.campaign_id, campaign_chapter.c.chapter_id).where(
                campaign_chapter.c.campaign_id.in_(campaign_ids)
            )
        ):
            of_campaigns.setdefault(campaign_id, set()).add(chapter_id)

    def may(each: Commitment) -> bool:
        if scope.everywhere or each.recorded_by_id == user.id:
            return True
        if each.outcome_id:
            return scope.includes(*of_outcomes.get(each.outcome_id, ()))
        return scope.includes(*of_campaigns.get(each.campaign_id or 0, ()))

    return {each.id for each in commitments if may(each)}


def _chapters_of_action(action_id: int) -> list[int]:
    return list(
        db.session.scalars(
            select(ActionChapter.chapter_id).where(ActionChapter.action_id == action_id)
        )
    )


def _refuse_strangers(commitment: Commitment, by: User | None) -> None:
    if not may_settle(commitment, by):
        raise Refused(
            _("Who recorded this, and those whose outreach it came of, can change it."),
        )
