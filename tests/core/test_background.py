"""Work in the background: its progress, its end, two at once, and one that was killed."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from flask import Flask

from crm.core import background, db
from crm.core.errors import Refused


def ended(folder: Path) -> background.Progress:
    for _try in range(200):
        found = background.progress_of(folder)
        if found and found.state != background.RUNNING:
            return found
        time.sleep(0.02)
    raise AssertionError("it goes on and on")


def test_it_works(any_app: Flask, tmp_path: Path) -> None:
    assert background.progress_of(tmp_path) is None
    gate, moving = threading.Event(), threading.Event()

    def work(moved: background.Moved) -> dict[str, int]:
        moved(1, 4)
        moving.set()
        assert gate.wait(5)
        return {"rows": 4}

    background.start(tmp_path, "look", work)
    assert moving.wait(5)
    going = background.progress_of(tmp_path)
    assert going
    assert (going.what, going.state, going.share) == ("look", "running", 0.25)
    with pytest.raises(Refused, match="being done already"):
        background.start(tmp_path, "look", work)
    with pytest.raises(Refused, match="being done already"), background.alone(tmp_path):
        pass
    gate.set()
    done = ended(tmp_path)
    assert (done.state, done.result) == ("done", {"rows": 4})
    with background.alone(tmp_path):
        pass


def test_so_many_go_on_at_once_and_the_next_waits(any_app: Flask, tmp_path: Path) -> None:
    gate, begun = threading.Event(), threading.Semaphore(0)

    def work(_moved: background.Moved) -> dict[str, int]:
        begun.release()
        assert gate.wait(10)
        return {}

    folders = [tmp_path / str(number) for number in range(db.MOST_WORKS + 1)]
    for folder in folders:
        folder.mkdir()
        background.start(folder, "look", work)
    assert all(begun.acquire(timeout=5) for _ in folders[1:])
    assert not begun.acquire(timeout=0.2)
    # It counts as going on: nobody else begins it meanwhile.
    assert all(told and told.state == "running" for told in map(background.progress_of, folders))
    gate.set()
    assert {ended(folder).state for folder in folders} == {"done"}


def test_a_refusal_is_told_with_its_field(app: Flask, tmp_path: Path) -> None:
    def work(_moved: background.Moved) -> dict[str, int]:
        raise Refused("Say what comes first.", "dates")

    background.start(tmp_path, "look", work)
    told = ended(tmp_path)
    assert (told.state, told.told, told.about) == ("refused", "Say what comes first.", "dates")


def test_a_bug_is_logged_without_what_it_was_about(
    app: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = "Ana Núñez"

    def work(_moved: background.Moved) -> dict[str, int]:
        raise ValueError(name)

    background.start(tmp_path, "write", work)
    assert ended(tmp_path).state == "failed"
    assert "ValueError" in caplog.text
    assert "Ana" not in caplog.text


def test_what_was_killed_says_so_and_can_begin_again(any_app: Flask, tmp_path: Path) -> None:
    address = any_app.extensions["crm_settings"].database_url
    code = f"""
import os, time
from pathlib import Path
from crm import create_app
from crm.core import background
from crm.core.settings import Settings
folder = Path({str(tmp_path)!r})
app = create_app(
    Settings(instance=str(folder / "other"), secret_key="test", database_url={address!r})
)
with app.app_context():
    background.start(folder, "write", lambda moved: (moved(1, 2), time.sleep(60)) and {{}})
    while background.progress_of(folder).done == 0:
        time.sleep(0.01)
    os.kill(os.getpid(), 9)
"""
    (tmp_path / "other").mkdir()
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    killed = background.progress_of(tmp_path)
    assert killed
    assert killed.state == background.INTERRUPTED
    background.start(tmp_path, "write", lambda _moved: {"rows": 1})
    assert ended(tmp_path).state == "done"
