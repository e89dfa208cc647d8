"""What is done with a pack until it is posted: made, printed, prepared, taken and given back.

Each takes the pack's turn first: of two who change one pack at once, the second sees what the first
has done. `posting` posts pieces and takes them back.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Protocol

from flask_babel import gettext as _
from sqlalchemy import insert, select, update

from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.mailings import carrier
from crm.mailings.models import Mailing, Piece
from crm.mailings.planning import Asked, Plan, campaign_and_chapter, plan
from crm.mailings.queries import find_made, held
from crm.mailings.rules import MOST_MINUTES, MOST_POSTAGE, Held, State, meant
from crm.members.models import Member, Membership
from crm.members.queries import open_on, visible_members
from crm.tasks.models import Task
from crm.tasks.rules import check_steps
from crm.texts import own_fields
from crm.texts.models import TextVersion
from crm.texts.rules import key_of

#: Characters of a pack's name.
MOST_NAME = 120
#: Pieces of one statement.
_AT_ONCE = 1_000


class Changed(Refused):
    """What was shown is not what would be made now; the new plan is shown instead."""


def make_pack(
    *,
    asked: Asked,
    planned_on: date,
    client_key: str,
    shown: str | None = None,
    name: str | None = None,
    place: str | None = None,
    values: Mapping[str, str] | None = None,
    minutes_each: int | None = None,
    postage_each: int | None = None,
    picture: str | None = None,
    picture_shows: str | None = None,
    then: Sequence[Mapping[str, Any]] = (),
    by: User | None,
    today: date,
) -> Mailing:
    """Make a pack and its pieces. A repeat of `client_key` returns what the first one made.

    `shown` is the digest of the plan its maker has seen: where that has changed since, `Changed`
    is raised and nothing is made.
    """
    db.take_turn(client_key)
    if already := find_made(client_key):
        return already
    campaign, chapter = campaign_and_chapter(asked)
    _refuse_maker(chapter.id, by)
    made = plan(asked, today=today)
    given = check_pack(
        asked=asked,
        version=made.version,
        planned_on=planned_on,
        values=values,
        minutes_each=minutes_each,
        postage_each=postage_each,
        picture=picture,
        picture_shows=picture_shows,
        then=then,
        by=by,
        today=today,
    )
    if shown is not None and shown != made.digest:
        raise Changed(_("Something has changed since this was shown. Look again, then make it."))
    mailing = Mailing(
        name=(name or "").strip()[:MOST_NAME] or campaign.name,
        campaign_id=campaign.id,
        chapter_id=chapter.id,
        text_id=asked.text_id,
        channel=made.channel,
        language=asked.language,
        planned_on=planned_on,
        place=place or None,
        values=given,
        allotted=_told(made),
        minutes_each=minutes_each,
        postage_each=postage_each,
        picture=picture,
        picture_shows=picture_shows or None,
        then=[dict(step) for step in then],
        client_key=client_key,
        made_by_id=by.id if by else None,
    )
    db.session.add(mailing)
    db.session.flush()
    db.session.execute(insert(Piece), _rows(mailing.id, made))
    audit.record(
        "make_pack",
        "mailing",
        mailing.id,
        by=by,
        changes={
            "name": mailing.name,
            "campaign_id": campaign.id,
            "chapter_id": chapter.id,
            "text_id": asked.text_id,
            "channel": made.channel,
            "language": asked.language,
            "planned_on": planned_on,
            "way": str(asked.way),
            "pieces": made.pieces,
            "in_pool": made.in_pool,
            "members": {
                member: number for member, number in made.by_member.items() if member is not None
            },
            "picture": picture is not None,
        },
    )
    return mailing


def check_pack(
    *,
    asked: Asked,
    version: TextVersion,
    planned_on: date,
    values: Mapping[str, str] | None = None,
    minutes_each: int | None = None,
    postage_each: int | None = None,
    picture: str | None = None,
    picture_shows: str | None = None,
    then: Sequence[Mapping[str, Any]] = (),
    by: User | None,
    today: date,
    **_rest: Any,
) -> dict[str, str]:
    """Raise `Refused` for what a pack cannot be, whoever is shared out to whom.

    Returns what the text's own fields are filled with, checked.
    """
    _check_days(planned_on, today)
    _check_numbers(minutes_each, postage_each, then)
    if picture and not (picture_shows or "").strip():
        raise Refused(_("Say what the picture shows."), "picture_shows")
    _check_members(asked, by, today)
    typed = {key_of(key): value for key, value in (values or {}).items()}
    kept = {
        own.key: own_fields.checked(own, typed.get(own.key, ""))
        for own in own_fields.read(version.fields)
    }
    return {key: value for key, value in kept.items() if value}


def _check_days(planned_on: date, today: date) -> None:
    if not today - timedelta(days=366) <= planned_on <= today + timedelta(days=3 * 366):
        raise Refused(_("Is the year of this date right?"), "planned_on")


def _told(made: Plan) -> dict[str, Any]:
    """How it was allotted, without anybody's name."""
    asked = made.asked
    return {
        "way": str(asked.way),
        "total": asked.total,
        "each": asked.each,
        "most": asked.most,
        "members": len(asked.members),
        "targets": len(made.by_target),
        "pieces": made.pieces,
        "in_pool": made.in_pool,
        "constituents": sum(made.constituents.values()),
    }


