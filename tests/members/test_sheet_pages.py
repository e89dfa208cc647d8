"""Pages of a roster: who may, what is shown, a second click, a long list's progress."""

import io
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from crm.accounts.imports import ImportRun
from crm.core import audit, background, db
from crm.core.settings import in_force
from crm.members.models import Consent, Member
from crm.members.sheets import views
from tests import make

Sign = Callable[[object], FlaskClient]
ROWS = "First name,Last name,E-mail\nAna,Alder,ana@example.org\nBea,Birch,bea@example.org\n"


def members() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Member)) or 0


def send(client: FlaskClient, content: str = ROWS, name: str = "roster.csv") -> str:
    """Send a file; the address of its rows, once its columns are said."""
    answer = client.post("/members/import", data={"file": (io.BytesIO(content.encode()), name)})
    assert answer.status_code == 303, answer.text
    return str(answer.location).removesuffix("/columns")


def look(client: FlaskClient, content: str = ROWS, chapter: Any = None) -> str:
    place = send(client, content)
    page = client.get(f"{place}/columns").text
    data = {"chapter_id": str(chapter.id) if chapter else ""}
    for at, part in enumerate(page.split('name="column-')[1:]):
        chosen = part.partition(" selected")[0].rpartition('value="')[2].partition('"')[0]
        data[f"column-{at}"] = chosen if " selected" in part.partition("</select>")[0] else ""
    answer = client.post(f"{place}/columns", data=data)
    assert answer.status_code == 303, answer.text
    return place


def test_it_works(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.leader)
    assert "/members/import" in client.get("/members").text
    place = look(client, chapter=people.school_a)
    page = client.get(place).text
    assert "Import 2 clean rows" in page
    assert members() == 0
    answer = client.post(f"{place}/import", data={"which": "clean"})
    assert answer.location.endswith("/members/imports/1")
    page = client.get(answer.location).text
    assert "2 members new" in page
    assert "Ana Alder" in page
    # Repeated, by whatever way, it imports nothing.
    again = client.post(f"{place}/import", data={"which": "all"})
    assert again.location == answer.location
    assert client.get(place).location == answer.location
    assert client.get(f"{place}/columns").location == answer.location
    assert members() == 2
    page = client.get("/members/import").text
    assert "roster.csv" in page
    assert "Lee Leader" in page
    undone = client.post("/members/imports/1/undo", follow_redirects=True)
    assert "Import undone: 2 members removed" in undone.text
    assert members() == 0
    assert "Undone" in client.get("/members/import").text


def test_pasted_rows_are_the_same(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.leader)
    answer = client.post("/members/import", data={"pasted": "Name\tGrade\nAna Alder\t9\n"})
    assert answer.status_code == 303
    assert "Grade" in client.get(answer.location).text


def test_nothing_sent_says_so(people: SimpleNamespace, sign_in: Sign) -> None:
    answer = sign_in(people.leader).post("/members/import", data={})
    assert answer.status_code == 422
    assert "Choose a file, or paste rows." in answer.text


def test_what_was_is_shown_only_as_far_as_it_may_be(
    app: Flask, people: SimpleNamespace, sign_in: Sign
) -> None:
    """A minor's address that nobody allowed to be used is not told by the way of an import."""
    ana = make.member("Ana", "Alder", people.school_a)
    with db.unit_of_work():
        record = db.session.get_one(Member, ana.id)
        record.email, record.phone = "old@example.org", "304 555 0101"
        audit.record("make", "test", None, by=None)
    client = sign_in(people.leader)
    place = look(client, "Name,E-mail\nAna Alder,new@example.org\n", people.school_a)
    page = client.get(place).text
    assert "new@example.org" in page
    assert "old@example.org" not in page
    assert "not for you to see" in page
    make.kept(Consent(member_id=ana.id, purpose="contact", answer="given", how="paper",
                      starts_on=record.created_at.date()))  # fmt: skip
    # The guardian's answer counts, and there is none: a minor's own yes does not open it.
    assert "old@example.org" not in client.get(place).text


