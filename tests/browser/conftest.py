"""A server with the demo, the system's Chromium, and pages that may not complain."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.driver import Watch, find_chromium, launch_arguments
from tests.browser.server import PASSWORD, Demo, Server, make_demo, serve
from tests.conftest import missing


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the system's browser; pytest-playwright would look for a downloaded one."""
    chromium = find_chromium()
    if chromium is None:
        missing("no Chromium was found (chromium, chromium-browser or google-chrome on the path)")
    return {**browser_type_launch_args, **launch_arguments(str(chromium))}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Like somebody's desk in the mountains of West Virginia."""
    wide = {"width": 1280, "height": 900}
    return {**browser_context_args, "viewport": wide, "locale": "en-US", "reduced_motion": "reduce"}


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo's database, made once a run."""
    return make_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def server(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo on a server; what one test changes the next one sees."""
    with serve(demo, tmp_path_factory.mktemp("served") / "instance") as running:
        yield running


@pytest.fixture(scope="session")
def base_url(server: Server) -> str:
    """So that tests may say `page.goto("/targets")`."""
    return server.address


@pytest.fixture
def watch() -> Watch:
    """What the page complains about."""
    return Watch()


@pytest.fixture
def page(page: Page, watch: Watch) -> Iterator[Page]:
    """A page on which nothing may go wrong."""
    watch.on(page)
    yield page
    assert watch.take() == []


@pytest.fixture
def sign_in(server: Server) -> Callable[..., None]:
    """Sign somebody of the demo in by the form: `sign_in(page, "leader")`."""

    def sign_in(page: Page, role: str = "administrator") -> None:
        page.goto(f"{server.address}/sign-in")
        page.get_by_label("E-mail").fill(server.emails[role])
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)

    return sign_in
