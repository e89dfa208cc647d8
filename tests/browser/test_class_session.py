"""The class session from a text to the post, as people do it: a pack is made, printed, scanned,
logged once; some come back, and every report and every student's hours follow."""

import io
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader
from sqlalchemy import select

from crm.accounts.models import User
from crm.core import db
from crm.core.access import Role
from crm.demo_data.texts import POSTCARD
from crm.demo_data.year import MINES
from crm.members.models import Chapter
from crm.members.operations import add_chapter, add_member, grant_role
from crm.members.rules import school_year
from crm.reports.catalogue import reports
from crm.targets.list_operations import keep_list
from crm.targets.models import Target
from crm.targets.operations import add_contact_point, add_target
from tests.browser import judge
from tests.browser.driver import Watch
from tests.browser.server import Demo, Server, serve

STUDENTS, MINUTES = 31, 10
SCHOOL, LIST, PACK = "Pine Ridge High School", "Five offices", "Cards of period three"
TODAY = date.today()  # noqa: DTZ011


@pytest.fixture
def server(demo: Demo, tmp_path: Path) -> Iterator[Server]:
    """A demo of its own, with a school of 31 students, its leader, and a list of five targets."""
    with serve(demo, tmp_path / "instance") as running:
        with running.app.app_context(), db.unit_of_work():
            _add_school(running)
        yield running


def _add_school(server: Server) -> None:
    state = db.session.scalars(select(Chapter).where(Chapter.kind == "state")).first()
    assert state is not None
    school = add_chapter(
        name=SCHOOL, kind="school", parent_id=state.id, address="1 Pine Road\nRidge, WV 25000",
        by=None,
    )  # fmt: skip
    leader = db.session.scalars(select(User).where(User.email == server.emails["leader"])).one()
    grant_role(user_id=leader.id, role=Role.LEADER, chapter_id=school.id, by=None)
    for number in range(STUDENTS):
        add_member(
            given_name=f"Student{chr(65 + number % 26)}", family_name=f"Surname{number:02}",
            chapter_id=school.id, joined_on=date(2020, 9, 1), by=None, anyway=True,
        )  # fmt: skip
    fifth = add_target(kind="official", given_name="Ann", family_name="Alpha", by=None)
    add_contact_point(
        fifth, kind="postal", label="Office", value="5 Lantern Street\nCharleston, WV 25301",
        by=None, today=TODAY,
    )  # fmt: skip
    four = db.session.scalars(
        select(Target.id).where(Target.kind == "legislator").order_by(Target.id).limit(4)
    ).all()
    keep_list(name=LIST, target_ids=[*four, fifth.id], by=None)


@pytest.fixture
def page(browser: Browser, watch: Watch) -> Iterator[Page]:
    """The coordinator's desk."""
    yield from _page(browser, watch, judge.WIDE)


@pytest.fixture
def phone(browser: Browser, watch: Watch) -> Iterator[Page]:
    """The leader's."""
    yield from _page(browser, watch, judge.NARROW)


def _page(browser: Browser, watch: Watch, size: Any) -> Iterator[Page]:
    context = browser.new_context(viewport=size, reduced_motion="reduce", locale="en-US")
    page = context.new_page()
    watch.on(page)
    yield page
    complaints = watch.take()
    context.close()
    assert complaints == []


def _pdf(page: Page, press: Callable[[], None]) -> list[str]:
    """The text of each page of what a button gives."""
    with page.expect_download() as arriving:
        press()
    body = Path(arriving.value.path()).read_bytes()
    return [each.extract_text() for each in PdfReader(io.BytesIO(body)).pages]


def _print(page: Page, kind: str) -> list[str]:
    page.goto(f"{page.url.split('/print')[0]}/print?as={kind}")
    assert judge.accessibility(page) == []
    return _pdf(page, page.get_by_role("button", name=re.compile("^Print all 155")).click)


def _said(page: Page, server: Server, name: str) -> str:
    answer = page.request.get(f"{server.address}/reports/{name}.csv?chapter={_slug(server)}")
    assert answer.status == 200, name
    return answer.text()


def _slug(server: Server) -> str:
    with server.app.app_context():
        return db.session.scalars(select(Chapter.slug).where(Chapter.name == SCHOOL)).one()


