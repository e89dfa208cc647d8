"""What can be done with outreach: log it, correct it, undo and redo it, record what came back.

One function, `_write_rows`, writes the rows of an action's targets and chapters with what they
repeat of the action. Undone actions lose those rows and their members; a revision keeps them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Unpack

from flask_babel import gettext as _
from sqlalchemy import (
    Date,
    Integer,
    String,
    cast,
    delete,
    func,
    insert,
    literal,
    null,
    select,
    union_all,
    update,
)

from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.members.models import Member
from crm.members.queries import kept_ids as kept_members
from crm.outreach import rules, windows
from crm.outreach.channels import Channel, channels
from crm.outreach.checks import Facts, Given, checked
from crm.outreach.models import (
    Action,
    ActionChapter,
    ActionMember,
    ActionPhoto,
    ActionRevision,
    ActionTarget,
    Commitment,
    Outcome,
    OutcomeFile,
    OutcomeWithdrawn,
    action_ask,
)
from crm.outreach.outcome_kinds import outcome_kinds
from crm.outreach.queries import find_logged
from crm.outreach.window_rules import Wait
from crm.targets.contact_queries import points_of
from crm.targets.models import ContactPoint, Target
from crm.targets.queries import kept_ids, terms_on
from crm.targets.returned import clear_returned, mark_returned

_NOT_ASKED = Wait(None)
#: Asked before an undone action is brought back, with what it will say. Rooms above refuse one
#: whose pieces they have taken back since.
BEFORE_REDO: list[Callable[[Action, Mapping[str, Any]], None]] = []


def log_action(
    *,
    channel: str,
    client_key: str,
    origin: str = "form",
    by: User | None,
    today: date,
    **given: Unpack[Given],
) -> Action:
    """Log one thing done. `targets` and `members` map ids to pieces (an act: to 1).

    A repeat of the same `client_key` writes nothing and returns the action the first one made.
    """
    if already := logged_with(client_key):
        return already
    facts = checked(channels().get(channel), given, by=by, today=today)
    action = Action(
        channel=channel,
        client_key=client_key,
        origin=origin,
        logged_by_id=by.id if by else None,
        **facts.columns,
    )
    db.session.add(action)
    db.session.flush()
    _write_rows(
        action,
        facts.targets,
        facts.chapter_ids,
        terms_on(facts.targets, facts.happened_on),
        waits=windows.first_waits(
            channel, action.campaign_id, action.happened_on, facts.targets, given.get("places")
        ),
    )
    _insert(
        ActionMember,
        (
            {
                "action_id": action.id,
                "member_id": member,
                "pieces": pieces,
                "minutes": facts.member_minutes.get(member),
            }
            for member, pieces in facts.members.items()
        ),
    )
    _insert(action_ask, ({"action_id": action.id, "ask_id": ask} for ask in facts.ask_ids))
    _insert_photos(action.id, facts.photos, facts.photos_show)
    audit.record(
        "log_action",
        "action",
        action.id,
        by=by,
        changes={
            "channel": channel,
            **facts.columns,
            "targets": facts.targets,
            "members": facts.members,
            "member_minutes": facts.member_minutes,
            "chapters": sorted(facts.chapter_ids),
            "asks": sorted(facts.ask_ids),
            "photos": len(facts.photos),
            "origin": origin,
        },
    )
    return action


def logged_with(client_key: str) -> Action | None:
    """The action this form has made already, if it has; until the end nobody else makes one.

    To be asked before anything else is written for the form: of two that are sent at once, the
    second waits here for the first.
    """
    db.take_turn(client_key)
    return find_logged(client_key)


def correct_action(
    action: Action,
    *,
    reason: str | None,
    by: User | None,
    today: date,
    seen: int | None = None,
    **given: Unpack[Given],
) -> Action:
    """Replace all that was logged, `photos` included; a revision keeps what was there before.

    The channel stays: another is counted another way. A target with an answer cannot be dropped.
    `seen` is how many revisions there were when the corrector read it: with more there now, what
    somebody else wrote meanwhile would be lost. What is there already is not written again.
    """
    _lock(action)
    before = snapshot(action)
    if action.undone_at is not None:
        raise Refused(_("This was undone. Redo it first."))
    refuse_strangers(action, before["chapters"], by)
    way = channels()[action.channel]
    facts = checked(way, given, by=by, today=today, before=before)
    if _says(before, facts):
        return action
    if seen is not None and seen != revision_count(action.id):
        raise Refused(
            _(
                "Somebody changed this after you opened it, and yours would undo that. Open it "
                "anew and correct what is there now."
            )
        )
    answered = _answered(action.id)
    _refuse_loss(target for target in answered if target not in facts.targets)
    first_answer = _first_answer(action.id)
    if first_answer is not None and first_answer < facts.happened_on:
        raise Refused(_("An answer came on an earlier day than this."), "happened_on")
    moved = action.happened_on != facts.happened_on
    for name, value in facts.columns.items():
        setattr(action, name, value)
    db.session.flush()
    _write_again(action, facts, before, answered=answered, moved=moved, went=given.get("places"))
    _add_revision(action, "correct", reason, before, by)
    audit.record(
        "correct_action",
        "action",
        action.id,
        by=by,
        changes={
            name: [before[name], value]
            for name, value in snapshot(action).items()
            if value != before[name]
        },
        reason=reason,
    )
    return action


def undo_action(action: Action, *, reason: str | None = None, by: User | None) -> None:
    """Take an action out of every list and sum; a revision keeps all of it for `redo_action`."""
    _lock(action)
    if action.undone_at is not None:
        return
    before = snapshot(action)
    refuse_strangers(action, before["chapters"], by)
    _refuse_loss(_answered(action.id))
    _add_revision(action, "undo", reason, before, by)
    for model in (ActionTarget, ActionMember, ActionChapter):
        db.session.execute(delete(model).where(model.action_id == action.id))
    action.undone_at = db.now()
    db.session.flush()
    db.session.expire(action)
    audit.record("undo_action", "action", action.id, by=by, reason=reason)


def redo_action(action: Action, *, by: User | None) -> None:
    """Bring an undone action back as it was."""
    _lock(action)
    if action.undone_at is None:
        return
    channel = channels()[action.channel]
    kept = last_undo(action.id).snapshot
    kept = led_to_kept(
        kept,
        channel,
        kept_ids([row["target_id"] for row in kept["targets"]]),
        kept_members([row["member_id"] for row in kept["members"]]),
    )
    refuse_strangers(action, kept["chapters"], by)
    for ask in BEFORE_REDO:
        ask(action, kept)
    action.undone_at = None
    db.session.flush()
    _write_rows(
        action,
        {row["target_id"]: row["pieces"] for row in kept["targets"]},
        kept["chapters"],
        {row["target_id"]: row["term_id"] for row in kept["targets"]},
        waits={row["target_id"]: _kept_wait(row) for row in kept["targets"]},
    )
    _insert(ActionMember, ({"action_id": action.id, **row} for row in kept["members"]))
    _add_revision(action, "redo", None, kept, by)
    db.session.expire(action)
    audit.record("redo_action", "action", action.id, by=by)


def led_to_kept(
    kept: Mapping[str, Any],
    channel: Channel,
    targets: Mapping[int, int],
    members: Mapping[int, int],
) -> dict[str, Any]:
    """A snapshot with what was merged since led to what was kept, by the ids of both."""
    return _of_kept_members(_of_kept_targets(kept, channel, targets), channel, members)


def _of_kept_targets(
    kept: Mapping[str, Any], channel: Channel, merged: Mapping[int, int]
) -> dict[str, Any]:
    rows: dict[int, dict[str, Any]] = {}
    for row in kept["targets"]:
        target_id = merged.get(row["target_id"], row["target_id"])
        if (there := rows.get(target_id)) is None:
            rows[target_id] = {**row, "target_id": target_id}
        elif channel.per_piece:
            there["pieces"] += row["pieces"]
    return {**kept, "targets": list(rows.values())}


def _of_kept_members(
    kept: Mapping[str, Any], channel: Channel, merged: Mapping[int, int]
) -> dict[str, Any]:
    rows: dict[int, dict[str, Any]] = {}
    for row in kept["members"]:
        member_id = merged.get(row["member_id"], row["member_id"])
        if (there := rows.get(member_id)) is None:
            rows[member_id] = {**row, "member_id": member_id}
            continue
        minutes = [each["minutes"] for each in (there, row) if each["minutes"] is not None]
        if channel.per_piece:
            there["pieces"] += row["pieces"]
            there["minutes"] = sum(minutes) if minutes else None
        else:
            there["minutes"] = max(minutes, default=None)
    return {**kept, "members": list(rows.values())}


def record_outcome(
    *,
    action_target_id: int,
    kind: str,
    received_on: date,
    summary: str | None = None,
    scan: str | None = None,
    contact_point_id: int | None = None,
    member_id: int | None = None,
    files: Iterable[tuple[str, str]] = (),
    by: User | None,
    today: date,
) -> Outcome:
    """Keep what came back from one target. The very same again is not kept twice.

    `contact_point_id` is the address that what came back undeliverable had been sent to: it is
    marked bad. Of any other kind of outcome it is not asked. `member_id` is whom it came to, of
    those who wrote; `files` are papers that came with it, as kept and as they were called.
    """
    row = _locked_target(action_target_id)
    if kind not in outcome_kinds():
        raise Refused(_("Choose what came back."), "kind")
    fails = outcome_kinds()[kind].fails_address
    refuse_recorder(row.action_id, by)
    rules.check_answer_day(received_on, row.happened_on, today)
    same = db.session.scalars(
        select(Outcome).where(
            Outcome.action_target_id == row.id,
            Outcome.kind == kind,
            Outcome.received_on == received_on,
            # What was ticked is told apart by who it came to, and several unnamed are several.
            Outcome.client_key.is_(None),
        )
    )
    for outcome in same:
        if (outcome.summary, outcome.member_id) == (summary or None, member_id):
            _add_papers(outcome, row, files, by)
            return outcome
    if member_id is not None:
        refuse_unknown_senders([member_id])
    point = _failed_address(row.target_id, contact_point_id if fails else None)
    outcome = Outcome(
        action_target_id=row.id,
        kind=kind,
        received_on=received_on,
        summary=summary or None,
        scan=scan,
        contact_point_id=point.id if point else None,
        member_id=member_id,
        recorded_by_id=by.id if by else None,
    )
    row.awaiting = False
    db.session.add(outcome)
    db.session.flush()
    papers = [{"outcome_id": outcome.id, "file": file, "name": name} for file, name in files]
    _insert(OutcomeFile, papers)
    audit.record(
        "record_outcome",
        "action",
        row.action_id,
        by=by,
        changes={
            "target_id": row.target_id,
            "kind": kind,
            "received_on": received_on,
            "summary": summary or None,
            "scan": scan is not None,
            "contact_point_id": point.id if point else None,
            "member_id": member_id,
            "files": len(papers),
        },
    )
    if point is not None:
        mark_returned(point, on=received_on, by=by, today=today)
    return outcome


def refuse_unknown_senders(member_ids: Collection[int]) -> None:
    """Refuse members that are not there, or not any more."""
    there = db.session.scalars(
        select(Member.id).where(Member.id.in_(member_ids), Member.merged_into_id.is_(None))
    ).all()
    if set(member_ids) - set(there):
        raise Refused(_("One of these people is not a member any more. Open the page anew."))


def _failed_address(target_id: int, point_id: int | None) -> ContactPoint | None:
    """The address of the target that failed. Raises `Refused` for one that is not the target's."""
    if point_id is None:
        return None
    point = db.session.get(ContactPoint, point_id)
    if point is None or point not in points_of([target_id], kind=point.kind).get(target_id, ()):
        raise Refused(_("This is no address of theirs."), "contact_point_id")
    return point


