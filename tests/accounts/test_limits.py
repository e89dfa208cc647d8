"""How often somebody may try."""

import logging
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from crm.accounts.models import User
from crm.core import limits
from tests.accounts.conftest import PASSWORD

WRONG = "not it at all"


def attempt(client: FlaskClient, email: str, password: str = WRONG, ip: str = "192.0.2.1") -> int:
    data = {"email": email, "password": password}
    return client.post("/sign-in", data=data, environ_base={"REMOTE_ADDR": ip}).status_code


def test_it_works(
    throttled: Flask, client: FlaskClient, ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    email = ada.email
    tries = [attempt(client, email, ip=f"192.0.2.{n}") for n in range(12)]
    assert tries == [422] * 10 + [429] * 2
    # The right password does not help now, wherever it comes from; another person is let in.
    assert attempt(client, f" {email.upper()}", PASSWORD, ip="198.51.100.7") == 429
    page = client.post("/sign-in", data={"email": email, "password": "x"})
    assert b"Wait a few minutes, then try again." in page.data
    assert client.get("/sign-in").status_code == 200
    assert email not in caplog.text
    assert "192.0.2" not in caplog.text


def test_an_unknown_address_is_counted_alike(throttled: Flask, client: FlaskClient) -> None:
    assert [attempt(client, "no@example.org") for _ in range(11)] == [422] * 10 + [429]


def test_one_client_trying_many_addresses(throttled: Flask, client: FlaskClient) -> None:
    tries = [attempt(client, f"person{n}@example.org") for n in range(51)]
    assert tries == [422] * 50 + [429]
    assert attempt(client, "person99@example.org", ip="198.51.100.7") == 422


def test_only_failures_count(throttled: Flask, client: FlaskClient, ada: User) -> None:
    email = ada.email
    assert {attempt(client, email, PASSWORD) for _ in range(60)} == {303}


def test_a_forgotten_password_is_asked_for_a_few_times(
    throttled: Flask, client: FlaskClient
) -> None:
    tries = [client.post("/forgot", data={"email": "no@example.org"}).status_code for _ in range(6)]
    assert tries[-1] == 429
    assert 429 not in tries[:-1]


def test_the_present_password_cannot_be_guessed(
    throttled: Flask, sign_in: Callable[[object], FlaskClient], people: SimpleNamespace
) -> None:
    client, colleague = sign_in(people.leader), sign_in(people.coordinator)
    data = {"present": "guess", "password": PASSWORD, "again": PASSWORD}
    tries = [client.post("/preferences/password", data=data).status_code for _ in range(11)]
    assert tries == [422] * 10 + [429]
    assert colleague.post("/preferences/password", data=data).status_code == 422


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
    ],
)
def test_a_client_of_ipv6_has_many_addresses(app: Flask, address: str, key: str) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert limits.by_client() == key
