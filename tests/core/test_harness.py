"""What the tests themselves rest on."""

from collections.abc import Callable
from types import SimpleNamespace

from flask import Flask, Response, stream_with_context
from flask.testing import FlaskClient
from flask_login import current_user

from crm.core.access import public


def test_two_people_in_one_test_are_two_people(
    app: Flask, people: SimpleNamespace, sign_in: Callable[[object], FlaskClient]
) -> None:
    @app.get("/who")
    @public
    def who() -> Response:
        def lines() -> object:
            yield current_user.name

        return Response(stream_with_context(lines()))

    first, second = sign_in(people.coordinator), sign_in(people.outsider)
    assert first.get("/who").text == "Cory Coordinator"
    assert second.get("/who").text == "Otto Outsider"
    assert first.get("/who").text == "Cory Coordinator"