def withdraw_outcome(outcome: Outcome, *, by: User | None) -> None:
    """Take back an outcome recorded by mistake; if it was the only one, the waiting goes on.

    The address it said had failed is good again, unless something else has marked it since. What
    was promised in it goes with it; a promise that was settled meanwhile was none of a mistake.
    """
    row = _locked_target(outcome.action_target_id)
    refuse_recorder(row.action_id, by)
    gone = {
        "target_id": row.target_id,
        "kind": outcome.kind,
        "received_on": outcome.received_on,
        "summary": outcome.summary,
        "scan": outcome.scan is not None,
        "contact_point_id": outcome.contact_point_id,
        "member_id": outcome.member_id,
    }
    point_id = outcome.contact_point_id
    if promised := drop_outcomes([outcome.id]):
        gone["commitments"] = promised
    others = db.session.scalar(
        select(Outcome.id).where(Outcome.action_target_id == row.id).limit(1)
    )
    row.awaiting = (
        others is None and row.closed_on is None and channels()[row.channel].expects_answer
    )
    db.session.flush()
    # Under its action, as when it was recorded: the row itself is gone.
    audit.record("withdraw_outcome", "action", row.action_id, by=by, changes=gone)
    if point_id is not None and not _still_failed(point_id):
        clear_returned(db.session.get_one(ContactPoint, point_id), by=by)


