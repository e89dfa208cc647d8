"""What happens to a sign-in, on both databases."""

from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import select

from crm.accounts import operations, queries, rules
from crm.accounts.models import User
from crm.core import db, links
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from tests import make
from tests.accounts.conftest import PASSWORD, with_password

NEW = "two herons at the weir"


def done(operation: Callable[..., Any], *args: Any, **values: Any) -> Any:
    with db.unit_of_work():
        return operation(*args, **values)


def token_of(link: rules.Link, user: User) -> str:
    return links.sign(link.purpose, [user.id, rules.digest(user.session_key)])


def verbs() -> list[str]:
    verbs = db.session.scalars(select(AuditEntry.verb).order_by(AuditEntry.id))
    return [verb for verb in verbs if verb != "make"]


def test_it_works(any_app: Flask) -> None:
    admin = make.user(name="Ines Admin")
    user = done(operations.create_user, email=" Ada@Example.org", name="Ada  Brook ", by=admin)
    assert (user.email, user.name, user.password_hash) == ("ada@example.org", "Ada Brook", None)
    token = operations.invitation_link(user).rpartition("/")[2]
    assert queries.find_by_link(rules.INVITATION, token) == user
    done(operations.accept_invitation, token=token, name="Ada B.", password=PASSWORD)
    entered = done(operations.sign_in, email="ADA@example.org ", password=PASSWORD)
    assert entered.name == "Ada B."
    assert entered.signed_in_at is not None
    assert verbs() == ["create_user", "accept_invitation", "sign_in"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"email": "not an address", "name": "Ada"}, "email"),
        ({"email": "TAKEN@example.org", "name": "Ada"}, "email"),
        ({"email": "ada@example.org", "name": "  "}, "name"),
    ],
)
def test_who_cannot_be_added(any_app: Flask, values: dict[str, str], field: str) -> None:
    done(operations.create_user, email="taken@example.org", name="Bo", by=None)
    with pytest.raises(Refused) as refusal:
        done(operations.create_user, **values, by=None)
    assert refusal.value.field == field
    assert db.session.query(User).count() == 1


def test_the_same_words_whatever_is_wrong(any_app: Flask) -> None:
    user = with_password(make.user())
    idle = with_password(make.user())
    invited = make.user()
    email, idle_email, invited_email = user.email, idle.email, invited.email
    done(operations.deactivate, idle, by=None)
    said = set()
    for typed, password in [
        (email, "wrong password"),
        ("unknown@example.org", PASSWORD),
        (idle_email, PASSWORD),
        (invited_email, PASSWORD),
        (invited_email, "nobody's password"),
    ]:
        with pytest.raises(Refused) as refusal:
            done(operations.sign_in, email=typed, password=password)
        said.add((str(refusal.value.message), refusal.value.field))
    assert len(said) == 1


def test_an_outdated_hash_is_made_anew_and_the_sessions_go_on(any_app: Flask) -> None:
    user = make.user()
    email, key = user.email, user.session_key
    with db.unit_of_work():
        user.password_hash = PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)
        operations.activate(user, by=None)
    entered = done(operations.sign_in, email=email, password=PASSWORD)
    assert not rules.is_outdated(entered.password_hash)
    assert entered.session_key == key


def test_a_link_works_once(any_app: Flask) -> None:
    user = with_password(make.user())
    email, session_id = user.email, user.get_id()
    token = token_of(rules.RESET, user)
    done(operations.reset_password, token=token, password=NEW)
    with pytest.raises(Refused, match="has been used"):
        done(operations.reset_password, token=token, password="another good one")
    assert queries.find_by_session(session_id) is None
    assert done(operations.sign_in, email=email, password=NEW)


def test_links_that_do_not_work(any_app: Flask) -> None:
    user = with_password(make.user())
    for token in (
        "",
        "nonsense",
        token_of(rules.INVITATION, user),
        token_of(rules.RESET, user) + "x",
        links.sign("reset", [user.id + 1, rules.digest(user.session_key)]),
    ):
        with pytest.raises(Refused):
            done(operations.reset_password, token=token, password=NEW)


