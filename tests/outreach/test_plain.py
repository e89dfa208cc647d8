"""Free texts lose the names of members who took part, beyond those who may know them."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.core import db
from crm.members.disclosure import Viewer
from crm.outreach.models import Action, ActionTarget
from crm.outreach.operations import record_outcome
from crm.outreach.plain import Plain, without_members

SignIn = Callable[[object], FlaskClient]
Log = Callable[..., Action]
SAID = "Thanks Ana Brook and the Brook family, says the Senator"


@pytest.mark.parametrize(
    ("names", "but", "told"),
    [
        ([], "", SAID),
        ([("Ana", "Brook")], "", "Thanks a member and the a member family, says the Senator"),
        ([("Ana", None)], "", SAID),
        ([("Ana", "Brook")], "Jo Brook", "Thanks a member and the Brook family, says the Senator"),
        ([("Sena", "tor")], "", SAID),
    ],
)
def test_it_works(app: Flask, names: list[tuple[str, str | None]], but: str, told: str) -> None:
    with app.test_request_context():
        assert Plain(names, but)(SAID) == told
        assert Plain(names).maybe(None) is None


WORDS = st.text(alphabet="AaBbKkSsIi ſıİK-'.", max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    names=st.lists(st.tuples(WORDS, WORDS.map(str.strip)), max_size=5),
    text=st.text(alphabet="AaBbKkSsIi -'.", max_size=20),
)
def test_a_text_of_plain_letters_is_told_as_any_other(
    app: Flask, names: list[tuple[str, str]], text: str
) -> None:
    """Another letter at its end has all names looked for at once."""
    with app.test_request_context():
        assert Plain(names)(f"{text} xé") == f"{Plain(names)(text)} xé"


def test_whose_names_go(any_app: Flask, any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    number = log(s, members={s.members[0]: 10}).id
    with any_app.test_request_context():
        for who, knows in (("leader", True), ("outsider", False), ("viewer", False)):
            plain = without_members([number], to=Viewer.of(getattr(s.people, who)))
            assert ("Brook" in plain(SAID)) is knows, who
        assert "Brook" in without_members([number], to=Viewer.of(s.people.admin))(SAID)
        assert "Brook" not in without_members([number])(SAID)


def test_every_place_a_summary_and_a_place_are_read(
    scene: SimpleNamespace, log: Log, sign_in: SignIn
) -> None:
    number = log(scene, members={scene.members[0]: 10}, place="Home of Ana Brook").id
    row = db.session.query(ActionTarget).filter_by(action_id=number).first()
    assert row
    day = date(2026, 4, 1)
    target, row_id = row.target_id, row.id
    with db.unit_of_work():
        record_outcome(
            action_target_id=row_id, kind="refusal", received_on=day, summary=SAID, by=None,
            today=day,
        )  # fmt: skip
    places = (
        f"/outreach/{number}",
        f"/targets/{target}",
        f"/targets/{target}/dossier",
        "/reports/answers",
        "/reports/actions",
    )
    for who in ("outsider", "viewer"):
        client = sign_in(getattr(scene.people, who))
        for url in places:
            answer = client.get(url)
            assert answer.status_code == 200, url
            assert "Brook" not in answer.text, url
    assert "Brook" in sign_in(scene.people.leader).get(f"/outreach/{number}").text
    for name in ("answers", "actions"):
        assert "Brook" not in sign_in(scene.people.admin).get(f"/reports/{name}.csv").text
