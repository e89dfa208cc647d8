"""A look before an import, what an import changed, and posts that changed hands."""

from collections.abc import Callable
from datetime import date
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select, update

from crm.accounts.imports import ImportRun
from crm.campaigns.models import CampaignTarget
from crm.core import audit, db
from crm.core.audit import AuditEntry
from crm.core.i18n import today
from crm.core.settings import in_force
from crm.outreach.models import ActionTarget
from crm.targets import kept, list_operations, operations
from crm.targets.models import Post, Target, TargetChange, TargetListItem
from tests import make
from tests.reports.conftest import logged
from tests.targets.test_changes import (
    HERE,
    SENATOR,
    Files,
    arrived,
    last_term,
    left,
    person,
    read,
    to_the_senate,
)

SignIn = Callable[[object], FlaskClient]
JUNE = date(2026, 6, 15)


def edited(*changes: Callable[[Files], Any]) -> list[tuple[BytesIO, str]]:
    """The files with changes, as a browser sends them."""
    files = read()
    for change in changes:
        change(files)
    return [
        (BytesIO(yaml.safe_dump(data, allow_unicode=True).encode()), f"{stem}.yaml")
        for stem, data in files.items()
    ]


@pytest.fixture
def congress(app: Flask) -> None:
    with db.unit_of_work():
        operations.import_congress(str(HERE), by=None, today=JUNE)


def send(client: FlaskClient, do: str, **more: Any) -> Any:
    return client.post(
        "/targets/import",
        data={"what": "files", "do": do, **more},
        content_type="multipart/form-data",
    )


def value(page: str, name: str) -> str:
    return page.split(f'name="{name}" value="')[1].split('"')[0]


