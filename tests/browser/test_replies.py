"""Did they answer? A leader ticks what came for a class, takes it back, and says what a forwarded
reply answers; whoever runs it reads what would have been mailed. At a desk and on a phone.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.browser.anywhere import page as page
from tests.browser.anywhere import server as server
from tests.browser.server import Server


def test_what_came_is_ticked_for_a_class(
    page: Page, server: Server, sign_in: Callable[..., None]
) -> None:
    sign_in(page, "leader")
    page.goto(server.address)
    page.get_by_role("region", name="Any reply?").get_by_role("link").first.click()
    listed = page.locator("main tbody tr")
    before = listed.count()
    assert before
    listed.first.get_by_role("link", name="Any reply?").click()
    sitting = page.url
    fold = page.locator("details[data-target]").first
    if fold.get_attribute("open") is None:
        fold.locator("summary").click()
    ticks = fold.locator("input[type=checkbox]")
    if ticks.count():
        ticks.first.check()
    else:
        fold.locator("input[name^=others]").fill("1")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("1 answer recorded.")).to_be_visible()
    # Said once: what is done about the others is done, and this sitting asks nothing more today.
    assert listed.count() == before - 1
    page.goto(sitting)
    expect(page.locator("details[data-target] .badge-good").first).to_be_visible()


def test_a_forwarded_reply_lands_on_its_action(
    page: Page, server: Server, sign_in: Callable[..., None]
) -> None:
    sign_in(page, "leader")
    page.goto(f"{server.address}/outreach/replies/forwarded")
    page.get_by_role("link", name="Say what it is").click()
    expect(page.get_by_role("region", name="What it says")).to_contain_text("Dear students")
    page.get_by_label("It answers").select_option(index=1)
    page.get_by_label("What came back").select_option(label="Substantive reply")
    page.get_by_role("button", name="Record the answer").click()
    expect(page.get_by_text("Recorded as an answer.")).to_be_visible()
    expect(page.get_by_text("The Senator has read them")).to_be_visible()
    page.goto(f"{server.address}/outreach/replies/forwarded")
    assert page.get_by_role("link", name="Say what it is").count() == 0


def test_what_would_have_left_is_read(
    page: Page, server: Server, sign_in: Callable[..., None]
) -> None:
    sign_in(page, "administrator")
    page.goto(f"{server.address}/settings/mail/preview")
    page.get_by_role("link", name="Your week").first.click()
    shown = page.frame_locator("iframe")
    expect(shown.get_by_text("what the week from").first).to_be_visible()
    stop = page.get_by_text("/mail/choices/").first.inner_text()
    # Whoever reads the message chooses without signing in.
    address = next(word for word in stop.split() if "/mail/choices/" in word)
    answer = page.request.get(f"{server.address}{urlsplit(address).path}")
    assert answer.ok
    assert "The weekly digest" in answer.text()
