"""The pages of an import by spreadsheet: three steps, and nothing written before the last."""

import os
import re
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from crm.accounts.imports import ImportRun
from crm.core import db
from crm.core.mapping import ColumnMapping
from crm.core.settings import in_force
from crm.targets.models import Target

DATA = Path(__file__).parent / "data" / "sheets"
Client = FlaskClient
Sign = Callable[[object], FlaskClient]


def give(client: Client, content: bytes, name: str = "people.csv") -> str:
    """Send a file; returns the address of its columns."""
    answer = client.post(
        "/targets/import/sheet",
        data={"file": (BytesIO(content), name)},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def chosen(page: str) -> dict[str, str]:
    """What the form of the columns would send as it stands."""
    fields = dict(
        re.findall(r'<input[^>]* name="([a-z_]+)"[^>]* value="([^"]*)"', page)
        + [(name, "") for name in ("dates",)]
    )
    for name, options in re.findall(
        r'<select[^>]* name="([a-z0-9_-]+)".*?>(.*?)</select>', page, re.S
    ):
        value = re.search(r'<option[^>]*selected[^>]*value="([^"]*)"|value="([^"]*)"[^>]* selected',
                          options)  # fmt: skip
        fields[name] = (value[1] or value[2] or "") if value else ""
    fields.pop("csrf_token", None)
    return fields


def look(client: Client, content: bytes, name: str = "people.csv", **said: str) -> str:
    """Send a file and its columns as guessed; returns the address of its rows."""
    columns = give(client, content, name)
    page = client.get(columns).text
    answer = client.post(columns, data={**chosen(page), **said})
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def targets() -> int:
    return db.session.scalar(select(func.count()).select_from(Target)) or 0


ROWS = b"ID,Name,Country,E-mail\n1,Ada Alder,LT,ada@example.org\n2,Bea Birch,NU,\n"
WRONG = b"ID,Name,Country,E-mail\n1,Ada Alder,LT,ada@example.org\n2,Bea Birch,Narnia,bea@\n"


def test_it_works(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    address = look(client, ROWS)
    page = client.get(address).text
    assert "Ada Alder" in page
    assert "Import 2 clean rows" in page
    assert targets() == 0
    answer = client.post(f"{address}/import", data={"which": "clean"}, follow_redirects=True)
    assert "2 targets new, 0 changed, 0 unchanged, 0 rows left out." in answer.text
    assert targets() == 2
    assert not list((in_force().folder / "staged").iterdir())


def test_a_second_click_imports_nothing(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    address = look(client, ROWS)
    client.post(f"{address}/import", data={"which": "clean"})
    again = client.post(f"{address}/import", data={"which": "clean"}, follow_redirects=True)
    assert "This file is not waiting any more" in again.text
    assert targets() == 2
    assert db.session.scalar(select(func.count()).select_from(ImportRun)) == 1


def test_undo_is_one_click(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    client.post(f"{look(client, ROWS)}/import", data={"which": "clean"})
    run = db.session.scalars(select(ImportRun.id)).one()
    assert f"/targets/imports/{run}/undo" in client.get("/targets/import").text
    answer = client.post(f"/targets/imports/{run}/undo", follow_redirects=True)
    assert "Import undone: 2 targets removed" in answer.text
    assert targets() == 0
    page = client.get("/targets/import").text
    assert "Undone" in page
    assert f"/targets/imports/{run}/undo" not in page


def test_errors_stand_beside_their_rows(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    address = look(client, WRONG)
    page = client.get(f"{address}?verdict=error").text
    assert "<strong>Country</strong> is no country known here: “Narnia”" in page
    assert "<strong>E-mail</strong> is not an e-mail address: “bea@”" in page
    assert "Ada Alder" not in page
    assert "Import 1 clean row<" in page
    client.post(f"{address}/import", data={"which": "all"})
    assert targets() == 1


def test_duplicates_are_chosen_row_by_row(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    client.post(f"{look(client, ROWS)}/import", data={"which": "clean"})
    address = look(client, ROWS.replace(b"ID,", b"Ref,"), scheme="theirs")
    page = client.get(f"{address}?verdict=duplicate").text
    assert "the same name" in page
    client.post(f"{address}?verdict=duplicate", data={"choice-2": "update", "choice-3": "nonsense"})
    assert re.search(r'name="choice-2".*?value="update" selected', client.get(address).text, re.S)
    answer = client.post(
        f"{address}/import", data={"which": "all", "choice-3": "new"}, follow_redirects=True
    )
    assert "1 target new, 1 changed, 0 unchanged, 0 rows left out." in answer.text
    assert targets() == 3


def test_all_duplicates_at_once(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    client.post(f"{look(client, ROWS)}/import", data={"which": "clean"})
    address = look(client, ROWS, scheme="theirs")
    client.post(address, data={"all": "update"})
    assert "0 left out, 2 update that one, 0 added as new" in client.get(address).text


def test_columns_are_remembered(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    rows = b"Foo,Bar\nAda Alder,LT\n"
    look(client, rows, **{"column-0": "name", "column-1": "country", "kind": "legislator"})
    kept = db.session.scalars(select(ColumnMapping)).one()
    assert kept.fields["Foo"] == "name"
    again = chosen(client.get(give(client, rows)).text)
    assert (again["column-0"], again["column-1"], again["kind"]) == (
        "name", "country", "legislator",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"column-0": "", "column-1": ""}, "Say which column holds the name."),
        ({"column-0": "name", "column-1": "name"}, "Two columns cannot both be “Name”."),
        ({"scheme": "Ümlaut!"}, "Use a short word of plain letters"),
        ({"kind": "wizard"}, "Not a valid choice"),
    ],
)
def test_a_form_that_cannot_be(
    people: SimpleNamespace, sign_in: Sign, said: dict[str, str], sentence: str
) -> None:
    client = sign_in(people.coordinator)
    columns = give(client, ROWS)
    answer = client.post(columns, data={**chosen(client.get(columns).text), **said})
    assert answer.status_code == 422
    assert sentence in answer.text


def test_the_order_of_days_is_asked_on_the_form(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    columns = give(client, b"Name,Office,Since\nAda Alder,Minister,03/04/2024\n")
    fields = chosen(client.get(columns).text)
    answer = client.post(columns, data=fields)
    assert answer.status_code == 422
    assert "may have the day or the month first" in answer.text
    assert client.post(columns, data={**fields, "dates": "month"}).status_code == 303


def test_how_the_file_is_read_may_be_said(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    columns = give(client, "Name;Town\nŁucja Wąż;Łódź\n".encode("iso-8859-2"))
    assert "Łucja" not in client.get(columns).text
    reading = columns.replace("/columns", "/reading")
    client.post(reading, data={"encoding": "iso-8859-2", "delimiter": ";", "head_row": "1"})
    assert "Łucja Wąż" in client.get(columns).text
    answer = client.post(reading, data={"head_row": "9"}, follow_redirects=True)
    assert "Row 9 holds no names of columns." in answer.text


def test_rows_may_be_pasted(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    answer = client.post(
        "/targets/import/sheet", data={"pasted": "Name\tE-mail\r\nAda Alder\tada@example.org"}
    )
    assert "Ada Alder" in client.get(answer.location).text


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({}, "Choose a file, or paste rows."),
        ({"pasted": "   "}, "Choose a file, or paste rows."),
        ({"file": (BytesIO(b""), "people.csv")}, "people.csv is empty."),
        ({"file": (BytesIO(b"%PDF-1.7"), "people.csv")}, "people.csv is a PDF"),
        ({"file": (BytesIO(b"\xd0\xcf\x11\xe0" * 9), "people.xlsx")}, "is an old Excel file"),
    ],
)
def test_what_is_no_table(
    people: SimpleNamespace, sign_in: Sign, data: dict[str, object], sentence: str
) -> None:
    answer = sign_in(people.coordinator).post(
        "/targets/import/sheet", data=data, content_type="multipart/form-data"
    )
    assert answer.status_code == 422
    assert sentence in answer.text
    folder = in_force().folder / "staged"
    assert not folder.exists() or not list(folder.iterdir())


def test_a_workbook(people: SimpleNamespace, sign_in: Sign) -> None:
    made = openpyxl.Workbook()
    made.active.append(["Name", "Country"])
    made.active.append(["=HYPERLINK(1)", "LT"])
    made.active.append(["Ada Alder", "LT"])
    made.save(content := BytesIO())
    client = sign_in(people.coordinator)
    page = client.get(look(client, content.getvalue(), "people.xlsx")).text
    assert "Ada Alder" in page
    assert "HYPERLINK" not in page


def test_names_by_people_are_text(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    rows = "Name,E-mail,<b>x</b>\n<script>alert(1)</script> Alder,<i>,{{ 7*7 }}\n"
    address = look(client, rows.encode(), "<img src=x>.csv")
    pages = client.get(address).text + client.get(f"{address}/columns").text
    assert "<script>alert" not in pages
    assert "<i>" not in pages
    assert "<img src" not in pages
    assert "{{ 7*7 }}" in pages


def test_a_file_is_its_senders_alone(people: SimpleNamespace, sign_in: Sign) -> None:
    address = look(sign_in(people.coordinator), ROWS)
    other = sign_in(people.staff)
    for path in (address, f"{address}/columns"):
        assert other.get(path).status_code == 303
    assert other.post(f"{address}/import", data={"which": "clean"}).status_code == 303
    assert other.post(f"{address}/forget").status_code == 303
    assert targets() == 0
    assert sign_in(people.coordinator).get(address).status_code == 200


def test_who_may_not_import(people: SimpleNamespace, sign_in: Sign) -> None:
    address = look(sign_in(people.coordinator), ROWS)
    for person in (people.leader, people.member, people.viewer):
        client = sign_in(person)
        assert client.get("/targets/import/sheet").status_code == 403
        assert client.get(address).status_code == 403
        assert client.post(f"{address}/import").status_code == 403
        assert client.post("/targets/imports/1/undo").status_code == 403


def test_addresses_that_lead_nowhere(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    for token in ("x", "a" * 32, "..%2F" * 5):
        assert client.get(f"/targets/import/sheet/{token}").status_code in (303, 404)
    assert client.post("/targets/imports/99/undo").status_code == 404


def test_what_is_older_than_a_day_goes(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    address = look(client, ROWS)
    (folder,) = (in_force().folder / "staged").iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    long_ago = time.time() - 25 * 60 * 60
    os.utime(folder, (long_ago, long_ago))
    assert client.get(address).status_code == 303
    give(client, ROWS)
    assert not folder.exists()


def test_a_file_may_be_deleted(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    address = look(client, ROWS)
    client.post(f"{address}/forget")
    assert not list((in_force().folder / "staged").iterdir())


def test_many_rows_are_leafed_through(people: SimpleNamespace, sign_in: Sign, app: Flask) -> None:
    client = sign_in(people.coordinator)
    rows = "Name\n" + "".join(f"Ada Alder-{number}\n" for number in range(120))
    address = look(client, rows.encode())
    assert "1–50 of 120" in client.get(address).text
    page = client.get(f"{address}?page=3").text
    assert "101–120 of 120" in page
    assert "Ada Alder-119" in page
    assert client.get(f"{address}?page=99&verdict=nonsense").status_code == 200


def test_targets_that_changed_since_the_look(people: SimpleNamespace, sign_in: Sign) -> None:
    client = sign_in(people.coordinator)
    first, second = look(client, ROWS), look(client, ROWS)
    client.post(f"{first}/import", data={"which": "clean"})
    answer = client.post(f"{second}/import", data={"which": "clean"}, follow_redirects=True)
    assert "were changed by somebody else meanwhile" in answer.text
    assert targets() == 2
    # It waits still, and is looked at again.
    columns = f"{second}/columns"
    client.post(columns, data=chosen(client.get(columns).text))
    assert "All of this file is here already" in client.get(second).text
