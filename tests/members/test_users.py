"""Inviting people, giving roles, ending sessions; and the command that does it."""

from collections.abc import Callable
from types import SimpleNamespace

import click
import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from crm.accounts.models import User
from crm.core import db
from crm.core.access import Role
from crm.members.models import ChapterRole
from tests import make

SignIn = Callable[[object], FlaskClient]


@pytest.fixture
def there(people: SimpleNamespace) -> SimpleNamespace:
    people.chief = make.user(Role.ADMINISTRATOR, people.school_a, name="Chief of Alder")
    for name in ("admin", "viewer", "outsider", "chief", "leader"):
        setattr(people, f"{name}_id", getattr(people, name).id)
    people.a_id, people.b_id = people.school_a.id, people.school_b.id
    return people


def form(where: int | str, **more: str) -> dict[str, str]:
    return {
        "name": "New Person", "email": "new@example.org", "role": "leader",
        "chapter_id": str(where), **more,
    }  # fmt: skip


def test_it_works(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.admin)
    answer = client.post("/settings/users/new", data=form(there.a_id))
    assert answer.status_code == 303
    page = client.get(answer.location).text
    for words in ("New Person", "Leader", "Alder High School", "Invited", "Hand this link"):
        assert words in page
    assert "new@example.org" in client.get("/settings/users").text


@pytest.mark.parametrize("who", ["staff", "coordinator", "leader", "member", "viewer"])
def test_only_administrators_come_here(there: SimpleNamespace, sign_in: SignIn, who: str) -> None:
    client = sign_in(getattr(there, who))
    for address in ("/settings/users", "/settings/users/new", f"/settings/users/{there.viewer_id}"):
        assert client.get(address).status_code == 403
    answer = client.post(f"/settings/users/{there.viewer_id}/roles", data=form(there.a_id))
    assert answer.status_code == 403


