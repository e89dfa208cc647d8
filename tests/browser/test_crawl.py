"""Every page of the demo, as an administrator sees it, judged in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Page

from tests.browser import judge
from tests.browser.crawl import Crawl
from tests.browser.driver import Watch
from tests.browser.server import Server

#: Pages no link leads to.
STARTS = ("/", "/search?q=a", "/no/such/page")
FILES = (".csv", ".xlsx", ".json")


def test_every_page(page: Page, server: Server, watch: Watch, sign_in: Callable[..., None]) -> None:
    sign_in(page, "administrator")
    crawl = Crawl(server.app, server.address)
    faults: list[str] = []
    visited = 0
    for url in crawl.pages(page, *STARTS):
        path = url.removeprefix(server.address)
        if path.split("?")[0].endswith(FILES):
            answer = page.request.get(url)
            found = [] if answer.ok else [f"answered {answer.status}"]
        else:
            found = judged(page, url)
        visited += 1
        faults += [f"{path}: {fault}" for fault in (*found, *watch.take())]
    faults += [f"a link leads nowhere: {link}" for link in crawl.dead]
    assert visited > len(STARTS)
    assert not faults, f"{len(faults)} faults on {visited} pages\n" + "\n".join(faults)


def judged(page: Page, url: str) -> list[str]:
    """What is wrong with the page at the address."""
    answer = page.goto(url)
    if answer is None or "text/html" not in answer.headers.get("content-type", ""):
        return []
    wanted = 404 if "/no/such" in url else 200
    if answer.status != wanted:
        return [f"answered {answer.status}"]
    return judge.whole(page)