def test_it_works(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    """Look, take the file, carry out: the same three times."""
    client = sign_in(people.coordinator)
    look = send(client, "look", files=edited(left, arrived))
    assert look.status_code == 200
    for words in ("Nothing was changed yet", "Nell Newcomb", SENATOR, "X000001", "Left <strong>1"):
        assert words in look.text
    assert db.session.query(ImportRun).count() == 1
    assert db.session.query(Target).filter_by(name="Nell Newcomb").count() == 0
    word, seen = value(look.text, "kept"), value(look.text, "seen")
    file = send(client, "csv", kept=word)
    assert file.headers["Content-Disposition"] == "attachment; filename=congress-changes.csv"
    assert file.data.decode("utf-8-sig").splitlines()[0] == "kind,key,name,from,to"
    assert f"arrived,X000010,Nell Newcomb,,{SENATOR}" in file.text
    assert db.session.query(ImportRun).count() == 1
    done = send(client, "import", kept=word, seen=seen)
    assert done.status_code == 303
    page = client.get(done.location).text
    for words in (
        "1 target new",
        "Nell Newcomb",
        "4 targets unchanged",
        "Posts that changed hands",
    ):
        assert words in page
    again = client.get(f"{done.location}/changes.csv")
    assert again.data == file.data
    assert not list((in_force().folder / "uploads").iterdir())


def test_what_is_carried_out_is_what_was_looked_at(
    people: SimpleNamespace, sign_in: SignIn, congress: None
) -> None:
    client = sign_in(people.coordinator)
    look = send(client, "look", files=edited(left))
    sent = {"kept": value(look.text, "kept"), "seen": value(look.text, "seen")}
    with db.unit_of_work():
        # Somebody else was faster.
        operations.import_congress_files(
            [(name, file.read()) for file, name in edited(left)], by=None, today=JUNE
        )
    runs = db.session.query(ImportRun).count()
    answer = send(client, "import", **sent)
    assert (answer.status_code, "Look again" in answer.text) == (422, True)
    assert db.session.query(ImportRun).count() == runs
    assert "Nothing would change" in send(client, "look", **sent).text


@pytest.mark.parametrize("word", ["0" * 32, "../../../etc/passwd", "x"])
def test_files_that_are_not_kept(
    people: SimpleNamespace, sign_in: SignIn, congress: None, word: str
) -> None:
    answer = send(sign_in(people.coordinator), "import", kept=word)
    assert answer.status_code == 422
    assert "not kept any more" in answer.text


def test_old_files_are_swept(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept.keep([("a.yaml", b"1")])
    assert kept.found(first) == [("a.yaml", b"1")]
    monkeypatch.setattr(kept, "LIFE", -1)
    kept.keep([("b.yaml", b"2")])
    assert len(list((in_force().folder / "uploads").iterdir())) == 1


def test_a_look_at_what_is_broken(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    client = sign_in(people.coordinator)
    answer = send(client, "look", files=[(BytesIO(b"- 1"), "a.yaml")])
    assert answer.status_code == 422
    assert "record 1 is not a record" in answer.text
    look = client.post("/targets/import", data={"what": "governments", "do": "look"})
    assert (look.status_code, "197" in look.text) == (200, True)
    assert db.session.query(Target).filter_by(kind="government").count() == 0


def test_the_page_of_an_import(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    client = sign_in(people.coordinator)
    send(client, "import", files=edited(lambda f: last_term(f, 4).update(phone="1", party="Green")))
    run = db.session.query(ImportRun).order_by(ImportRun.id.desc()).first()
    assert run is not None
    where = f"/targets/imports/{run.id}"
    page = client.get(where).text
    assert ("202-225-0005" in page, "Green" in page) == (True, True)
    only = client.get(f"{where}?kind=party").text
    assert ("202-225-0005" in only, "Green" in only) == (False, True)
    assert len(client.get(f"{where}/changes.csv?kind=party").text.splitlines()) == 2
    assert where in client.get("/targets/import").text
    number = person("X000005").id
    target = client.get(f"/targets/{number}").text
    assert "What changed" in target
    assert "DC phone" in target
    assert "more seen" not in target
    assert client.get("/targets/imports/999").status_code == 404
    assert client.get(f"{where}/handover").status_code == 200


def test_a_target_page_tells_the_changes_that_matter_most(
    people: SimpleNamespace, sign_in: SignIn, congress: None
) -> None:
    number = person("X000005").id
    run = make.kept(ImportRun(importer="congress", source="a file", counts={}))
    new = {"target_id": number, "import_id": run.id, "seen_on": JUNE}
    run_id = run.id
    for place in range(9):
        kind = "party" if place == 8 else "committee"
        make.kept(TargetChange(kind=kind, what=f"Seat {place}.", new=f"n{place}.", **new))
    page = sign_in(people.coordinator).get(f"/targets/{number}").text
    told = [place for place in range(9) if f"Seat {place}." in page]
    assert told == [0, 1, 2, 3, 8]
    assert page.index("Seat 8.") < page.index("Seat 0.")
    where = f"/targets/imports/{run_id}?target={number}"
    assert where in page
    assert "4 more seen" in page
    rest = sign_in(people.coordinator).get(where).text
    assert all(f"n{place}." in rest for place in range(9))
    assert where not in sign_in(people.viewer).get(f"/targets/{number}").text


def test_who_may(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    for user in (people.leader, people.viewer, people.member):
        client = sign_in(user)
        for address in ("/targets/imports/1", "/targets/imports/1/changes.csv",
                        "/targets/imports/1/handover"):  # fmt: skip
            assert client.get(address).status_code == 403
        assert client.post("/targets/imports/1/handover").status_code == 403
    assert sign_in(people.viewer).get(f"/targets/{person('X000001').id}").status_code == 200


# --- posts that changed hands -------------------------------------------------------------------


@pytest.fixture
def handed(people: SimpleNamespace, congress: None) -> SimpleNamespace:
    """A senator and a representative on lists; then one leaves, one comes, one moves up."""
    old, mover = person("X000001"), person("X000005")
    ids = SimpleNamespace(old=old.id, mover=mover.id)
    campaign = make.campaign("Cards", chapters=(people.school_a,), targets=(old, mover))
    ids.campaign = campaign.id
    other = make.campaign("Of others", chapters=(people.school_b,), targets=(person("X000001"),))
    ids.other = other.id
    over = make.campaign("Long over", chapters=(people.school_a,), targets=(person("X000001"),))
    with db.unit_of_work():
        db.session.merge(over).ends_on = date(2026, 1, 1)
        kept_list = list_operations.keep_list(
            name="Priority", note=None, target_ids=[ids.old], by=None
        )
        ids.list = kept_list.id
    ids.action = logged("letter", ids.campaign, targets={ids.old: 1}, pieces=1)
    with db.unit_of_work():
        db.session.execute(update(ActionTarget).values(awaiting=True))
        audit.record("make", "test", None, by=None)
    with db.unit_of_work():
        operations.import_congress_files(
            [(name, file.read()) for file, name in edited(to_the_senate, left, arrived)],
            by=None, today=date(2026, 11, 23),
        )  # fmt: skip
    ids.new = person("X000010").id
    ids.run = db.session.query(ImportRun).order_by(ImportRun.id.desc()).first().id  # type: ignore[union-attr]
    ids.post = db.session.scalar(select(Post.id).where(Post.key == "us/senate/WV/2"))
    ids.users = people
    return ids


def on_campaign(campaign_id: int) -> set[int]:
    return set(
        db.session.scalars(
            select(CampaignTarget.target_id).where(CampaignTarget.campaign_id == campaign_id)
        )
    )


def test_many_are_handed_over_in_one_save(handed: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(handed.users.coordinator)
    where = f"/targets/imports/{handed.run}/handover"
    page = client.get(where).text
    for words in ("Nell Newcomb", "on the target list of Cards", "on the list “Priority”",
                  "now U.S. Senator for West Virginia (class 1)", "vacant",
                  "waited for to answer 1 action"):  # fmt: skip
        assert words in page
    assert "Long over" not in page
    # Of another school's campaign it is told, but not to be ticked.
    assert "on the target list of Of others" in page
    assert f'value="campaign:{handed.other}:' not in page
    ticks = [
        f"campaign:{handed.campaign}:{handed.old}:{handed.post}",
        f"list:{handed.list}:{handed.old}:{handed.post}",
    ]
    answer = client.post(where, data={"ticks": ticks, f"to:{handed.post}": handed.new})
    assert answer.status_code == 303
    assert "2 things handed over." in client.get(where).text
    assert on_campaign(handed.campaign) == {handed.new, handed.mover}
    assert db.session.scalars(select(TargetListItem.target_id)).all() == [handed.new]
    verbs = {entry.verb: entry.changes for entry in db.session.scalars(select(AuditEntry))}
    assert verbs["replace_target"] == {"target": [handed.old, handed.new]}
    assert verbs["replace_on_list"] == {"targets": [handed.old, handed.new]}
    # What was logged stays with the person.
    assert f"/outreach/{handed.action}" in client.get(f"/targets/{handed.old}").text


def test_what_may_not_be_handed_over(handed: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(handed.users.coordinator)
    where = f"/targets/imports/{handed.run}/handover"
    good = f"campaign:{handed.campaign}:{handed.old}:{handed.post}"
    for ticks, to, sentence in (
        ([], handed.new, "Tick what is to be handed over"),
        (["nonsense", "a:b:c:d"], handed.new, "Tick what is to be handed over"),
        ([f"campaign:{handed.other}:{handed.old}:{handed.post}"], handed.new, "handed over mean"),
        ([good, "campaign:999:1:1"], handed.new, "Tick"),
        ([good], handed.mover, "handed over meanwhile"),
        ([f"awaited::{handed.old}:{handed.post}"], handed.new, "handed over meanwhile"),
    ):
        answer = client.post(where, data={"ticks": ticks, f"to:{handed.post}": to})
        if answer.status_code == 303:
            assert len(ticks) == 2
            continue
        assert answer.status_code == 422
        assert sentence in answer.text
    assert handed.new not in on_campaign(handed.other)


def test_who_comes_later_to_a_vacant_post(
    people: SimpleNamespace, sign_in: SignIn, congress: None
) -> None:
    old = person("X000001")
    campaign_id = make.campaign("Cards", chapters=(people.school_a,), targets=(old,)).id
    old_id = person("X000001").id

    def bring(*changes: Any) -> int:
        with db.unit_of_work():
            return operations.import_congress_files(
                [(name, file.read()) for file, name in edited(*changes)], by=None, today=today()
            ).run_id

    first, second = bring(left), bring(left, arrived)
    client = sign_in(people.coordinator)
    # Both imports' pages know the successor now.
    for run in (first, second):
        page = client.get(f"/targets/imports/{run}/handover").text
        assert "Nell Newcomb" in page
        assert f"campaign:{campaign_id}:{old_id}:" in page


def test_pages_cost_few_statements(handed: SimpleNamespace, sign_in: SignIn) -> None:
    assert db.session.query(TargetChange).filter_by(import_id=handed.run).count() == 3
    client, statements = sign_in(handed.users.coordinator), list[str]()
    event.listen(
        db.extension.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    for address in ("", "/changes.csv", "/handover"):
        statements.clear()
        assert client.get(f"/targets/imports/{handed.run}{address}").status_code == 200
        assert len(statements) <= 15, "\n".join(statements)
