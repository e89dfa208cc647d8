"""What a source only numbers keeps its key when its number changes."""

import pytest

from crm.targets.numbered import realigned
from crm.targets.sources.facts import ContactFacts

HOME, CHURCH, WORK = ("website", "https://a.example"), ("website", "https://b.example"), ("x", "y")
ELM, FIR = ("postal", "5 Elm St."), ("postal", "9 Fir St.")
ONE, TWO = ("phone", "304-555-0001"), ("phone", "304-555-0002")
LINK, OFFICE = "openstates/link/", "openstates/district"


@pytest.mark.parametrize(
    ("listed", "present", "keys"),
    [
        ({LINK + "0": WORK, LINK + "1": HOME}, {LINK + "0": HOME}, [LINK + "2", LINK + "0"]),
        ({LINK + "0": CHURCH, LINK + "1": HOME}, {LINK + "0": HOME, LINK + "1": CHURCH},
         [LINK + "1", LINK + "0"]),
        ({LINK + "0": CHURCH}, {LINK + "0": HOME, LINK + "1": CHURCH}, [LINK + "1"]),
        # What changed in its place stays in it.
        ({LINK + "0": WORK, LINK + "1": HOME}, {LINK + "0": CHURCH, LINK + "1": HOME},
         [LINK + "0", LINK + "1"]),
        # An office goes as a whole, whatever of it changed.
        ({f"{OFFICE}/postal": FIR, f"{OFFICE}/phone": TWO, f"{OFFICE}-2/postal": ELM,
          f"{OFFICE}-2/phone": ("phone", "new")},
         {f"{OFFICE}/postal": ELM, f"{OFFICE}/phone": ONE, f"{OFFICE}-2/postal": FIR,
          f"{OFFICE}-2/phone": TWO},
         [f"{OFFICE}-2/postal", f"{OFFICE}-2/phone", f"{OFFICE}/postal", f"{OFFICE}/phone"]),
        ({"openstates/email": WORK}, {}, ["openstates/email"]),
    ],
)  # fmt: skip
def test_it_works(
    listed: dict[str, tuple[str, str]], present: dict[str, tuple[str, str]], keys: list[str]
) -> None:
    contacts = [ContactFacts(key, *pair[:1], "", pair[1], None) for key, pair in listed.items()]
    assert [contact.key for contact in realigned(contacts, present)] == keys
