"""What is known of a child stays with those of its chapter; what people type stays text.

Every page and file is fetched by everybody who must not see the members of school A, with the ids
of school A, and none may hold what only the school knows.
"""

import logging
import re
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from types import SimpleNamespace

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from crm.core import db, logs, store
from crm.core.access import Role
from crm.members.models import (
    Chapter,
    Consent,
    CustomField,
    Guardian,
    Guardianship,
    Member,
    Tag,
    Team,
    TeamMember,
)
from crm.outreach.models import Action, ActionPhoto, Outcome
from crm.outreach.operations import correct_action, snapshot, undo_action, withdraw_outcome
from crm.targets.models import ContactPoint, Target
from tests import make
from tests.hostile.scene import address, client_of, routes, scene

#: What only school A may know of Ana.
SECRETS = (
    "Secretname",
    "Hiddenname",
    "Maria Brook",
    "555 0100",
    "ana@home.example",
    "555-0199",
    "allergic",
    "A private note",
    "Tuesday class",
)
SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


@pytest.fixture
def place(app: Flask) -> SimpleNamespace:
    """The scene, with secrets: one action corrected, another undone."""
    app.config["WTF_CSRF_ENABLED"] = False
    found = scene()
    values = found.values
    with db.unit_of_work():
        ana = db.session.get_one(Member, values["member_id"])
        ana.family_name, ana.search = "Secretname", "secretname ana"
        ana.email, ana.phone, ana.note = "ana@home.example", "555-0199", "allergic"
        # Nobody is told how to reach a child without a yes: with one, her school is.
        guardian = Guardian(name="Rosa", search="rosa")
        db.session.add(guardian)
        db.session.flush()
        db.session.add_all(
            [
                Guardianship(member_id=ana.id, guardian_id=guardian.id),
                Consent(
                    member_id=ana.id, guardian_id=guardian.id, purpose="contact",
                    answer="given", how="paper", starts_on=found.today,
                ),
            ]
        )  # fmt: skip
        action = db.session.get_one(Action, values["action_id"])
        action.note = "A private note"
        # Who leads a school is a pupil too.
        db.session.get_one(make.User, found.leader).name = "Lee Hiddenname"
        action.logged_by_id = found.leader
        outcome = db.session.get_one(Outcome, values["outcome_id"])
        outcome.recorded_by_id = found.leader
        outcome.scan = "0" * 32 + ".jpg"
        db.session.add(ActionPhoto(action_id=action.id, file="1" * 32 + ".jpg"))
        make.audit.record("make", "test", None, by=None)
    for name in ("0" * 32, "1" * 32):
        store.here().keep(f"{name}.jpg", b"Secretname")
    # Ana is taken off and put back: her name is in the history.
    for members in ({}, {values["member_id"]: 4}):
        with db.unit_of_work():
            action = db.session.get_one(Action, values["action_id"])
            before = snapshot(action)
            correct_action(
                action,
                reason="Tuesday class",
                by=None,
                today=found.today,
                campaign_id=before["campaign_id"],
                happened_on=action.happened_on,
                pieces=10,
                targets={row["target_id"]: row["pieces"] for row in before["targets"]},
                members=members,
                chapter_ids=before["chapters"],
                note="A private note",
                photos=before["photos"],
            )
    found.app = app
    return found


def text_of(answer: TestResponse) -> str:
    data = answer.get_data()
    if data.startswith(b"PK"):
        with zipfile.ZipFile(BytesIO(data)) as parts:
            return "".join(parts.read(name).decode("utf-8", "replace") for name in parts.namelist())
    return data.decode("utf-8", "replace")


class Tags(HTMLParser):
    """What on a page would run, or be styled, as a browser reads it."""

    def __init__(self, page: str):
        super().__init__()
        self.wrong: list[str] = []
        self.in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_script = tag == "script"
        for name, value in attrs:
            runs = name in ("href", "src", "action") and not re.match(
                r"(/|\?|#|https?://|mailto:|tel:|data:image/|$)", value or ""
            )
            if runs or name == "style" or name.startswith("on"):
                self.wrong.append(f"<{tag} {name}={value!r}>")

    def handle_data(self, data: str) -> None:
        if self.in_script and data.strip():
            self.wrong.append(f"a script: {data[:40]!r}")
        self.in_script = False


QUERIES = (
    "",
    "?q=ana",
    "?q=secretname",
    "?like=1",
    "?chapter=alder-high-school",
    "?standing=all&sort=-name",
    "?marking=mark&contacts=mark&show=listed",
)


def everything(place: SimpleNamespace) -> Iterator[str]:
    for rule in routes(place.app, "GET"):
        place.values["format"] = "csv"
        if "format" in rule.arguments or rule.endpoint == "reports.page":
            for name in ("activity-by-member", "activity-by-chapter", "actions", "answers"):
                for format in ("csv", "json", "xlsx"):
                    yield address(
                        rule,
                        SimpleNamespace(
                            values={**place.values, "name": name, "format": format},
                            slugs=place.slugs,
                            within=place.within,
                        ),
                    )
            continue
        # Pages of one record ask nothing of their address.
        for query in QUERIES[:1] if rule.arguments - {"channel"} else QUERIES:
            yield address(rule, place) + query


