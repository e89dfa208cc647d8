"""What was given up: read, tried again, put away; by whoever runs it all, and nobody else."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from crm.core import db, given_up, outbox
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.core.mail_models import WorkerSeen
from crm.core.outbox import PERHAPS, Outgoing, State
from tests.members.test_queries import statements

SignIn = Callable[[object], FlaskClient]


def rows(*faults: str | None, state: State = State.DEAD, **more: Any) -> list[int]:
    """Rows of the outbox, one a fault."""
    with db.unit_of_work():
        made = [
            Outgoing(
                job="mail", about="reset", state=state, fault=fault, tries=3, due_at=db.now(),
                payload=outbox.seal({"to": "Ada <ada.brook@example.org>", "body": "secret words"}),
                recipient="f00d", ended_at=db.now() if state == State.DEAD else None, **more,
            )
            for fault in faults
        ]  # fmt: skip
        db.session.add_all(made)
        db.session.flush()
        return [row.id for row in made]


def states() -> list[str]:
    """Where the rows stand."""
    db.rollback()
    return list(db.session.scalars(select(Outgoing.state).order_by(Outgoing.id)))


def test_it_works(any_app: Flask) -> None:
    first, second, third = rows("no (550)", PERHAPS, None)
    with db.unit_of_work():
        assert given_up.retry(None, by=None) == 2
    # What may have left is tried again where somebody says so of that one.
    assert states() == [State.WAITING, State.DEAD, State.WAITING]
    with db.unit_of_work():
        assert given_up.retry([second], by=None) == 1
        entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry
        assert (entry.verb, entry.record_id) == ("retry_outbox", second)
        assert entry.changes == {"rows": 1, "kinds": "reset"}
    with pytest.raises(Refused), db.unit_of_work():
        given_up.put_away([first], by=None)
    assert states() == [State.WAITING] * 3
    row = db.session.get(Outgoing, third)
    assert row
    assert (row.tries, row.ended_at) == (0, None)


def test_what_is_put_away_says_no_more(any_app: Flask) -> None:
    rows("no", PERHAPS)
    with db.unit_of_work():
        assert given_up.put_away(None, by=None) == 2
    assert states() == [State.GONE] * 2
    assert list(db.session.scalars(select(Outgoing.payload))) == [{}, {}]


def test_what_is_over_is_forgotten_and_a_key_only_after_years(any_app: Flask) -> None:
    rows("no")
    rows(None, None, state=State.DONE, batch="letter")
    [keyed] = rows(None, state=State.DONE, key="once")
    [ancient] = rows(None, state=State.DONE, key="years ago")
    [lately] = rows("no")
    long_ago = db.now() - timedelta(days=400)
    with db.unit_of_work():
        db.session.add(WorkerSeen(name="old:1", seen_at=long_ago))
        old = update(Outgoing).where(Outgoing.id != lately).values(ended_at=long_ago)
        db.session.execute(old)
        years_ago = db.now() - timedelta(days=1100)
        db.session.execute(
            update(Outgoing).where(Outgoing.id == ancient).values(ended_at=years_ago)
        )
    with db.unit_of_work():
        given_up.keep()
    assert sorted(db.session.scalars(select(Outgoing.id))) == [keyed, lately]
    assert db.session.get(Outgoing, keyed).recipient is None  # type: ignore[union-attr]
    assert not db.session.scalar(select(func.count()).select_from(WorkerSeen))
    with db.unit_of_work():
        assert outbox.put("mail", {}, key="once") is None


def test_the_page(app: Flask, people: SimpleNamespace, sign_in: SignIn) -> None:
    first, _second = rows("the mail server refused it for good (550)", PERHAPS)
    rows(None, state=State.WAITING)
    admin = sign_in(people.admin)
    page = admin.get("/settings/outbox").text
    assert "refused it for good (550)" in page
    assert "it may arrive twice" in page
    assert "a…@example.org" in page
    assert "ada.brook" not in page
    assert "secret words" not in page
    assert "Forget what is over" in page
    assert "2 messages or jobs were given up" in admin.get("/").text
    answer = admin.post("/settings/outbox/retry", data={"row": first})
    assert (answer.status_code, answer.location) == (303, "/settings/outbox")
    assert states() == [State.WAITING, State.DEAD, State.WAITING]
    assert admin.post("/settings/outbox/retry", data={"row": first}).status_code == 409
    assert admin.post("/settings/outbox/retry", data={"row": "x"}).status_code == 400
    assert admin.post("/settings/outbox/put-away", data={"all": "1"}).status_code == 303
    assert states() == [State.WAITING, State.GONE, State.WAITING]


def test_a_worker_that_is_gone_is_told(
    app: Flask, people: SimpleNamespace, sign_in: SignIn
) -> None:
    rows(None, state=State.WAITING)
    admin = sign_in(people.admin)
    assert "Nothing is sent" not in admin.get("/").text
    with db.unit_of_work():
        db.session.execute(update(Outgoing).values(due_at=db.now() - timedelta(minutes=11)))
    assert "Nothing is sent" in admin.get("/").text
    assert "No worker was seen for ten minutes" in admin.get("/settings/outbox").text
    with db.unit_of_work():
        db.session.add(WorkerSeen(name="here:1"))
    assert "Nothing is sent" not in admin.get("/").text


@pytest.mark.parametrize("role", ["staff", "leader", "viewer"])
def test_others_are_kept_out(
    app: Flask, people: SimpleNamespace, sign_in: SignIn, role: str
) -> None:
    rows("no")
    client = sign_in(getattr(people, role))
    assert client.get("/settings/outbox").status_code == 403
    assert client.post("/settings/outbox/put-away", data={"all": "1"}).status_code == 403
    assert "given up" not in client.get("/").text


def test_the_page_asks_as_much_of_many(
    app: Flask, people: SimpleNamespace, sign_in: SignIn
) -> None:
    rows("no")
    admin = sign_in(people.admin)
    admin.get("/settings/outbox")
    with statements() as few:
        admin.get("/settings/outbox")
    rows(*["no"] * 120)
    with statements() as many:
        admin.get("/settings/outbox")
    assert len(many) == len(few) <= 16


def test_the_commands(app: Flask) -> None:
    [first] = rows("no (550)")
    run = app.test_cli_runner().invoke
    told = run(args=["outbox"]).output
    assert f"{first}: reset, 3 tries: no (550)" in told
    assert "ada" not in told
    assert run(args=["outbox", "retry"]).exit_code == 1
    assert run(args=["outbox", "retry", str(first)]).output == "Tried again: 1\n"
    assert states() == [State.WAITING]