def _rows(mailing_id: int, made: Plan) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for share in made.shares:
        for _piece in range(share.number):
            rows.append(
                {
                    "mailing_id": mailing_id,
                    "number": len(rows) + 1,
                    "target_id": share.target_id,
                    "term_id": made.terms.get(share.target_id),
                    "member_id": share.member_id,
                    "state": str(State.TO_PREPARE),
                    "prints": 0,
                }
            )
    return rows


def _check_numbers(
    minutes_each: int | None, postage_each: int | None, then: Sequence[Mapping[str, Any]]
) -> None:
    if minutes_each is not None and not 0 <= minutes_each <= MOST_MINUTES:
        raise Refused(_("A piece takes at most %(most)s minutes.", most=MOST_MINUTES), "minutes")
    if postage_each is not None and not 0 <= postage_each <= MOST_POSTAGE:
        raise Refused(_("Give the postage of one piece, such as 0.61."), "postage")
    check_steps(then)


def _check_members(asked: Asked, by: User | None, today: date) -> None:
    """Refuse members whom the maker does not see, and those of another chapter for a command."""
    if not asked.members or by is None:
        return
    sees = access.scope(by, Can.SEE_MEMBERS)
    seen = set(
        db.session.scalars(
            visible_members(sees, today=today, one_by_one=True)
            .where(Member.id.in_(asked.members))
            .with_only_columns(Member.id)
        )
    )
    if set(asked.members) - seen:
        raise Refused(_("One of these people is not a member of your chapters."), "members")


def _refuse_maker(chapter_id: int, by: User | None) -> None:
    if by is not None and not access.may(by, Can.MAKE_PACKS, chapter_id):
        raise Refused(_("You can make and post packs of your own chapters only."), "chapter")


def begin(mailing: Mailing, by: User | None, *, may_be_closed: bool = False) -> None:
    """Take the pack's turn and read it anew; refuse strangers, and packs that are closed."""
    _refuse_maker(mailing.chapter_id, by)
    db.take_turn(f"pack-{mailing.id}")
    # Tasks before pieces, as those who do a task take them: so nobody waits for each other.
    db.session.execute(
        select(Task.id)
        .where(Task.id.in_(select(Piece.task_id).where(Piece.mailing_id == mailing.id)))
        .order_by(Task.id)
        .with_for_update()
    )
    db.session.refresh(mailing, ["closed_at", "minutes_each", "postage_each"])
    if mailing.closed_at is not None and not may_be_closed:
        raise Refused(_("This pack is closed. Open it again first."))


# Printed


