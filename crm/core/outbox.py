"""What is to be done or sent: a row written in the same commit as its cause, and carried out later.

A room says with `job` what can be done, and asks for it with `put`. Nothing is lost: a row that
nobody finished is taken again when its lease is over. Nothing is done twice: a job's effect and its
row's end are one commit. What leaves the database, such as a message, has a point after which it
may have happened; whoever dies there leaves a row for a person to look at, and not a second letter.

    waiting → taken → done
       ↑        ├──→ waiting   failed, and tried again later
      held      ├──→ dead      given up, or nobody knows whether it happened: a person decides
                └──→ gone      not wanted any more
"""

import json
import logging
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from flask import Flask, current_app
from sqlalchemy import JSON, Index, case, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, aliased, mapped_column

from crm.core import db
from crm.core.errors import trace_of
from crm.core.settings import in_force

log = logging.getLogger(__name__)


class State(StrEnum):
    """Where a row stands."""

    WAITING = "waiting"
    #: Kept back by a person, until it is let go again.
    HELD = "held"
    TAKEN = "taken"
    #: Taken, and past the point after which it may have happened.
    HANDED = "handed"
    DONE = "done"
    #: Given up: a person reads why, and lets it be tried again or not.
    DEAD = "dead"
    #: Not wanted any more.
    GONE = "gone"


