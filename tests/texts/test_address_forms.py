"""Forms of address, as protocol has them: by office, gender and language."""

from typing import Any

import pytest

from crm.texts.address_forms import Addressee, at, below, form_of


def who(**more: Any) -> Addressee:
    return Addressee(**{"kind": "official", "name": "Ann Alpha", "family_name": "Alpha", **more})


SENATOR = {"kind": "legislator", "country": "US", "role": "Senator", "body_key": "us/senate",
           "body": "U.S. Senate"}  # fmt: skip
HOUSE = {"kind": "legislator", "country": "US", "role": "Representative", "body_key": "us/house",
         "body": "U.S. House of Representatives"}  # fmt: skip
TABLE = [
    # Congress
    (SENATOR, "en", "The Honorable Ann Alpha", "Dear Senator Alpha", ("United States Senate",)),
    (HOUSE, "en", "The Honorable Ann Alpha", "Dear Representative Alpha",
     ("United States House of Representatives",)),
    (HOUSE | {"role": "Delegate"}, "en", "The Honorable Ann Alpha", "Dear Delegate Alpha", None),
    (HOUSE | {"role": "Resident Commissioner"}, "en", "The Honorable Ann Alpha",
     "Dear Resident Commissioner Alpha", None),
    (SENATOR, "fr", "L’honorable Ann Alpha", "Madame, Monsieur", None),
    (SENATOR | {"gender": "female"}, "fr", "L’honorable Ann Alpha", "Madame la Sénatrice", None),
    (SENATOR | {"gender": "M"}, "es", "Hon. Ann Alpha", "Estimado Senador Alpha", None),
    (SENATOR, "es", "Hon. Ann Alpha", "De mi mayor consideración", None),
    (SENATOR, "pt-BR", "The Honorable Ann Alpha", "Dear Senator Alpha", None),
    # The states
    ({"kind": "legislator", "country": "US", "role": "Delegate", "body_key": "us-wv/lower",
      "body": "West Virginia House of Delegates"}, "en", "The Honorable Ann Alpha",
     "Dear Delegate Alpha", ("West Virginia House of Delegates",)),
    ({"kind": "legislator", "country": "US", "role": "Assembly Member", "body_key": "us-ny/lower",
      "body": "New York State Assembly"}, "en", "The Honorable Ann Alpha",
     "Dear Assembly Member Alpha", None),
    ({"country": "US", "role": "Governor", "office": "Governor of West Virginia",
      "body_key": "us-wv/executive", "body": "Executive of West Virginia"}, "en",
     "The Honorable Ann Alpha", "Dear Governor Alpha", ("Governor of West Virginia",)),
    ({"country": "US", "role": "Secretary of State", "office": "Secretary of State of Ohio",
      "body_key": "us-oh/executive"}, "en", "The Honorable Ann Alpha", "Dear Secretary Alpha",
     None),
    # Presidents, prime ministers, ministers, ambassadors
    ({"country": "US", "role": "President", "gender": "male"}, "en", "The Honorable Ann Alpha",
     "Dear Mr. President", ("The White House",)),
    ({"country": "FR", "role": "President", "gender": "female"}, "en", "Her Excellency Ann Alpha",
     "Dear Madam President", None),
    ({"country": "FR", "role": "President"}, "en", "H.E. Ann Alpha", "Excellency", None),
    ({"country": "FR", "role": "President", "gender": "male"}, "fr",
     "Son Excellence Monsieur Ann Alpha", "Monsieur le Président", None),
    ({"country": "CA", "role": "Prime Minister"}, "en", "H.E. Ann Alpha", "Dear Prime Minister",
     None),
    ({"country": "CA", "role": "Prime Minister", "gender": "F"}, "fr",
     "Son Excellence Madame Ann Alpha", "Madame la Première ministre", None),
    ({"country": "PE", "role": "Minister of Foreign Affairs"}, "en", "H.E. Ann Alpha",
     "Excellency", ("Minister of Foreign Affairs",)),
    ({"country": "PE", "role": "Ministra de Relaciones Exteriores", "gender": "female"}, "es",
     "Excma. Sra. Ann Alpha", "Señora Ministra", None),
    ({"country": "NU", "role": "Ambassador", "body": "Embassy of Niue"}, "en", "H.E. Ann Alpha",
     "Excellency", ("Ambassador", "Embassy of Niue")),
    ({"country": "NU", "role": "Permanent Representative to the United Nations",
      "gender": "male"}, "en", "His Excellency Ann Alpha", "Excellency", None),
    ({"country": "US", "role": "Ambassador"}, "en", "The Honorable Ann Alpha",
     "Dear Ambassador Alpha", None),
    ({"country": "NU", "role": "Chargé d'affaires"}, "en", "Ann Alpha", "Dear Ann Alpha", None),
    # A president of something else is no head of state.
    ({"country": "FR", "role": "President of the Senate"}, "en", "Ann Alpha", "Dear Ann Alpha",
     None),
    # Parliaments elsewhere
    ({"kind": "legislator", "country": "CA", "role": "Senator"}, "en", "Senator Ann Alpha",
     "Dear Senator Alpha", None),
    ({"kind": "legislator", "country": "GB", "role": "Member of Parliament"}, "en", "Ann Alpha",
     "Dear Ann Alpha", None),
    ({"kind": "legislator", "country": "GB", "role": "MP", "gender": "f"}, "en", "Ms. Ann Alpha",
     "Dear Ms. Alpha", None),
    # Nobody in particular
    ({"kind": "government", "name": "Niue", "family_name": None, "country": "NU",
      "salutation": "Excellency"}, "en", "The Minister of Foreign Affairs", "Excellency",
     ("Niue",)),
    ({"kind": "government", "name": "Niue", "country": "NU"}, "fr",
     "Ministère des Affaires étrangères", "Excellence", None),
    ({"kind": "body", "name": "Embassy of Niue"}, "en", "The Head of Mission", "Excellency",
     ("Embassy of Niue",)),
    ({"kind": "body", "name": "Ministry of Defence"}, "en", "Ministry of Defence",
     "To whom it may concern", ()),
    ({"kind": "company", "name": "Pine Bank"}, "en", "Pine Bank", "To whom it may concern", ()),
    ({"kind": "company", "name": "Pine Bank"}, "es", "Pine Bank", "A quien corresponda", ()),
    # What a source or a person said, in English alone
    (SENATOR | {"salutation": "Senator Alpha-Smith"}, "en", "The Honorable Ann Alpha",
     "Dear Senator Alpha-Smith", None),
    (SENATOR | {"salutation": "Dear Annie,"}, "en", "The Honorable Ann Alpha", "Dear Annie", None),
    (SENATOR | {"salutation": "Senator Alpha"}, "es", "Hon. Ann Alpha",
     "De mi mayor consideración", None),
    # One name only
    ({"name": "Alpha", "family_name": None, "country": "ID", "role": None}, "en", "Alpha",
     "Dear Alpha", None),
]  # fmt: skip


