"""A classroom at once on SQLite: nobody is turned away, nothing is lost."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from flask import Flask
from sqlalchemy import select

from crm.core import audit, db, mapping
from crm.members.models import Chapter
from tests import make


def test_read_modify_write_by_many_loses_nothing(app: Flask) -> None:
    chapter_id = make.chapter("0").id
    db.session.remove()

    def add_one(_: int) -> None:
        with app.app_context():
            for _ in range(10):
                with db.unit_of_work():
                    chapter = db.session.get_one(Chapter, chapter_id)
                    chapter.name = str(int(chapter.name) + 1)
                    audit.record("count", "chapter", chapter_id, by=None)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(add_one, range(12)))
    assert db.session.scalar(select(Chapter.name)) == "120"


def test_readers_do_not_wait_for_a_writer(app: Flask) -> None:
    make.chapter("A")
    db.session.remove()

    def read() -> int:
        with app.app_context():
            return db.session.query(Chapter).count()

    with db.unit_of_work(), ThreadPoolExecutor(1) as pool:
        db.session.add(Chapter(name="B", slug="b", kind="school", path="/"))
        db.session.flush()
        audit.record("add", "chapter", None, by=None)
        # The write is held open: a reader that had to wait would wait for ever.
        assert pool.submit(read).result(timeout=10) == 1
    assert read() == 2


def test_the_same_columns_said_by_several_at_once_are_kept_once(any_app: Flask) -> None:
    start = Barrier(4)

    def say(number: int) -> None:
        with any_app.app_context():
            start.wait(10)
            with db.unit_of_work():
                mapping.remember("members", ["Name", "Class"], {"Name": f"name{number}"}, by=None)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(say, range(4)))
    assert mapping.recall("members", ["Name", "Class"]) is not None
