"""The print page, the PDF it sends, and the command."""

from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from pypdf import PdfReader
from sqlalchemy import select, update

from crm.core import db
from crm.mailings.models import Piece
from crm.members.models import Departure
from crm.targets.models import Term
from tests import make
from tests.mailings.test_printing import Pack, houses, leave, of_two, say
from tests.members.test_queries import statements


@pytest.fixture
def printing(scene: SimpleNamespace, pack: Pack) -> SimpleNamespace:
    return of_two(scene, pack)


def fresh() -> None:
    for name in ("known_members", "grants", "known_users"):
        g.pop(name, None)


def page(client: Any, code: str, asked: str = "") -> Any:
    fresh()
    return client.get(f"/packs/{code}/print{asked}")


def fields(answer: Any) -> dict[str, str]:
    """Of the form that prints."""
    from tests.bench.measure import Fields

    return dict(Fields(answer.get_data(as_text=True)).values)


def sent(client: Any, code: str, kind: str, given: dict[str, Any]) -> Any:
    fresh()
    return client.post(f"/packs/{code}/print/{kind}", data=given)


def test_it_works(printing: SimpleNamespace, sign_in: Any) -> None:
    client = sign_in(printing.people.leader)
    assert "Postcards, four to a sheet" in page(client, printing.code).get_data(as_text=True)
    shown = page(client, printing.code, "?as=letters&paper=letter")
    said = shown.get_data(as_text=True)
    assert "10 of 10" in said
    assert "Print all 10" in said
    made = sent(client, printing.code, "letters", fields(shown))
    assert made.status_code == 200
    assert made.mimetype == "application/pdf"
    assert made.headers["Content-Disposition"].startswith("attachment")
    assert len(PdfReader(BytesIO(made.data)).pages) == 10
    again = page(client, printing.code, "?as=labels").get_data(as_text=True)
    assert "10 of these were printed before. Printing again does not count again." in again
    none = page(client, printing.code, "?as=labels&unprinted=y").get_data(as_text=True)
    assert "No pieces are meant by this" in none


def test_looking_writes_nothing(printing: SimpleNamespace, sign_in: Any) -> None:
    client = sign_in(printing.people.leader)
    for kind in ("letters", "postcards", "postcards-4up", "labels", "envelopes", "sheets"):
        assert page(client, printing.code, f"?as={kind}").status_code == 200
    assert set(db.session.scalars(select(Piece.prints))) == {0}


def test_what_is_left_out_is_told_before(printing: SimpleNamespace, sign_in: Any) -> None:
    client = sign_in(printing.people.leader)
    before = fields(page(client, printing.code, "?as=letters"))
    leave(printing, 0)
    # It has changed since it was shown: nothing is printed, and it is shown anew.
    late = sent(client, printing.code, "letters", before)
    assert late.status_code == 422
    said = late.get_data(as_text=True)
    assert "Something has changed since this was shown." in said
    assert "Shelley Alder left office since the pack was made." in said
    assert "8 of 10" in said
    assert "Print the 8 that can be printed" in said
    assert set(db.session.scalars(select(Piece.prints))) == {0}
    made = sent(client, printing.code, "letters", fields(late))
    assert len(PdfReader(BytesIO(made.data)).pages) == 8


def test_a_preview_is_kept_as_no_print(printing: SimpleNamespace, sign_in: Any) -> None:
    say("((target.salutation)), ((my reason))")
    client = sign_in(printing.people.leader)
    shown = page(client, printing.code, "?as=letters")
    assert "0 of 10" in shown.get_data(as_text=True)
    made = sent(client, printing.code, "letters", fields(shown) | {"preview": "1"})
    assert made.mimetype == "application/pdf"
    assert "preview" in made.headers["Content-Disposition"]
    assert len(PdfReader(BytesIO(made.data)).pages) == 10
    assert set(db.session.scalars(select(Piece.prints))) == {0}


def test_only_the_pieces_of_some(printing: SimpleNamespace, sign_in: Any) -> None:
    client = sign_in(printing.people.leader)
    one = printing.two[0]
    shown = page(client, printing.code, f"?as=sheets&members={one}")
    assert "5 of 5" in shown.get_data(as_text=True)
    made = sent(client, printing.code, "sheets", fields(shown))
    reader = PdfReader(BytesIO(made.data))
    assert len(reader.pages) == 2
    assert "Ana0 B." in reader.pages[1].extract_text()
    assert [each.exit for each in db.session.scalars(select(Departure))] == ["print"]