def drop_outcomes(outcome_ids: Sequence[int]) -> int:
    """Delete outcomes with what came with them, and keep that they were; returns the promises.

    Refuses where a promise that came with one is settled already.
    """
    promises = 0
    for some in db.batches(outcome_ids):
        states = db.session.scalars(
            select(Commitment.state).where(Commitment.outcome_id.in_(some))
        ).all()
        if set(states) - {"open"}:
            raise Refused(
                _(
                    "A commitment that came with this was settled. Open that again first, or "
                    "leave the answer."
                ),
                "answers",
            )
        promises += len(states)
        if states:
            db.session.execute(delete(Commitment).where(Commitment.outcome_id.in_(some)))
        was = select(
            ActionTarget.action_id,
            ActionTarget.target_id,
            Outcome.kind,
            Outcome.received_on,
            Outcome.recorded_at,
            literal(db.now(), Outcome.recorded_at.type),
        )
        db.session.execute(
            insert(OutcomeWithdrawn).from_select(
                ["action_id", "target_id", "kind", "received_on", "recorded_at", "withdrawn_at"],
                was.join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
                .where(Outcome.id.in_(some))
                .order_by(Outcome.id),
                include_defaults=False,
            )
        )
        db.session.execute(delete(OutcomeFile).where(OutcomeFile.outcome_id.in_(some)))
        db.session.execute(delete(Outcome).where(Outcome.id.in_(some)))
    return promises


