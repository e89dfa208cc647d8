"""E-mail, web form and phone of targets, and the link that opens a message."""

from types import SimpleNamespace

import pytest

from crm.targets.models import ContactPoint
from crm.texts.ways import Way, mailto, ways
from tests import make


def point(target_id: int, kind: str, value: str, label: str = "Home", status: str = "good") -> None:
    make.kept(ContactPoint(target_id=target_id, kind=kind, label=label, value=value, status=status))


def test_it_works(anywhere: SimpleNamespace) -> None:
    point(anywhere.ann, "email", "bad@example.org", status="bad")
    point(anywhere.ann, "email", "home@example.org")
    point(anywhere.ann, "email", "capitol@example.org", label="DC")
    point(anywhere.ann, "web form", "https://example.org/contact")
    assert ways([anywhere.ann, anywhere.bo]) == {
        anywhere.ann: Way("capitol@example.org", "https://example.org/contact", None),
        anywhere.bo: Way(),
    }


@pytest.mark.parametrize(
    ("address", "subject", "body", "link"),
    [
        ("a@example.org", "", "", "mailto:a@example.org"),
        (
            "a@example.org",
            "Join & act?",
            "Dear Ann,\nÉté 50%\r\nYours",
            "mailto:a@example.org?subject=Join%20%26%20act%3F"
            "&body=Dear%20Ann%2C%0D%0A%C3%89t%C3%A9%2050%25%0D%0AYours",
        ),
        ("a@example.org?bcc=b@x.org", "x", "", "mailto:a@example.org%3Fbcc%3Db@x.org?subject=x"),
        ("a@example.org", "two\r\nBcc: b", "", "mailto:a@example.org?subject=two%20Bcc%3A%20b"),
    ],
)  # fmt: skip
def test_a_link_says_what_it_says(address: str, subject: str, body: str, link: str) -> None:
    assert mailto(address, subject, body) == link
