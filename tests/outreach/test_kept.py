"""Kept sums are what the rows say, whatever is written, however, and by how many at once."""

from datetime import date
from threading import Thread
from typing import Any
from unittest.mock import patch

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, update

from crm.core import audit, db
from crm.outreach import kept
from crm.outreach.kept import KeptDone, KeptReach
from crm.outreach.models import (
    Action,
    ActionChapter,
    ActionMember,
    ActionRevision,
    ActionTarget,
    Outcome,
    action_ask,
)
from tests.reports.test_any_campaign import deeds, filters, meant, write
from tests.reports.test_any_campaign import world as world

MODELS = {"target": ActionTarget, "chapter": ActionChapter, "member": ActionMember}
#: What any row may be changed to, past all rules; the place of one for ids.
CHANGES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "action": st.fixed_dictionaries({}, optional={
        "pieces": st.integers(3, 9), "unnamed": st.integers(0, 3), "campaign_id": st.integers(0, 1),
        "channel": st.sampled_from(["letter", "meeting"]),
        "happened_on": st.just(date(2026, 1, 5)),
        "undone_at": st.sampled_from([None, "now"]),
    }),
    "target": st.fixed_dictionaries({}, optional={
        "pieces": st.integers(1, 5), "awaiting": st.booleans(), "term_id": st.none(),
        "campaign_id": st.integers(0, 1), "asked": st.integers(0, 2),
    }),
    "member": st.fixed_dictionaries({}, optional={"pieces": st.integers(1, 5)}),
}  # fmt: skip
steps = st.one_of(
    st.tuples(st.just("change"), st.sampled_from(list(CHANGES)), st.integers(0, 4)).flatmap(
        lambda step: CHANGES[step[1]].map(lambda values: (*step, values))
    ),
    st.tuples(st.just("hang"), st.sampled_from(list(MODELS)), st.integers(0, 4), st.integers(0, 3)),
    st.tuples(st.just("lead"), st.integers(0, 4), st.integers(0, 4)),
    st.tuples(st.just("drop"), st.sampled_from([*MODELS, "all"]), st.integers(0, 4)),
    st.tuples(st.just("fold")),
)


def emptied() -> None:
    with db.unit_of_work():
        db.session.execute(delete(action_ask))
        for model in (Outcome, ActionTarget, ActionMember, ActionChapter, ActionRevision, Action):
            db.session.execute(delete(model))
        audit.record("empty", "test", None, by=None)


def take(world: dict[str, Any], step: tuple[Any, ...]) -> None:
    """One step in a unit of work of its own. Places count the actions from the first."""
    verb, *more = step
    actions = list(db.session.scalars(select(Action.id).order_by(Action.id)))
    if verb == "fold":
        kept.fold(loose=-1)
    elif verb == "change":
        name, place, values = more
        if place >= len(actions) or not values:
            return
        values = dict(values)
        if "campaign_id" in values:
            values["campaign_id"] = world["campaigns"][values["campaign_id"]]
        if name == "action" and ("pieces" in values or "unnamed" in values):
            values = {"pieces": 9, "unnamed": 0} | values
        if values.get("undone_at"):
            values["undone_at"] = db.now()
        model = Action if name == "action" else MODELS[name]
        column = Action.id if name == "action" else model.action_id
        db.session.execute(
            update(model).where(column.in_(actions[place : place + 2])).values(values)
        )
    elif verb == "hang":
        name, place, which = more
        if place >= len(actions):
            return
        model = MODELS[name]
        key = f"{name}_id"
        there = set(
            db.session.scalars(select(getattr(model, key)).where(model.action_id == actions[place]))
        )
        ids = [each for each in world[f"{name}s"][: which + 1] if each not in there]
        on = db.session.get_one(Action, actions[place])
        own: dict[str, Any] = {"pieces": 1}
        if name == "target":
            own |= {"channel": on.channel, "campaign_id": on.campaign_id, "awaiting": True,
                    "happened_on": on.happened_on}  # fmt: skip
        if name == "chapter":
            own = {"happened_on": on.happened_on}
        if ids:
            rows = [{"action_id": on.id, key: each, **own} for each in ids]
            db.session.execute(insert(model), rows)
    elif verb == "lead":
        # As a merge does it: all rows of one target are another's, where it has none.
        one, other = (world["targets"][place] for place in more)
        there = select(ActionTarget.action_id).where(ActionTarget.target_id == other)
        mine = ActionTarget.target_id == one
        both = mine & ActionTarget.action_id.in_(there)
        if one != other:
            hanging = Outcome.action_target_id.in_(select(ActionTarget.id).where(both))
            db.session.execute(delete(Outcome).where(hanging))
            db.session.execute(delete(ActionTarget).where(both))
            db.session.execute(update(ActionTarget).where(mine).values(target_id=other))
    elif verb == "drop":
        name, place = more
        if place >= len(actions):
            return
        rows = select(ActionTarget.id).where(ActionTarget.action_id == actions[place])
        if name in ("target", "all"):
            db.session.execute(delete(Outcome).where(Outcome.action_target_id.in_(rows)))
        for each in MODELS if name == "all" else (name,):
            model = MODELS[each]
            db.session.execute(delete(model).where(model.action_id == actions[place]))
        if name == "all":
            asked = action_ask.c.action_id == actions[place]
            db.session.execute(delete(action_ask).where(asked))
            of_it = ActionRevision.action_id == actions[place]
            db.session.execute(delete(ActionRevision).where(of_it))
            db.session.execute(delete(Action).where(Action.id == actions[place]))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    done=st.lists(deeds(), min_size=1, max_size=4),
    taken=st.lists(steps, max_size=8),
    asked=st.lists(filters(), max_size=2),
)
def test_it_works(
    world: dict[str, Any], done: list[Any], taken: list[Any], asked: list[Any]
) -> None:
    emptied()
    for deed in done:
        write(world, deed)
    for step in taken:
        with db.unit_of_work():
            take(world, step)
            audit.record("take", "test", None, by=None)
    assert kept.wrong() == {}, taken
    for filter_ in ({}, *asked):
        wanted = meant(world, filter_)
        if not kept.knows_reach(wanted):
            continue
        for by in ("target_id", "term_id", "campaign_id"):
            told = set(db.session.execute(select(kept.reach(wanted, by))).all())
            with patch.object(kept, "knows_reach", lambda _wanted: False):
                assert told == set(db.session.execute(select(kept.reach(wanted, by))).all())
    with db.unit_of_work():
        kept.rebuild(db.session.connection())
        audit.record("rebuild", "test", None, by=None)
    assert kept.wrong() == {}


