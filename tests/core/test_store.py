"""Where files lie: a folder and a bucket keep the same promises, and say when they cannot."""

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import obstore
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import JSON, String

from crm import create_app, doctor_around
from crm.core import bucket, db, files, outbox, store
from crm.core.errors import Refused
from crm.core.settings import BadSetting, Settings
from tests import buckets
from tests.conftest import settings_for
from tests.core.test_files import picture, upload

BIG = os.urandom(3 * 1024 * 1024)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with buckets.storage() as endpoint:
        yield endpoint


def bucket_settings(folder: Path, address: str) -> Settings:
    return settings_for(folder, files_url=address, files_key="a-key", files_secret="a-secret")


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> store.Place:
    if request.param == "folder":
        return store.place_of(settings_for(tmp_path), "")
    address = buckets.new_bucket(request.getfixturevalue("s3"))
    return store.place_of(bucket_settings(tmp_path, address), address)


def whole(place: store.Place, name: str) -> bytes:
    return b"".join(place.read(name).pieces)


def test_it_works(place: store.Place) -> None:
    name = store.new_name("jpg")
    assert list(place.names()) == []
    assert not place.exists(name)
    place.keep(name, BIG)
    assert place.exists(name)
    kept = place.read(name)
    assert kept.size == len(BIG)
    pieces = list(kept.pieces)
    assert len(pieces) > 1
    assert b"".join(pieces) == BIG
    paper = store.new_name("pdf")
    place.keep(paper, b"%PDF-")
    found = {each.name: each for each in place.names()}
    assert set(found) == {name, paper}
    assert (found[paper].size, store.is_older(found[paper], 60)) == (5, False)
    place.forget(name)
    place.forget(name)
    assert not place.exists(name)
    with pytest.raises(FileNotFoundError):
        place.read(name)


def test_nothing_at_all_is_a_file_too(place: store.Place) -> None:
    name = store.new_name("jpg")
    place.keep(name, b"")
    assert (place.read(name).size, whole(place, name)) == (0, b"")