def _everywhere(page: Page, server: Server, pieces: int) -> None:
    """Every report of all outreach says so many, in its last line: it counts everything once."""
    for name, report in reports().items():
        # Others tell of answers, tasks and faults; one of governments, to whom nobody wrote.
        if report.counts != "pieces" or name in ("answers", "activity-by-government"):
            continue
        page.goto(f"{server.address}/reports/{name}?chapter={_slug(server)}")
        told = page.get_by_role("main").inner_text()
        assert re.search(rf"\b{pieces}\b", told), (name, pieces, told[-600:])
        other = {155, 149} - {pieces}
        assert not re.search(rf"\b{other.pop()}\b", told), (name, told[-600:])


def test_it_works(page: Page, phone: Page, server: Server, sign_in: Callable[..., None]) -> None:
    # A coordinator makes the pack.
    sign_in(page, "coordinator")
    page.goto(f"{server.address}/packs/new")
    page.get_by_label("Text", exact=True).select_option(label=_option(page, "Text", POSTCARD))
    page.get_by_label("Campaign", exact=True).select_option(label=MINES)
    page.get_by_label("Chapter that writes").select_option(label=_option(
        page, "Chapter that writes", SCHOOL))  # fmt: skip
    page.locator("label[for=aim-list]").click()
    page.get_by_label(re.compile("^List")).select_option(label=_option(page, "List", LIST))
    page.locator("label[for=way-all]").click()
    page.get_by_label("Minutes a piece takes").fill(str(MINUTES))
    page.get_by_label("Name of the pack").fill(PACK)
    members = page.get_by_role("group", name=SCHOOL)
    if not members.is_visible():
        page.locator("summary", has_text="Tick members").click()
    for box in members.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Show how it is shared out").locator("visible=true").click()
    expect(page.get_by_role("main")).to_contain_text("155")
    assert judge.accessibility(page) == []
    page.get_by_role("button", name="Make this pack").click()
    page.wait_for_url(re.compile(r"/packs/[0-9A-Z]{7}$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("155 postcards")
    code = page.url.rsplit("/", 1)[1]
    on_paper = f"{code[:3]}-{code[3:]}"

    # It is printed: two sides a card, a sheet a student with the code on it.
    cards = _print(page, "postcards")
    assert len(cards) == 2 * 155
    assert not any(code in each or on_paper in each or "Surname" in each for each in cards)
    assert sum("Lantern Street" in each for each in cards) == STUDENTS
    sheets = _print(page, "sheets")
    assert len(sheets) >= STUDENTS
    assert sum(on_paper in each for each in sheets) >= STUDENTS
    assert not any("Surname" in each for each in sheets)

    # The leader scans the code, and somebody else scans it again.
    sign_in(phone, "leader")
    phone.goto(f"{server.address}/post/{code}")
    assert [*judge.accessibility(phone), *judge.overflow(phone)] == []
    page.goto(f"{server.address}/post/{code}")
    phone.get_by_role("button", name="All 155 posted").click()
    expect(phone.get_by_role("main")).to_contain_text("155 postcards")
    page.get_by_role("button", name="All 155 posted").click()
    expect(page.get_by_role("main")).to_contain_text("nothing was counted twice")
    phone.goto(f"{server.address}/post/{code}")
    expect(phone.get_by_role("main")).to_contain_text("nothing was counted twice")
    _everywhere(page, server, 155)

    # Six come back: two of each of three students.
    phone.goto(f"{server.address}/packs/{code}/return")
    for number in range(3):
        phone.get_by_label(re.compile(rf"Surname{number:02}$")).first.fill("2")
    phone.get_by_role("button", name="Take them back").click()
    expect(phone.get_by_role("status")).to_contain_text("6")
    _everywhere(page, server, 149)
    page.goto(f"{server.address}/packs/{code}")
    expect(page.get_by_role("main")).to_contain_text("6 pieces lie in the pool")

    # Each student's hours stand in the transcript.
    page.goto(f"{server.address}/chapters/{_slug(server)}/hours?year={school_year(TODAY)}")
    press = page.get_by_role("button", name=re.compile("transcript", re.IGNORECASE)).first
    text = "\n".join(_pdf(page, press.click))
    assert text.count("50 min") >= STUDENTS - 3
    assert text.count("30 min") >= 3
    assert all(f"Surname{number:02}" in text for number in range(STUDENTS))


def _option(page: Page, label: str, begins: str) -> str:
    """The option of a choice that begins so; some say more behind."""
    for option in page.get_by_label(re.compile(f"^{label}")).locator("option").all():
        if (told := (option.inner_text() or "").strip()).removeprefix("· ").startswith(begins):
            return told
    raise AssertionError(f"{begins} is not offered")