@pytest.mark.parametrize(("told", "language", "envelope", "salutation", "lines"), TABLE)
def test_it_works(
    told: dict[str, Any],
    language: str,
    envelope: str,
    salutation: str,
    lines: tuple[str, ...] | None,
) -> None:
    form = form_of(who(**told), language)
    assert (form.envelope, form.salutation) == (envelope, salutation)
    assert form.closing
    assert lines is None or form.lines == lines


@pytest.mark.parametrize("told", [case[0] for case in TABLE])
@pytest.mark.parametrize("language", ["en", "fr", "es"])
@pytest.mark.parametrize("gender", [None, "nonbinary", ""])
def test_an_unknown_gender_is_never_guessed(
    told: dict[str, Any], language: str, gender: str | None
) -> None:
    form = form_of(who(**{**told, "gender": gender, "salutation": None}), language)
    words = f"{form.envelope} {form.salutation} {form.closing}".split()
    assert not {"Mr.", "Ms.", "His", "Her", "Madam", "Monsieur", "Sr.", "Sra.", "Excmo.",
                "Estimado", "Estimada", "Señor", "Señora"} & set(words) or (
        form.salutation == "Madame, Monsieur"
    )  # fmt: skip


def test_a_line_of_the_office_is_not_written_twice() -> None:
    form = form_of(who(country="NU", role="Ambassador", body="Embassy of Niue"))
    assert below(form, ("Embassy of Niue", "1 Hill Road")) == (
        "Ambassador",
        "Embassy of Niue",
        "1 Hill Road",
    )


def test_an_embassys_mail_goes_to_its_head() -> None:
    niue = who(kind="government", name="Niue", country="NU")
    lines = ("Ambassade de Niue", "1 Hill Road")
    form = at(form_of(niue), "Embassy", lines)
    assert (form.envelope, *below(form, lines)) == ("The Head of Mission", *lines)
    form = at(form_of(niue, "fr"), "Embassy", lines, "fr")
    assert (form.envelope, *below(form, lines)) == lines
    form = at(form_of(niue), "Capital", ("1 Hill Road",))
    assert below(form, ("1 Hill Road",)) == ("Niue", "1 Hill Road")
    assert form.envelope == "The Minister of Foreign Affairs"
    us = who(kind="government", name="United States", country="US")
    assert form_of(us).envelope == "The Secretary of State"
