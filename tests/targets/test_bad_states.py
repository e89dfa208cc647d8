"""Files of a state that are broken, and zips that are traps: a sentence, and nothing written."""

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask

from crm.core import db
from crm.core.errors import Refused
from crm.targets import operations
from crm.targets.sources import folders
from tests.dumps import dump
from tests.targets.test_openstates import HERE, TODAY, copy_of, file_of, number, take

ANA = f"legislature/Ana-Alder-1.yml: {number(1)}, Ana Álder-Núñez: "
ELSEWHERE = "ocd-jurisdiction/country:us/state:oh/government"


def refused(place: Path | str, **more: Any) -> str:
    before = dump()
    with pytest.raises(Refused) as found:
        take(place, **more)
    assert dump() == before
    return str(found.value.message)


def role(**changes: Any) -> dict[str, Any]:
    return {
        "type": "upper",
        "district": "1",
        "jurisdiction": "ocd-jurisdiction/country:us/state:wv/government",
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"id": "ocd-person/1"}, "id is not an ocd-person: 'ocd-person/1'"),
        ({"id": None}, "id is missing"),
        ({"name": ""}, "name is missing"),
        ({"name": "x" * 501}, "name is longer than 500 characters"),
        ({"roles": []}, "roles is empty"),
        ({"roles": None}, "roles is missing"),
        ({"roles": ["x"]}, "roles[0] is not a group of fields"),
        ({"roles": [role(type=None)]}, "roles[0].type is missing"),
        ({"roles": [role(district=None)]}, "roles[0].district is missing"),
        ({"roles": [role(start_date="2023-02-30")]},
         "roles[0].start_date is not a date: '2023-02-30'"),
        ({"roles": [role(start_date="2023-13")]}, "roles[0].start_date is not a date: '2023-13'"),
        ({"roles": [role(jurisdiction="ocd-jurisdiction/country:us/state:zz/government")]},
         "roles[0].jurisdiction is no state's: "
         "'ocd-jurisdiction/country:us/state:zz/government'"),
        ({"roles": [role(), role(jurisdiction=ELSEWHERE)]},
         "roles[1].jurisdiction is of Ohio, not of West Virginia"),
        ({"roles": [role(), role(end_date="2030-01-01", start_date=None), role()]}, None),
        ({"roles": [role(start_date="2023-01-01"),
                    role(start_date="2023-01-01", end_date="2024-01-01")]},
         "roles hold the same seat twice from the same day"),
        ({"party": [{"name": ""}]}, "party[0].name is missing"),
        ({"offices": "x"}, "offices is not a list but 'x'"),
        ({"offices": [{"address": "x"}]}, "offices[0].classification is missing"),
    ],
)  # fmt: skip
def test_a_person_that_is_wrong(
    app: Flask, tmp_path: Path, changes: dict[str, Any], sentence: str | None
) -> None:
    folder = copy_of(tmp_path)
    path = file_of(folder, "Ana-Alder")
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data.update(changes)
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    if sentence is None:
        take(folder)
        return
    message = refused(folder)
    assert message.startswith("legislature/Ana-Alder-1.yml: ")
    assert message.endswith(f": {sentence}")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"id": "x"}, "id is not an ocd-organization: 'x'"),
        ({"chamber": "middle"}, "chamber is not upper, lower or legislature: 'middle'"),
        ({"jurisdiction": ELSEWHERE}, "jurisdiction is of Ohio, not of West Virginia"),
        ({"parent": "ocd-organization/f0000000-0000-4000-8000-000000000000"},
         "parent is no committee here: 'ocd-organization/f0000000-0000-4000-8000-000000000000'"),
        ({"parent": "ocd-organization/0b000000-0000-4000-8000-000000000000"},
         "parent leads back to itself"),
        ({"members": [1]}, "members[0] is not a group of fields"),
    ],
)  # fmt: skip
def test_a_committee_that_is_wrong(
    app: Flask, tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    folder = copy_of(tmp_path)
    path = file_of(folder, "upper-Forests")
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump({**data, **changes}), encoding="utf-8")
    message = refused(folder)
    assert message.startswith("committees/upper-")
    assert message.endswith(f": {sentence}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("id: [", "legislature/Ana-Alder-1.yml is broken at line 2: "),
        ("- 1", "legislature/Ana-Alder-1.yml: the record is not a record but a list."),
        ("a: &x 1\nb: *x", "legislature/Ana-Alder-1.yml uses YAML aliases, which are not read."),
        ("", "legislature/Ana-Alder-1.yml: the record is not a record but nothing."),
    ],
)
def test_a_file_that_is_cut_off(app: Flask, tmp_path: Path, text: str, sentence: str) -> None:
    folder = copy_of(tmp_path)
    file_of(folder, "Ana-Alder").write_text(text, encoding="utf-8")
    assert refused(folder).startswith(sentence)


def test_somebody_twice(app: Flask, tmp_path: Path) -> None:
    folder = copy_of(tmp_path)
    text = file_of(folder, "Ana-Alder").read_text(encoding="utf-8")
    (folder / "executive" / "Zoe.yml").write_text(text, encoding="utf-8")
    assert refused(folder) == (
        f"executive/Zoe.yml: {number(1)}, Ana Álder-Núñez: id is there twice; the other is in "
        "legislature/Ana-Alder-1.yml"
    )