def test_a_chapters_administrator_sees_its_people_alone(
    there: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(there.chief)
    page = client.get("/settings/users").text
    assert "Lee Leader" in page
    for name in ("Otto Outsider", "Ines Admin", "Sol Staff"):
        assert name not in page
    for user_id in (there.outsider_id, there.admin_id, 9999):
        place = f"/settings/users/{user_id}"
        assert client.get(place).status_code == 404
        for act in ("sessions", "deactivate", "activate", "invitation", "roles"):
            assert client.post(f"{place}/{act}", data=form(there.a_id)).status_code == 404
    (role_id,) = db.session.query(ChapterRole.id).filter_by(user_id=there.admin_id).one()
    for user_id in (there.admin_id, there.viewer_id):
        place = f"/settings/users/{user_id}/roles/{role_id}/revoke"
        assert client.post(place).status_code == 404


def test_a_chapters_administrator_cannot_reach_further(
    there: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(there.chief)
    assert "Everywhere" not in client.get("/settings/users/new").text
    for where in ("everywhere", "", there.b_id):
        answer = client.post("/settings/users/new", data=form(where))
        assert answer.status_code == 422
        answer = client.post(f"/settings/users/{there.viewer_id}/roles", data=form(where))
        assert answer.status_code == 422
    assert db.session.query(User).filter_by(email="new@example.org").count() == 0


def test_somebody_with_a_role_elsewhere_is_looked_after_there(
    there: SimpleNamespace, sign_in: SignIn
) -> None:
    make.kept(ChapterRole(user_id=there.viewer_id, chapter_id=there.b_id, role=Role.STAFF))
    client = sign_in(there.chief)
    place = f"/settings/users/{there.viewer_id}"
    page = client.get(place).text
    assert "outside of your chapters" in page
    assert "Birch High School" not in page
    assert "/welcome/" not in page
    for act in ("sessions", "deactivate", "invitation"):
        answer = client.post(f"{place}/{act}")
        assert answer.status_code == 422
        assert "outside of your chapters" in answer.text


def test_everywhere_is_chosen_and_never_left(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.admin)
    assert client.post("/settings/users/new", data=form("")).status_code == 422
    assert client.post("/settings/users/new", data=form("everywhere")).status_code == 303
    user = db.session.query(User).filter_by(email="new@example.org").one()
    role = db.session.query(ChapterRole).filter_by(user_id=user.id).one()
    assert role.chapter_id is None


@pytest.mark.parametrize(
    "values",
    [
        {"email": "no address"},
        {"email": ""},
        {"email": "x" * 5000},
        {"name": ""},
        {"name": "x" * 5000},
        {"role": "emperor"},
        {"role": ""},
        {"chapter_id": "9999"},
    ],
)
def test_a_bad_invitation_gets_a_sentence(
    there: SimpleNamespace, sign_in: SignIn, values: dict[str, str]
) -> None:
    before = db.session.query(User).count()
    answer = sign_in(there.admin).post("/settings/users/new", data={**form(there.a_id), **values})
    assert answer.status_code == 422
    assert "That could not be saved yet." in answer.text
    assert db.session.query(User).count() == before


def test_a_known_address_gets_the_role(there: SimpleNamespace, sign_in: SignIn) -> None:
    email = there.viewer.email
    client = sign_in(there.admin)
    answer = client.post("/settings/users/new", data=form(there.b_id, email=email.upper()))
    assert answer.location == f"/settings/users/{there.viewer_id}"
    assert "has a sign-in already" in client.get(answer.location).text
    answer = client.post("/settings/users/new", data=form(there.b_id, email=email))
    assert answer.status_code == 422
    assert "has this role there already" in answer.text


def test_a_role_is_given_and_taken_away(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.admin)
    place = f"/settings/users/{there.viewer_id}"
    assert client.post(f"{place}/roles", data=form(there.b_id)).status_code == 303
    assert "Birch High School" in client.get(place).text
    (role_id,) = (
        db.session.query(ChapterRole.id).filter_by(user_id=there.viewer_id, role="leader").one()
    )
    assert client.post(f"{place}/roles/{role_id}/revoke").status_code == 303
    assert "/chapters/birch-high-school" not in client.get(place).text


def test_the_last_administrator_stays(there: SimpleNamespace, sign_in: SignIn) -> None:
    (role_id,) = db.session.query(ChapterRole.id).filter_by(user_id=there.admin_id).one()
    client = sign_in(there.admin)
    place = f"/settings/users/{there.admin_id}"
    answer = client.post(f"{place}/roles/{role_id}/revoke")
    assert answer.status_code == 422
    assert "last administrator" in answer.text
    answer = client.post(f"{place}/deactivate")
    assert answer.status_code == 422
    assert db.session.query(User.active).filter_by(id=there.admin_id).scalar() is True


def test_ended_sessions_are_over_and_who_is_shut_out_stays_out(
    there: SimpleNamespace, sign_in: SignIn
) -> None:
    viewer, admin = sign_in(there.viewer), sign_in(there.admin)
    place = f"/settings/users/{there.viewer_id}"
    assert viewer.get("/preferences").status_code == 200
    assert admin.post(f"{place}/sessions").status_code == 303
    assert viewer.get("/preferences").status_code == 303
    again = sign_in(db.session.get(User, there.viewer_id))
    assert again.get("/preferences").status_code == 200
    assert admin.post(f"{place}/deactivate").status_code == 303
    assert again.get("/preferences").status_code == 303
    assert "Shut out" in admin.get("/settings/users").text
    assert admin.post(f"{place}/activate").status_code == 303
    assert sign_in(db.session.get(User, there.viewer_id)).get("/preferences").status_code == 200


def test_with_the_last_role_here_a_person_leaves_the_list(
    there: SimpleNamespace, sign_in: SignIn
) -> None:
    (role_id,) = db.session.query(ChapterRole.id).filter_by(user_id=there.viewer_id).one()
    client = sign_in(there.chief)
    answer = client.post(f"/settings/users/{there.viewer_id}/roles/{role_id}/revoke")
    assert answer.location == "/settings/users"
    assert "Vic Viewer" not in client.get("/settings/users").text


# The command


def run(app: Flask, *arguments: str, typed: str = "") -> Result:
    db.rollback()
    return app.test_cli_runner().invoke(args=["user", "add", *arguments], input=typed)


def test_the_command_adds_somebody_and_prints_the_link(app: Flask, people: SimpleNamespace) -> None:
    result = run(app, "first@example.org", "--role", "administrator", "--name", "First")
    assert result.exit_code == 0
    assert "first@example.org: administrator everywhere" in result.output
    assert "Invitation: http" in result.output
    result = run(app, "lead@example.org", "--role", "leader", "--chapter", "alder-high-school")
    assert "leader in Alder High School" in result.output
    user = db.session.query(User).filter_by(email="lead@example.org").one()
    assert (user.name, user.password_hash) == ("lead", None)


def test_the_command_takes_a_password(app: Flask, people: SimpleNamespace) -> None:
    typed = "green kettles whistle\n"
    result = run(app, "p@example.org", "--role", "staff", "--password-stdin", typed=typed)
    assert result.exit_code == 0, result.output
    assert "Invitation" not in result.output
    assert db.session.query(User.password_hash).filter_by(email="p@example.org").scalar()
    answer = app.test_client().get("/sign-in")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody", "--role", "staff"], "not an e-mail address"),
        (["n@example.org", "--role", "king"], "'administrator', 'staff', 'coordinator'"),
        (["n@example.org"], "--role"),
        (["n@example.org", "--role", "staff", "--chapter", "zz"], "alder-high-school"),
        (["n@example.org", "--role", "staff", "--password-stdin"], "at least"),
        (["n\x00@example.org", "--role", "staff"], "not an e-mail address"),
    ],
)
def test_a_bad_command_is_one_line_and_nothing_is_done(
    app: Flask, people: SimpleNamespace, arguments: list[str], words: str
) -> None:
    before = db.session.query(User).count()
    result = run(app, *arguments, typed="short\n")
    assert result.exit_code != 0
    assert words in result.output
    assert isinstance(result.exception, SystemExit | click.ClickException)
    assert db.session.query(User).count() == before


def test_the_command_leaves_a_known_persons_password(app: Flask, people: SimpleNamespace) -> None:
    email = people.viewer.email
    result = run(app, email, "--role", "leader")
    assert "had a sign-in already" in result.output
    result = run(app, email, "--role", "staff", "--password-stdin", typed="green kettles\n")
    assert result.exit_code != 0
    assert "stays as it is" in result.output
