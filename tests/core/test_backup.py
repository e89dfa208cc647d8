"""One file with everything, and everything back: whole or not at all, on either database."""

import gzip
import io
import json
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyrage
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from crm.core import archives, audit, audit_check, backups, db, outbox, restoring, schedule, store
from crm.core.archives import Unreadable
from crm.core.audit import AuditEntry
from crm.core.backup_rules import Keep, dropped, kept, moment_of, name_of
from crm.core.errors import Refused
from crm.demo import load_demo
from crm.members.models import Chapter
from crm.outreach import kept as kept_sums
from crm.outreach.kept import KeptReach
from crm.reports import frozen
from tests import make
from tests.core.places import empty_place, kept_files, parts_of, sums
from tests.hostile.scene import scene

IDENTITY = pyrage.x25519.Identity.generate()


@pytest.fixture
def postgres_later(request: pytest.FixtureRequest) -> Callable[[], str]:
    return lambda: str(request.getfixturevalue("postgres"))


@pytest.fixture
def backup(any_app: Flask, tmp_path: Path) -> Path:
    """A backup of one of everything, with a photo and a scan."""
    scene()
    store.here().keep("1" * 32 + ".jpg", b"a photo")
    store.here().keep("2" * 32 + ".pdf", b"a scan")
    path, _told = backups.make(tmp_path / "all.tar.gz")
    return path


def small(tmp_path: Path) -> Path:
    """A backup of little."""
    make.people()
    store.here().keep("1" * 32 + ".jpg", b"a photo" * 1000)
    path, _told = backups.make(tmp_path / "small.tar.gz")
    return path


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_it_works(
    any_app: Flask, backup: Path, kind: str, tmp_path: Path, postgres_later: Callable[[], str]
) -> None:
    before, files = sums(), kept_files()
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with empty_place(kind, tmp_path / "other", postgres_later):
        back = restoring.restore(backup)
        assert sums() == before
        assert kept_files() == files
        assert back.contents.rows == sum(table.rows for table in before.values())
        verdict = audit_check.verify()
        assert verdict.fault is None
        assert verdict.checked > 10
        assert audit_check.is_guarded()
        # What was frozen says what it said, and is guarded as it was.
        assert frozen.how_many() == 1
        assert list(frozen.faults()) == []
        assert frozen.is_guarded()
        # It goes on from there.
        make.chapter("Next door")
        assert audit_check.verify().fault is None


def kept_sums_are_right() -> None:
    """They are in no backup: the triggers of the new place make them from the rows."""
    assert kept_sums.is_guarded()
    assert kept_sums.wrong() == {}
    assert db.session.scalar(select(func.sum(KeptReach.pieces)))


def test_the_demo_comes_back_and_from_there_to_the_other_database(
    app: Flask, tmp_path: Path, postgres_later: Callable[[], str]
) -> None:
    with db.unit_of_work():
        load_demo(password="quiet-otter-42", today=date(2026, 5, 1))
    before = sums()
    there, _told = backups.make(tmp_path / "there.tar.gz")
    with empty_place("postgresql", tmp_path / "pg", postgres_later):
        restoring.restore(there)
        assert sums() == before
        kept_sums_are_right()
        home, _told = backups.make(tmp_path / "home.tar.gz")
    with empty_place("sqlite", tmp_path / "home", postgres_later):
        restoring.restore(home)
        assert sums() == before
        kept_sums_are_right()
        assert audit_check.verify().fault is None


def test_people_work_meanwhile(any_app: Flask, tmp_path: Path) -> None:
    make.people()
    ended, failed = threading.Event(), []

    def write() -> None:
        number = 0
        try:
            while not ended.is_set():
                with any_app.app_context(), db.unit_of_work():
                    chapter = Chapter(
                        slug=f"c{threading.get_ident()}-{number}", name="New", kind="school",
                        path="/",
                    )  # fmt: skip
                    db.session.add(chapter)
                    db.session.flush()
                    audit.record("make", "chapter", chapter.id, by=None)
                number += 1
        except Exception as error:
            failed.append(error)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for thread in writers:
        thread.start()
    made = [backups.make(tmp_path / f"{number}.tar.gz")[0] for number in range(3)]
    ended.set()
    for thread in writers:
        thread.join()
    assert not failed
    for number, path in enumerate(made):
        with empty_place("sqlite", tmp_path / f"back{number}", str):
            restoring.restore(path)
            new = db.session.scalar(select(func.count()).where(Chapter.name == "New"))
            entries = select(func.count()).where(
                AuditEntry.kind == "chapter", AuditEntry.verb == "make"
            )
            # Each chapter with its entry, and no entry without its chapter.
            assert db.session.scalar(entries) == new
            assert audit_check.verify().fault is None