def strangers(place: SimpleNamespace) -> dict[str, object]:
    people = place.people
    both = make.user(Role.COORDINATOR, people.school_b, name="Bo Both")
    make.kept(
        make.ChapterRole(user_id=both.id, chapter_id=people.school_a.id, role=Role.MEMBER),
        make.ChapterRole(user_id=make.user().id, chapter_id=people.school_a.id, role=Role.VIEWER),
    )
    return {
        "a leader of another school": people.outsider,
        "a coordinator of another school who is a member here": both,
        "staff of another school": make.user(Role.STAFF, people.school_b, name="Sta Ff"),
        "an administrator of another school": make.user(
            Role.ADMINISTRATOR, people.school_b, name="Ad Min"
        ),
        "a viewer": people.viewer,
        "a member": people.member,
        "somebody without a role": make.user(),
        "nobody": None,
    }


def test_it_works(place: SimpleNamespace, log: list[str]) -> None:
    """The secrets are there to be found, by whom they are for; and the log has none of them."""
    client = client_of(place.app, place.people.coordinator)
    urls = set(everything(place))
    told = " ".join(text_of(client.get(url)) for url in urls)
    assert [secret for secret in SECRETS if secret not in told] == []
    assert len(log) >= len(urls)
    lines = "\n".join(log).lower()
    assert [each for each in (*SECRETS, "?q=", "/members/") if each.lower() in lines] == []


@pytest.fixture
def log() -> Iterator[list[str]]:
    """All lines this process would write at its most talkative."""
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler, ours = Kept(), logging.getLogger("crm")
    handler.setFormatter(logs.Json())
    before = ours.level
    ours.addHandler(handler)
    ours.setLevel("DEBUG")
    yield lines
    ours.setLevel(before)
    ours.removeHandler(handler)


def test_nobody_else_is_told(place: SimpleNamespace) -> None:
    urls = sorted(set(everything(place)))
    told = []
    clients = {who: client_of(place.app, user) for who, user in strangers(place).items()}
    for who, client in clients.items():
        for url in urls:
            page = text_of(client.get(url))
            # The page repeats what was searched for.
            page = page.replace('value="secretname"', "").replace("“secretname”", "")
            told += [f"{who}: {secret} on {url}" for secret in SECRETS if secret in page]
    assert told == []


def test_what_was_undone_tells_nobody_either(place: SimpleNamespace) -> None:
    with db.unit_of_work():
        withdraw_outcome(db.session.get_one(Outcome, place.values["outcome_id"]), by=None)
    with db.unit_of_work():
        undo_action(
            db.session.get_one(Action, place.values["action_id"]), reason="Tuesday class", by=None
        )
    url = f"/outreach/{place.values['action_id']}"
    for who, user in strangers(place).items():
        page = text_of(client_of(place.app, user).get(url))
        assert [secret for secret in SECRETS if secret in page] == [], who


def test_others_ids_answer_as_ids_of_nobody(place: SimpleNamespace) -> None:
    """Whoever counts through the numbers learns nothing from the answers."""
    client = client_of(place.app, place.people.outsider)
    there, nowhere = place.values["member_id"], 4242
    for path in ("/members/{}", "/members/{}/edit", "/members/{}/join"):
        assert client.get(path.format(there)).status_code == 404
        assert client.get(path.format(nowhere)).status_code == 404
    assert client.get("/chapters/alder-high-school").status_code == 404
    assert client.get("/members?chapter=alder-high-school").status_code == 404


def test_what_people_type_is_shown_as_text(place: SimpleNamespace) -> None:
    with db.unit_of_work():
        for model in (Member, Chapter, Target, Action, Outcome, ContactPoint, make.User,
                      make.Campaign, make.Ask, Tag, Team, TeamMember, CustomField):  # fmt: skip
            kept = {"slug", "path", "kind", "email", "channel", "client_key", "origin", "status",
                    "session_key", "scan", "key", "theme", "language", "timezone",
                    "age_band"}  # fmt: skip
            for record in db.session.query(model):
                for column in model.__table__.columns:
                    if column.type.python_type is str and column.name not in kept:
                        setattr(record, column.name, SCRIPT)
        for record in db.session.query(ContactPoint):
            record.kind = "website"
            record.value = "https://x.example/" + SCRIPT
        for record in db.session.query(Action):
            record.details = {"link": "javascript:alert(3)"}
            record.channel = "social"
        make.audit.record("make", "test", None, by=None)
    admin = client_of(place.app, place.people.admin)
    wrong = []
    for url in sorted(set(everything(place))):
        answer = admin.get(url)
        assert answer.status_code < 500, url
        if answer.mimetype == "text/html":
            found = Tags(answer.get_data(as_text=True)).wrong
            wrong += [f"{what} on {url}" for what in found]
    assert wrong == []
