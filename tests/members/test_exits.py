"""Every way out, against every consent that may be missing: nothing leaves that must not.

`exits.txt` lists every exit there is (a page, a file, a command, a message, a paper) and what of
a minor it gives at the most, to an administrator: `surname`, or `email:contact` where that takes
the consent to direct contact. To those who do not see the minor's chapter none gives anything. A
new exit fails here until it stands in the list; `CRM_WRITE_EXITS=1 python -m pytest
tests/members/test_exits.py` writes it anew from what is seen with all consents given. Read the
difference: it is what leaves.
"""

import logging
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from werkzeug.test import TestResponse

from crm import create_app
from crm.core import db, store
from crm.core.mail_models import IncomingMail
from crm.members.consent_rules import Purpose
from crm.members.models import Consent, Guardian, Guardianship, Member
from crm.outreach.models import Action, ActionPhoto, Outcome
from crm.tasks.calendar import digest
from crm.tasks.models import CalendarFeed
from tests import make
from tests.conftest import Browser, settings_for
from tests.hostile.scene import address, client_of, routes, scene

TABLE = Path(__file__).with_name("exits.txt")
ROOT = Path(__file__).parents[2]

#: What must not be told, by word; the ages are those of no law.
SECRETS = {
    "surname": "Quillfeather",
    "email": "ana.q@home.example",
    "phone": "555-0177",
    "address": "77 Hidden Hollow",
    # No digest can hold it by chance.
    "postal": "K9Z 8V7",
    "age": "11–13",
    "note": "allergic to wasps",
    "guardian": "Gale Wardwell",
    "guardian-email": "gale@ward.example",
    "guardian-phone": "555-0288",
    "photo": '<img src="/outreach/',
}
#: The secret part of the link to the leader's calendar.
FEED = "the-leaders-own"
#: Which consent is missing, and how; that all ways are alike is tested where they are told apart.
WAYS = ("withdrawn", "never", "refused")
MISSING = [
    (Purpose.MEMBER, "refused"),
    *((purpose, WAYS[place % 3]) for place, purpose in enumerate(Purpose)),
]


@pytest.fixture
def place(tmp_path: Path, sqlite_template: Path) -> Iterator[SimpleNamespace]:
    """The scene with a minor of whom everything is known, and everything consented to."""
    folder = tmp_path / "instance"
    folder.mkdir()
    (folder / "crm.sqlite3").write_bytes(sqlite_template.read_bytes())
    settings = settings_for(
        folder, age_bounds="11,14,19", base_url="http://localhost", mail_server="127.0.0.1",
        mail_port="9", mail_sender="crm@example.org",
    )  # fmt: skip
    app = create_app(settings)
    app.test_client_class = Browser
    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context():
        found = scene()
        found.app = app
        fill(found)
        yield found
        db.session.remove()
        db.extension.engine.dispose()


def fill(found: SimpleNamespace) -> None:
    values = found.values
    guardian = make.kept(
        Guardian(
            name=SECRETS["guardian"],
            search="gale wardwell",
            email=SECRETS["guardian-email"],
            phone=SECRETS["guardian-phone"],
        )
    )
    found.guardian_id = guardian.id
    found.twin_id = make.member("Ana", "Brook", found.people.school_a).id
    with db.unit_of_work():
        ana = db.session.get_one(Member, values["member_id"])
        ana.family_name, ana.search = SECRETS["surname"], f"{SECRETS['surname'].lower()} ana"
        ana.email, ana.phone, ana.note = SECRETS["email"], SECRETS["phone"], SECRETS["note"]
        ana.address, ana.postal_code = SECRETS["address"], SECRETS["postal"]
        ana.age_band, ana.age_band_on = "young_teen", date(2026, 1, 1)
        db.session.add(Guardianship(member_id=ana.id, guardian_id=guardian.id, relation="aunt"))
        for purpose in Purpose:
            db.session.add(consent(found, purpose, "given"))
        action = db.session.get_one(Action, values["action_id"])
        action.place = f"Home of Ana {SECRETS['surname']}"
        # All of it is Ana's, so that the picture shows nobody else.
        action.unnamed, action.pieces = 0, 4
        outcome = db.session.get_one(Outcome, values["outcome_id"])
        outcome.summary = f"Thanks, Ana {SECRETS['surname']}!"
        came = db.session.get_one(IncomingMail, values["mail_id"])
        came.text = f"Thank you, Ana {SECRETS['surname']}."
        db.session.add(ActionPhoto(action_id=action.id, file=f"{'1' * 32}.jpg"))
        db.session.add(CalendarFeed(user_id=found.people.leader.id, token_hash=digest(FEED)))
        make.audit.record("make", "test", None, by=None)
    store.here().keep(f"{'1' * 32}.jpg", SECRETS["photo"].encode())


