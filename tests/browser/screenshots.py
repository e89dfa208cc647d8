"""Pictures of every page of the demo: `python -m tests.browser.screenshots FOLDER [--only /path]`.

Each page wide and narrow, light and dark, in files named after its address.
"""

import argparse
import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.crawl import Crawl
from tests.browser.driver import find_chromium, launch_arguments
from tests.browser.judge import NARROW, WIDE
from tests.browser.server import PASSWORD, Server, make_demo, serve
from tests.browser.test_crawl import FILES, STARTS


def main() -> None:
    """Take them all, or those whose address begins with what `--only` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="/", help="addresses that begin with this")
    parser.add_argument("--role", default="administrator", help="who looks")
    chosen = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        sys.exit("no Chromium was found")
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work, sync_playwright() as playwright:
        demo = make_demo(Path(work) / "demo")
        browser = playwright.chromium.launch(**launch_arguments(chromium))
        with serve(demo, Path(work) / "served") as server:
            page = browser.new_page(reduced_motion="reduce")
            page.goto(f"{server.address}/sign-in")
            shoot(page, chosen.folder / "sign-in")
            sign_in(page, server, chosen.role)
            for url in Crawl(server.app, server.address).pages(page, *STARTS):
                path = url.removeprefix(server.address)
                if path.split("?")[0].endswith(FILES):
                    continue
                page.goto(url)
                if path.startswith(chosen.only):
                    shoot(page, chosen.folder / file_name(path))
                    print(path)
        browser.close()


def sign_in(page: Page, server: Server, role: str) -> None:
    """By the form, as everybody does."""
    page.get_by_label("E-mail").fill(server.emails[role])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def file_name(path: str) -> str:
    """`/targets/4?page=2` → `targets-4-page-2`."""
    return re.sub(r"[^A-Za-z0-9]+", "-", path).strip("-")[:80] or "front"


def shoot(page: Page, path: Path) -> None:
    """Four pictures of the page as it stands."""
    for width, size in (("wide", WIDE), ("narrow", NARROW)):
        page.set_viewport_size(size)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.screenshot(path=f"{path}-{width}-{theme}.png", full_page=True)
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")


if __name__ == "__main__":
    main()
