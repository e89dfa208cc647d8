"""What a row of a spreadsheet of targets says, by table."""

from datetime import date

import pytest
from flask import Flask

from crm.core.columns import checked, guess
from crm.core.days import Ambiguous, order_of, parse_day
from crm.core.errors import Refused
from crm.targets.countries import country_code
from crm.targets.sheets.fields import FIELDS
from crm.targets.sheets.names import are_titles, salutation, split_name
from crm.targets.sheets.rules import Facts, Meaning, parse_row


@pytest.mark.parametrize(
    ("head", "meant"),
    [
        ("Person ID,First name,Last name,Party,Constituency,URI",
         "key,given_name,family_name,party,district,website"),
        ("Title,Full Name,Job Title,Department,Country",
         "role,name,-,body,country"),
        ("Embassy,Country,Ambassador,Street,City,Postcode,Telephone,E-mail",
         "name,country,-,street,city,postcode,phone,email"),
        ("Ambassador,Embassy,Land", "name,body,area"),
        ("Company name,Company number,Contact form,Twitter,Notes",
         "name,key,web_form,social,note"),
        ("Vorname,Nachname,Partei,Wahlkreis,Telefon",
         "given_name,family_name,party,district,phone"),
        ("Nombre,Apellidos,Cargo,Ministerio,País,Correo electrónico",
         "name,family_name,role,body,country,email"),
        ("Prénom,Nom,Courriel,Téléphone,Adresse", "given_name,family_name,email,phone,address"),
        ("Office phone,Constituency phone,Email (office),email_2,Office address",
         "phone,phone,email,email,address"),
        ("Start date,End date,Term start", "starts_on,ends_on,-"),
        ("Shoe size,Favourite fruit", "-,-"),
    ],
)  # fmt: skip
def test_columns_are_guessed_by_name(head: str, meant: str) -> None:
    columns = head.split(",")
    found = guess(columns, [], FIELDS)
    assert [found.get(column, "-") for column in columns] == meant.split(",")


def test_columns_are_guessed_by_what_stands_in_them() -> None:
    rows = [["Ada", "ada@example.org", "+44 20 7946 0001", "https://example.org", "7"]] * 3
    found = guess(["a", "b", "c", "d", "e"], rows, FIELDS)
    assert found == {"b": "email", "c": "phone", "d": "website"}


def test_a_mapping_by_hand_names_what_is_there(app: Flask) -> None:
    assert checked({"A": "name", "B": ""}, ["A", "B"], FIELDS) == {"A": "name"}
    for given, sentence in (
        ({"C": "name"}, "There is no column “C”; there are A, B."),
        ({"A": "nmae"}, "There is no field “nmae”"),
        ({"A": 7}, "There is no field “7”"),
        ({"A": "name", "B": "name"}, "Two columns cannot both be “Name”."),
    ):
        with pytest.raises(Refused, match=sentence):
            checked(given, ["A", "B"], FIELDS)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Ada Alder", ("Ada", None, "Alder", None, "")),
        ("Alder, Ada Berta", ("Ada", "Berta", "Alder", None, "")),
        ("The Rt Hon Dame Ada B. van Alder OBE MP",
         ("Ada", "B.", "van Alder", "OBE", "The Rt Hon Dame")),
        ("H.E. Mr. Jonas Petraitis", ("Jonas", None, "Petraitis", None, "H.E. Mr.")),
        ("Birch, Sir Tom", ("Tom", None, "Birch", None, "Sir")),
        ("Ada", (None, None, "Ada", None, "")),
        ("王小明", (None, None, "王小明", None, "")),
        ("علي حسن", ("علي", None, "حسن", None, "")),
        ("Ludwig von der Birch", ("Ludwig", None, "von der Birch", None, "")),
    ],
)  # fmt: skip
def test_names_are_taken_apart(text: str, parts: tuple[str | None, ...]) -> None:
    assert tuple(split_name(text)) == parts


@pytest.mark.parametrize(
    ("titles", "said"),
    [
        ("", None), ("The Rt Hon", None), ("H.E. Mr.", "Excellency"), ("Dr.", "Dr. Alder"),
        ("The Rt Hon Dame", "Dame Ada"), ("Senator", "Senator Alder"),
    ],
)  # fmt: skip
def test_titles_make_the_salutation(titles: str, said: str | None) -> None:
    assert salutation(titles, "Ada", "Alder") == said