def test_a_link_expires(any_app: Flask) -> None:
    user = with_password(make.user())
    token = token_of(rules.RESET, user)
    assert links.read("reset", token, hours=1) is not None
    assert links.read("reset", token, hours=-1) is None


def test_a_weak_password_does_not_spend_the_link(any_app: Flask) -> None:
    user = with_password(make.user())
    token = token_of(rules.RESET, user)
    with pytest.raises(Refused) as refusal:
        done(operations.reset_password, token=token, password="short")
    assert refusal.value.field == "password"
    assert queries.find_by_link(rules.RESET, token) is not None


def test_deactivating_ends_sessions_and_links(any_app: Flask) -> None:
    admin, user = make.user(), with_password(make.user())
    email, session_id, token = user.email, user.get_id(), token_of(rules.RESET, user)
    done(operations.deactivate, user, by=admin)
    assert queries.find_by_session(session_id) is None
    assert queries.find_by_link(rules.RESET, token) is None
    done(operations.activate, queries.find_user(email), by=admin)
    assert queries.find_by_session(session_id) is None
    assert done(operations.sign_in, email=email, password=PASSWORD)


def test_nobody_shuts_themselves_out(any_app: Flask) -> None:
    user = make.user()
    with pytest.raises(Refused):
        done(operations.deactivate, user, by=user)


def test_ending_sessions(any_app: Flask) -> None:
    user = make.user()
    session_id = user.get_id()
    assert queries.find_by_session(session_id) is not None
    done(operations.end_sessions, user, by=None)
    assert queries.find_by_session(session_id) is None


def test_a_change_of_password_needs_the_present_one(any_app: Flask) -> None:
    user = with_password(make.user())
    email = user.email
    with pytest.raises(Refused) as refusal:
        done(operations.change_password, user=user, present="wrong", password=NEW, by=user)
    assert refusal.value.field == "present"
    user = queries.find_user(email)
    done(operations.change_password, user=user, present=PASSWORD, password=NEW, by=user)
    assert done(operations.sign_in, email=email, password=NEW)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"language": "tlh"}, "language"),
        ({"theme": "neon"}, "theme"),
        ({"name": " "}, "name"),
    ],
)
def test_preferences_that_are_none(any_app: Flask, change: dict[str, str], field: str) -> None:
    user = make.user()
    values = {"name": "Ada", "language": None, "timezone": None, "theme": None, **change}
    with pytest.raises(Refused) as refusal:
        done(operations.update_preferences, user=user, by=user, **values)
    assert refusal.value.field == field


def test_an_accepted_invitation_is_not_sent_again(any_app: Flask) -> None:
    user = with_password(make.user())
    with pytest.raises(Refused, match="accepted"):
        done(operations.send_invitation, user, by=None)


def test_without_mail_the_link_is_handed_over(any_app: Flask) -> None:
    user = make.user()
    assert not done(operations.send_invitation, user, by=None)
    assert operations.invitation_link(user).startswith("http://127.0.0.1:8000/welcome/")


def test_a_reset_link_is_handed_over(any_app: Flask) -> None:
    user = with_password(make.user())
    link = done(operations.reset_link, user, by=None)
    assert queries.find_by_link(rules.RESET, link.rpartition("/")[2]) is not None
    assert verbs()[-1] == "reset_link"
    done(operations.deactivate, user, by=None)
    with pytest.raises(Refused):
        done(operations.reset_link, user, by=None)


def test_an_invitation_is_for_those_without_a_password(any_app: Flask) -> None:
    user = with_password(make.user())
    assert queries.find_by_link(rules.INVITATION, token_of(rules.INVITATION, user)) is None


def test_a_session_id_that_is_none(any_app: Flask) -> None:
    for session_id in ("", "x", "1", "999.key", "-1.key", "²."):
        assert queries.find_by_session(session_id) is None