class Outgoing(db.Model):
    """One thing to be done. What it says (`payload`) goes when it is done."""

    __tablename__ = "outbox"
    __audited__ = False
    __table_args__ = (
        Index("ix_outbox_next", "state", "job", "due_at", "id"),
        Index("ix_outbox_batch", "batch", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[str]
    #: What is asked for once, however often it is asked.
    key: Mapped[str | None] = mapped_column(unique=True)
    #: Rows that are counted, held and let go together.
    batch: Mapped[str | None]
    #: What kind of thing it is, to tell rows of one job apart: a message's name.
    about: Mapped[str | None]
    #: Digest of the address it goes to.
    recipient: Mapped[str | None] = mapped_column(index=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: A `State`.
    state: Mapped[str] = mapped_column(default=State.WAITING)
    due_at: Mapped[datetime]
    taken_by: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    #: Why it failed the last time: what kind of failure, and nobody's name.
    fault: Mapped[str | None]
    made_at: Mapped[datetime] = mapped_column(default=db.now)
    ended_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Job:
    """Something that can be done, by name.

    `do(payload)` runs in one unit of work that also ends the row. A job that is `alone` runs
    outside of any, gets the `Turn` too, and must bear being begun twice: `do(payload, turn)`.
    """

    name: str
    label: Any
    do: Callable[..., object]
    #: Which workers take it: slow mail servers keep nothing else waiting.
    lane: str = "work"
    #: Seconds somebody who took it may be silent, before it is taken for killed.
    patience: int = 300
    alone: bool = False
    #: How often it is tried before it is given up.
    most: int = 8
    #: Called when a lane rests: lets go of what was kept open from one row to the next.
    rest: Callable[[], object] | None = None


class Later(Exception):
    """It could not be done now; the message says why, without names. It is tried again."""

    def __init__(self, why: str, *, seconds: int | None = None):
        super().__init__(why)
        self.seconds = seconds


class Away(Later):
    """It could not be done now, and nothing else of its lane could be: the lane rests a while."""


class Never(Exception):
    """It cannot be done; the message says why, without names. A person looks at it."""


class Unwanted(Exception):
    """It is not to be done any more; the message says why, without names."""


@dataclass
class Turn:
    """One taking of a row by one worker."""

    row_id: int
    token: str
    patience: int
    #: Whether it may have happened.
    handed: bool = False
    _renewed: float = field(default_factory=time.monotonic)

    def renew(self) -> None:
        """Go on having it. Raises `Unwanted` if it was taken away meanwhile.

        For jobs that are `alone` and longer than their patience: said as often as one likes, it
        costs a commit when a third of the patience is over.
        """
        if time.monotonic() - self._renewed > self.patience / 3:
            self._set(lease_until=_in(self.patience))
            self._renewed = time.monotonic()

    def hand_over(self) -> None:
        """From here on it may have happened: nobody tries it again without a person's word.

        Who raises `Later` or `Never` after this says that it has not, and that it is certain.
        """
        self._set(state=State.HANDED, lease_until=_in(self.patience))
        self.handed = True

    def _set(self, **values: Any) -> None:
        with db.unit_of_work():
            mine = update(Outgoing).where(
                Outgoing.id == self.row_id, Outgoing.taken_by == self.token
            )
            if not db.session.execute(mine.values(**values)).rowcount:  # type: ignore[attr-defined]
                raise Unwanted("taken away while it was being done")


#: After how many times the first wait it is tried again, and again.
_WAITS = (1, 4, 20, 120, 480, 1440)
#: What a job that is `alone` returns so that its row keeps what it said, although it is done.
KEEP = object()
#: How many rows one worker takes at once.
TAKE = 20
#: Why a row is given up where nobody knows whether it happened.
PERHAPS = "stopped in the middle: it may have left or not"
#: Seconds between tries to write down that a row is done.
_WRITTEN = (0, 1, 3, 10)


def init_app(app: Flask) -> None:
    """Make the registry of jobs."""
    app.extensions["crm_jobs"] = {}
    #: What rows are about that let all others of their lane go first.
    app.extensions["crm_behind"] = set()
    #: Until when a lane rests in this process, by the monotonic clock.
    app.extensions["crm_resting"] = {}


def job(app: Flask, each: Job) -> None:
    """Say what can be done."""
    app.extensions["crm_jobs"][each.name] = each


def let_others_first(app: Flask, about: str) -> None:
    """Say that rows about this can wait: thousands of letters, and somebody who cannot sign in."""
    app.extensions["crm_behind"].add(about)


def jobs() -> Mapping[str, Job]:
    """All that can be done, by name."""
    found: Mapping[str, Job] = current_app.extensions["crm_jobs"]
    return found


def lanes() -> list[str]:
    """The lanes there are."""
    return sorted({each.lane for each in jobs().values()})


def put(
    name: str,
    payload: Mapping[str, Any],
    *,
    key: str | None = None,
    due: datetime | None = None,
    batch: str | None = None,
    about: str | None = None,
    recipient: str | None = None,
    sealed: bool = False,
    held: bool = False,
) -> int | None:
    """Ask for something in the present unit of work; the row's id, None if `key` was there.

    `sealed`: what it says is kept so that only the application can read it. `held`: it waits for
    somebody to let it go.
    """
    each, now = jobs()[name], db.now()
    if key is not None and db.session.scalar(select(Outgoing.id).where(Outgoing.key == key)):
        return None
    values = {
        "job": name, "key": key, "batch": batch, "about": about, "recipient": recipient,
        "payload": seal(payload) if sealed else dict(payload),
        "state": State.HELD if held else State.WAITING,
        "due_at": due or now, "made_at": now, "tries": 0,
    }  # fmt: skip
    # Of two who ask for the same at the same moment one waits here, and finds it asked for.
    dialect = postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite
    new = dialect.insert(Outgoing).values(**values).on_conflict_do_nothing(index_elements=["key"])
    row_id: int | None = db.session.scalar(new.returning(Outgoing.id))
    if row_id is not None and not held and (due is None or due <= now):
        wake_after_commit(each.lane)
    return row_id


def put_many(name: str, rows: Collection[Mapping[str, Any]]) -> None:
    """Ask for many things at once: each a mapping of `put`'s names, `payload` ready, no `key`."""
    now = db.now()
    values = [
        {
            "job": name, "state": State.WAITING, "due_at": now, "made_at": now, "tries": 0,
            "key": None, "batch": None, "about": None, "recipient": None, **row,
        }
        for row in rows
    ]  # fmt: skip
    for part in db.batches(values):
        db.session.execute(insert(Outgoing), part)
    if values:
        wake_after_commit(jobs()[name].lane)


def counts(batch: str) -> dict[State, int]:
    """How many rows of a batch stand where; a state without rows is absent."""
    found = select(Outgoing.state, func.count()).where(Outgoing.batch == batch)
    rows = db.session.execute(found.group_by(Outgoing.state))
    return {State(state): count for state, count in rows}


def pause(batch: str) -> int:
    """Hold what waits of a batch; how many. Only what may be leaving at this moment goes on."""
    held = _taken_away(State.HELD, Outgoing.batch == batch, Outgoing.state == State.TAKEN)
    waits = (Outgoing.batch == batch, Outgoing.state == State.WAITING)
    return held + _changed(update(Outgoing).where(*waits).values(state=State.HELD))


def resume(batch: str) -> int:
    """Let go what is held of a batch; how many."""
    held = (Outgoing.batch == batch, Outgoing.state == State.HELD)
    count = _changed(update(Outgoing).where(*held).values(state=State.WAITING))
    for lane in lanes():
        wake_after_commit(lane)
    return count


def withdraw(*which: Any) -> int:
    """Want what waits or is held no more: conditions on `Outgoing`. What it said goes."""
    gone = {"payload": {}, "ended_at": db.now(), "taken_by": None, "lease_until": None}
    open_ = Outgoing.state.in_((State.WAITING, State.HELD, State.TAKEN))
    return _changed(update(Outgoing).where(open_, *which).values(state=State.GONE, **gone))


def _taken_away(then: State, *which: Any) -> int:
    """Whoever has it finds out before it leaves, or when its effect would be kept."""
    free = {"taken_by": None, "lease_until": None, "tries": Outgoing.tries - 1}
    return _changed(update(Outgoing).where(*which).values(state=then, **free))


def _changed(statement: Any) -> int:
    done = db.session.execute(statement, execution_options={"synchronize_session": False})
    return int(done.rowcount)  # type: ignore[attr-defined]


# Sealed


def seal(payload: Mapping[str, Any]) -> dict[str, Any]:
    """So that the database, and a copy of it, hold neither addresses nor links that open doors."""
    return {"sealed": _box().encrypt(json.dumps(dict(payload)).encode()).decode()}


def unseal(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What was said. Raises `Never` when the application's key is another since."""
    if "sealed" not in payload:
        return dict(payload)
    try:
        opened: dict[str, Any] = json.loads(_box().decrypt(str(payload["sealed"]).encode()))
    except InvalidToken as error:
        raise Never("sealed with another secret key") from error
    return opened


def _box() -> Fernet:
    key = sha256(b"crm.outbox" + str(current_app.secret_key).encode()).digest()
    return Fernet(urlsafe_b64encode(key))


# Carried out


def take(lane: str, *, most: int = TAKE) -> list[tuple[int, str, Turn]]:
    """Take what is due, oldest first: row id, job and the turn. In a unit of work of its own.

    What may wait (`let_others_first`) is taken once nothing else is due.

    What was tried before is taken by itself: were it to kill whoever does it, it takes nothing
    else along, and is given up once it has done so often enough.
    """
    known = [each.name for each in jobs().values() if each.lane == lane]
    due = (
        select(Outgoing.id, Outgoing.job, Outgoing.tries)
        .where(
            Outgoing.state == State.WAITING,
            Outgoing.job.in_(known),
            Outgoing.due_at <= db.now(),
        )
        .order_by(Outgoing.due_at, Outgoing.id)
    )
    behind = sorted(current_app.extensions["crm_behind"])
    first = due.where(or_(Outgoing.about.is_(None), Outgoing.about.not_in(behind)))
    # Most who are woken find that others have it: they take no lock for that.
    found = db.session.execute(due.limit(1)).first()
    db.rollback()
    if found is None:
        return []
    token = secrets.token_hex(8)
    with db.unit_of_work():
        rows: list[Any] = []
        for some in (first, due):
            rows = rows or list(
                db.session.execute(some.limit(most).with_for_update(skip_locked=True))
            )
        fresh = 0
        while fresh < len(rows) and not rows[fresh].tries:
            fresh += 1
        rows = rows[: max(fresh, 1)]
        taken = {
            "state": State.TAKEN,
            "taken_by": token,
            "lease_until": _in(max((jobs()[row.job].patience for row in rows), default=0)),
            "tries": Outgoing.tries + 1,
        }
        if rows:
            ids = [row.id for row in rows]
            _changed(update(Outgoing).where(Outgoing.id.in_(ids)).values(**taken))
    if len(rows) == most:
        # There may be more than one can do.
        wake(lane)
    return [(row.id, row.job, Turn(row.id, token, jobs()[row.job].patience)) for row in rows]


def carry_out(name: str, turn: Turn) -> State:
    """Do what one row asks; where it stands then."""
    each, is_kept = jobs()[name], False
    try:
        if each.alone:
            is_kept = each.do(_payload(turn), turn) is KEEP
        else:
            with db.unit_of_work():
                each.do(_payload(turn))
                _end(turn, State.DONE)
    except Unwanted as error:
        return _failed(turn, State.GONE, str(error))
    except Never as error:
        return _failed(turn, State.DEAD, str(error))
    except Later as error:
        if isinstance(error, Away):
            until = time.monotonic() + int(in_force().retry_seconds)
            current_app.extensions["crm_resting"][each.lane] = until
        return _again(turn, each, str(error), error.seconds)
    except Exception as error:
        # Where it went wrong goes to the log, and not on what: that may name people.
        log.error("error in the job %s\n%s", name, "".join(trace_of(error)))
        if turn.handed:
            return _failed(turn, State.DEAD, PERHAPS)
        return _again(turn, each, type(error).__name__, None)
    return _written(turn, is_kept=is_kept) if each.alone else State.DONE


def _written(turn: Turn, *, is_kept: bool) -> State:
    """It has happened: a database that is away now must not have it happen again."""
    what = {"payload": Outgoing.payload} if is_kept else {}
    for wait in _WRITTEN:
        time.sleep(wait)
        try:
            with db.unit_of_work():
                _end(turn, State.DONE, **what)
        except Unwanted:
            return State.GONE
        except DBAPIError as error:
            log.warning("not written down yet that a row is done: %s", type(error).__name__)
        else:
            return State.DONE
    # The sweep finds it: what was handed over goes to a person, the rest is begun anew.
    return State.HANDED if turn.handed else State.TAKEN


def work(lane: str, *, until: Callable[[], bool] = lambda: False) -> int:
    """Carry out what is due in a lane until nothing is; how many rows were taken.

    Asks `until` between two rows whether to stop; what was taken and not begun is given back.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    resting: dict[str, float] = app.extensions["crm_resting"]
    count = 0

    def is_over() -> bool:
        return until() or time.monotonic() < resting.get(lane, 0)

    try:
        while not is_over() and (taken := take(lane)):
            fresh = time.monotonic()
            for place, (_id, name, turn) in enumerate(taken):
                if is_over():
                    _give_back([turn for _id, _name, turn in taken[place:]])
                    break
                if time.monotonic() - fresh > turn.patience / 3:
                    # Those before it were slow; nobody was killed.
                    _keep([turn for _id, _name, turn in taken[place:]])
                    fresh = time.monotonic()
                with app.app_context():
                    carry_out(name, turn)
                count += 1
    finally:
        for each in jobs().values():
            if each.lane == lane and each.rest:
                each.rest()
    return count


def drain() -> int:
    """Carry out here and now all that is due in all lanes; how many rows were taken."""
    db.rollback()
    current_app.extensions["crm_resting"].clear()
    count, more = 0, 1
    while more:
        more = sum(work(lane) for lane in lanes())
        count += more
    return count


def sweep() -> int:
    """Take away what a killed worker holds; how many rows. What may have happened is not redone."""
    over = Outgoing.lease_until < db.now()
    held = (Outgoing.state.in_((State.TAKEN, State.HANDED)), over)
    found = db.session.scalar(select(Outgoing.id).where(*held).limit(1))
    db.rollback()
    if found is None:
        return 0
    with db.unit_of_work():
        # Whoever is not dead but slow may still say how it ended: the token stays.
        lost = _dead(PERHAPS, Outgoing.state == State.HANDED, over)
        # What stopped each who did it, as often as it may be tried, is given up.
        often = case(
            {each.name: each.most for each in jobs().values()}, value=Outgoing.job, else_=8
        )
        why = "whoever did it was stopped, each time"
        lost += _dead(why, Outgoing.state == State.TAKEN, over, Outgoing.tries >= often)
        free = {"state": State.WAITING, "taken_by": None, "lease_until": None}
        back = _changed(update(Outgoing).where(Outgoing.state == State.TAKEN, over).values(**free))
    if lost or back:
        log.warning("taken from killed workers: %s again, %s to be looked at", back, lost)
    return lost + back


def _dead(why: str, *which: Any) -> int:
    dead = {"state": State.DEAD, "fault": why, "ended_at": db.now()}
    return _changed(update(Outgoing).where(*which).values(**dead))


def _payload(turn: Turn) -> dict[str, Any]:
    found = db.session.scalar(
        select(Outgoing.payload).where(Outgoing.id == turn.row_id, Outgoing.taken_by == turn.token)
    )
    # An alone job must not keep a reader's snapshot open while it works.
    if db.is_reading():
        db.rollback()
    if found is None:
        raise Unwanted("taken away before it was begun")
    return unseal(found)


def _end(turn: Turn, state: Any, **values: Any) -> None:
    mine = update(Outgoing).where(Outgoing.id == turn.row_id, Outgoing.taken_by == turn.token)
    ended = {"state": state, "taken_by": None, "lease_until": None, **values}
    if state in (State.DONE, State.GONE):
        ended |= {"payload": values.get("payload", {}), "fault": values.get("fault")}
    if isinstance(state, State):
        ended["ended_at"] = db.now()
    if not _changed(mine.values(**ended)):
        raise Unwanted("taken away while it was being done")


def _failed(turn: Turn, state: State, why: str) -> State:
    try:
        with db.unit_of_work():
            _end(turn, state, fault=why[:200])
    except Unwanted:
        # Somebody else has it: what became of it is theirs to say.
        return State.GONE
    return state


def _again(turn: Turn, each: Job, why: str, seconds: int | None) -> State:
    tries = db.session.scalar(select(Outgoing.tries).where(Outgoing.id == turn.row_id)) or 0
    db.rollback()
    if tries >= each.most:
        return _failed(turn, State.DEAD, why)
    first = int(in_force().retry_seconds)
    wait = first * _WAITS[min(max(tries, 1), len(_WAITS)) - 1] if seconds is None else seconds
    # Not all at the same moment: a server that was away is not met by everybody at once.
    wait += secrets.randbelow(max(1, wait // 4 + 1))
    try:
        with db.unit_of_work():
            _end(turn, _waiting(), fault=why[:200], due_at=_in(wait))
    except Unwanted:
        return State.GONE
    return State.WAITING


def _waiting() -> Any:
    """Waiting, or held where the others of its batch are: it was paused meanwhile."""
    other = aliased(Outgoing)
    paused = select(other.id).where(other.batch == Outgoing.batch, other.state == State.HELD)
    return case((paused.exists(), State.HELD.value), else_=State.WAITING.value)


def _give_back(turns: Collection[Turn]) -> None:
    with db.unit_of_work():
        _taken_away(State.WAITING, *_theirs(turns))


def _keep(turns: Collection[Turn]) -> None:
    lease = _in(max(turn.patience for turn in turns))
    with db.unit_of_work():
        _changed(update(Outgoing).where(*_theirs(turns)).values(lease_until=lease))


def _theirs(turns: Collection[Turn]) -> tuple[Any, ...]:
    mine = Outgoing.taken_by.in_({turn.token for turn in turns})
    ids = Outgoing.id.in_([turn.row_id for turn in turns])
    return ids, mine, Outgoing.state == State.TAKEN


def _in(seconds: int) -> datetime:
    return db.now() + timedelta(seconds=seconds)


# Waking


def _nobody(_lane: str) -> None:
    """Until the worker's queue is there: the sweep finds what is due."""


#: Set by the worker's queue: tells a worker that something waits in a lane. Never raises.
wake: Callable[[str], None] = _nobody


def wake_after_commit(lane: str) -> None:
    """Tell a worker once the present unit of work is committed; once for all of a lane's rows."""
    woken: set[str] = db.session.info.setdefault("woken", set())
    if lane in woken:
        return
    woken.add(lane)
    db.after_commit(lambda: wake(lane))