def test_choices_are_kept_and_followed(people: SimpleNamespace, sign_in: Sign) -> None:
    make.member("Catherine", "Dogwood", people.school_a)
    client = sign_in(people.leader)
    place = look(client, "Name,Grade\nKate Dogwood,9\nDov Elm,9\n", people.school_a)
    page = client.get(place).text
    assert "May be Catherine Dogwood, Alder High School." in page
    client.post(place, data={"all": "new"})
    assert '<option value="new" selected>' in client.get(place).text
    client.post(f"{place}/import", data={"which": "all", "choice-2": "skip"})
    assert members() == 2


def test_only_who_sent_it_sees_it(people: SimpleNamespace, sign_in: Sign) -> None:
    place = look(sign_in(people.leader), chapter=people.school_a)
    for other in (people.coordinator, people.outsider):
        answer = sign_in(other).get(place)
        assert (answer.status_code, answer.location) == (303, "/members/import")
    assert sign_in(people.member).get("/members/import").status_code == 403


def test_anothers_import_is_not_there(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.leader)
    place = look(client, chapter=people.school_a)
    client.post(f"{place}/import", data={"which": "clean"})
    outsider = sign_in(people.outsider)
    assert "roster.csv" not in outsider.get("/members/import").text
    assert outsider.get("/members/imports/1").status_code == 404
    assert outsider.post("/members/imports/1/undo").status_code == 404
    admin = sign_in(people.admin)
    assert admin.get("/targets/imports/1").status_code == 404
    assert admin.post("/targets/imports/1/undo").status_code == 404
    assert "roster.csv" not in admin.get("/targets/import").text
    assert members() == 2


def test_columns_are_remembered(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.leader)
    place = send(client, "Wer,Woher\nAna Alder,x\n")
    client.post(f"{place}/columns", data={"column-0": "name", "chapter_id": people.school_a.id})
    again = send(client, "Wer,Woher\nBea,x\n")
    page = client.get(f"{again}/columns").text
    assert '<option value="name" selected>' in page


def wait(client: FlaskClient, place: str, title: str) -> Any:
    """Ask until it is ready, as the page does."""
    for _try in range(300):
        answer = client.get(place)
        if answer.status_code != 200 or title not in answer.text:
            return answer
        assert '<meta http-equiv="refresh"' in answer.text
        time.sleep(0.05)
    raise AssertionError("it goes on and on")


def test_a_long_list_goes_on_in_the_background(
    people: SimpleNamespace, sign_in: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "SMALL", 5)
    client = sign_in(people.leader)
    place = look(client, "Name\n" + "".join(f"Ana Alder{n}\n" for n in "abcdefghijkl"),
                 people.school_a)  # fmt: skip
    page = wait(client, place, "Looking at the rows").text
    assert 'http-equiv="refresh"' not in page
    client.post(place, data={"all": "new"})
    client.post(f"{place}/import", data={"which": "all"})
    client.post(f"{place}/import", data={"which": "all"})
    answer = wait(client, place, "Writing the members")
    assert answer.location.endswith("/members/imports/1")
    assert "12 members new" in client.get(answer.location).text
    assert members() == 12


def test_what_was_interrupted_says_so_and_begins_again(
    app: Flask, people: SimpleNamespace, sign_in: Sign
) -> None:
    client = sign_in(people.leader)
    place = look(client, chapter=people.school_a)
    folder = next((in_force().folder / "staged").iterdir())
    background._keep(folder, background.Progress("write", done=1, of=2))
    page = client.get(place).text
    assert "The import was interrupted" in page
    client.post(f"{place}/import", data={"which": "clean"})
    assert members() == 2
    assert db.session.scalar(select(func.count()).select_from(ImportRun)) == 1


def test_a_name_does_not_rearrange_the_page(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.leader)
    place = look(client, "Name\n<script>alert(1)</script> Alder\nمحمد الأحمد\n", people.school_a)
    page = client.get(place).text
    assert "<script>alert" not in page
    assert "محمد الأحمد" in page