HOSTILE = (
    "", ".", "../" + "a" * 32 + ".jpg", "a" * 32 + ".html", "a" * 32 + ".jpg\n", "A" * 32 + ".jpg",
    "a" * 31 + "/.jpg", "pictures/" + "a" * 32 + ".jpg", "a" * 32 + ".jpg/..", "a" * 32 + ".jpg\0",
    "%2e%2e%2f" + "a" * 23 + ".jpg", "a" * 32, "é" * 32 + ".jpg",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_only_names_of_ours_lead_anywhere(place: store.Place, name: str) -> None:
    for verb in (place.read, place.exists, place.forget, lambda name: place.keep(name, b"x")):
        with pytest.raises(ValueError, match="no name"):
            verb(name)
    assert list(place.names()) == []


def test_a_folder_is_closed_to_others_and_holds_no_halves(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    place = store.place_of(settings_for(folder), "")
    name = store.new_name("jpg")
    old = os.umask(0)
    try:
        place.keep(name, BIG)
    finally:
        os.umask(old)
    path = folder / "pictures" / name
    assert [each.name for each in path.parent.iterdir()] == [name]
    assert oct(path.stat().st_mode)[-3:] == "600"
    assert oct(path.parent.stat().st_mode)[-3:] == "700"


def test_halves_of_a_killed_writer_are_no_files_and_go(tmp_path: Path) -> None:
    place = store.place_of(settings_for(tmp_path), "")
    name = store.new_name("jpg")
    place.keep(name, b"whole")
    left = tmp_path / "pictures" / f"{name}.1a2b3c4d.part"
    left.write_bytes(b"half")
    (tmp_path / "pictures" / "a cat.jpg").write_bytes(b"somebody's own")
    assert [each.name for each in place.names()] == [name]
    place.tidy()
    assert left.exists()
    os.utime(left, (1, 1))
    place.tidy()
    assert not left.exists()
    assert whole(place, name) == b"whole"


def test_a_writer_killed_in_the_middle_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    place = store.place_of(settings_for(tmp_path), "")
    (tmp_path / "pictures").mkdir()
    name = store.new_name("jpg")
    (tmp_path / "pictures" / name).mkdir()
    with pytest.raises(store.Away):
        place.keep(name, BIG)
    assert list(place.names()) == []


def test_what_others_put_into_a_bucket_is_not_ours(s3: str, tmp_path: Path) -> None:
    address = buckets.new_bucket(s3)
    place = store.place_of(bucket_settings(tmp_path, address), address)
    outside = buckets.looked_into(address)
    name = store.new_name("jpg")
    for key in (f"club/pictures/deeper/{name}", f"pictures/{name}", f"club/documents/{name}",
                "club/pictures/a cat.jpg"):  # fmt: skip
        obstore.put(outside, key, b"x")
    assert list(place.names()) == []
    place.keep(name, b"ours")
    assert [each.name for each in place.names()] == [name]
    assert bytes(obstore.get(outside, f"club/pictures/{name}").bytes()) == b"ours"


# A storage that fails


@contextmanager
def server(answer: Any) -> Iterator[str]:
    """A server that answers every connection as `answer(connection)` does."""
    listening = socket.create_server(("127.0.0.1", 0))
    going = threading.Event()

    def accept() -> None:
        while not going.is_set():
            try:
                connection, _address = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def serve(connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            answer(connection)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        going.set()
        listening.close()


def says(status: str, body: str = "") -> Any:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return lambda connection: connection.sendall((head + body).encode())


SECRET = "AKIASECRETKEYNAME"
DENIED = (
    f"<?xml version='1.0'?><Error><Code>InvalidAccessKeyId</Code>"
    f"<AWSAccessKeyId>{SECRET}</AWSAccessKeyId></Error>"
)


def failing(tmp_path: Path, endpoint: str) -> store.Place:
    address = f"s3://photos/club?endpoint={endpoint}&region=us-east-1"
    settings = settings_for(tmp_path, files_url=address, files_key=SECRET, files_secret=SECRET)
    return store.place_of(settings, address)


VERBS = {
    "keep": lambda place, name: place.keep(name, b"x" * 100_000),
    "read": lambda place, name: place.read(name),
    "exists": lambda place, name: place.exists(name),
    "forget": lambda place, name: place.forget(name),
    "names": lambda place, name: list(place.names()),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_storage_that_is_away_or_shut(
    app: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture, verb: str
) -> None:
    with app.test_request_context():
        for answer, sentence, logged in (
            (says("403 Forbidden", DENIED), "lets nobody in", " 403"),
            (says("400 Bad Request", DENIED), "does not answer", " 400"),
            (lambda connection: None, "does not answer", "GenericError"),
        ):
            caplog.clear()
            with server(answer) as endpoint, pytest.raises(store.Away, match=sentence) as caught:
                VERBS[verb](failing(tmp_path, endpoint), store.new_name("jpg"))
            assert caught.value.__cause__ is None
            assert logged in caplog.text
            assert SECRET not in caplog.text + str(caught.value)
        with pytest.raises(store.Away, match="does not answer"):
            VERBS[verb](failing(tmp_path, "http://127.0.0.1:9"), store.new_name("jpg"))


@pytest.mark.parametrize("verb", ["keep", "read"])
def test_a_storage_that_is_silent_is_given_up(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(store, "TRY", 0.4)
    monkeypatch.setattr(store, "TRIES", 1)
    began = time.monotonic()
    with (
        app.test_request_context(),
        server(lambda connection: time.sleep(8)) as endpoint,
        pytest.raises(store.Away),
    ):
        VERBS[verb](failing(tmp_path, endpoint), store.new_name("jpg"))
    assert time.monotonic() - began < 5


def test_a_file_that_breaks_off_is_not_taken_for_whole(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "TRY", 1)
    monkeypatch.setattr(store, "TRIES", 1)
    head = (
        'HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\nETag: "x"\r\n'
        "Last-Modified: Tue, 03 Mar 2026 10:00:00 GMT\r\n\r\n"
    )
    with (
        app.test_request_context(),
        server(lambda connection: connection.sendall(head.encode() + b"x" * 900_000)) as endpoint,
        pytest.raises(store.Away),
    ):
        whole(failing(tmp_path, endpoint), store.new_name("jpg"))


def test_a_storage_that_is_away_costs_nothing_but_the_photo(tmp_path: Path) -> None:
    settings = bucket_settings(tmp_path, "s3://photos/club?endpoint=http://127.0.0.1:9")
    app = create_app(settings)
    with app.test_request_context():
        with pytest.raises(Refused, match="nothing else was lost") as caught:
            upload(picture())
        assert (caught.value.field, caught.value.status) == ("photos", 503)
        assert files.still_kept("a" * 32 + ".jpg", field="photos")
        db.session.remove()


# Settings


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("s3://photos", ("photos", "", "", "", True)),
        ("s3://photos.org/a/b/?region=eu-west-1", ("photos.org", "a/b", "", "eu-west-1", False)),
        ("s3://photos/a?endpoint=https://s3.example.org:9000/&region=x",
         ("photos", "a", "https://s3.example.org:9000", "x", False)),
        ("s3://photos?endpoint=https://photos.example.org&style=host",
         ("photos", "", "https://photos.example.org", "", True)),
        ("s3://photos?endpoint=http://[::1]:9000", ("photos", "", "http://[::1]:9000", "", False)),
    ],
)  # fmt: skip
def test_addresses_of_buckets(address: str, read: tuple[Any, ...]) -> None:
    assert bucket.bucket_of(address) == bucket.Bucket(*read)


@pytest.mark.parametrize(
    "address",
    [
        "photos", "https://photos", "s3://", "s3://P", "s3://key:hunter2@photos",
        "s3://photos/../x", "s3://photos/a//b", "s3://photos?secret=hunter2",
        "s3://photos?hunter2", "s3://photos?endpoint=ftp://x", "s3://photos?endpoint=hunter2",
        "s3://photos?endpoint=http://storage.example.org", "s3://photos?style=hunter2",
        "s3://photos?endpoint=https://ann:hunter2@x", "s3://photos?endpoint=https://x:hunter2",
        "s3://photos?region=a&region=b", "s3://[hunter2",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_bucket_is_not_repeated(address: str) -> None:
    with pytest.raises(BadSetting, match="CRM_FILES_URL must be an address") as caught:
        Settings(files_url=address)
    assert "hunter2" not in str(caught.value)


def test_a_key_has_both_halves() -> None:
    with pytest.raises(BadSetting, match="both or neither"):
        Settings(files_key="a")


def test_the_probe(app: Flask, s3: str, tmp_path: Path) -> None:
    assert "a probe was put, read and taken away" in store.examine()
    assert list(store.here().names()) == []
    address = buckets.new_bucket(s3)
    with create_app(bucket_settings(tmp_path, address)).app_context():
        assert store.examine().startswith("the bucket crm-")
        assert list(store.here().names()) == []
        db.session.remove()


# What is named by rows


def test_every_column_that_names_a_file_is_known(app: Flask) -> None:
    # What a room does not say is swept away: a new column of such a name is said or explained.
    likely = {"scan", "picture", "photo", "file", "attachment", "document", "pdf", "parts"}
    found = {
        f"{table.name}.{column.name}"
        for table in db.metadata.sorted_tables
        for column in table.columns
        if column.name in likely and isinstance(column.type, String | JSON)
    }
    known = {f"{each.class_.__tablename__}.{each.key}" for each in files.columns()}
    # The parts of an address are words, and where a strategy's document lies is a link.
    assert found - {"contact_point.parts", "strategy.document"} == known


def aged(name: str) -> None:
    here = store.here()
    assert isinstance(here, store.InFolder)
    os.utime(here._folder / store.FOLDERS[name.rpartition(".")[2]] / name, (1, 1))


def run(app: Flask, *words: str) -> Result:
    db.rollback()
    return app.test_cli_runner().invoke(args=list(words))


def test_what_no_row_names_is_swept(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    named, left, young = (upload(picture()) for _ in range(3))
    monkeypatch.setattr(files, "named", lambda: {named})
    aged(named)
    aged(left)
    said = run(app, "files", "sweep").output
    assert left in said
    assert named not in said
    assert young not in said
    assert "With --delete" in said
    assert store.here().exists(left)
    assert "Taken away: 1" in run(app, "files", "sweep", "--delete").output
    assert {each.name for each in store.here().names()} == {named, young}


def test_a_database_that_names_nothing_takes_no_photo_away(app: Flask) -> None:
    names = [store.new_name("pdf") for _ in range(21)]
    for name in names:
        store.here().keep(name, b"x")
        aged(name)
    answer = run(app, "files", "sweep", "--delete")
    assert answer.exit_code == 1
    assert "most of all there are" in answer.output
    assert len(list(store.here().names())) == 21
    assert "Taken away: 21" in run(app, "files", "sweep", "--delete", "--most").output


def test_files_move_to_a_bucket_and_back(app: Flask, s3: str, tmp_path: Path) -> None:
    names = {store.new_name("jpg"): os.urandom(1000), store.new_name("pdf"): os.urandom(2000)}
    for name, data in names.items():
        store.here().keep(name, data)
    address = buckets.new_bucket(s3)
    settings = bucket_settings(tmp_path / "instance", address)
    moved = create_app(settings)
    with moved.app_context():
        for _time, counts in enumerate(("2 copied, 0 were there", "0 copied, 2 were there")):
            answer = run(moved, "files", "move")
            assert answer.exit_code == 0, answer.output
            assert counts in answer.output
        there = store.here()
        assert {each.name: hashlib.sha256(whole(there, each.name)).digest()
                for each in there.names()} == {
            name: hashlib.sha256(data).digest() for name, data in names.items()
        }  # fmt: skip
        # What came out otherwise is written again.
        first = next(iter(names))
        obstore.put(buckets.looked_into(address), f"club/pictures/{first}", b"changed")
        assert "1 copied, 1 were there" in run(moved, "files", "move").output
        assert whole(there, first) == names[first]
        for name in names:
            (tmp_path / "instance" / store.FOLDERS[name[-3:]] / name).unlink()
        back = run(moved, "files", "move", "--from", address, "--to", "folder")
        assert "2 copied" in back.output
        for name, data in names.items():
            path = tmp_path / "instance" / store.FOLDERS[name[-3:]] / name
            assert path.read_bytes() == data
        db.session.remove()


def test_files_move_from_a_folder_to_another(app: Flask, tmp_path: Path) -> None:
    name = store.new_name("pdf")
    store.InFolder(tmp_path / "old").keep(name, b"%PDF-")
    answer = run(app, "files", "move", "--from", str(tmp_path / "old"), "--to", "folder")
    assert "1 copied" in answer.output
    assert whole(store.here(), name) == b"%PDF-"
    answer = run(app, "files", "move", "--from", str(tmp_path / "none"), "--to", "folder")
    assert (answer.exit_code, "There is no folder" in answer.output) == (1, True)


def test_a_move_to_the_same_place_is_refused(app: Flask) -> None:
    answer = run(app, "files", "move")
    assert (answer.exit_code, "Both are" in answer.output) == (1, True)
    answer = run(app, "files", "move", "--to", "s3://x?y=hunter2")
    assert (answer.exit_code, "hunter2" in answer.output) == (1, False)


def test_a_file_to_be_forgotten_while_its_place_is_away_goes_later(
    any_app: Flask, s3: str, tmp_path: Path
) -> None:
    address = buckets.new_bucket(s3)
    there = store.place_of(bucket_settings(tmp_path, address), address)
    name = store.new_name("pdf")
    there.keep(name, b"%PDF-")
    any_app.extensions["crm_store"] = failing(tmp_path, "http://127.0.0.1:9")
    files.forget_document(name)
    assert outbox.drain() == 1
    any_app.extensions["crm_store"] = there
    assert there.exists(name)
    with db.unit_of_work():
        db.session.query(outbox.Outgoing).update({"due_at": db.now()})
    outbox.drain()
    assert not there.exists(name)


def test_names_tell_nothing_and_are_never_the_same() -> None:
    names = {store.new_name("jpg") for _ in range(1000)}
    assert len(names) == 1000
    assert all(store.is_name(each) for each in names)


def test_a_forked_process_does_not_wait_for_ever(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = buckets.new_bucket(s3)
    place = store.place_of(bucket_settings(tmp_path, address), address)
    monkeypatch.setattr(store, "_process", 1)
    with pytest.raises(RuntimeError, match="before this process was forked"):
        place.exists(store.new_name("jpg"))


# The doctor


def test_the_doctor_looks_at_the_files(app: Flask, tmp_path: Path) -> None:
    app.extensions["crm_store"] = failing(tmp_path, "http://127.0.0.1:9")
    (found,) = doctor_around.files()
    assert (found.stops, "does not answer" in found.text) == (True, True)
    assert SECRET not in found.text


def test_the_doctor_names_what_several_hosts_lack(tmp_path: Path) -> None:
    shared = {"queue_url": "redis://r", "shared_folder": str(tmp_path), "secret_key": "k"}
    database = {"database_url": "postgresql://db/crm"}
    assert not list(doctor_around.hosts(Settings()))
    (found,) = doctor_around.hosts(Settings(**shared, **database))
    assert found.text == "database, Redis, files, uploads and key are shared."
    for lacking in ("queue_url", "shared_folder", "secret_key"):
        given = {name: value for name, value in shared.items() if name != lacking}
        (found,) = doctor_around.hosts(Settings(**given, **database))
        assert f"CRM_{lacking.upper()}" in found.text
    (found,) = doctor_around.hosts(Settings(**shared))
    assert "CRM_DATABASE_URL" in found.text