@pytest.mark.parametrize(
    "asked", ["as=labels&start_at=99", "as=letters&first=x", "as=letters&paper=papyrus"]
)
def test_nonsense_is_told(printing: SimpleNamespace, sign_in: Any, asked: str) -> None:
    client = sign_in(printing.people.leader)
    answer = page(client, printing.code, f"?{asked}")
    assert answer.status_code == 200
    assert "invalid-feedback" in answer.get_data(as_text=True)


def test_a_chapter_without_an_address_is_told(printing: SimpleNamespace, sign_in: Any) -> None:
    with db.unit_of_work():
        db.session.execute(update(make.Chapter).values(address=None))
        make.audit.record("change", "test", None, by=None)
    client = sign_in(printing.people.admin)
    said = page(client, printing.code, "?as=letters").get_data(as_text=True)
    assert "has no address for answers yet" in said
    assert "Give it one" in said
    assert "no address for answers" not in page(client, printing.code, "?as=labels").get_data(
        as_text=True
    )


def test_no_such_paper(printing: SimpleNamespace, sign_in: Any) -> None:
    client = sign_in(printing.people.leader)
    assert page(client, printing.code, "?as=papyrus").status_code == 200
    assert sent(client, printing.code, "papyrus", {}).status_code == 404


def test_who_may(printing: SimpleNamespace, sign_in: Any) -> None:
    for who, status in (("outsider", 404), ("member", 403), ("viewer", 403), ("coordinator", 200)):
        client = sign_in(getattr(printing.people, who))
        assert page(client, printing.code, "?as=letters").status_code == status
        if status != 200:
            assert sent(client, printing.code, "letters", {}).status_code == status


def test_statements_do_not_grow(
    app: Flask, scene: SimpleNamespace, pack: Pack, sign_in: Any
) -> None:
    houses(scene)
    say("((target.salutation)), please join. ((my reason))")
    client = sign_in(scene.people.leader)
    counts = []
    for members in (1, 31):
        made = pack(scene, members=dict.fromkeys(scene.members[:members])).code
        with statements() as sent_:
            assert page(client, made, "?as=letters").status_code == 200
        counts.append(len(sent_))
    assert counts[0] == counts[1] <= 17


# The command


def run(app: Flask, *arguments: str) -> Any:
    fresh()
    return app.test_cli_runner().invoke(args=["pack", "print", *arguments])


def test_the_command(app: Flask, printing: SimpleNamespace, tmp_path: Path) -> None:
    file = tmp_path / "letters.pdf"
    done = run(app, printing.code.lower(), "--as", "letters", "-o", str(file))
    assert done.exit_code == 0, done.output
    assert "10 pieces, 0 left out" in done.output
    assert len(PdfReader(file).pages) == 10
    with db.unit_of_work():
        db.session.execute(update(Term).where(Term.target_id == printing.targets[0])
                           .values(is_current=False))  # fmt: skip
        make.audit.record("change", "test", None, by=None)
    done = run(app, str(printing.pack), "--as", "labels", "--labels", "l7160", "-o", str(file))
    assert "left out: piece" in done.output
    assert "8 pieces, 2 left out" in done.output
    for arguments, told in (
        (("nothing", "--as", "letters"), "There is no pack"),
        ((printing.code, "--as", "letters", "--first", "99"), "no such pieces"),
        ((printing.code, "--as", "labels", "--start-at", "99"), "1 to 30"),
    ):
        done = run(app, *arguments, "-o", str(file))
        assert done.exit_code == 1
        assert told in done.output
        assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "kind", ["letters", "postcards", "postcards-4up", "labels", "envelopes", "sheets"]
)
def test_the_command_prints_every_kind(
    app: Flask, printing: SimpleNamespace, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "pack.pdf"
    done = run(app, printing.code, "--as", kind, "-o", str(file), "--paper", "a4")
    assert done.exit_code == 0, done.output
    assert "".join(each.extract_text() for each in PdfReader(file).pages).count("Washington") >= 1
