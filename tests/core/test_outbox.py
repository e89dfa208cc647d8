"""Whatever happens to workers and clocks, no row is done twice and none is lost."""

import shutil
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select, update

from crm import create_app
from crm.core import db, given_up, outbox
from crm.core.outbox import PERHAPS, Job, Later, Never, Outgoing, State, Turn
from tests.conftest import settings_for


class Killed(BaseException):
    """A worker that is no more: nothing of it runs on."""


class Machine(RuleBasedStateMachine):
    """Two workers, a clock that moves both ways, and somebody who pauses and decides."""

    app: Flask

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 3, 8, 6, tzinfo=UTC)
        #: What each row's message did in the world, and what the next one who does it meets.
        self.left: Counter[int] = Counter()
        self.meets = "well"
        self.rows: set[int] = set()
        self.again: Counter[int] = Counter()
        self.hands: dict[str, list[tuple[int, str, Turn]]] = {"a": [], "b": []}
        self.keys: set[str] = set()

    @initialize()
    def begin(self) -> None:
        self.context = self.app.app_context()
        self.context.push()
        db.now = lambda: self.now
        outbox.job(self.app, Job("letter", "Letter", self.send, lane="m", alone=True, most=3))
        with db.unit_of_work():
            db.session.execute(delete(Outgoing))

    def teardown(self) -> None:
        if hasattr(self, "context"):
            self.finish()
            db.rollback()
            self.context.pop()

    def send(self, _payload: Any, turn: Turn) -> None:
        if self.meets == "killed before":
            raise Killed
        if self.meets == "refused before":
            raise Later("no")
        if self.meets == "a bug before":
            raise ValueError
        turn.hand_over()
        if self.meets == "refused after":
            raise Later("no")
        if self.meets == "for good":
            raise Never("no")
        self.left[turn.row_id] += 1
        if self.meets == "killed after":
            raise Killed
        if self.meets == "a bug after":
            raise ValueError

    @rule(key=st.none() | st.sampled_from("xyz"), batch=st.none() | st.just("b"))
    def put(self, key: str | None, batch: str | None) -> None:
        with db.unit_of_work():
            row = outbox.put("letter", {}, key=key, batch=batch)
        assert (row is None) == (key in self.keys)
        if row is not None:
            self.rows.add(row)
        if key:
            self.keys.add(key)

    @rule(who=st.sampled_from("ab"), most=st.integers(1, 3))
    def take(self, who: str, most: int) -> None:
        self.hands[who] += outbox.take("m", most=most)

    @precondition(lambda self: any(self.hands.values()))
    @rule(
        who=st.sampled_from("ab"),
        meets=st.sampled_from(
            ["well", "well", "killed before", "killed after", "refused before", "refused after",
             "for good", "a bug before", "a bug after"]
        ),
    )  # fmt: skip
    def do(self, who: str, meets: str) -> None:
        if not self.hands[who]:
            return
        _row, name, turn = self.hands[who].pop(0)
        self.meets = meets
        try:
            outbox.carry_out(name, turn)
        except Killed:
            db.rollback()
            # With it goes all it had.
            self.hands[who] = []

    @rule(who=st.sampled_from("ab"))
    def stop(self, who: str) -> None:
        if self.hands[who]:
            outbox._give_back([turn for _row, _name, turn in self.hands[who]])
        self.hands[who] = []

    @rule(seconds=st.sampled_from([1, 40, 400, 4000, -40, -4000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def sweep(self) -> None:
        outbox.sweep()

    @rule()
    def pause(self) -> None:
        with db.unit_of_work():
            outbox.pause("b")

    @rule()
    def resume(self) -> None:
        with db.unit_of_work():
            outbox.resume("b")

    @rule()
    def try_again(self) -> None:
        # What may have left is tried again by a person's word alone, who then knows.
        with db.unit_of_work():
            rows = {row for row, state, fault in standing() if state == State.DEAD}
            if any(fault != PERHAPS for _r, state, fault in standing() if state == State.DEAD):
                given_up.retry(None, by=None)
            assert rows <= self.rows

    @invariant()
    def nothing_twice_and_nothing_lost(self) -> None:
        if not hasattr(self, "context"):
            return
        found = {row: (state, fault) for row, state, fault in standing()}
        assert set(found) == self.rows
        assert max(self.left.values(), default=0) <= 1
        for row in self.left:
            state, fault = found[row]
            # What left is done, or stands where only a person goes on with it.
            assert state in (State.DONE, State.HANDED) or (state, fault) == (State.DEAD, PERHAPS)
        for row, (state, _fault) in found.items():
            assert state != State.DONE or self.left[row] == 1

    def finish(self) -> None:
        """Everybody works well from now on: all is done, or waits for a person."""
        self.meets, self.hands = "well", {"a": [], "b": []}
        with db.unit_of_work():
            outbox.resume("b")
        for _ in range(4):
            self.now += timedelta(days=3)
            outbox.sweep()
            outbox.drain()
        assert {state for _row, state, _fault in standing()} <= {State.DONE, State.DEAD}
        assert max(self.left.values(), default=0) <= 1


def standing() -> list[tuple[int, str, str | None]]:
    """Row, state and fault of all."""
    if db.is_reading():
        db.rollback()
    found = db.session.execute(select(Outgoing.id, Outgoing.state, Outgoing.fault))
    return [(row.id, row.state, row.fault) for row in found]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_is_done_twice_and_nothing_is_lost(
    kind: str, request: pytest.FixtureRequest, sqlite_template: Path, monkeypatch: Any
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="crm-outbox-"))
    if kind == "sqlite":
        shutil.copy(sqlite_template, folder / "crm.sqlite3")
        made = create_app(settings_for(folder))
    else:
        address = request.getfixturevalue("postgres")
        made = create_app(settings_for(folder, database_url=address))

    class Here(Machine):
        app = made

    monkeypatch.setattr(db, "now", db.now)
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    few = settings(
        max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=checks,
        derandomize=True, database=None,
    )  # fmt: skip
    try:
        run_state_machine_as_test(Here, settings=few)
    finally:
        with made.app_context():
            with db.unit_of_work():
                db.session.execute(delete(Outgoing))
            db.session.remove()
            db.extension.engine.dispose()
        shutil.rmtree(folder, ignore_errors=True)


def noop(app: Flask, **more: Any) -> list[int]:
    """A job whose rows note that they were done."""
    done: list[int] = []
    outbox.job(app, Job("note", "Note", lambda payload: done.append(payload["n"]), **more))
    return done


def test_what_kills_whoever_does_it_is_given_up_alone(any_app: Flask) -> None:
    noop(any_app, most=3)
    with db.unit_of_work():
        for number in range(4):
            outbox.put("note", {"n": number})
    for _ in range(3):
        taken = outbox.take("work")
        # Whoever took them was killed by the first.
        with db.unit_of_work():
            over = update(Outgoing).values(lease_until=db.now() - timedelta(seconds=1))
            db.session.execute(over.where(Outgoing.state == State.TAKEN))
        outbox.sweep()
        assert taken[0][0] == 1
    assert [state for _row, state, _fault in sorted(standing())] == [State.DEAD] + [
        State.WAITING
    ] * 3
    assert outbox.drain() == 3


def test_a_pause_holds_what_was_taken(any_app: Flask) -> None:
    done = noop(any_app)
    with db.unit_of_work():
        for number in range(3):
            outbox.put("note", {"n": number}, batch="b")
    taken = outbox.take("work")
    with db.unit_of_work():
        assert outbox.pause("b") == 3
    for _row, name, turn in taken:
        assert outbox.carry_out(name, turn) == State.GONE
    assert outbox.drain() == 0
    assert outbox.counts("b") == {State.HELD: 3}
    with db.unit_of_work():
        assert outbox.resume("b") == 3
    outbox.drain()
    assert done[-3:] == [0, 1, 2]
    assert outbox.counts("b") == {State.DONE: 3}


def test_who_is_slow_keeps_what_comes_after(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    done = noop(app, patience=3)
    with db.unit_of_work():
        for number in range(3):
            outbox.put("note", {"n": number})
    passed = iter([0.0] + [float(n) for n in range(0, 100, 2)])
    leases: list[Any] = []
    real = outbox.carry_out

    def watch(name: str, turn: Turn) -> State:
        leases.append(db.session.scalar(select(Outgoing.lease_until).where(Outgoing.id == 3)))
        db.rollback()
        return real(name, turn)

    monkeypatch.setattr(outbox.time, "monotonic", lambda: next(passed))
    monkeypatch.setattr(outbox, "carry_out", watch)
    outbox.work("work")
    monkeypatch.undo()
    assert done == [0, 1, 2]
    assert leases[0] < leases[-1]


def test_who_cannot_sign_in_does_not_stand_behind_ten_thousand_letters(any_app: Flask) -> None:
    noop(any_app)
    outbox.let_others_first(any_app, "letter")
    with db.unit_of_work():
        for _each in range(30):
            outbox.put("note", {}, about="letter")
    with db.unit_of_work():
        reset, other = outbox.put("note", {}, about="reset"), outbox.put("note", {})
    assert [row_id for row_id, _name, _turn in outbox.take("work")] == [reset, other]
    assert len(outbox.take("work")) == outbox.TAKE
    assert len(outbox.take("work")) == 10
