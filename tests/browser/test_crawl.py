"""Every page of the demo, as an administrator sees it, judged in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Page

from tests.browser import judge
from tests.browser.crawl import Crawl
from tests.browser.driver import Watch
from tests.browser.server import Server

#: Pages no link leads to.
MISSING = "/no/such/page"
STARTS = ("/", "/search?q=a", MISSING)
FILES = (".csv", ".xlsx", ".json", ".pdf", ".zip")


def test_every_page(page: Page, server: Server, watch: Watch, sign_in: Callable[..., None]) -> None:
    sign_in(page, "administrator")
    crawl = Crawl(server.app, server.address)
    #: A fault → the pages that have it.
    faults: dict[str, list[str]] = {}
    visited = 0
    for url in crawl.pages(page, *STARTS):
        path = url.removeprefix(server.address)
        if path.split("?")[0].endswith(FILES):
            answer = page.request.get(url)
            found = [] if answer.ok else [f"answered {answer.status}"]
        else:
            found = judged(page, url)
        visited += 1
        for fault in (*found, *complaints(watch, path)):
            faults.setdefault(fault, []).append(path)
    for link in crawl.dead:
        faults.setdefault("a link leads nowhere", []).append(link)
    assert visited > len(STARTS)
    told = [f"{fault}\n    on {len(on)}: {', '.join(on[:4])}" for fault, on in faults.items()]
    assert not faults, f"{len(faults)} faults on {visited} pages\n" + "\n".join(told)


def complaints(watch: Watch, path: str) -> list[str]:
    """What the browser said; that a page is missing it may say of the missing page."""
    said = watch.take()
    return [each for each in said if not (path == MISSING and "status of 404" in each)]


def judged(page: Page, url: str) -> list[str]:
    """What is wrong with the page at the address."""
    answer = page.goto(url)
    if answer is None or "text/html" not in answer.headers.get("content-type", ""):
        return []
    wanted = 404 if url.endswith(MISSING) else 200
    if answer.status != wanted:
        return [f"answered {answer.status}"]
    return [*judge.tags(answer.text()), *judge.whole(page)]
