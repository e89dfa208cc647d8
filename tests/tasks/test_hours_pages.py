"""The pages of service hours: whom they tell what, and what is sent from them."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from html import unescape
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from flask import g
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import func, select

from crm.core import audit, db, i18n
from crm.core.access import Role
from crm.core.audit import AuditEntry
from crm.members.consent_rules import Purpose
from crm.members.models import Consent, Departure, DepartureMember, Guardian, Guardianship, Member
from crm.outreach.operations import log_action
from crm.tasks.hours import Year
from crm.tasks.hours_operations import sign_hours
from crm.tasks.models import HoursSigned, Task
from crm.tasks.transcripts import MOST
from tests import make
from tests.members.test_queries import statements
from tests.tasks.conftest import link

SignIn = Callable[[object], FlaskClient]
_numbers = iter(range(10_000))


def log(s: SimpleNamespace, **changes: Any) -> int:
    ana, ben = s.members[:2]
    given: dict[str, Any] = {
        "channel": "postcard", "campaign_id": s.campaign, "happened_on": i18n.today(),
        "pieces": 30, "targets": dict.fromkeys(s.targets, 10), "members": {ana: 20, ben: 10},
        "minutes": 60, "chapter_ids": [s.school_a], "client_key": f"page-{next(_numbers)}",
        "by": None, "today": i18n.today(),
    }  # fmt: skip
    with db.unit_of_work():
        return log_action(**given | changes).id


def words(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def get(client: FlaskClient, url: str) -> str:
    for key in ("known_members", "grants", "known_users"):
        g.pop(key, None)
    answer = client.get(url)
    assert answer.status_code == 200, url
    return words(answer.text)


def post(client: FlaskClient, url: str, **form: Any) -> Any:
    for key in ("known_members", "grants", "known_users"):
        g.pop(key, None)
    return client.post(url, data=form)


def signed() -> int:
    return db.session.scalar(select(func.count()).select_from(HoursSigned)) or 0


def pdf_text(data: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(data)).pages]


def test_it_works(scene: SimpleNamespace, sign_in: SignIn) -> None:
    """A coordinator ticks a line, signs, then all; takes one back; the page says so each time."""
    s = scene
    ana = s.members[0]
    number, other = log(s), log(s, minutes=30)
    client = sign_in(s.people.coordinator)
    page = get(client, f"/members/{ana}/hours")
    assert "1 h not signed for yet" in page
    assert "20 postcards" in page
    answer = post(client, f"/members/{ana}/hours/sign", line=f"a{number}-40")
    assert answer.status_code == 303
    assert "40 min signed for 20 min not signed for yet" in get(client, f"/members/{ana}/hours")
    assert post(client, f"/members/{ana}/hours/sign", what="all").status_code == 303
    page = get(client, f"/members/{ana}/hours")
    assert "1 h signed for 0 min not signed for yet" in page
    assert "Signed Cory Coordinator" in page
    undone = post(client, f"/members/{ana}/hours/unsign", signed=f"a{other}", reason="")
    assert undone.status_code == 422
    undone = post(client, f"/members/{ana}/hours/unsign", signed=f"a{other}", reason="Too much")
    assert undone.status_code == 303
    assert signed() == 1
    told = get(sign_in(s.people.leader), f"/members/{ana}/history")
    assert "Hours signed for" in told
    assert "Signature taken back" in told
    assert "Too much" in told


def test_nothing_ticked_or_stale_comes_back(scene: SimpleNamespace, sign_in: SignIn) -> None:
    s = scene
    number = log(s)
    client = sign_in(s.people.coordinator)
    url = f"/members/{s.members[0]}/hours/sign"
    assert "Tick the lines you sign for" in post(client, url).text
    for line in (f"a{number}-39", "a999-40"):
        answer = post(client, url, line=line)
        assert answer.status_code == 422
        assert "changed after you opened the page" in answer.text
    for line in ("x", "a-1", "z1-40", f"a{number}-", f"a{number}-'"):
        assert post(client, url, line=line).status_code == 422
    assert signed() == 0


def test_who_sees_and_who_signs(scene: SimpleNamespace, sign_in: SignIn) -> None:
    s = scene
    log(s)
    ana = f"/members/{s.members[0]}/hours"
    chapter = f"/chapters/{s.people.school_a.slug}/hours"
    for who, status in ((s.people.outsider, 404), (s.people.viewer, 403), (s.ana, 403)):
        for url in (ana, chapter):
            g.pop("grants", None)
            assert sign_in(who).get(url).status_code == status
    leader = sign_in(s.people.leader)
    for url in (ana, chapter):
        assert "Sign for" not in get(leader, url)
    assert post(leader, f"{ana}/sign", what="all").status_code == 403
    assert post(leader, f"{chapter}/sign", member="1-40").status_code == 403
    other = sign_in(make.user(Role.COORDINATOR, s.people.school_b))
    assert post(other, f"{ana}/sign", what="all").status_code == 404
    assert post(other, f"{ana}/unsign", signed="a1", reason="x").status_code == 404
    assert post(other, f"{ana}/transcript").status_code == 404
    assert post(other, f"{chapter}/sign", member="1-40").status_code == 404
    assert post(other, f"{chapter}/transcripts").status_code == 404
    assert signed() == 0


def test_ones_own_hours_have_no_tick(scene: SimpleNamespace, sign_in: SignIn) -> None:
    s = scene
    cleo = s.members[2]
    log(s, members={cleo: 30})
    link(cleo, s.people.coordinator)
    client = sign_in(s.people.coordinator)
    assert "Sign for" not in get(client, f"/members/{cleo}/hours")
    assert 'name="member"' not in client.get(f"/chapters/{s.people.school_a.slug}/hours").text
    answer = post(client, f"/members/{cleo}/hours/sign", what="all")
    assert answer.status_code == 422
    assert "Nobody signs for their own hours" in answer.text


def test_a_chapter(scene: SimpleNamespace, sign_in: SignIn) -> None:
    s = scene
    ana, ben, _cleo = s.members
    log(s, members={ana: 10, ben: 10, s.stranger: 5})
    url = f"/chapters/{s.people.school_a.slug}/hours"
    client = sign_in(s.people.coordinator)
    page = get(client, url)
    assert "Ana Brook" in page
    assert "Secretname" not in page
    assert (
        "In minutes: 40 of the members listed + 10 of members you do not see + 10 of people nobody "
        "named are 60 of the chapter's outreach." in page
    )
    answer = post(client, f"{url}/sign", member=[f"{ana}-20", f"{ben}-20"])
    assert answer.status_code == 303
    assert signed() == 2
    assert "40 min signed for 0 min not signed for yet" in get(client, url)
    log(s)
    listed = [f"{ana}-40", f"{ben}-20"]
    assert post(client, f"{url}/sign", what="page", listed=listed).status_code == 303
    assert signed() == 4
    stale = post(client, f"{url}/sign", member=f"{ana}-5")
    assert stale.status_code == 422
    assert "No hours in this school year" in get(client, f"{url}?year=2020")
    assert f"{url}" in client.get(f"/chapters/{s.people.school_a.slug}").text


def test_a_chapters_file(scene: SimpleNamespace, sign_in: SignIn) -> None:
    s = scene
    log(s)
    slug = s.people.school_a.slug
    client = sign_in(s.people.staff)
    plain = client.get(f"/chapters/{slug}/hours.csv").text
    assert "Brook" not in plain
    assert re.search(r"M-\w+|,40,0,40", plain)
    named = post(client, f"/chapters/{slug}/hours/download", format="csv", reason="")
    assert named.status_code == 422
    named = post(client, f"/chapters/{slug}/hours/download", format="csv", reason="For the school")
    assert "Ana Brook" in named.text
    left = db.session.scalars(select(Departure)).one()
    assert (left.exit, left.reason) == ("export", "For the school")
    assert sign_in(s.people.leader).get(f"/chapters/{slug}/hours.csv").status_code == 403
    kept = db.session.scalars(select(AuditEntry.verb).where(AuditEntry.kind == "chapter")).all()
    assert "export_people" in kept
    for format in ("xlsx", "json"):
        assert client.get(f"/chapters/{slug}/hours.{format}").status_code == 200


def test_a_transcript(scene: SimpleNamespace, sign_in: SignIn) -> None:
    """Full name, what, to whom, how long, who signed; nobody else who took part."""
    s = scene
    ana = s.members[0]
    log(s)
    make.kept(
        Task(title="Sort the stamps", chapter_id=s.school_a, member_id=ana, state="completed",
             minutes=25, finished_at=datetime.now(UTC))
    )  # fmt: skip
    with db.unit_of_work():
        sign_hours(member_id=ana, year=Year(_year()), by=s.people.coordinator)
    log(s, minutes=30)
    answer = post(sign_in(s.people.leader), f"/members/{ana}/hours/transcript", paper="a4")
    assert answer.mimetype == "application/pdf"
    (text,) = pdf_text(answer.data)
    for told in (
        "Ana Brook", "Alder High School", "20 postcards", "Shelley Alder, WV 2", "Niue",
        "Sort the stamps", "Cory Coordinator", "Signed for 1 h 5 min",
        "Not signed for yet 20 min", "In all 1 h 25 min", "Page 1 of 1", "Printed name", "As of",
    ):  # fmt: skip
        assert told in text, told
    assert "Cole" not in text
    left = db.session.execute(
        select(Departure.exit, Departure.what, DepartureMember.member_id).join(
            DepartureMember, DepartureMember.departure_id == Departure.id
        )
    ).one()
    assert tuple(left) == ("print", f"Transcript of service hours {Year(_year()).words}", ana)

    seen = select(AuditEntry.record_id, AuditEntry.changes).where(AuditEntry.verb == "read")
    assert [tuple(row) for row in db.session.execute(seen)] == [(ana, {"what": ["hours"]})]


def _year() -> int:
    return i18n.today().year + (i18n.today().month >= 7)


def test_zero_hours_and_many_pages(scene: SimpleNamespace, sign_in: SignIn) -> None:
    s = scene
    client = sign_in(s.people.coordinator)
    url = f"/members/{s.members[0]}/hours/transcript"
    (text,) = pdf_text(post(client, url).data)
    assert "No hours are written down" in text
    for _each in range(70):
        log(s)
    pages = pdf_text(post(client, url).data)
    assert len(pages) > 1
    assert f"Page 2 of {len(pages)}" in pages[1]
    assert "Page 1 of" in pages[0]
    page = get(client, f"/members/{s.members[0]}/hours")
    assert "1–50 of 70" in page
    every = post(client, f"/chapters/{s.people.school_a.slug}/hours/transcripts", paper="letter")
    both = pdf_text(every.data)
    assert [each for each in both if "Page 1 of" in each and "Ana Brook" in each]
    assert [each for each in both if "Page 1 of" in each and "Ben Cole" in each]
    assert len(both) == 2 * len(pages)
    told = [re.findall(r"Page (\d+) of (\d+)", each) for each in both]
    count = len(pages)
    assert told == [[(str(each + 1), str(count))] for each in range(count)] * 2


def test_a_chapter_without_hours_has_no_transcripts(
    scene: SimpleNamespace, sign_in: SignIn
) -> None:
    url = f"/chapters/{scene.people.school_a.slug}/hours/transcripts"
    answer = post(sign_in(scene.people.coordinator), url)
    assert answer.status_code == 422
    assert "Nobody here has hours" in answer.text
    assert MOST == 200


def test_who_is_said_not_to_be_a_member_gets_none(scene: SimpleNamespace, sign_in: SignIn) -> None:
    s = scene
    ana = s.members[0]
    log(s)
    guardian = make.kept(Guardian(name="Maria Brook", search="brook maria"))
    make.kept(Guardianship(member_id=ana, guardian_id=guardian.id))
    make.kept(
        Consent(member_id=ana, purpose=Purpose.MEMBER, guardian_id=guardian.id, answer="refused",
                how="paper", starts_on=date(2026, 1, 1))
    )  # fmt: skip
    client = sign_in(s.people.coordinator)
    answer = post(client, f"/members/{ana}/hours/transcript")
    assert answer.status_code == 422
    assert "may not be named" in answer.text
    every = post(client, f"/chapters/{s.people.school_a.slug}/hours/transcripts")
    assert "Brook" not in " ".join(pdf_text(every.data))
    assert db.session.scalars(select(DepartureMember.member_id)).all() == [s.members[1]]


def test_the_own_page_tells_what_is_signed(scene: SimpleNamespace, sign_in: SignIn) -> None:
    s = scene
    ana = s.members[0]
    log(s)
    with db.unit_of_work():
        db.session.get_one(Member, ana).age_band = "adult"
        audit.record("make", "test", None, by=None)
    with db.unit_of_work():
        sign_hours(member_id=ana, year=Year(_year()), by=None)
    page = get(sign_in(s.ana), "/my")
    assert "Signed for 40 min" in page
    assert "Cory" not in page


def test_constant_statements(scene: SimpleNamespace, sign_in: SignIn) -> None:
    s = scene
    log(s)
    client = sign_in(s.people.coordinator)
    urls = (f"/members/{s.members[0]}/hours", f"/chapters/{s.people.school_a.slug}/hours")
    few = [count(client, url) for url in urls]
    for place in range(30):
        member = make.member("Zoe", f"Pine{place}", s.people.school_a).id
        log(s, members={member: 10, s.members[0]: 20})
    many = [count(client, url) for url in urls]
    assert many == few
    assert max(many) <= 16


def count(client: FlaskClient, url: str) -> int:
    for key in ("known_members", "grants", "known_users"):
        g.pop(key, None)
    with statements() as seen:
        assert client.get(url).status_code == 200
    return len([each for each in seen if each.startswith(("SELECT", "WITH"))])