def test_many_write_at_once(world: dict[str, Any]) -> None:
    """Each thread hangs other targets, chapters and members on the same two actions, and takes some
    away; one adds up what they leave, again and again."""
    emptied()
    letter = {
        "channel": "letter", "campaign": 0, "pieces": 9, "targets": {}, "members": {},
        "chapters": [], "on": date(2026, 2, 3), "outcomes": [], "undone": False, "asks": [],
        "how": "rows",
    }  # fmt: skip
    for channel in ("letter", "meeting"):
        write(world, letter | {"channel": channel})
    ids = list(db.session.scalars(select(Action.id).order_by(Action.id)))
    db.rollback()
    failed: list[BaseException] = []

    def hang(place: int) -> None:
        with world["app"].app_context():
            try:
                for turn in range(4):
                    for verb in ("hang", "drop") if turn % 2 else ("hang",):
                        with db.unit_of_work():
                            _hang(world, verb, ids, place)
            except BaseException as error:
                failed.append(error)
            finally:
                db.session.remove()

    def fold() -> None:
        with world["app"].app_context():
            for _turn in range(10):
                with db.unit_of_work():
                    kept.fold(loose=-1)
            db.session.remove()

    threads = [Thread(target=hang, args=(place,)) for place in range(3)]
    threads += [Thread(target=fold), Thread(target=fold)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert kept.wrong() == {}
    assert db.session.scalar(select(func.sum(KeptDone.actions))) == 2


def _hang(world: dict[str, Any], verb: str, ids: list[int], place: int) -> None:
    for action_id in ids:
        for model, key, which in (
            (ActionTarget, "target_id", world["targets"][place]),
            (ActionChapter, "chapter_id", world["chapters"][place]),
            (ActionMember, "member_id", world["members"][place]),
        ):
            mine = (model.action_id == action_id, getattr(model, key) == which)
            of_mine = select(ActionTarget.id).where(*mine) if model is ActionTarget else None
            if verb == "drop" and of_mine is not None:
                came = Outcome.action_target_id.in_(of_mine)
                db.session.execute(delete(Outcome).where(came))
            if verb == "drop":
                db.session.execute(delete(model).where(*mine))
                continue
            if db.session.scalar(select(func.count()).select_from(model).where(*mine)):
                continue
            own: dict[str, Any] = {"happened_on": date(2026, 2, 3)}
            if model is not ActionChapter:
                own["pieces"] = 1
            if model is ActionMember:
                del own["happened_on"]
            if model is ActionTarget:
                own |= {"channel": "letter", "campaign_id": world["campaigns"][0]}
            db.session.execute(insert(model).values(action_id=action_id, **{key: which}, **own))
            if of_mine is not None:
                came_of = {"action_target_id": of_mine.scalar_subquery(), "kind": "form_reply",
                           "received_on": date(2026, 3, 1)}  # fmt: skip
                db.session.execute(insert(Outcome).values(**came_of))
    audit.record(verb, "test", None, by=None)


def test_what_cancels_out_goes_when_it_is_added_up(any_app: Flask) -> None:
    with db.unit_of_work():
        rows = [
            {"target_id": 1, "campaign_id": 1, "channel": "letter", "pieces": sign * 5,
             "actions": sign, "awaiting": 0}
            for sign in (1, -1)
        ]  # fmt: skip
        db.session.execute(insert(KeptReach), rows)
        assert kept.wrong() == {}
        kept.fold(loose=-1)
        assert not db.session.scalar(select(func.count()).select_from(KeptReach))


def test_the_command_finds_what_is_wrong_and_makes_it_anew(any_app: Flask) -> None:
    run = any_app.test_cli_runner().invoke
    assert run(args=["kept", "check"]).exit_code == 0
    with db.unit_of_work():
        db.session.execute(
            insert(KeptReach).values(target_id=1, campaign_id=1, channel="letter", pieces=5,
                                     actions=1, awaiting=0)
        )  # fmt: skip
    found = run(args=["kept", "check"])
    assert found.exit_code == 1
    assert "1 of kept_reach" in found.output
    assert run(args=["kept", "rebuild"]).exit_code == 0
    assert run(args=["kept", "check"]).exit_code == 0