def test_titles_are_told_from_offices() -> None:
    assert all(map(are_titles, ("Mr", "Rt Hon", "H.E.", "Dr.")))
    assert not are_titles("Minister of Health")


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("2024-04-03", None, date(2024, 4, 3)), ("2024/4/3", None, date(2024, 4, 3)),
        ("20240403", None, date(2024, 4, 3)), ("2024-04-03 00:00:00", None, date(2024, 4, 3)),
        ("03.04.2024", None, date(2024, 4, 3)), ("25/12/2024", None, date(2024, 12, 25)),
        ("12/25/2024", None, date(2024, 12, 25)), ("03/04/2024", "day", date(2024, 4, 3)),
        ("03/04/2024", "month", date(2024, 3, 4)), ("05/05/2024", None, date(2024, 5, 5)),
        ("3 April 2024", None, date(2024, 4, 3)), ("April 3rd, 2024", None, date(2024, 4, 3)),
        ("3-Apr-2024", None, date(2024, 4, 3)), ("3 de abril de 2024", None, date(2024, 4, 3)),
        ("3. März 2024", None, date(2024, 3, 3)),
    ],
)  # fmt: skip
def test_dates(text: str, order: str | None, day: date) -> None:
    assert parse_day(text, order) == day  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["30/02/2024", "2024-02-30", "45385", "3.4.24", "2024", "soon", "3 Foo 2024", "1/2/3"]
)
def test_dates_that_are_none(text: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - its kind is asked below
        parse_day(text, "day")
    assert type(error.value) is ValueError


def test_a_date_that_leaves_the_order_open() -> None:
    with pytest.raises(Ambiguous):
        parse_day("03/04/2024")
    assert (order_of("25/12/2024"), order_of("12/25/2024")) == ("day", "month")
    assert order_of("03/04/2024") is order_of("2024-12-25") is order_of("25.12.2024") is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Niue", "NU"), ("nu", "NU"), ("NIU", "NU"), ("UK", "GB"), ("Reino Unido", "GB"),
        ("the Gambia", "GM"), ("Côte d’Ivoire", "CI"), ("Kosovo", "XK"), ("Taiwan", "TW"),
        ("Narnia", None), ("EU", None), ("", None),
    ],
)  # fmt: skip
def test_countries(text: str, code: str | None) -> None:
    assert country_code(text) == code


# Rows


def parsed(what: str = "official", **given: str) -> tuple[Facts | None, list[tuple[str, str]]]:
    """A row with these fields, each in a column called as the field is."""
    names = list(given)
    columns = [(place, name, name.capitalize()) for place, name in enumerate(names)]
    facts, faults = parse_row(Meaning(columns, what), list(given.values()))
    return facts, [tuple(fault) for fault in faults]


def test_a_row(app: Flask) -> None:
    facts, faults = parsed(
        name="H.E. Ada Alder", role="Ambassador", body="Embassy of Niue", country="NIU",
        email="ada@example.org; office@example.org", phone="555 0100 / 555 0101",
        street="1 Mill Lane", city="Aldertown", postcode="AL1", starts_on="3 April 2024",
    )  # fmt: skip
    assert not faults
    assert facts is not None
    assert facts.columns == {
        "name": "Ada Alder", "given_name": "Ada", "family_name": "Alder", "additional_name": "",
        "suffix": "", "salutation": "Excellency", "country": "NU",
    }  # fmt: skip
    assert facts.office is not None
    assert facts.office.post_key == "own/embassy-of-niue/ambassador"
    assert facts.office.starts_on == "2024-04-03"
    assert [(each.kind, each.value) for each in facts.contacts] == [
        ("email", "ada@example.org"), ("email", "office@example.org"), ("phone", "555 0100"),
        ("phone", "555 0101"), ("postal", "1 Mill Lane\nAldertown, AL1"),
    ]  # fmt: skip
    assert Facts.from_plain(facts.plain()) == facts


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"name": ""}, "Name", "is empty: a target needs a name"),
        ({"name": "A" * 250}, "Name", "is longer than 200 characters"),
        ({"name": "A" * 150}, "Name", "has a part longer than 100 characters"),
        ({"name": "Ada", "country": "Narnia"}, "Country", "is no country known here: “Narnia”"),
        ({"name": "Ada", "email": "ada@"}, "Email", "is not an e-mail address: “ada@”"),
        ({"name": "Ada", "phone": "none"}, "Phone", "has no digits: “none”"),
        ({"name": "Ada", "website": "see above"}, "Website", "is not a web address: “see above”"),
        ({"name": "Ada", "website": "javascript:x"}, "Website", "is not a web address"),
        ({"name": "Ada", "social": "ada"}, "Social", "is not a web address: “ada”"),
        ({"name": "Ada", "starts_on": "2024-02-30"}, "Starts_on", "is not a date: “2024-02-30”"),
        ({"name": "Ada", "starts_on": "2024-02-02", "ends_on": "2023-02-02"}, "Ends_on",
         "is before the first day"),
        ({"name": "Ada", "kind": "wizard"}, "Kind", "is none of legislator, official"),
        ({"name": "Alder Ltd", "kind": "company", "role": "Boss"}, "Role", "belongs to people"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_field(
    app: Flask, given: dict[str, str], field: str, sentence: str
) -> None:
    facts, faults = parsed(**given)
    assert facts is None
    assert faults[0][0] == field
    assert faults[0][1].startswith(sentence)


def test_long_names_of_institutions_are_not_one(app: Flask) -> None:
    long = "Permanent Mission of the Republic of Alder to the United Nations in "
    keys = {
        facts.office.post_key
        for place in ("Geneva", "Vienna")
        if (facts := parsed(name="Ada", role="Head", body=long + place)[0]) and facts.office
    }
    assert len(keys) == 2
    written = {
        facts.office.body_key
        for body in ("外交部", "国防部")
        if (facts := parsed(name="Ada", role="x", body=body)[0]) and facts.office
    }
    assert len(written) == 2


def test_handles_become_addresses(app: Flask) -> None:
    columns = [(0, "name", "Name"), (1, "social", "Twitter"), (2, "social", "Page")]
    facts, _faults = parse_row(
        Meaning(columns, "company"), ["Alder", "@alder_example", "facebook.com/alder"]
    )
    assert facts is not None
    assert [(each.label, each.value) for each in facts.contacts] == [
        ("X", "https://x.com/alder_example"), ("Facebook", "https://facebook.com/alder"),
    ]  # fmt: skip
