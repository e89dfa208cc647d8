"""Posted: one action that logs the outreach, once however often a code is scanned; and back.

What is logged is written by `outreach.operations.log_action`, as the form does. Pieces that come
back before they left are taken out of what was logged by a correction, and lie in the pool again.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from crm.accounts.models import User
from crm.campaigns.queries import only_ask
from crm.core import audit, db
from crm.core.errors import Refused
from crm.mailings import asked, carrier
from crm.mailings.models import Mailing, Piece, Posting
from crm.mailings.operations import begin, write_pieces
from crm.mailings.queries import held, next_number
from crm.mailings.rules import Held, State, counted, meant, money
from crm.outreach.channels import channels
from crm.outreach.checks import Given
from crm.outreach.models import Action
from crm.outreach.operations import (
    BEFORE_REDO,
    correct_action,
    log_action,
    snapshot,
    undo_action,
)


@dataclass(frozen=True)
class Result:
    """A posting, and whether it was there already: nothing was counted twice."""

    posting: Posting
    action: Action
    is_new: bool


def post_pieces(
    mailing: Mailing,
    *,
    number: int | None = None,
    posted_on: date,
    pieces: int | None = None,
    members: Mapping[int | None, int] | None = None,
    targets: Mapping[int, int] | None = None,
    place: str | None = None,
    minutes_each: int | None = None,
    postage_each: int | None = None,
    origin: str = "pack",
    by: User | None,
    today: date,
) -> Result:
    """Log what was posted: all that is left, so many pieces, or so many by member or target.

    `number` is the posting a page was opened for (None: the next): when there is one of that
    number already, that one is returned and nothing is written.
    """
    begin(mailing, by, may_be_closed=True)
    following = next_number(mailing.id)
    if number is not None and number < following:
        return _already(mailing, number)
    if number is not None and number > following:
        raise Refused(_("Open this page anew."))
    left = held(mailing.id, State.TO_PREPARE, State.PREPARED)
    if not left:
        if following > 1:
            return _already(mailing, following - 1)
        raise Refused(_("This pack has no pieces to post."))
    if mailing.closed_at is not None:
        raise Refused(_("This pack is closed. Open it again first."))
    chosen = meant(left, count=pieces, by_member=members, by_target=targets)
    if not chosen:
        raise Refused(_("Nothing is marked as posted: give at least one number."), "pieces")
    if minutes_each is None:
        minutes_each = mailing.minutes_each
    if postage_each is None:
        postage_each = mailing.postage_each
    key = f"pack-{mailing.id}-{following}"
    action = log_action(
        channel=mailing.channel,
        client_key=key,
        origin=origin,
        by=by,
        today=today,
        **_given(
            mailing, chosen, posted_on, place, minutes_each=minutes_each, postage_each=postage_each
        ),
    )
    posting = Posting(
        mailing_id=mailing.id,
        number=following,
        action_id=action.id,
        client_key=key,
        posted_on=posted_on,
        by_id=by.id if by else None,
    )
    db.session.add(posting)
    db.session.flush()
    ids = [each.id for each in chosen]
    tasks = carrier.tasks_of(ids)
    write_pieces(ids, state=str(State.POSTED), posting_id=posting.id)
    audit.record(
        "post_pieces",
        "mailing",
        mailing.id,
        by=by,
        changes={"posting": following, "pieces": len(ids), "action_id": action.id},
    )
    carrier.tell(tasks, by=by, today=today)
    carrier.follow(mailing, posting, by=by, today=today)
    return Result(posting, action, is_new=True)


def _already(mailing: Mailing, number: int) -> Result:
    posting = db.session.scalars(
        select(Posting).where(Posting.mailing_id == mailing.id, Posting.number == number)
    ).one()
    return Result(posting, db.session.get_one(Action, posting.action_id), is_new=False)


def _given(
    mailing: Mailing,
    chosen: Sequence[Held],
    posted_on: date,
    place: str | None,
    *,
    minutes_each: int | None,
    postage_each: int | None,
) -> Given:
    targets, members = counted(chosen)
    given: Given = {
        "campaign_id": mailing.campaign_id,
        "happened_on": posted_on,
        "place": place if place is not None else mailing.place,
        "pieces": len(chosen),
        "targets": targets,
        "members": members,
        "chapter_ids": [mailing.chapter_id],
        "ask_ids": only_ask(mailing.campaign_id),
        "places": asked.places(each.id for each in chosen),
    }
    if minutes_each is not None:
        given["minutes"] = minutes_each * len(chosen)
    if postage_each and _asks_postage(mailing.channel):
        given["details"] = {"postage": money(postage_each * len(chosen))}
    return given


def _asks_postage(channel: str) -> bool:
    return any(each.name == "postage" for each in channels()[channel].details)


# Back


def return_pieces(
    mailing: Mailing,
    *,
    pieces: int | None = None,
    members: Mapping[int | None, int] | None = None,
    targets: Mapping[int, int] | None = None,
    reason: str | None = None,
    by: User | None,
    today: date,
) -> int:
    """Take back pieces that were not posted after all; they lie in the pool. How many.

    What was logged is corrected, or undone where nothing is left of it.
    """
    begin(mailing, by, may_be_closed=True)
    posted = held(mailing.id, State.POSTED)
    # Those nobody is named for go first, and the last ones before the first.
    posted.sort(key=lambda each: (each.member_id is not None, -each.number))
    if pieces is None and not members and not targets:
        raise Refused(_("Say how many came back."), "pieces")
    numbered = [
        Held(each.id, place, each.target_id, each.member_id, each.state)
        for place, each in enumerate(posted)
    ]
    chosen = meant(numbered, count=pieces, by_member=members, by_target=targets)
    if not chosen:
        raise Refused(_("Say how many came back."), "pieces")
    ids = {each.id for each in chosen}
    by_id = {each.id: each for each in numbered}
    of_posting: dict[int | None, list[Held]] = defaultdict(list)
    for piece_id, posting_id in db.session.execute(
        select(Piece.id, Piece.posting_id).where(
            Piece.mailing_id == mailing.id, Piece.state == State.POSTED
        )
    ):
        of_posting[posting_id].append(by_id[piece_id])
    for posting_id, theirs in of_posting.items():
        if any(each.id in ids for each in theirs):
            _take_back(mailing, posting_id, theirs, ids, reason=reason, by=by, today=today)
    tasks = carrier.tasks_of(ids)
    write_pieces(ids, state=str(State.TO_PREPARE), posting_id=None, member_id=None, task_id=None)
    audit.record(
        "return_pieces",
        "mailing",
        mailing.id,
        by=by,
        changes={"pieces": len(ids), "members": counted(chosen)[1]},
        reason=reason,
    )
    carrier.tell(tasks, by=by, today=today)
    return len(ids)


def _take_back(
    mailing: Mailing,
    posting_id: int | None,
    theirs: Sequence[Held],
    ids: set[int],
    *,
    reason: str | None,
    by: User | None,
    today: date,
) -> None:
    """Correct the outreach of one posting: `theirs` are its pieces, `ids` those that go."""
    posting = db.session.get_one(Posting, posting_id)
    # Who brings it back at this moment waits, and is told that pieces of it came back.
    db.session.execute(select(Action.id).where(Action.id == posting.action_id).with_for_update())
    action = db.session.get_one(Action, posting.action_id, populate_existing=True)
    if action.undone_at is not None:
        # It counts nothing any more: there is nothing to correct.
        return
    now = snapshot(action)
    targets, members = counted(theirs)
    if {row["target_id"]: row["pieces"] for row in now["targets"]} != targets or {
        row["member_id"]: row["pieces"] for row in now["members"]
    } != members:
        raise Refused(
            _(
                "The outreach of this posting was changed by hand since: it does not say any more "
                "who wrote what. Correct it there, on its own page; this pack leaves it as it is."
            )
        )
    why = reason or _("Pieces of the pack came back before they were posted.")
    remaining = [each for each in theirs if each.id not in ids]
    if not remaining:
        undo_action(action, reason=why, by=by)
        return
    correct_action(action, reason=why, by=by, today=today, **_less(mailing, now, theirs, remaining))


def _less(
    mailing: Mailing, now: Mapping[str, Any], before: Sequence[Held], remaining: Sequence[Held]
) -> Given:
    """What the action says without the pieces that came back; what was added by hand stays."""
    targets, members = counted(remaining)
    details, minutes = dict(now["details"]), now["minutes"]
    was, is_now = len(before), len(remaining)
    if minutes is not None:
        minutes = round(minutes * is_now / was)
    if postage := details.get("postage"):
        hundredths = round(float(postage) * 100 * is_now / was)
        details["postage"] = money(hundredths)
    return {
        "campaign_id": now["campaign_id"],
        "happened_on": date.fromisoformat(now["happened_on"]),
        "until": date.fromisoformat(now["until"]) if now["until"] else None,
        "place": now["place"],
        "pieces": is_now,
        "targets": targets,
        "members": members,
        "minutes": minutes,
        "people": now["people"],
        "chapter_ids": now["chapters"],
        "ask_ids": now["asks"],
        "note": now["note"],
        "details": details,
        "photos": now["photos"],
    }


def refuse_redo(action: Action, kept: Mapping[str, Any]) -> None:
    """Refuse to bring back outreach whose pieces were taken back since: it would count them twice.

    They lie in the pack again, and are posted from there.
    """
    found = db.session.execute(
        select(Posting.id, Mailing.name)
        .join(Mailing, Mailing.id == Posting.mailing_id)
        .where(Posting.action_id == action.id)
    ).one_or_none()
    if found is None:
        return
    posted = db.session.scalar(
        select(func.count()).select_from(Piece).where(Piece.posting_id == found.id)
    )
    if (posted or 0) < sum(row["pieces"] for row in kept["targets"]):
        raise Refused(
            _(
                "Pieces of this were taken back into the pack “%(pack)s” since. Take back what is "
                "left there too, and post the pack again: so each is counted once.",
                pack=found.name,
            )
        )


BEFORE_REDO.append(refuse_redo)