# Sealed


@pytest.mark.parametrize(
    "key",
    ["a long passphrase, with ümlauts", str(IDENTITY.to_public())],
    # The second is another in each process, and the tests are shared out by name.
    ids=["passphrase", "recipient"],
)
def test_it_is_sealed_if_a_key_is_given(app: Flask, tmp_path: Path, key: str) -> None:
    make.people()
    before = sums()
    folder = tmp_path / "sealed"
    folder.mkdir()
    with empty_place("sqlite", tmp_path / "own", str, backup_key=key):
        restoring.restore(backups_of(app, tmp_path))
        path, _told = backups.make(folder)
    assert b"Hollow" not in path.read_bytes()
    assert moment_of(path.name)
    passphrase = not key.startswith("age1")
    told = [
        ("", "", "passphrase: give it" if passphrase else "--identity"),
        ("wrong", str(pyrage.x25519.Identity.generate()),
         "does not open it: it was sealed with" if passphrase else "identity does not open it"),
    ]  # fmt: skip
    for number, (wrong, identity, words) in enumerate(told):
        with (
            empty_place("sqlite", tmp_path / f"n{number}", str, backup_key=wrong),
            pytest.raises(Unreadable, match=words),
        ):
            restoring.restore(path, identity=identity)
    with empty_place("sqlite", tmp_path / "back", str, backup_key=key):
        restoring.restore(path, identity="" if passphrase else f"# mine\n{IDENTITY}\n")
        assert sums() == before


def backups_of(app: Flask, tmp_path: Path) -> Path:
    """A backup that is not sealed, of the application outside of whose context we are."""
    with app.app_context():
        return backups.make(tmp_path / "plain.tar.gz")[0]


def test_the_age_format_opens_it_without_us(app: Flask, tmp_path: Path) -> None:
    make.people()
    plain = backups_of(app, tmp_path)
    with empty_place("sqlite", tmp_path / "a", str, backup_key=str(IDENTITY.to_public())):
        restoring.restore(plain)
        path, _told = backups.make(tmp_path / "to-identity")
    inner = pyrage.decrypt(path.read_bytes(), [IDENTITY])
    with tarfile.open(fileobj=io.BytesIO(inner)) as tar:
        assert tar.getnames()[0] == "head.json"
    with empty_place("sqlite", tmp_path / "b", str, backup_key="otter"):
        restoring.restore(plain)
        path, _told = backups.make(tmp_path / "by-passphrase")
    with tarfile.open(path) as tar:
        names = tar.getnames()
        parts = [tar.extractfile(name).read() for name in names]
    assert names == ["key.age", "data.age"]
    own = pyrage.x25519.Identity.from_str(
        pyrage.passphrase.decrypt(parts[0], "otter").decode().strip()
    )
    assert pyrage.decrypt(parts[1], [own])[:2] == b"\x1f\x8b"


def test_a_recipient_that_is_none_is_a_sentence(app: Flask, tmp_path: Path) -> None:
    with empty_place("sqlite", tmp_path / "a", str, backup_key="age1nobody"):
        with pytest.raises(Refused, match="no age recipient"):
            backups.make(tmp_path / "x")
        assert not (tmp_path / "x").exists()


def test_no_secret_is_in_it_beside_what_the_rows_hold(tmp_path: Path) -> None:
    more = {"mail_password": "hunter2", "demo_password": "hunter2", "files_key": "a",
            "files_secret": "hunter2", "mail_server": "smtp.example.org",
            "queue_url": "redis://:hunter2@host/0"}  # fmt: skip
    with empty_place("sqlite", tmp_path / "a", str, **more):
        from crm.core.cli import migrate_database

        migrate_database()
        path, _told = backups.make(tmp_path / "x")
    head = json.loads(parts_of(path)[0][1])
    assert "hunter2" not in json.dumps(head)
    assert head["settings"]["CRM_MAIL_SERVER"] == "smtp.example.org"
    assert head["settings"]["CRM_MAIL_PASSWORD"] == "given, and not told here"
    assert head["settings"]["CRM_SECRET_KEY"] == "given, and not told here"


