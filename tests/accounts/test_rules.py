"""Passwords, addresses, and where a sign-in may lead."""

import pytest
from argon2 import PasswordHasher
from flask import Flask

from crm.accounts import rules


def test_it_works() -> None:
    kept = rules.hash_password("seven geese")
    assert kept.startswith("$argon2id$")
    assert rules.is_password("seven geese", kept)
    assert not rules.is_password("eight geese", kept)


def test_nobody_has_a_password() -> None:
    assert not rules.is_password("nobody's password", None)
    assert not rules.is_password("anything", "not a hash")


def test_letters_composed_differently_are_the_same_password() -> None:
    assert rules.is_password("cafe\u0301 at noon", rules.hash_password("caf\u00e9 at noon"))


def test_a_hash_of_other_parameters_is_outdated() -> None:
    assert not rules.is_outdated(rules.hash_password("seven geese"))
    assert rules.is_outdated(PasswordHasher(time_cost=1, memory_cost=1024).hash("seven geese"))


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("seven geese", None),
        ("ten chars!", None),
        ("пароль из слов", None),
        ("x" * 9, "at least 10"),
        ("", "at least 10"),
        ("ab c" * 51, "at most 200"),
        ("ada.brook@example.org", "e-mail address"),
        ("Ada.Brook@Example.org", "e-mail address"),
        ("ada.brook.longer", None),
        ("PassWord123", "tried first"),
        ("aaaaaaaaaaaa", "tried first"),
        ("abababababab", "tried first"),
    ],
)
def test_password_fault(app: Flask, password: str, fault: str | None) -> None:
    said = rules.password_fault(password, email="ada.brook@example.org")
    assert said is None if fault is None else fault in (said or "")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ada@Example.ORG ", "ada@example.org"),
        ("ada+crm@example.org", "ada+crm@example.org"),
        ("ada", None),
        ("", None),
        ("ada@", None),
        ("ada@example.org\nBcc: all@example.org", None),
        ("Ada <ada@example.org>", None),
        ("a" * 300 + "@example.org", None),
    ],
)
def test_clean_email(typed: str, kept: str | None) -> None:
    assert rules.clean_email(typed) == kept


@pytest.mark.parametrize(
    "address",
    ["/", "/targets", "/reports/activity?campaign=a&since=2026-01-01", "/a//b", "/a?u=http://x"],
)
def test_paths_of_ours(address: str) -> None:
    assert rules.local_path(address) == address


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "targets",
        "//there.example",
        "///there.example",
        "/\\there.example",
        "\\\\there.example",
        "/a\\b",
        "/\t/there.example",
        "/\n/there.example",
        " //there.example",
        "https://there.example/",
        "https:there.example",
        "javascript:alert(1)",
        "//[bad",
        "/ a",
    ],
)
def test_addresses_elsewhere(address: str | None) -> None:
    assert rules.local_path(address) is None