def consent(found: SimpleNamespace, purpose: Purpose, answer: str, **more: date) -> Consent:
    return Consent(
        member_id=found.values["member_id"],
        purpose=purpose,
        guardian_id=found.guardian_id,
        answer=answer,
        how="paper",
        starts_on=date(2026, 1, 1),
        **more,
    )


def take(found: SimpleNamespace, purpose: Purpose, how: str) -> None:
    """Let one consent be missing."""
    with db.unit_of_work():
        for row in db.session.query(Consent).filter_by(purpose=purpose):
            if how == "never":
                db.session.delete(row)
            elif how == "withdrawn":
                row.withdrawn_on = date(2026, 5, 1)
            else:
                row.answer = "refused"
        make.audit.record("make", "test", None, by=None)


def text_of(answer: TestResponse) -> str:
    data = answer.get_data()
    if data.startswith(b"PK"):
        with zipfile.ZipFile(BytesIO(data)) as parts:
            return "".join(parts.read(name).decode("utf-8", "replace") for name in parts.namelist())
    if data.startswith(b"%PDF"):
        return "\n".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages)
    return data.decode("utf-8", "replace")


#: What could be chosen tells nothing of anybody; what is chosen does.
_CHOICES = re.compile(r"<option(?![^>]*\bselected)[^>]*>[^<]*</option>")


def told(text: str) -> frozenset[str]:
    """Which secrets a text tells, however they are written in it."""
    flat = re.sub(r"\s+", " ", _CHOICES.sub("", text)).casefold()
    return frozenset(word for word, secret in SECRETS.items() if secret.casefold() in flat)


def addresses(found: SimpleNamespace) -> Iterator[tuple[str, str]]:
    """Every page and file: (name in the list, address)."""
    for rule in routes(found.app, "GET"):
        name = rule.endpoint
        for format in ("csv", "xlsx", "json") if "format" in rule.arguments else (None,):
            values = {**found.values, **({"format": format} if format else {})}
            where = SimpleNamespace(values=values, slugs=found.slugs, within=found.within)
            if name.startswith("reports.") and "name" in rule.arguments:
                for report in ("activity-by-member", "answers", "actions", "activity-by-target"):
                    where.values = {**values, "name": report}
                    yield f"{name} {report}", address(rule, where)
            else:
                yield name, address(rule, where)
    yield "reports.search", "/search?q=ana"
    yield "members.index", "/members?q=quill"
    yield "members.index", "/members?standing=all"
    yield "members.merge", f"/members/{found.values['member_id']}/merge?with={found.twin_id}"
    yield "members.cards", f"/members/cards?chapter={found.slugs['chapters']}"
    number, chapter = found.values["member_id"], found.slugs["chapters"]
    yield "tasks.member_hours", f"/members/{number}/hours?year=2026"
    yield "tasks.chapter_hours", f"/chapters/{chapter}/hours?year=2026"
    for format in ("csv", "xlsx", "json"):
        yield "tasks.chapter_hours_file", f"/chapters/{chapter}/hours.{format}?year=2026"
    progress = progress_of(found)
    yield "reports.progress", f"/reports/progress?{progress}"
    for format in ("pdf", "json", "xlsx"):
        yield "reports.progress_file", f"/reports/progress.{format}?{progress}"
    pack = found.within["packs"]["code"]
    for kind in ("letters", "sheets"):
        yield "mailings.print_page", f"/packs/{pack}/print?as={kind}"
    # Who has the secret link is told what the leader's calendar tells.
    yield "tasks.calendar_feed", f"/calendar/{FEED}.ics"
    yield "members.link_user", f"/settings/users/{found.values['user_id']}/member?q=ana"


