"""`crm pack make` and `crm pack posted`."""

from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from crm.core import db
from crm.mailings.models import Mailing
from crm.outreach.queries import ActionFilter, total
from crm.targets.models import TargetList, TargetListItem
from tests import make


@pytest.fixture
def here(app: Flask, scene: SimpleNamespace) -> SimpleNamespace:
    kept = make.kept(TargetList(name="Five", slug="five"))
    make.kept(*(TargetListItem(list_id=kept.id, target_id=each) for each in scene.targets))
    db.rollback()
    scene.app = app
    return scene


def run(here: SimpleNamespace, *words: str) -> Any:
    db.rollback()
    return here.app.test_cli_runner().invoke(args=["pack", *words])


MAKE = (
    "make", "--campaign", "postcards", "--text", "join-postcard", "--targets", "five",
    "--chapter", "alder-high-school",
)  # fmt: skip


def test_it_works(here: SimpleNamespace) -> None:
    answer = run(here, *MAKE, "--members", "all", "--way", "all", "--date", "2026-05-08")
    assert answer.exit_code == 0, answer.output
    assert "155 postcards, 5 targets, 31 members, 0 in the pool" in answer.output
    # It is told in two groups, as on paper; typed it may be either.
    code = answer.output.split()[0]
    assert (code[3], len(code)) == ("-", 8)
    first = run(here, "posted", code.lower(), "--pieces", "100")
    assert "100 postcards logged as outreach" in first.output
    assert "55 left" in first.output
    again = run(here, "posted", code, "--pieces", "100", "--posting", "1")
    assert (again.exit_code, "nothing was counted twice" in again.output) == (0, True)
    assert "55 postcards logged" in run(here, "posted", code).output
    again = run(here, "posted", code)
    assert (again.exit_code, "logged already" in again.output) == (0, True)
    assert total(ActionFilter()) == 155


def test_the_same_key_makes_nothing_new(here: SimpleNamespace) -> None:
    words = (*MAKE, "--members", f"{here.members[0]},{here.members[1]}", "--each", "3")
    one = run(here, *words, "--key", "monday").output
    assert one == run(here, *words, "--key", "monday").output
    assert "6 postcards" in one
    assert len(db.session.scalars(select(Mailing)).all()) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"--campaign": "none"}, "no campaign"),
        ({"--text": "none"}, "no text"),
        ({"--targets": "none"}, "no list of targets and no campaign none"),
        ({"--chapter": "none"}, "no chapter"),
        ({"--members": "x"}, "numbers by commas"),
        ({"--members": "99999"}, "no members of this chapter"),
        ({"--language": "fr"}, "no approved version"),
        ({"--total": "9999"}, "5000 at most"),
    ],
)
def test_what_cannot_be(here: SimpleNamespace, changes: dict[str, str], told: str) -> None:
    words = list(MAKE)
    for name, value in changes.items():
        if name in words:
            words[words.index(name) + 1] = value
        else:
            words += [name, value]
    answer = run(here, *words)
    assert answer.exit_code != 0
    assert told in answer.output


def test_no_such_pack(here: SimpleNamespace) -> None:
    answer = run(here, "posted", "NOSUCH1")
    assert (answer.exit_code, "no pack" in answer.output) == (1, True)