class Printed(Protocol):
    """What is kept of a printed piece: its address, and where that came from."""

    @property
    def envelope(self) -> str: ...
    @property
    def address(self) -> tuple[str, ...]: ...
    @property
    def contact_point_id(self) -> int | None: ...


def keep_print(
    piece_ids: Collection[int],
    printed: Mapping[int, Printed],
    version_id: int,
    *,
    by: User | None,
) -> None:
    """Note that pieces were printed, with the words and the address; `printed` by piece.

    A print counts nothing: printing once more changes no sum.
    """
    now = db.now()
    rows: list[dict[str, Any]] = [
        {
            "id": piece_id,
            "version_id": version_id,
            "address": [printed[piece_id].envelope, *printed[piece_id].address],
            "contact_point_id": printed[piece_id].contact_point_id,
            "printed_at": now,
        }
        for piece_id in piece_ids
        if piece_id in printed
    ]
    if not rows:
        return
    db.session.execute(update(Piece), rows)
    ids = [row["id"] for row in rows]
    write_pieces(ids, prints=Piece.prints + 1)
    mailing_id = db.session.scalar(select(Piece.mailing_id).where(Piece.id == ids[0]))
    audit.record(
        "print_pack",
        "mailing",
        mailing_id,
        by=by,
        changes={"pieces": len(rows), "version_id": version_id},
    )


# Prepared


def prepare(
    mailing: Mailing,
    *,
    piece_ids: Collection[int] = (),
    member_ids: Collection[int | None] = (),
    is_prepared: bool = True,
    by: User | None,
    today: date,
) -> int:
    """Note pieces as written, or as not written after all: single ones, or all of members'.

    How many changed. Pieces that are posted stay as they are.
    """
    begin(mailing, by)
    state, other = State.PREPARED, State.TO_PREPARE
    if not is_prepared:
        state, other = other, state
    chosen = [
        each
        for each in held(mailing.id, other)
        if each.id in piece_ids or each.member_id in member_ids
    ]
    if not chosen:
        return 0
    return set_state(mailing, chosen, state, by=by, today=today)


def set_state(
    mailing: Mailing, chosen: Sequence[Held], state: State, *, by: User | None, today: date
) -> int:
    """Write the state of pieces that were chosen in the pack's turn, and tell their tasks."""
    tasks = carrier.tasks_of(each.id for each in chosen)
    write_pieces([each.id for each in chosen], state=str(state))
    verb = "prepare_pieces" if state is State.PREPARED else "unprepare_pieces"
    audit.record(verb, "mailing", mailing.id, by=by, changes={"pieces": len(chosen)})
    carrier.tell(tasks, by=by, today=today)
    return len(chosen)


# Taken and given back


def give_back(
    mailing: Mailing,
    *,
    member_id: int,
    targets: Mapping[int, int] | None = None,
    by: User | None,
    today: date,
    may: bool = False,
) -> int:
    """Put what a member does not write into the pool: all, or so many by target. How many.

    `may`: somebody else has made sure that the user may, as for tasks of their own.
    """
    if may:
        db.take_turn(f"pack-{mailing.id}")
    else:
        begin(mailing, by)
    theirs = [
        each
        for each in held(mailing.id, State.TO_PREPARE, State.PREPARED)
        if each.member_id == member_id
    ]
    # What is not written yet goes first.
    theirs.sort(key=lambda each: (each.state == State.PREPARED, each.number))
    if targets is not None:
        left = dict(targets)
        chosen = []
        for each in theirs:
            if left.get(each.target_id, 0) > 0:
                left[each.target_id] -= 1
                chosen.append(each)
    else:
        chosen = theirs
    if not chosen:
        return 0
    ids = [each.id for each in chosen]
    tasks = carrier.tasks_of(ids)
    write_pieces(ids, member_id=None, task_id=None, state=str(State.TO_PREPARE))
    audit.record(
        "give_back_pieces",
        "mailing",
        mailing.id,
        by=by,
        changes={"members": {member_id: len(ids)}},
    )
    carrier.tell(tasks, by=by, today=today)
    return len(ids)


