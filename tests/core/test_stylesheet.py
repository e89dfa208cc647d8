"""The stylesheet is one file that rooms add to: a lost brace would undo what follows it."""

from crm.core import PACKAGE


def test_every_rule_is_closed() -> None:
    depth = 0
    for number, line in enumerate((PACKAGE / "static" / "crm.css").read_text().splitlines(), 1):
        depth += line.count("{") - line.count("}")
        assert depth >= 0, f"line {number} closes what was not opened"
        assert not (line.startswith("/* ") and depth), f"line {number} begins inside of a rule"
    assert depth == 0
