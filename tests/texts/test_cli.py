"""`crm text check`: rows for who cannot be printed, a last line, and how it ends."""

from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from crm.core import db
from crm.targets.models import Target, TargetList, TargetListItem
from tests import make
from tests.texts.conftest import address, says, text


@pytest.fixture
def run(any_app: Flask, anywhere: SimpleNamespace) -> FlaskCliRunner:
    made = make.kept(TargetList(slug="both", name="Both"))
    for target_id in anywhere.targets:
        make.kept(TargetListItem(list_id=made.id, target_id=target_id))
    return any_app.test_cli_runner()


def test_it_works(run: FlaskCliRunner, anywhere: SimpleNamespace) -> None:
    text("Letter")
    result = run.invoke(args=["text", "check", "letter", "--targets", "both"])
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "Bo Beta: No postal address is known.",
        "2 targets, 1 of them cannot be printed.",
    ]
    address(anywhere.bo)
    result = run.invoke(args=["text", "check", "letter", "--targets", "both"])
    assert (result.exit_code, result.output) == (0, "2 targets, 0 of them cannot be printed.\n")


def test_a_campaign_and_members_are_looked_at_too(
    run: FlaskCliRunner, anywhere: SimpleNamespace
) -> None:
    targets = tuple(db.session.get_one(Target, each) for each in anywhere.targets)
    make.campaign("Join us", targets=targets)
    says(anywhere.ben, "first_name")
    text("Card", "((member.first_name)) ((x))", kind="phone-script", language="fr",
         fields=[{"name": "x", "kind": "text"}])  # fmt: skip
    args = ["text", "check", "card", "--targets", "join-us", "--language", "fr"]
    result = run.invoke(args=args)
    assert result.exit_code == 1
    assert "No phone number is known." in result.output
    assert "Nothing is given for ((x))." in result.output
    assert result.output.splitlines()[-1].endswith("give --members.")
    result = run.invoke(args=[*args, "--value", "x=y", "--members", "alder-high-school"])
    assert "((x))" not in result.output
    assert "No consent to print the first name." in result.output
    assert "2 members, 1 of them cannot sign." in result.output
    assert "Ana" not in result.output


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nothing", "--targets", "both"], "There is no text nothing."),
        (["letter", "--targets", "nothing"], "There is no list of targets and no campaign nothing"),
        (["letter", "--targets", "both", "--language", "fr"], "has no words in fr"),
        (["letter", "--targets", "both", "--language", "?!"], "is no language"),
        (["letter", "--targets", "both", "--members", "x"], "There is no chapter x."),
        (["letter", "--targets", "both", "--value", "x"], "NAME=WORDS"),
    ],
)
def test_what_is_wrong_is_one_line(run: FlaskCliRunner, args: list[str], said: str) -> None:
    text("Letter")
    result = run.invoke(args=["text", "check", *args])
    assert result.exit_code == 1
    assert said in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_words_nobody_approved_are_told(run: FlaskCliRunner) -> None:
    text("Letter", approved=False)
    result = run.invoke(args=["text", "check", "letter", "--targets", "both"])
    assert result.exit_code == 1
    assert result.output.count("These words are not approved.") == 2
