"""Every page that links lead to, each kind of page a few times."""

from collections import Counter, deque
from collections.abc import Iterator
from urllib.parse import parse_qs, urljoin, urlsplit

from flask import Flask
from playwright.sync_api import Page
from werkzeug.exceptions import HTTPException

#: Pages of one kind that are visited: those told apart by a number, and those by a name.
OF_NUMBER, OF_NAME = 1, 2
#: Kinds of which each is a page of its own: every report and every channel.
ALL_OF = frozenset({"reports.page", "outreach.log"})
#: Filters of one page that are tried.
OF_QUERY = 1

# A link within a drawing has an object for its address.
_LINKS = """() => [...document.querySelectorAll('a[href]')].map(
    (each) => new URL(each.getAttribute('href'), document.baseURI).href)"""


def kind_of(app: Flask, url: str) -> tuple[str, bool] | None:
    """The endpoint behind an address and whether a name tells its pages apart; None for none."""
    try:
        rule, values = app.url_map.bind("localhost").match(
            urlsplit(url).path, method="GET", return_rule=True
        )
    except HTTPException:
        return None
    return rule.endpoint, any(isinstance(value, str) for value in values.values())


class Crawl:
    """Follows links from a page on, within one server."""

    def __init__(self, app: Flask, address: str) -> None:
        self.app = app
        self.address = address
        self._seen: set[str] = set()
        self._visited: Counter[tuple[str, frozenset[str]]] = Counter()
        self._queries: Counter[str] = Counter()
        #: Links that lead to no page of ours.
        self.dead: list[str] = []

    def pages(self, page: Page, *starts: str) -> Iterator[str]:
        """Address after address; whoever asks goes there before asking for the next."""
        waiting = deque((urljoin(self.address, start), "start") for start in starts)
        while waiting:
            url, came_from = waiting.popleft()
            if not self._wants(url, came_from):
                continue
            yield url
            here = page.url
            waiting.extend((link.split("#")[0], here) for link in page.evaluate(_LINKS))

    def _wants(self, url: str, came_from: str) -> bool:
        if not url.startswith(self.address) or url in self._seen:
            return False
        self._seen.add(url)
        kind = kind_of(self.app, url)
        if kind is None and came_from == "start":
            return True
        if kind is None:
            self.dead.append(f"{url} (on {came_from})")
            return False
        endpoint, named = kind
        if endpoint == "static" or endpoint.endswith(".static"):
            return False
        asked = frozenset(parse_qs(urlsplit(url).query))
        if asked:
            self._queries[endpoint] += 1
            if self._queries[endpoint] > OF_QUERY:
                return False
        self._visited[endpoint, asked] += 1
        if endpoint in ALL_OF and not asked:
            return True
        most = OF_NAME if named else OF_NUMBER
        return self._visited[endpoint, asked] <= (1 if asked else most)