@pytest.mark.parametrize(
    ("place", "state", "sentence"),
    [
        ("zz", None, "There is no state 'zz'."),
        (str(HERE), None, "holds several states: ma, ne, wv. Say which one."),
        (str(HERE), "oh", "has no files of Ohio."),
        (str(HERE), "zz", "There is no state 'zz'."),
        (str(HERE / "wv"), "ne", "has no files of Nebraska."),
        (str(HERE / "nowhere"), None, "There is no folder or file"),
        (str(HERE / "wv" / "committees"), None, "has no folder of a state's legislature"),
        ("http://example.org/wv.zip", None, "Only https addresses are read"),
    ],
)
def test_a_place_without_the_state(
    app: Flask, place: str, state: str | None, sentence: str
) -> None:
    assert sentence in refused(place, state=state)


def test_a_folder_by_another_name_is_of_the_state_it_says(app: Flask, tmp_path: Path) -> None:
    folder = copy_of(tmp_path).rename(tmp_path / "my-files")
    sentence = "roles[0].jurisdiction is of West Virginia, not of Nebraska"
    assert refused(folder, state="ne").endswith(sentence)
    take(folder, state="wv")


# Zips


def zipped(change: Callable[[zipfile.ZipFile], object] | None = None, top: str = "") -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(HERE.rglob("*.yml")):
            archive.write(path, f"{top}{path.relative_to(HERE)}")
        if change:
            change(archive)
    return content.getvalue()


def send(content: bytes, state: str | None = "wv") -> str:
    with db.unit_of_work():
        return str(
            operations.import_openstates_file(
                "files.zip", content, state=state, by=None, today=TODAY
            )
        )


def test_it_works(app: Flask, tmp_path: Path) -> None:
    assert send(zipped(top="people-main/data/")) == "openstates: 5 arrived, 0 unchanged"
    path = tmp_path / "files.zip"
    path.write_bytes(zipped())
    assert str(take(path, state="wv")) == "openstates: 5 unchanged"
    assert str(take("wv", public=str(path))) == "openstates: 5 unchanged"


def big(archive: zipfile.ZipFile) -> None:
    archive.writestr("wv/legislature/bomb.yml", b"a" * (folders.MAX_FILE + 1))


def many(archive: zipfile.ZipFile) -> None:
    for place in range(50):
        archive.writestr(f"wv/legislature/{place}.yml", b" " * 100_000)


def twice(archive: zipfile.ZipFile) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        archive.write(file_of(HERE / "wv", "Ana-Alder"), "wv/legislature/Ana-Alder-1.yml")


def garbled(content: bytes) -> bytes:
    """The same zip with a file's packed bytes overwritten."""
    place = content.find(b"wv/legislature/Ana") + 60
    return content[:place] + b"\xff" * 20 + content[place + 20 :]


def lying(content: bytes) -> bytes:
    """The same zip, its list claiming that every file is one byte long."""
    data = bytearray(content)
    place = data.find(b"PK\x01\x02")
    while place >= 0:
        data[place + 24 : place + 28] = (1).to_bytes(4, "little")
        place = data.find(b"PK\x01\x02", place + 1)
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (lambda: b"", "files.zip is no zip file."),
        (lambda: b"PK\x05\x06", "files.zip is no zip file."),
        (lambda: zipped()[:-30], "files.zip is no zip file."),
        (lambda: garbled(zipped()), "files.zip is a broken zip."),
        (lambda: zipped(big), "legislature/bomb.yml is larger than 1 MB."),
        (lambda: zipped(twice), "legislature/Ana-Alder-1.yml was given twice."),
        (lambda: lying(zipped()), "is a broken zip."),
    ],
)
def test_zips_that_are_traps(app: Flask, content: Callable[[], bytes], sentence: str) -> None:
    sent = content()
    before = dump()
    with pytest.raises(Refused) as found:
        send(sent)
    assert sentence in str(found.value.message)
    assert dump() == before


def test_limits(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = zipped(many)
    for name, value, sentence in (
        ("MAX_WHOLE", 1024 * 1024, "files.zip is larger than 1 MB."),
        ("MOST_FILES", 20, "files.zip holds more than 20 files."),
        ("MAX_DIRECTORY", 100, "files.zip holds too many files."),
        ("MAX_BYTES", 1024, "files.zip is larger than"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(folders, name, value)
            with pytest.raises(Refused) as found:
                send(sent)
            assert sentence in str(found.value.message)


def test_nothing_of_a_zip_reaches_the_disk(app: Flask, tmp_path: Path) -> None:
    def climbing(archive: zipfile.ZipFile) -> None:
        archive.writestr("../../wv/legislature/evil.yml", b"id: 1")
        archive.writestr("/wv/legislature/evil.yml", b"id: 1")

    assert send(zipped(climbing)) == "openstates: 5 arrived, 0 unchanged"
    assert not list(tmp_path.parent.rglob("evil.yml"))
