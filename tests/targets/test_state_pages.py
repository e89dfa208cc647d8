"""A state's legislature on the page of imports: looked at, carried out, refused."""

import re
from collections.abc import Callable
from io import BytesIO
from types import SimpleNamespace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from crm.core import db
from crm.targets.models import Target
from tests.targets.test_bad_states import zipped

SignIn = Callable[[object], FlaskClient]


def sent(state: str, content: bytes | None = None, **more: str) -> dict[str, object]:
    data: dict[str, object] = {"what": "state", "state": state, **more}
    if content is not None:
        data["archive"] = (BytesIO(content), "people.zip")
    return data


def test_it_works(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.coordinator)
    assert "openstates/people/archive" in client.get("/targets/import").text
    answer = client.post("/targets/import", data=sent("WV", zipped()))
    assert answer.status_code == 303
    assert "5 targets new" in client.get(answer.location).text
    page = client.get("/targets?chamber=us-wv/upper").text
    assert "1–2 of 2" in page
    assert "West Virginia Senate: Forests" in page


def test_a_look_first(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.coordinator)
    page = client.post("/targets/import", data=sent("WV", zipped(), do="look")).text
    assert "Ana Álder-Núñez" in page
    assert db.session.scalars(select(Target)).all() == []
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert hidden["state"] == "WV"
    db.rollback()
    answer = client.post("/targets/import", data={**hidden, "do": "import"})
    assert answer.status_code == 303
    assert len(db.session.scalars(select(Target)).all()) == 5


@pytest.mark.parametrize(
    ("state", "content", "sentence"),
    [
        ("", None, "Choose a state."),
        ("WV", b"nonsense", "people.zip is no zip file."),
        ("OH", zipped(), "has no files of Ohio."),
        ("", zipped(), "holds several states"),
        ("ZZ", zipped(), "Not a valid choice"),
    ],
)
def test_a_state_that_cannot_be_imported(
    people: SimpleNamespace, sign_in: SignIn, state: str, content: bytes | None, sentence: str
) -> None:
    answer = sign_in(people.coordinator).post("/targets/import", data=sent(state, content))
    assert answer.status_code == 422
    assert sentence in answer.text
    assert db.session.scalars(select(Target)).all() == []
