"""The disk runs full under a served application: everybody is told in words, nothing is left in
halves, and it goes on by itself once there is room."""

import html
import re
import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from tests.conftest import missing
from tests.faults.crowd import PIECES, Answer, Server, Visitor, run, school, serving
from tests.faults.figures import tell

pytestmark = pytest.mark.fault

#: Of the small disk, in MB: with less room the server says that it is not ready.
SIZE = 200
#: Saves a full disk may still take: what was set aside for the log of changes is used up first.
MOST = 400
WITH_PHOTO = str(uuid.uuid4())
ROOM = "There is no room left on the server"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, as small as we like."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        missing(f"a small disk cannot be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """No byte is left, for as long as the block lasts."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            for size in (1 << 20, 4096, 1):
                with suppress(OSError):
                    while file.write(b"x" * size) == size:
                        pass
        finally:
            assert shutil.disk_usage(disk).free == 0
    try:
        yield
    finally:
        ballast.unlink()


def fields(place: SimpleNamespace, key: str) -> dict[str, object]:
    return {
        "client_key": key,
        "campaign": place.campaign,
        "chapters": place.chapter,
        "happened_on": (date.today() - timedelta(days=2)).isoformat(),  # noqa: DTZ011
        "pieces": PIECES,
        "aim": "campaign",
        "spread": "evenly",
        "note": "Said “thank you”",
    }


def post_with_photo(visitor: Visitor, path: str, given: dict[str, object]) -> Answer:
    """The form with a picture of some size."""
    made = BytesIO()
    Image.effect_noise((1600, 1200), 90).convert("RGB").save(made, "JPEG", quality=92)
    line = "-----------------a-part-of-the-form"
    parts = [
        f'--{line}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in {"csrf_token": visitor.csrf, **given}.items()
    ]
    head = f'--{line}\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n'
    body = b"".join(
        [*parts, head.encode(), b"Content-Type: image/jpeg\r\n\r\n", made.getvalue(),
         f"\r\n--{line}--\r\n".encode()]
    )  # fmt: skip
    visitor.connection.request(
        "POST", path, body,
        {"Cookie": visitor.cookie, "Content-Type": f"multipart/form-data; boundary={line}"},
    )  # fmt: skip
    found = visitor.connection.getresponse()
    return Answer(found.status, found.getheader("Location") or "", found.read().decode())


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def told_in_words(server: Server, *arguments: str) -> str:
    """What a command that cannot be done says: a line, and no trace."""
    said = run(server, *arguments)
    assert said.returncode == 1, said
    assert "Traceback" not in said.stderr, said.stderr
    last = said.stderr.strip().splitlines()[-1]
    assert last.startswith("crm: "), said.stderr
    assert "No space left" in last or "disk is full" in last, last
    return last


def actions(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "crm.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [key for (key,) in connection.execute("SELECT client_key FROM action")]


def test_it_works(disk: Path, tmp_path: Path) -> None:
    folder = disk / "instance"
    place = school(folder, writers=1, readers=0)
    path = f"/outreach/log/postcard?campaign={place.campaign}"
    with serving(folder) as server:
        visitor = Visitor(server.port)
        visitor.sign_in(place.writers[0])
        visitor.get(path)
        saved = []
        with full(disk):
            # A save: sooner or later there is no room for it, and from then on for none.
            for number in range(MOST):
                key = str(uuid.UUID(int=number))
                answer = visitor.post(path, **fields(place, key))
                if answer.status != 303:
                    break
                saved.append(key)
            assert answer.status == 507, answer.text[-2000:]
            assert ROOM in answer.text
            assert "Traceback" not in answer.text
            assert "logged." not in answer.text, "what was not saved is not said to be"
            refused = answer
            # Pages are read as ever.
            assert visitor.get("/outreach").status == 200
            # A photo.
            answer = post_with_photo(visitor, path, fields(place, WITH_PHOTO))
            assert answer.status in (422, 507), answer.status
            assert ROOM in html.unescape(answer.text)
            assert not list((folder / "pictures").glob("*"))
            # A backup and exports, by commands and by a page.
            words = [
                told_in_words(server, "backup"),
                told_in_words(server, "backup", str(disk / "b.tar.gz")),
                told_in_words(server, "export", "all", str(disk / "all"), "--reason", "x"),
                told_in_words(
                    server, "report", "activity-by-target", "-o", str(disk / "report.csv")
                ),
            ]  # fmt: skip
            answer = visitor.get("/reports/activity-by-target.csv")
            assert (answer.status, ROOM in answer.text) == (507, True)
            assert files_in(disk) == sorted(["ballast", *(name for name in files_in(folder))]), (
                "nothing beside the instance folder"
            )
            assert not [name for name in files_in(folder) if "tar" in name or name[0] == "."]
            assert actions(folder) == saved
        # There is room again, and nobody started anything anew.
        again = dict(
            re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', refused.text)
        )
        again = {name: html.unescape(value) for name, value in again.items()}
        assert again.pop("csrf_token")
        assert again["note"] == "Said “thank you”"
        assert visitor.post(path, **again).status == 303
        saved.append(again["client_key"])
        visitor.get(path)
        assert post_with_photo(visitor, path, fields(place, WITH_PHOTO)).status == 303
        saved.append(WITH_PHOTO)
        assert len(list((folder / "pictures").glob("*.jpg"))) == 1
        assert visitor.get("/reports/activity-by-target.csv").status == 200
        backup = disk / "b.tar.gz"
        assert run(server, "backup", str(backup)).returncode == 0
        said = run(server, "export", "all", str(disk / "all"), "--reason", "x")
        assert said.returncode == 0, said.stderr
        assert server.stop() == 0
        log = server.log.read_text()
    assert actions(folder) == saved
    assert "Traceback" not in log
    assert "no room left on the disk" in log
    # What was backed up after all of this is whole.
    whole = Server(tmp_path / "back", {"CRM_SECRET_KEY": "test"}, 0)
    assert run(whole, "restore", str(backup)).returncode == 0
    assert actions(tmp_path / "back") == saved
    # A restore onto a disk that is too small is refused, and leaves nothing.
    narrow = Server(disk / "narrow", {"CRM_SECRET_KEY": "test"}, 0)
    with full(disk):
        said = run(narrow, "restore", str(backup))
        assert said.returncode == 1
        assert "Traceback" not in said.stderr
    tell(
        "disk full", saved_before=len(saved) - 2, refused_in_words=len(words) + 3,
        left_in_halves=0, resumed=True,
    )  # fmt: skip