# Refused, and nothing written


def refused(path: Path, tmp_path: Path, words: str) -> None:
    """Restore is refused with these words, and leaves nothing."""
    with empty_place("sqlite", tmp_path / "refused", str):
        with pytest.raises((Unreadable, Refused), match=words):
            restoring.restore(path)
        assert sums() == {}
        assert kept_files() == {}


def test_into_an_empty_place_only(app: Flask, tmp_path: Path) -> None:
    path = small(tmp_path)
    before = sums()
    with pytest.raises(Refused, match="The database is not empty"):
        restoring.restore(path)
    assert sums() == before
    with empty_place("sqlite", tmp_path / "files", str):
        store.here().keep("9" * 32 + ".jpg", b"somebody else's")
        with pytest.raises(Refused, match="is not empty: it has the file"):
            restoring.restore(path)
        assert sums() == {}
        assert list(kept_files()) == ["9" * 32 + ".jpg"]


def test_a_migrated_place_without_rows_is_empty(app: Flask, tmp_path: Path) -> None:
    path = small(tmp_path)
    before = sums()
    with empty_place("sqlite", tmp_path / "other", str):
        from crm.core.cli import migrate_database

        migrate_database()
        restoring.restore(path)
        assert sums() == before


def test_a_cut_file(app: Flask, tmp_path: Path) -> None:
    path = small(tmp_path)
    data = path.read_bytes()
    for part in (0, 1, 100, len(data) // 2, len(data) - 5, len(data) - 1):
        path.write_bytes(data[:part])
        refused(path, tmp_path, "cannot be used")


def test_a_changed_byte(app: Flask, tmp_path: Path) -> None:
    path = small(tmp_path)
    data = bytearray(path.read_bytes())
    for at in range(12, len(data), max(1, len(data) // 12)):
        data[at] ^= 1
        path.write_bytes(data)
        refused(path, tmp_path, "cannot be used")
        data[at] ^= 1


def rewritten(path: Path, change: Callable[[list[tuple[str, bytes]]], Any]) -> Path:
    """The backup put together anew by somebody who knows how."""
    parts = parts_of(path)
    change(parts)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, data in parts:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    path.write_bytes(gzip.compress(made.getvalue()))
    return path


@pytest.mark.parametrize(
    "name",
    ["../../etc/evil", "/etc/evil", "pictures/../x.jpg", "pictures/" + "a" * 32 + ".pdf",
     "tables/../x.jsonl", "evil.sh"],
)  # fmt: skip
def test_a_name_that_leads_elsewhere(app: Flask, tmp_path: Path, name: str) -> None:
    path = rewritten(small(tmp_path), lambda parts: parts.insert(1, (name, b"x")))
    refused(path, tmp_path, "a file that none of ours has")


def test_a_link_in_it(app: Flask, tmp_path: Path) -> None:
    path = small(tmp_path)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        info = tarfile.TarInfo("head.json")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    path.write_bytes(gzip.compress(made.getvalue()))
    refused(path, tmp_path, "no file")


def test_a_bomb(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_BOMB_FROM", 1_000_000)
    zeros = b"\n" * 20_000_000
    path = rewritten(
        small(tmp_path), lambda parts: parts.insert(1, ("tables/chapter.jsonl", zeros))
    )
    refused(path, tmp_path, "unpacks to more than 200 times")


def test_a_changed_row(app: Flask, tmp_path: Path) -> None:
    def change(parts: list[tuple[str, bytes]]) -> None:
        at = next(at for at, (name, _) in enumerate(parts) if "user_account" in name)
        parts[at] = (parts[at][0], parts[at][1].replace(b"true", b"false", 1))

    refused(rewritten(small(tmp_path), change), tmp_path, "something in it was changed")


def test_rows_that_refer_to_nothing(app: Flask, tmp_path: Path) -> None:
    from hashlib import sha256

    def change(parts: list[tuple[str, bytes]]) -> None:
        at = next(at for at, (name, _) in enumerate(parts) if "/chapter_role/" in name)
        name, data = parts[at]
        data = data.replace(b'"user_id":1', b'"user_id":99')
        parts[at] = (name, data)
        told = json.loads(parts[-1][1])
        told["tables"]["chapter_role"] |= {"sha256": sha256(data).hexdigest(), "bytes": len(data)}
        parts[-1] = ("manifest.json", json.dumps(told).encode())

    refused(rewritten(small(tmp_path), change), tmp_path, "refer to nothing")


def test_a_later_version_is_refused(app: Flask, tmp_path: Path) -> None:
    def later(parts: list[tuple[str, bytes]], **more: Any) -> None:
        parts[0] = ("head.json", json.dumps(json.loads(parts[0][1]) | more).encode())

    refused(
        rewritten(small(tmp_path), lambda parts: later(parts, revision="9999")),
        tmp_path, "from a later version",
    )  # fmt: skip
    path = tmp_path / "small.tar.gz"
    refused(
        rewritten(path, lambda parts: later(parts, version=2)), tmp_path, "from a later version"
    )
    refused(rewritten(path, lambda parts: later(parts, format="x")), tmp_path, "no backup")


@pytest.mark.parametrize("content", [b"", b"Dear Senator", b"PK\x03\x04nothing", b"\x1f\x8b"])
def test_what_is_no_backup(app: Flask, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter"
    path.write_bytes(content)
    refused(path, tmp_path, "cannot be used")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_earlier_version_is_brought_up(
    tmp_path: Path, kind: str, postgres_later: Callable[[], str]
) -> None:
    with empty_place("sqlite", tmp_path / "old", str):
        with restoring.empty_database() as connection:
            restoring.migrate_within(connection, "0004")
            connection.exec_driver_sql(
                "INSERT INTO chapter (id, slug, name, kind, path, asks_consent)"
                " VALUES (1, 'a', 'Ädar High', 'school', '/1/', 1)"
                if "asks_consent" in columns(connection, "chapter")
                else "INSERT INTO chapter (id, slug, name, kind, path)"
                " VALUES (1, 'a', 'Ädar High', 'school', '/1/')"
            )
        path, _told = backups.make(tmp_path / "old.tar.gz")
    with empty_place(kind, tmp_path / "new", postgres_later):
        back = restoring.restore(path)
        assert back.migrated == restoring.head_revision()
        assert db.session.scalars(select(Chapter.name)).all() == ["Ädar High"]
        make.chapter("Next door")


def columns(connection: Any, table: str) -> set[str]:
    from sqlalchemy import inspect

    return {each["name"] for each in inspect(connection).get_columns(table)}


def test_a_file_that_is_gone_is_told(app: Flask, tmp_path: Path) -> None:
    scene()
    path, told = backups.make(tmp_path / "x")
    assert told.missing == [f"documents/{each * 32}.pdf" for each in "23"]
    with empty_place("sqlite", tmp_path / "back", str):
        assert restoring.restore(path).contents.missing == told.missing


def test_a_restore_that_fails_takes_no_file_away_that_was_there(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tries a backup with the storage in use must not lose the photos in it."""
    scene()
    ours, other = store.new_name("pdf"), store.new_name("pdf")
    for name in (ours, other):
        store.here().keep(name, b"%PDF-")
    path, _told = backups.make(tmp_path / "x")

    def fails(*_: Any, **__: Any) -> None:
        raise Refused("no")

    monkeypatch.setattr(restoring, "compare", fails)
    with empty_place("sqlite", tmp_path / "back", str):
        store.here().keep(ours, b"%PDF-")
        with pytest.raises(Refused):
            restoring.restore(path)
        assert store.here().exists(ours)
        assert not store.here().exists(other)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_waiting_messages_are_held(
    app: Flask, tmp_path: Path, kind: str, postgres_later: Callable[[], str]
) -> None:
    make.people()
    with db.unit_of_work():
        outbox.put("mail", {"to": "a@example.org"})
        outbox.put("mail", {"to": "b@example.org"}, batch="letter-7")
        outbox.put("schedule", {"name": "x", "on": "2026-05-01"})
        outbox.put("mail", {"to": "c@example.org"}, batch="paused", held=True)
    path, _told = backups.make(tmp_path / "x")
    with empty_place(kind, tmp_path / "back", postgres_later):
        assert restoring.restore(path).held == 3
        held = select(outbox.Outgoing.state, outbox.Outgoing.batch).order_by(outbox.Outgoing.id)
        assert db.session.execute(held).all() == [
            ("held", None), ("held", "letter-7"), ("held", None), ("held", "paused"),
        ]  # fmt: skip
        # What somebody paused before stays so.
        assert restoring.let_go(send=True) == 3
        states = select(outbox.Outgoing.state).order_by(outbox.Outgoing.id)
        assert db.session.scalars(states).all() == ["waiting"] * 3 + ["held"]
        assert restoring.let_go(send=False) == 0
    with empty_place(kind, tmp_path / "again", postgres_later):
        restoring.restore(path)
        assert restoring.let_go(send=False) == 3
        states = select(outbox.Outgoing.state).order_by(outbox.Outgoing.id)
        assert db.session.scalars(states).all() == ["gone"] * 3 + ["held"]


# Kept by a rule


DAY = datetime(2026, 11, 27, 3, tzinfo=UTC)
MOMENTS = st.lists(
    st.integers(0, 800).map(lambda days: DAY - timedelta(days=days))
    | st.integers(0, 800 * 86400).map(lambda seconds: DAY - timedelta(seconds=seconds)),
    max_size=60,
)
RULES = st.builds(Keep, st.integers(1, 9), st.integers(0, 9), st.integers(0, 14))


@given(MOMENTS, RULES)
def test_the_newest_is_never_dropped(moments: list[datetime], keep: Keep) -> None:
    staying = kept(moments, keep)
    assert staying <= set(moments)
    if moments:
        assert max(moments) in staying
    assert len(staying) <= keep.daily + keep.weekly + keep.monthly


@given(MOMENTS, RULES)
def test_dropping_again_drops_nothing_more(moments: list[datetime], keep: Keep) -> None:
    staying = kept(moments, keep)
    assert kept(staying, keep) == staying


@given(MOMENTS, RULES, st.lists(st.text(max_size=30), max_size=9))
def test_files_of_others_are_never_touched(
    moments: list[datetime], keep: Keep, others: list[str]
) -> None:
    others = [name for name in others if moment_of(name) is None]
    names = [name_of(moment, sealed=kind) for moment in moments for kind in ("", "passphrase")]
    going = dropped(names + others, keep)
    assert not set(going) & set(others)
    assert {moment_of(name) for name in set(names) - set(going)} == kept(moments, keep)


def test_a_year_of_nights_leaves_days_weeks_and_months() -> None:
    there: list[str] = []
    for night in range(500):
        there.append(name_of(DAY + timedelta(days=night)))
        for name in dropped(there, Keep()):
            there.remove(name)
    days = [(moment_of(there[-1]) - moment_of(name)).days for name in reversed(there)]  # type: ignore[operator]
    assert days[:7] == list(range(7))
    assert 300 < days[-1] < 370
    assert len(days) < 24


def test_the_night_keeps_the_rule_and_says_how_it_went(app: Flask, tmp_path: Path) -> None:
    make.people()
    assert backups.newest() is None
    first = backups.nightly()
    folder = first.path.parent
    for days in range(1, 20):
        (folder / name_of(db.now() - timedelta(days=days))).write_bytes(b"x")
    (folder / "crm-notes.txt").write_text("mine")
    backups.nightly()
    left = sorted(path.name for path in folder.iterdir())
    assert "crm-notes.txt" in left
    assert len([name for name in left if moment_of(name)]) < 14
    found = backups.newest()
    assert found is not None
    assert found.ok


def test_a_night_that_failed_is_told(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.people()
    backups.nightly()

    def full(*_: Any, **__: Any) -> Iterator[Any]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups, "_write", full)
    with pytest.raises(OSError, match="No space"):
        backups.nightly()
    found = backups.newest()
    assert found is not None
    assert (found.ok, found.told) == (False, "No space left on device")
    assert not [path for path in found.path.parent.iterdir() if path.name.startswith(".")]


def test_the_worker_makes_one_by_the_clock(any_app: Flask) -> None:
    make.people()
    zone = ZoneInfo("UTC")
    night = datetime(2026, 11, 27, 2, 59, tzinfo=zone)
    # What is seen for the first time is not made up for.
    schedule.tick(night)
    outbox.drain()
    assert backups.newest() is None
    schedule.tick(night + timedelta(minutes=2))
    schedule.tick(night + timedelta(minutes=3))
    outbox.drain()
    found = backups.newest()
    assert found is not None
    assert found.ok
    assert len(list(found.path.parent.glob("crm-*"))) == 1
    archives.verify(found.path)