def _still_failed(point_id: int) -> bool:
    """Whether another outcome says that this address failed."""
    others = select(Outcome.id).where(Outcome.contact_point_id == point_id).limit(1)
    return db.session.scalar(others) is not None


def may_change(action: Action, chapter_ids: Collection[int], user: User | None) -> bool:
    """Whether the user may correct, undo and redo: one's own, or those of one's chapters.

    `chapter_ids` are the action's, or those it had when it was undone.
    """
    if user is None:
        return True
    if action.logged_by_id == user.id and access.may(user, Can.LOG_OUTREACH, *chapter_ids):
        return True
    return bool(chapter_ids) and access.may(user, Can.CORRECT_OUTREACH, *chapter_ids)


def snapshot(action: Action) -> dict[str, Any]:
    """All that is stored of an action, as JSON keeps it."""
    targets, members, chapters, asks, photos = _rows_of(action.id)
    return {
        "campaign_id": action.campaign_id,
        "happened_on": action.happened_on.isoformat(),
        "until": action.until.isoformat() if action.until else None,
        "place": action.place,
        "pieces": action.pieces,
        "unnamed": action.unnamed,
        "people": action.people,
        "minutes": action.minutes,
        "note": action.note,
        "details": dict(action.details),
        "targets": [
            {
                "target_id": target,
                "term_id": term,
                "pieces": pieces,
                "awaiting": bool(awaiting),
                "ask_on": _iso(ask_on),
                "asked": asked,
                "said_on": _iso(said_on),
                "closed_on": _iso(closed_on),
                "closed_why": why,
                "went_to": went_to,
            }
            for (
                target,
                pieces,
                term,
                awaiting,
                why,
                asked,
                ask_on,
                said_on,
                closed_on,
                went_to,
            ) in targets
        ],
        "members": [
            {"member_id": member, "pieces": pieces, "minutes": minutes, "role": role}
            for member, pieces, minutes, _none, role, *_rest in members
        ],
        "chapters": [row[0] for row in chapters],
        "asks": [row[0] for row in asks],
        "photos": [row[4] for row in photos],
    }


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _kept_wait(row: Mapping[str, Any]) -> Wait:
    """How far the asking was, in a target's row of a snapshot; older snapshots do not say."""
    days = {name: row.get(name) for name in ("ask_on", "said_on", "closed_on")}
    return Wait(
        asked=row.get("asked") or 0,
        closed_why=row.get("closed_why"),
        went_to=row.get("went_to"),
        **{name: date.fromisoformat(told) if told else None for name, told in days.items()},
    )


