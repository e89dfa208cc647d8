"""The main job as a coordinator does it: log a class session, see the report, take it away."""

import csv
from collections.abc import Callable
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import judge
from tests.browser.anywhere import page as page
from tests.browser.anywhere import server as server
from tests.browser.server import Server

YESTERDAY = (date.today() - timedelta(days=1)).isoformat()  # noqa: DTZ011


def reached(text: str) -> dict[str, int]:
    """A CSV of activity by target: name → pieces that reached it."""
    rows = list(csv.DictReader(StringIO(text.removeprefix("\ufeff"))))
    return {row["Target"]: int(row["Reached"]) for row in rows}


def choose_school(page: Page) -> None:
    """The input lies out of sight under its label; a finger meets the label."""
    page.get_by_role("group", name="Chapter").get_by_text("Hollowbrook High School").click()


def open_menu(page: Page) -> None:
    """On a phone the navigation is folded away."""
    if page.viewport_size == judge.NARROW:
        page.locator("summary[aria-label=Menu]").click()


def test_it_works(page: Page, server: Server, sign_in: Callable[..., None]) -> None:
    sign_in(page, "coordinator")
    page.get_by_role("link", name="Log outreach").first.click()
    page.get_by_role("main").get_by_role("link", name="Postcards").first.click()
    before = reached(page.request.get(f"{server.address}/reports/activity-by-target.csv").text())

    page.get_by_label("How many").fill("150")
    page.get_by_role("combobox", name="Campaign", exact=True).select_option(
        label="Mine Ban Treaty postcards to Congress"
    )
    page.get_by_label("Date", exact=True).fill(YESTERDAY)
    page.get_by_label("Place").fill("Room 12")
    choose_school(page)
    page.locator("summary", has_text="Paste a roster").click()
    page.get_by_label("Paste a roster").fill("anjali thornbury, 5\nCALEB MOSSGROVE 7")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("status")).to_contain_text("150 postcards logged")
    open_menu(page)
    page.get_by_role("link", name="Reports").locator("visible=true").first.click()
    page.get_by_role("link", name="Activity by target").first.click()
    with page.expect_download() as arriving:
        page.get_by_role("link", name="CSV").click()
    after = reached(Path(arriving.value.path()).read_text(encoding="utf-8"))
    more = {name: after[name] - before.get(name, 0) for name in after}
    assert sum(more.values()) == 150
    assert all(number >= 0 for number in more.values())


def test_what_was_typed_is_kept(page: Page, sign_in: Callable[..., None]) -> None:
    sign_in(page, "coordinator")
    page.goto(page.url.rstrip("/") + "/outreach/log/postcard")
    page.get_by_label("How many").fill("10")
    page.get_by_role("combobox", name="Campaign", exact=True).select_option(
        label="Mine Ban Treaty postcards to Congress"
    )
    page.get_by_label("Date", exact=True).fill(YESTERDAY)
    choose_school(page)
    page.locator("summary", has_text="Paste a roster").click()
    page.get_by_label("Paste a roster").fill("Anjali Thornbury 15")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("15")
    expect(page.get_by_label("How many")).to_have_value("10")
    expect(page.get_by_label("Paste a roster")).to_have_value("Anjali Thornbury 15")