def progress_of(found: SimpleNamespace) -> str:
    """A progress report for the audience that is told most of people."""
    slugs = found.slugs
    return f"strategy={slugs['campaigns']}&audience=school&chapter={slugs['chapters']}"


def sent(found: SimpleNamespace) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What is answered with a file or a paper when it is sent: (name, address, form)."""
    number, chapter = found.values["member_id"], found.slugs["chapters"]
    for format in ("csv", "xlsx", "json"):
        named = {"format": format, "reason": "A certificate"}
        yield "POST members.download_names", "/members/download", named
        yield "POST reports.download_names", "/reports/activity-by-member", named
    for format in ("html", "json"):
        asked = {"reason": "Ana asked", "format": format}
        yield "POST members.data", f"/members/{number}/data", asked
    for format in ("csv", "xlsx", "json"):
        named = {"format": format, "reason": "A certificate"}
        hours = f"/chapters/{chapter}/hours/download?year=2026"
        yield "POST tasks.chapter_hours_names", hours, named
    named = {"reason": "The principal asked"}
    yield "POST reports.progress_names", f"/reports/progress?{progress_of(found)}", named
    paper = {"paper": "letter", "year": "2026"}
    yield "POST tasks.member_transcript", f"/members/{number}/hours/transcript", paper
    yield "POST tasks.chapter_transcripts", f"/chapters/{chapter}/hours/transcripts", paper
    # A preview of a pack tells what its paper tells.
    usual = {"paper": "letter", "labels": "avery-5160", "start_at": "1", "envelope": "no10"}
    pack = found.within["packs"]["code"]
    for kind in ("letters", "postcards", "labels", "envelopes", "sheets"):
        named = {**usual, "flip": "long", "preview": "1"}
        yield f"POST mailings.print_file {kind}", f"/packs/{pack}/print/{kind}", named
    letter, words = found.within["letters"]["code"], found.letter_form
    for format in ("csv", "xlsx", "json"):
        named = {"format": format, "reason": "To call them"}
        yield "POST mailings.letter_names", f"/letters/{letter}/download", named
        yield "POST mailings.letter_new file", "/letters/new", {**words, "do": format}
        yield "POST mailings.letter_new names", "/letters/new", {**words, **named, "do": "names"}
    yield "POST mailings.letter_new", "/letters/new", {**words, "do": "show"}
    cards = {"member": str(number), "paper": "letter", "replace": "y"}
    yield "POST members.cards", f"/members/cards?chapter={chapter}", cards


def seen_by(client: FlaskClient, found: SimpleNamespace) -> Iterator[tuple[str, frozenset[str]]]:
    for name, url in addresses(found):
        answer = client.get(url)
        assert answer.status_code < 500, url
        secrets = told(text_of(answer))
        answer.close()
        yield name, secrets
    for name, url, form in sent(found):
        answer = client.post(url, data=form)
        assert answer.status_code < 500, url
        secrets = told(text_of(answer))
        answer.close()
        yield name, secrets


def commands(app: Flask) -> Iterator[str]:
    """Every command there is, as it is typed."""

    def leaves(group: click.Command, before: str) -> Iterator[str]:
        for name, each in getattr(group, "commands", {}).items():
            if isinstance(each, click.Group):
                if hasattr(each, "plain"):
                    # It is a command itself, where its first word is none of its own.
                    yield f"{before} {name}"
                yield from leaves(each, f"{before} {name}")
            else:
                yield f"{before} {name}"

    for line in leaves(app.cli, "crm"):
        if line.split()[1] not in ("db", "routes", "run", "shell", "translate"):
            yield line


def templates(folder: str, ending: str) -> Iterator[str]:
    for path in sorted((ROOT / "templates" / folder).glob(f"*{ending}")):
        yield f"{folder}/{path.name}"


def other_exits(app: Flask) -> list[str]:
    """What is no page: each has a test of its own, which its line names."""
    return sorted({*commands(app), *templates("emails", ".txt"), *templates("print", ".typ")})


def listed() -> dict[str, str]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("  ") for line in lines if line and not line.startswith("#"))
    return {name.strip(): rest.strip() for name, _blank, rest in pairs}


def administrator(found: SimpleNamespace) -> FlaskClient:
    return client_of(found.app, db.session.merge(found.people.admin))


def gives(found: SimpleNamespace) -> dict[str, set[str]]:
    seen: dict[str, set[str]] = {}
    for name, secrets in seen_by(administrator(found), found):
        seen.setdefault(name, set()).update(secrets)
    return seen


def test_every_exit_is_listed_with_what_it_gives(place: SimpleNamespace) -> None:
    seen = gives(place)
    if os.environ.get("CRM_WRITE_EXITS") == "1":
        write(seen, place.app)
    table = listed()
    names = set(seen) | set(other_exits(place.app))
    assert names == set(table), (
        f"exits that are not in {TABLE.name}, or are no more: {sorted(names ^ set(table))}. "
        "Say there what each gives, and read the rule at the top of this file."
    )
    for name, secrets in seen.items():
        listed_words = {word for word in table[name].split() if word != "-" and word[-1] != "?"}
        assert {word.partition(":")[0].rstrip("!") for word in listed_words} == secrets, name


def write(seen: Mapping[str, set[str]], app: Flask) -> None:
    """The list anew; what is said of purposes and tests stays."""
    old = listed() if TABLE.exists() else {}
    lines = [
        "# Every exit, and what of a minor it gives at the most, to an administrator.",
        "# `email:contact` takes that consent; `surname?` is told of those who lack one alone;",
        "# `surname!` whatever was said, as their own data taken out for a reason that is kept;",
        "# a command, message or paper names its test.",
        "",
    ]
    for name in sorted(seen):
        kept = {word.partition(":")[0].rstrip("!"): word for word in old.get(name, "").split()}
        lacking = [word for word in kept.values() if word.endswith("?")]
        words = " ".join([*(kept.get(each, each) for each in sorted(seen[name])), *lacking]) or "-"
        lines.append(f"{name}  {words}")
    lines.append("")
    lines += [f"{name}  {old.get(name, '?')}" for name in other_exits(app)]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_what_is_no_page_names_its_test(place: SimpleNamespace) -> None:
    table = listed()
    for name in other_exits(place.app):
        where = table[name]
        if where == "names no member":
            continue
        path, _colons, test = where.partition("::")
        assert f"def {test}" in (ROOT / path).read_text(encoding="utf-8"), f"{name}: {where}"


@pytest.mark.parametrize(("purpose", "how"), MISSING)
def test_it_works(
    place: SimpleNamespace, purpose: Purpose, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    take(place, purpose, how)
    table = listed()
    with caplog.at_level(logging.DEBUG):
        for name, secrets in seen_by(administrator(place), place):
            words = [word.rstrip("?").partition(":") for word in table[name].split()]
            may = {word.rstrip("!") for word, _colon, needs in words if needs != purpose}
            # Somebody who is said not to be a member has no family name any more.
            if purpose is Purpose.MEMBER and "surname!" not in table[name].split():
                may.discard("surname")
            assert secrets <= may, f"{name} without {purpose} ({how})"
    assert not told(caplog.text)


@pytest.mark.parametrize(
    ("who", "consents"),
    [
        ("outsider", "all"),
        ("viewer", "all"),
        ("member", "all"),
        (None, "all"),
        ("outsider", "none"),
    ],
)
def test_nobody_else_is_told_anything(
    place: SimpleNamespace, who: str | None, consents: str
) -> None:
    if consents == "none":
        with db.unit_of_work():
            db.session.query(Consent).delete()
            make.audit.record("make", "test", None, by=None)
    user = db.session.merge(getattr(place.people, who)) if who else None
    client = client_of(place.app, user)
    for name, secrets in seen_by(client, place):
        assert secrets == frozenset(), name