def _rows_of(action_id: int) -> list[list[Any]]:
    """Targets, members, chapters, asks and photos of an action, each by id: one statement."""
    none, no_text, no_day = cast(null(), Integer), cast(null(), String), cast(null(), Date)
    rest = (no_day, no_day, no_day, no_text)
    parts = [
        select(
            ActionTarget.target_id.label("id"),
            ActionTarget.pieces.label("pieces"),
            ActionTarget.term_id.label("other"),
            cast(ActionTarget.awaiting, Integer).label("flag"),
            ActionTarget.closed_why.label("words"),
            ActionTarget.asked.label("asked"),
            ActionTarget.ask_on.label("ask_on"),
            ActionTarget.said_on.label("said_on"),
            ActionTarget.closed_on.label("closed_on"),
            ActionTarget.went_to.label("went_to"),
        ).where(ActionTarget.action_id == action_id),
        select(
            ActionMember.member_id,
            ActionMember.pieces,
            ActionMember.minutes,
            none,
            ActionMember.role,
            none,
            *rest,
        ).where(ActionMember.action_id == action_id),
        select(ActionChapter.chapter_id, none, none, none, no_text, none, *rest).where(
            ActionChapter.action_id == action_id
        ),
        select(action_ask.c.ask_id, none, none, none, no_text, none, *rest).where(
            action_ask.c.action_id == action_id
        ),
        select(ActionPhoto.id, none, none, none, ActionPhoto.file, none, *rest).where(
            ActionPhoto.action_id == action_id
        ),
    ]
    numbered = [part.add_columns(literal(place)) for place, part in enumerate(parts)]
    found: list[list[Any]] = [[] for _part in parts]
    for *row, place in db.session.execute(union_all(*numbered)):
        found[place].append(row)
    return [sorted(rows, key=lambda row: row[0]) for rows in found]


def _says(kept: Mapping[str, Any], facts: Facts) -> bool:
    """Whether a snapshot is what the facts would make it."""
    columns = {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in facts.columns.items()
    }
    return (
        all(kept[name] == value for name, value in columns.items())
        and {row["target_id"]: row["pieces"] for row in kept["targets"]} == facts.targets
        and {row["member_id"]: row["pieces"] for row in kept["members"]} == facts.members
        and {
            row["member_id"]: row["minutes"]
            for row in kept["members"]
            if row["minutes"] is not None
        }
        == facts.member_minutes
        and set(kept["chapters"]) == facts.chapter_ids
        and set(kept["asks"]) == facts.ask_ids
        and set(kept["photos"]) == set(facts.photos)
    )


