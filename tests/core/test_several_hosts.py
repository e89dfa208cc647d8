"""Several hosts: two servers share PostgreSQL, Redis, a bucket, a folder and a key, and no more.

Real processes on loopback. Whatever one has begun the other goes on with, and tries are counted
together while Redis is there.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from tests import buckets
from tests.conftest import empty
from tests.core.test_files import picture
from tests.servers import Redis, end, free_port, wait_for

pytestmark = pytest.mark.fault

TREE = Path(__file__).parents[2]
PASSWORD = "demo-password-1"
BOTH = [0, 1]


def crm(*words: str, environ: dict[str, str], **more: Any) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    return subprocess.Popen(
        [sys.executable, "-c", "from crm.cli import main; main()", *words],
        cwd=TREE, env={**kept, **environ}, text=True, start_new_session=True, **more,
    )  # fmt: skip


@contextmanager
def hosts(folder: Path, common: dict[str, str], **more: str) -> Iterator[SimpleNamespace]:
    """Two servers, each with an instance folder of its own."""
    running, addresses, logs = [], [], []
    try:
        for name in ("one", "two"):
            port = free_port()
            log = folder / f"{name}.log"
            environ = common | more | {"CRM_INSTANCE": str(folder / name), "CRM_PORT": str(port)}
            with log.open("w") as out:
                running.append(crm("serve", environ=environ, stdout=out, stderr=out))
            addresses.append(f"http://127.0.0.1:{port}")
            logs.append(log)
        for address in addresses:
            wait_for(int(address.rpartition(":")[2]), 60)
        yield SimpleNamespace(addresses=addresses, processes=running, logs=logs, folder=folder)
    finally:
        for each in running:
            end(each)


class Fields(HTMLParser):
    """What the largest form of a page would send."""

    def __init__(self, page: str):
        super().__init__()
        self.forms: list[list[tuple[str, str]]] = []
        self._select: str | None = None
        self._area: tuple[str, list[str]] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        name, value = has.get("name", ""), has.get("value", "")
        if tag == "form":
            self.forms.append([])
        elif tag == "input" and name and self.forms:
            kind = has.get("type", "text")
            if kind not in ("file", "submit") and (
                kind not in ("radio", "checkbox") or "checked" in has
            ):
                self.forms[-1].append((name, value))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in has:
            self.forms[-1].append((self._select, value))
        elif tag == "textarea":
            self._area = (name, [])

    def handle_data(self, data: str) -> None:
        if self._area:
            self._area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area:
            self.forms[-1].append((self._area[0], "".join(self._area[1]).lstrip("\n")))
            self._area = None
        elif tag == "select":
            self._select = None

    def largest(self, **changes: Any) -> dict[str, Any]:
        sent: dict[str, Any] = {}
        for name, value in max(self.forms, key=len):
            sent.setdefault(name, []).append(value)
        return sent | changes


class Person:
    """Somebody with a browser, whom the balancer sends to either host."""

    def __init__(self, hosts: SimpleNamespace):
        self.hosts, self.session = hosts, requests.Session()

    def get(self, host: int, path: str) -> requests.Response:
        return self.session.get(self._at(host, path), timeout=30, allow_redirects=False)

    def post(self, host: int, path: str, data: Any, **more: Any) -> requests.Response:
        return self.session.post(
            self._at(host, path), data=data, timeout=60, allow_redirects=False, **more
        )

    def sign_in(self, host: int, email: str, password: str = PASSWORD) -> requests.Response:
        form = Fields(self.get(host, "/sign-in").text).largest(email=email, password=password)
        return self.post(host, "/sign-in", form)

    def token(self, host: int) -> str:
        return str(Fields(self.get(host, "/members/import").text).largest()["csrf_token"][0])

    def _at(self, host: int, path: str) -> str:
        return self.hosts.addresses[host] + path.removeprefix(self.hosts.addresses[0]).removeprefix(
            self.hosts.addresses[1]
        )


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def two(
    postgres: str, redis: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimpleNamespace]:
    """Two hosts, and the demo in their database."""
    empty(postgres)
    folder = tmp_path_factory.mktemp("hosts")
    with buckets.storage() as endpoint:
        common = {
            "CRM_DATABASE_URL": postgres,
            "CRM_QUEUE_URL": redis.url,
            "CRM_FILES_URL": buckets.new_bucket(endpoint),
            "CRM_FILES_KEY": "a-key",
            "CRM_FILES_SECRET": "a-secret",
            "CRM_SHARED_FOLDER": str(folder / "shared"),
            "CRM_SECRET_KEY": "of these hosts, and long enough for it",
            "CRM_DEMO_PASSWORD": PASSWORD,
        }
        made = crm("demo", environ=common | {"CRM_INSTANCE": str(folder / "one")},
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
        said, _nothing = made.communicate(timeout=300)
        assert made.returncode == 0, said
        with hosts(folder, common) as both:
            both.common, both.bucket = common, common["CRM_FILES_URL"]
            yield both
    empty(postgres)


def test_it_works(two: SimpleNamespace) -> None:
    """Signed in at one; a form opened at one is sent to the other; a photo kept by it is shown."""
    leader = Person(two)
    assert leader.sign_in(0, "leader@example.org").status_code == 303
    page = leader.get(1, "/outreach/log/event")
    assert page.status_code == 200
    form = Fields(leader.get(0, "/outreach/log/event").text).largest(nobody_seen="y")
    answer = leader.post(
        1, "/outreach/log/event", form, files={"photos": ("a.jpg", picture(), "image/jpeg")}
    )
    assert answer.status_code == 303, answer.text
    place = str(answer.headers["Location"])
    # Sent again, to the other host, it is the same.
    again = leader.post(0, "/outreach/log/event", form)
    assert again.headers["Location"].partition("?")[0] == place.partition("?")[0]
    for host in BOTH:
        src = re.search(r'<img src="([^"]+)"', leader.get(host, place).text)
        assert src
        shown = leader.get(host, src[1])
        assert (shown.status_code, shown.content[:2]) == (200, b"\xff\xd8")
        assert shown.headers["Cache-Control"] == "no-store"
        # Nobody else is shown it, and none of it lies on a host.
        assert requests.get(two.addresses[host] + src[1], allow_redirects=False,
                            timeout=30).status_code == 303  # fmt: skip
        assert not (two.folder / ("one", "two")[host] / "pictures").exists()


ROWS = "First name,Last name,E-mail\n" + "".join(
    f"Ana{number},Alder{number},ana{number}@example.org\n" for number in range(700)
)


def test_an_import_goes_on_at_the_other_host(two: SimpleNamespace) -> None:
    leader = Person(two)
    leader.sign_in(1, "leader@example.org")
    answer = leader.post(
        0, "/members/import", {"csrf_token": leader.token(1)}, files={"file": ("roster.csv", ROWS)}
    )
    assert answer.status_code == 303, answer.text
    columns = str(answer.headers["Location"])
    place = columns.removesuffix("/columns")
    page = leader.get(1, columns).text
    chapter = re.search(r'name="chapter_id".*?<option value="(\d+)"', page, re.S)
    assert chapter
    form = Fields(page).largest(chapter_id=chapter[1])
    answer = leader.post(0, columns, form)
    assert answer.status_code == 303, answer.text
    # Judged in the background of one, followed at the other.
    assert "Import 700 clean rows" in waited(leader, 1, place).text
    send = {"csrf_token": leader.token(0), "which": "clean"}
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda host: leader.post(host, f"{place}/import", send), BOTH))
    assert [each.status_code for each in answers] == [303, 303]
    done = waited(leader, 0, place)
    assert done.status_code == 303
    for host in BOTH:
        assert "700 members new" in leader.get(host, done.headers["Location"]).text
    runs = leader.get(1, "/members/import").text
    assert len(set(re.findall(r"/members/imports/\d+", runs))) == 1


def waited(person: Person, host: int, place: str) -> requests.Response:
    for _try in range(300):
        page = person.get(host, place)
        if page.status_code == 303 and page.headers["Location"].endswith("/columns"):
            raise AssertionError(person.get(host, page.headers["Location"]).text)
        if page.status_code != 200 or "<progress" not in page.text:
            return page
        time.sleep(0.1)
    raise AssertionError("it goes on and on")


def test_tries_count_together_and_on_without_redis(two: SimpleNamespace, redis: Redis) -> None:
    def wrong(host: int, email: str) -> int:
        return Person(two).sign_in(host, email, "not the password").status_code

    # Ten in ten minutes, wherever.
    assert [wrong(number % 2, "a@example.org") for number in range(10)] == [422] * 10
    assert [wrong(host, "a@example.org") for host in BOTH] == [429, 429]
    redis.stop()
    began = time.monotonic()
    for host in BOTH:
        assert Person(two).sign_in(host, "staff@example.org").status_code == 303
    assert time.monotonic() - began < 10
    # Each for itself: nobody tries without end.
    assert [wrong(0, "b@example.org") for _ in range(12)] == [422] * 10 + [429] * 2
    assert wrong(1, "b@example.org") == 422
    logs = [log.read_text() for log in two.logs]
    for said in logs:
        assert said.count("Redis is away") == 1
        assert "b@example.org" not in said
        assert "Traceback" not in said
    redis.start()
    # Looked for again after 1, 2, 4 … seconds, 32 at most.
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(2)
        mail = f"c{time.monotonic_ns()}@example.org"
        if [wrong(number % 2, mail) for number in range(11)][-1] == 429:
            break
    else:
        raise AssertionError("the hosts do not count together again")
    assert all(log.read_text().count("Redis is back") == 1 for log in two.logs)


def test_commands_of_each_host_know_all_files(two: SimpleNamespace) -> None:
    for name in ("one", "two"):
        environ = two.common | {"CRM_INSTANCE": str(two.folder / name)}
        said = crm("files", "sweep", environ=environ, stdout=subprocess.PIPE)
        assert "Files that no row names: 0." in said.communicate(timeout=60)[0]


def test_a_host_killed_in_an_import_leaves_it_to_the_other(two: SimpleNamespace) -> None:
    rows = "First name,Last name,E-mail\n" + "".join(
        f"Bea{number},Birch{number},bea{number}@example.org\n" for number in range(6000)
    )
    admin = Person(two)
    admin.sign_in(0, "admin@example.org")
    answer = admin.post(
        0, "/members/import", {"csrf_token": admin.token(0)}, files={"file": ("roster.csv", rows)}
    )
    columns = str(answer.headers["Location"])
    place = columns.removesuffix("/columns")
    page = admin.get(0, columns).text
    chapter = re.search(r'name="chapter_id".*?<option value="(\d+)"', page, re.S)
    assert chapter
    assert admin.post(0, columns, Fields(page).largest(chapter_id=chapter[1])).status_code == 303
    assert re.search("Import 6,?000 clean rows", waited(admin, 0, place).text)
    send = {"csrf_token": admin.token(0), "which": "clean"}
    assert admin.post(1, f"{place}/import", send).status_code == 303
    assert "<progress" in admin.get(0, place).text
    end(two.processes[1])
    # The lock fell with the process: the other host sees it, and nothing of it was written.
    for _try in range(100):
        page = admin.get(0, place).text
        if "<progress" not in page:
            break
        time.sleep(0.1)
    assert "The import was interrupted" in page
    assert "Nothing of it was written" in page
    assert admin.post(0, f"{place}/import", send).status_code == 303
    done = waited(admin, 0, place)
    assert re.search("6,?000 members new", admin.get(0, done.headers["Location"]).text)