def claim(
    mailing: Mailing,
    *,
    member_id: int,
    number: int | None = None,
    by: User | None,
    today: date,
) -> int:
    """Give pieces of the pool to a member: all, or so many. A piece has one claimant."""
    _refuse_claimant(mailing, member_id, by, today)
    pool = [
        each
        for each in held(mailing.id, State.TO_PREPARE, State.PREPARED)
        if each.member_id is None
    ]
    if not pool:
        raise Refused(_("Nothing is left in the pool: somebody else took it."))
    chosen = meant(pool, count=number)
    taken = take([each.id for each in chosen], member_id)
    audit.record(
        "claim_pieces", "mailing", mailing.id, by=by, changes={"members": {member_id: taken}}
    )
    return taken


def take(piece_ids: Sequence[int], member_id: int) -> int:
    """Write the claimant where there is none. Raises `Refused` unless all were free."""
    taken = 0
    for some in db.batches(piece_ids, _AT_ONCE):
        done: Any = db.session.execute(
            update(Piece)
            .where(
                Piece.id.in_(some),
                Piece.member_id.is_(None),
                Piece.state != State.POSTED,
            )
            .values(member_id=member_id),
            execution_options={"synchronize_session": False},
        )
        taken += done.rowcount
    if taken < len(piece_ids):
        raise Refused(_("Somebody else took some of these. Look again and take others."))
    _expire()
    return taken


def _refuse_claimant(mailing: Mailing, member_id: int, by: User | None, today: date) -> None:
    begin_or_own = by is not None and db.session.scalar(
        select(Member.id).where(Member.id == member_id, Member.user_id == by.id)
    )
    if begin_or_own:
        db.take_turn(f"pack-{mailing.id}")
        if mailing.closed_at is not None:
            raise Refused(_("This pack is closed."))
    else:
        begin(mailing, by)
    sees = access.scope(by, Can.SEE_MEMBERS) if by is not None and not begin_or_own else None
    known = select(Member.id).where(Member.id == member_id, Member.merged_into_id.is_(None))
    if begin_or_own:
        known = known.join(Membership, Membership.member_id == Member.id).where(
            Membership.chapter_id == mailing.chapter_id, open_on(today)
        )
    elif sees is not None:
        known = (
            visible_members(sees, today=today, one_by_one=True)
            .where(Member.id == member_id)
            .with_only_columns(Member.id)
        )
    if db.session.scalar(known.limit(1)) is None:
        raise Refused(_("This person is not a member of your chapters."), "member")


# Closed


def close_pack(mailing: Mailing, *, reason: str | None = None, by: User | None) -> None:
    """Put a pack away: what is not posted yet is not asked of anybody any more."""
    begin(mailing, by, may_be_closed=True)
    if mailing.closed_at is not None:
        return
    mailing.closed_at = db.now()
    db.session.flush()
    open_tasks = carrier.open_tasks(mailing.id)
    audit.record("close_pack", "mailing", mailing.id, by=by, reason=reason)
    carrier.call_off(open_tasks, by=by, reason=reason)


def reopen_pack(mailing: Mailing, *, by: User | None) -> None:
    """Take a pack that was put away up again."""
    begin(mailing, by, may_be_closed=True)
    if mailing.closed_at is None:
        return
    mailing.closed_at = None
    db.session.flush()
    audit.record("reopen_pack", "mailing", mailing.id, by=by)


def write_pieces(piece_ids: Iterable[int], **values: Any) -> None:
    """Write columns of many pieces."""
    for some in db.batches(list(piece_ids), _AT_ONCE):
        db.session.execute(
            update(Piece).where(Piece.id.in_(some)).values(**values),
            execution_options={"synchronize_session": False},
        )
    _expire()


def _expire() -> None:
    for record in db.session:
        if isinstance(record, Piece):
            db.session.expire(record)