def revision_count(action_id: int) -> int:
    """How often an action was corrected, undone and redone: what tells one reading from another."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(ActionRevision)
            .where(ActionRevision.action_id == action_id)
        )
        or 0
    )


def last_undo(action_id: int) -> ActionRevision:
    """The revision an undone action can be brought back from."""
    return db.session.scalars(
        select(ActionRevision)
        .where(ActionRevision.action_id == action_id, ActionRevision.verb == "undo")
        .order_by(ActionRevision.id.desc())
        .limit(1)
    ).one()


def _write_rows(
    action: Action,
    targets: Mapping[int, int],
    chapter_ids: Iterable[int],
    terms: Mapping[int, int | None],
    *,
    there: Mapping[int, int] | None = None,
    answered: Collection[int] = (),
    waits: Mapping[int, Wait],
) -> None:
    """Write what an action reached and who did it, with what those rows repeat of the action.

    `there` maps targets that have a row already to its id; their outcomes hang on it. `waits` says
    where each went and how far the asking is.
    """
    awaits = channels()[action.channel].expects_answer
    kept = there or {}
    rows: list[dict[str, Any]] = [
        {
            "action_id": action.id,
            "target_id": target,
            "term_id": terms.get(target),
            "pieces": pieces,
            "channel": action.channel,
            "campaign_id": action.campaign_id,
            "happened_on": action.happened_on,
            "awaiting": awaits and target not in answered and wait.closed_on is None,
            "ask_on": wait.ask_on,
            "asked": wait.asked,
            "said_on": wait.said_on,
            "closed_on": wait.closed_on,
            "closed_why": wait.closed_why,
            "went_to": wait.went_to,
        }
        for target, pieces in targets.items()
        for wait in [waits.get(target, _NOT_ASKED)]
    ]
    _insert(ActionTarget, (row for row in rows if row["target_id"] not in kept))
    if again := [{"id": kept[r["target_id"]], **r} for r in rows if r["target_id"] in kept]:
        db.session.execute(update(ActionTarget), again)
    _insert(
        ActionChapter,
        (
            {"action_id": action.id, "chapter_id": chapter, "happened_on": action.happened_on}
            for chapter in sorted(chapter_ids)
        ),
    )


def _write_again(
    action: Action,
    facts: Facts,
    before: Mapping[str, Any],
    *,
    answered: Collection[int],
    moved: bool,
    went: Mapping[int, str] | None,
) -> None:
    """Replace an action's rows; a target that stays keeps its row, and its term unless moved.

    The asking goes on where it was; of another day it begins as many days sooner or later.
    """
    of = action.id
    db.session.execute(
        delete(ActionTarget).where(
            ActionTarget.action_id == of, ActionTarget.target_id.not_in(facts.targets)
        )
    )
    for model in (ActionChapter, ActionMember):
        db.session.execute(delete(model).where(model.action_id == of))
    db.session.execute(delete(action_ask).where(action_ask.c.action_id == of))
    staying = db.session.execute(
        select(ActionTarget.target_id, ActionTarget.id).where(ActionTarget.action_id == of)
    )
    there = {target_id: row_id for target_id, row_id in staying}  # noqa: C416
    terms: dict[int, int | None] = {}
    if not moved:
        terms = {row["target_id"]: row["term_id"] for row in before["targets"]}
    if unknown := [target for target in facts.targets if target not in terms]:
        terms.update(terms_on(unknown, action.happened_on))
    by_days = action.happened_on - date.fromisoformat(before["happened_on"])
    waits = {
        row["target_id"]: replace(wait, ask_on=wait.ask_on + by_days if wait.ask_on else None)
        for row in before["targets"]
        for wait in [_kept_wait(row)]
    }
    new = [target for target in facts.targets if target not in waits]
    _write_rows(
        action,
        facts.targets,
        facts.chapter_ids,
        terms,
        there=there,
        answered=answered,
        waits=waits
        | windows.first_waits(action.channel, action.campaign_id, action.happened_on, new, went),
    )
    parts = {row["member_id"]: row for row in before["members"]}
    _insert(
        ActionMember,
        (
            {
                "role": None,
                **parts.get(member, {}),
                "action_id": of,
                "member_id": member,
                "pieces": pieces,
                "minutes": facts.member_minutes.get(member),
            }
            for member, pieces in facts.members.items()
        ),
    )
    _insert(action_ask, ({"action_id": of, "ask_id": ask} for ask in facts.ask_ids))
    db.session.execute(
        delete(ActionPhoto).where(
            ActionPhoto.action_id == of, ActionPhoto.file.not_in(facts.photos)
        )
    )
    pictures = [file for file in facts.photos if file not in before["photos"]]
    _insert_photos(of, pictures, facts.photos_show)
    db.session.expire(action)


def _insert_photos(action_id: int, files: Iterable[str], shows: str) -> None:
    _insert(ActionPhoto, ({"action_id": action_id, "file": file, "shows": shows} for file in files))


def _insert(model: Any, rows: Iterable[dict[str, Any]]) -> None:
    if listed := list(rows):
        db.session.execute(insert(model), listed)


def _add_revision(
    action: Action, verb: str, reason: str | None, kept: Mapping[str, Any], by: User | None
) -> None:
    db.session.add(
        ActionRevision(
            action_id=action.id,
            verb=verb,
            reason=reason or None,
            snapshot=dict(kept),
            by_id=by.id if by else None,
        )
    )


def _lock(action: Action) -> None:
    """Keep others from changing the action until the end, and read it anew."""
    # Two statements: PostgreSQL locks no row of an outer join, and the action may have been read
    # with one. The second sees what whoever held the lock has written.
    db.session.execute(select(Action.id).where(Action.id == action.id).with_for_update())
    db.session.refresh(action)


def _locked_target(action_target_id: int) -> ActionTarget:
    """The row, its action locked. Raises `NoResultFound`."""
    found = select(ActionTarget).where(ActionTarget.id == action_target_id)
    row = db.session.scalars(found).one()
    db.session.execute(select(Action.id).where(Action.id == row.action_id).with_for_update())
    # Whoever held the lock may have undone the action, and the row is gone with it.
    return db.session.scalars(found.execution_options(populate_existing=True)).one()


def _answered(action_id: int) -> set[int]:
    """Targets of the action that have an outcome."""
    return set(
        db.session.scalars(
            select(ActionTarget.target_id)
            .join(Outcome, Outcome.action_target_id == ActionTarget.id)
            .where(ActionTarget.action_id == action_id)
        )
    )


def _first_answer(action_id: int) -> date | None:
    return db.session.scalar(
        select(func.min(Outcome.received_on))
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .where(ActionTarget.action_id == action_id)
    )


def _refuse_loss(target_ids: Iterable[int]) -> None:
    """Refuse to drop targets that have answered, naming them."""
    if lost := list(target_ids):
        names = db.session.scalars(
            select(Target.name).where(Target.id.in_(lost)).order_by(Target.sort_name).limit(5)
        )
        raise Refused(
            _(
                "An answer is recorded from %(names)s. Take the answer back first.",
                names=", ".join(names),
            ),
            "answers",
        )


def refuse_strangers(action: Action, chapter_ids: Collection[int], by: User | None) -> None:
    if not may_change(action, chapter_ids, by):
        raise Refused(_("Only who logged this, or a coordinator of its chapter, can change it."))


def _add_papers(
    outcome: Outcome, row: ActionTarget, files: Iterable[tuple[str, str]], by: User | None
) -> None:
    """Papers of an answer that was recorded before they came are kept with it."""
    kept = set(
        db.session.scalars(select(OutcomeFile.file).where(OutcomeFile.outcome_id == outcome.id))
    )
    new = [
        {"outcome_id": outcome.id, "file": file, "name": name}
        for file, name in files
        if file not in kept
    ]
    if new:
        _insert(OutcomeFile, new)
        changes = {"target_id": row.target_id, "kind": outcome.kind, "files": len(new)}
        audit.record("record_outcome", "action", row.action_id, by=by, changes=changes)


def refuse_recorder(action_id: int, by: User | None) -> None:
    if by is None:
        return
    chapters = db.session.scalars(
        select(ActionChapter.chapter_id).where(ActionChapter.action_id == action_id)
    ).all()
    if not access.may(by, Can.RECORD_OUTCOMES, *chapters):
        raise Refused(_("You can record answers to the outreach of your own chapters only."))
