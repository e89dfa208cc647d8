"""The system's Chromium, and a page that remembers what went wrong on it."""

import os
import shutil
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import ConsoleMessage, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """The path of the first browser found."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def launch_arguments(chromium: str) -> dict[str, Any]:
    """How to start it; as root it runs without its sandbox only."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return {
        "executable_path": chromium,
        "args": ["--no-sandbox", "--disable-dev-shm-usage"] if root else [],
    }


@dataclass
class Watch:
    """What a page complains about: script errors, console errors, policy violations."""

    complaints: list[str] = field(default_factory=list)

    def on(self, page: Page) -> "Watch":
        """Listen to the page from now on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        return self

    def take(self) -> list[str]:
        """The complaints since the last time."""
        taken, self.complaints = self.complaints, []
        return taken

    def _console(self, message: ConsoleMessage) -> None:
        # A form that comes back with its errors is answered 422; the browser calls that one too.
        if message.type == "error" and "status of 422" not in message.text:
            self.complaints.append(f"console: {message.text} ({message.location.get('url', '')})")
