"""Files that are broken, hostile or not there: a sentence, and nothing written."""

import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.accounts.imports import ImportRun
from crm.core import db
from crm.core.errors import Refused
from crm.targets import operations
from crm.targets.models import Target
from crm.targets.sources import congress, reading
from tests.conftest import missing

HERE = Path(__file__).parent / "data" / "congress"
TODAY = date(2026, 11, 23)
PEOPLE: list[Any] = yaml.safe_load((HERE / "legislators-current.yaml").read_text(encoding="utf-8"))


def refused(*uploads: tuple[str, bytes]) -> str:
    """The sentence these files are refused with; nothing is written."""
    with pytest.raises(Refused) as caught, db.unit_of_work():
        operations.import_congress_files(uploads, by=None, today=TODAY)
    assert db.session.query(Target).count() == 0
    assert db.session.query(ImportRun).count() == 0
    return str(caught.value.message)


def changed(change: Callable[[Any], Any]) -> bytes:
    """The people with a change made in place, or with `(data,)` in their stead."""
    people = yaml.safe_load(yaml.safe_dump(PEOPLE))
    result = change(people)
    data = result[0] if isinstance(result, tuple) else people
    return yaml.safe_dump(data, allow_unicode=True).encode()


def test_it_works(app: Flask) -> None:
    with db.unit_of_work():
        taken = operations.import_congress_files(
            [("legislators-current (1).yaml", changed(lambda p: None))], by=None, today=TODAY
        )
    assert taken.counts["new"] == 5


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda p: p[1]["terms"][0].update(start="2025-13-40"),
            "legislators-current.yaml: record 2 (bioguide X000002, Øyvind Ström): "
            "terms[0].start is not a date: '2025-13-40'",
        ),
        (
            lambda p: p[1]["terms"][0].update(end="2024-01-01"),
            "legislators-current.yaml: record 2 (bioguide X000002, Øyvind Ström): "
            "terms[0].end is before its start",
        ),
        (lambda p: p[0].pop("id"), 'record 1 (Zélie A. "Zee" Núñez-O\'Neil, Jr.): id is missing'),
        (lambda p: p[0]["id"].pop("bioguide"), "id.bioguide is missing"),
        (lambda p: p[0]["id"].update(bioguide="zz"), "id.bioguide is not a bioguide: 'zz'"),
        (lambda p: p[0].update(id=["X000001"]), "id is not a group of fields but a list"),
        (lambda p: p[2].pop("name"), "record 3 (bioguide X000003): name is missing"),
        (lambda p: p[2]["name"].update(last=""), "name.last is missing"),
        (lambda p: p[2]["name"].update(last=["a"]), "name.last is not text but a list"),
        (lambda p: p[2]["name"].update(last="x" * 501), "name.last is longer than 500 characters"),
        (lambda p: p[3].pop("terms"), "terms is missing"),
        (lambda p: p[3].update(terms=[]), "terms is empty"),
        (lambda p: p[3].update(terms="none"), "terms is not a list but 'none'"),
        (lambda p: p[3].update(terms=["x"]), "terms[0] is not a group of fields"),
        (
            lambda p: p[3]["terms"][0].update(type="prez"),
            "terms[0].type is neither 'rep' nor 'sen': 'prez'",
        ),
        (lambda p: p[3]["terms"][0].update(state="XX"), "terms[0].state is not a state: 'XX'"),
        (lambda p: p[3]["terms"][0].pop("district"), "terms[0].district is missing"),
        (
            lambda p: p[3]["terms"][0].update(district="1a"),
            "terms[0].district is not a whole number from -1 to 99: '1a'",
        ),
        (lambda p: p[0]["terms"][2].pop("class"), "terms[2].class is missing"),
        (lambda p: p[0]["terms"][2].update({"class": 4}), "terms[2].class is not a whole number"),
        (lambda p: p[0]["id"].update(fec="S1"), "fec is not a list but 'S1'"),
        (
            lambda p: p[4]["id"].update(bioguide="X000001"),
            "record 5 (bioguide X000001, Ada Brook): id.bioguide is there twice",
        ),
        (
            lambda p: p[1]["terms"][0].update(end="2026-02-30"),
            "record 2 (bioguide X000002, Øyvind Ström): terms[0].end is not a date: '2026-02-30'",
        ),
        (
            lambda p: p[1]["terms"][0].update(party_affiliations=["x", "y"]),
            "terms[0].party_affiliations[0] is not a group of fields",
        ),
        (
            lambda p: p[1]["terms"][0].update(
                party_affiliations=[
                    {"end": "2025-06-01", "party": "A"},
                    {"start": "2025-02-29", "party": "B"},
                ]
            ),
            "terms[0].party_affiliations[1].start is not a date: '2025-02-29'",
        ),
        (
            lambda p: p[1]["terms"][0].update(
                party_affiliations=[
                    {"end": "2025-06-01", "party": "A"},
                    {"start": "2025-01-03", "party": "B"},
                ]
            ),
            "party_affiliations[1].start is not after the start of the one before",
        ),
        (
            lambda p: p[1]["terms"][0].update(
                party_affiliations=[
                    {"end": "2024-06-01", "party": "A"},
                    {"start": "2025-06-02", "party": "B"},
                ]
            ),
            "party_affiliations[0].end is before its start",
        ),
        (lambda p: p.append(3), "record 6 is not a record but '3'"),
        (lambda p: p.append(None), "record 6 is not a record but nothing"),
        (lambda p: ({"a": 1},), "legislators-current.yaml is not a list of records"),
        (lambda p: ([],), "legislators-current.yaml holds no records"),
    ],
)
def test_a_broken_record_is_named_with_its_field(
    app: Flask, change: Callable[[Any], Any], sentence: str
) -> None:
    assert sentence in refused(("legislators-current.yaml", changed(change)))


@pytest.mark.parametrize(
    ("stem", "text", "sentence"),
    [
        (congress.OFFICES, "- id: {bioguide: X000001}\n  offices: [{city: A}]",
         "record 1 (bioguide X000001): offices[0].id is missing"),
        (congress.OFFICES, "- id: {bioguide: X000001}\n  offices: [{id: a}]",
         "offices[0].city is missing"),
        (congress.OFFICES,
         "- id: {bioguide: X000001}\n  offices: [{id: a, city: A}, {id: a, city: A}]",
         "offices[1].id is there twice: 'a'"),
        (congress.OFFICES, "- offices: []", "record 1: id is missing"),
        (congress.SOCIAL, "- id: {bioguide: X000001}", "social is missing"),
        (congress.SOCIAL, "- id: {bioguide: X000001}\n  social: {twitter: [a]}",
         "social.twitter is not text but a list"),
        (congress.COMMITTEES, "- {type: city, name: A, thomas_id: ABCD}",
         "record 1 (ABCD): type is not house, senate or joint: 'city'"),
        (congress.COMMITTEES, "- {type: house, name: A, thomas_id: ../x}", "thomas_id is not a"),
        (congress.COMMITTEES, "- {type: house, thomas_id: ABCD}", "name is missing"),
        (congress.COMMITTEES, "{}", "committees-current.yaml is not a list of records"),
    ],
)  # fmt: skip
def test_a_broken_record_of_another_file(app: Flask, stem: str, text: str, sentence: str) -> None:
    told = refused(
        ("legislators-current.yaml", changed(lambda p: None)), (f"{stem}.yaml", text.encode())
    )
    assert sentence in told
    assert told.startswith(stem)


def test_a_broken_committee_row(app: Flask) -> None:
    told = refused(
        ("legislators-current.yaml", changed(lambda p: None)),
        ("committees-current.yaml", b"- {type: house, name: A, thomas_id: ABCD}"),
        ("committee-membership-current.yaml", b"ABCD: [{bioguide: X000001, rank: first}]"),
    )
    assert "committee ABCD: [0].rank is not a whole number from 0 to 999: 'first'" in told


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (changed(lambda p: None)[:1500] + b"'", "legislators-current.yaml"),
        (changed(lambda p: p[3]["terms"][0].update(state="XX")), "is not a state: 'XX'"),
        (changed(lambda p: p[4]["id"].update(bioguide="X000001")), "id.bioguide is there twice"),
        (changed(lambda p: p[1]["terms"][0].update(start="2025-02-30")), "is not a date"),
    ],
)  # fmt: skip
def test_a_re_import_of_what_is_broken(
    app: Flask, tmp_path: Path, content: bytes, sentence: str
) -> None:
    """A sentence, no file of changes, and what was there stays as it is."""
    runner = app.test_cli_runner()
    assert runner.invoke(args=["import", "congress", str(HERE)]).exit_code == 0
    path, out = tmp_path / "legislators-current.yaml", tmp_path / "changes.csv"
    path.write_bytes(content)
    for more in ([], ["--dry-run"]):
        result = runner.invoke(args=["import", "congress", str(path), "--changes", str(out), *more])
        assert result.exit_code != 0
        assert sentence in result.output
        assert "Traceback" not in result.output
        assert not out.exists()
    assert db.session.query(Target).count() == 5
    assert db.session.query(ImportRun).count() == 1


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.yaml", BOMB.encode(), "a.yaml uses YAML aliases, which are not read."),
        ("a.yaml", b"- id:\n    bioguide: X1\n  name: [", "a.yaml is broken at line 4"),
        ("a.yaml", b"- a: 'x", "a.yaml is broken at line"),
        ("a.yaml", b"\xff\xfe\x00", "a.yaml is not UTF-8 text (byte 0)."),
        ("a.json", "[\"Núñez\"]".encode("latin-1"), "a.json is not UTF-8 text (byte 3)."),
        ("a.yaml", b"- a: \x07", "a.yaml is broken"),
        ("a.yaml", b"!!python/object/apply:os.system ['true']", "a.yaml is broken at line 1"),
        ("a.yaml", b"- !!int 1x", "a.yaml holds a value that cannot be read."),
        ("a.yaml", b"[" * 100_000, "a.yaml is nested too deeply."),
        ("a.yaml", b"- " * 100_000, "a.yaml is nested too deeply."),
        ("a.yaml", b"? " * 100_000, "a.yaml is nested too deeply."),
        ("a.yaml", b"\n".join(b" " * n + b"a:" for n in range(2000)), "is nested too deeply."),
        ("a.json", b"[" * 100_000, "a.json is nested too deeply."),
        ("a.json", b"[{]", "a.json is broken at line 1: "),
        ("a.json", b'[{"id": {"bioguide": "X000001"}, "name": {"first": "a\\u0000", "last": "b"}}]',
         "name.first holds a character that cannot be kept"),
        ("a.json", b'[{"id": {"bioguide": "X000001"}, "name": {"first": "\\ud800", "last": "b"}}]',
         "name.first holds a character that cannot be kept"),
        ("a.json", b'[{"id": {"bioguide": true}}]', "id.bioguide is not text but 'True'"),
        ("a.json", b"[" + b"9" * 5000 + b"]", "a.json holds a value that cannot be read."),
        ("a.yaml", b"", "a.yaml is not a list of records."),
        ("a.yaml", b"---\n- a\n---\n- b", "a.yaml is broken at line"),
        ("a.yaml", b"#" * (reading.MAX_YAML_BYTES + 1), "a.yaml is larger than 8 MB."),
        ("a.json", b" " * (reading.MAX_BYTES + 1), "a.json is larger than 30 MB."),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_parsed(app: Flask, name: str, content: bytes, sentence: str) -> None:
    assert sentence in refused((name, content))


def test_files_that_are_not_known_or_there_twice(app: Flask) -> None:
    one = ("legislators-current.yaml", changed(lambda p: None))
    assert "notes.yaml is none of the files" in refused(one, ("notes.yaml", b"[]"))
    assert refused(one, one) == "legislators-current was given twice."
    told = refused(("legislators-social-media.yaml", b"[]"), ("committees-current.yaml", b"[]"))
    assert "has no legislators-current.yaml or legislators-current.json" in told


def test_an_empty_folder_and_a_place_that_is_not_there(app: Flask, tmp_path: Path) -> None:
    for place, sentence in (
        (tmp_path, "has no legislators-current.yaml"),
        (tmp_path / "no", "There is no folder or file"),
    ):
        with pytest.raises(Refused, match=sentence), db.unit_of_work():
            operations.import_congress(str(place), by=None, today=TODAY)


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode()))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_are_answered_with_a_sentence(app: Flask, content: bytes) -> None:
    for name in ("a.yaml", "a.json"):
        with pytest.raises(Refused) as caught:
            congress.read_sent([(name, content)], today=TODAY)
        assert name in caught.value.message


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
_fields = st.sampled_from(
    ["id", "bio", "name", "terms", "id.bioguide", "id.fec", "name.first", "name.last",
     "name.suffix", "terms.start", "terms.end", "terms.type", "terms.state", "terms.class",
     "terms.phone", "terms.url", "terms.party"]
)  # fmt: skip


@given(_fields, _values)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_value_in_any_field_is_read_or_refused(app: Flask, field: str, value: Any) -> None:
    person = yaml.safe_load(yaml.safe_dump(PEOPLE[0]))
    group, _dot, name = field.partition(".")
    if not name:
        person[group] = value
    elif group == "terms":
        person["terms"][2][name] = value
    else:
        person[group][name] = value
    documents = reading.Documents("x", {congress.LEGISLATORS: reading.Document("a.json", [person])})
    told = ""
    try:
        assert len(congress.gather(documents, today=TODAY).targets) == 1
    except Refused as refusal:
        told = refusal.message
    assert not told or told.startswith("a.json: record 1")


# --- addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", ["http://example.org/", "file:///etc/passwd", "ftp://example.org/", "https://"]
)
def test_only_https_is_read(app: Flask, place: str) -> None:
    with pytest.raises(Refused, match="Only https addresses are read"):
        congress.read(place, today=TODAY)


def test_a_server_that_is_not_there(app: Flask) -> None:
    with pytest.raises(Refused, match=r"could not be reached: .*Check the connection"):
        congress.read("https://127.0.0.1:9/", today=TODAY)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A real HTTPS server on loopback that this test's certificates vouch for."""
    if shutil.which("openssl") is None:
        missing("the openssl program is not installed: no certificate for an HTTPS server")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    @contextmanager
    def serve(pages: dict[str, Any]) -> Iterator[str]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = pages.get(self.path)
                if isinstance(page, str):
                    self.send_response(302)
                    self.send_header("Location", page)
                else:
                    self.send_response(404 if page is None else 200)
                self.send_header("Connection", "close")
                self.end_headers()
                if isinstance(page, bytes):
                    self.wfile.write(page)

            def log_message(self, *_args: Any) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    return serve


def test_an_address_is_read(app: Flask, site: Callable[..., Any]) -> None:
    pages = {f"/base/{path.name}": path.read_bytes() for path in HERE.glob("*.yaml")}
    with site(pages) as address:
        intake = congress.read(f"{address}base/", today=TODAY)
        assert (len(intake.targets), len(intake.targets[0].seats)) == (5, 2)
        single = congress.read(f"{address}base/legislators-current.yaml", today=TODAY)
        assert (len(single.targets), single.has_seats) == (5, False)
        with pytest.raises(Refused, match="There is nothing at"):
            congress.read(f"{address}no.yaml", today=TODAY)
        with pytest.raises(Refused, match="has no legislators-current"):
            congress.read(f"{address}elsewhere/", today=TODAY)


def test_an_address_that_leads_out_of_https_or_never_ends(
    app: Flask, site: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {"/a.json": "http://localhost/", "/b.json": "/b.json", "/c.json": b"x" * 5000}
    with site(pages) as address:
        with pytest.raises(Refused, match="it leads out of https"):
            congress.read(f"{address}a.json", today=TODAY)
        with pytest.raises(Refused, match="could not be reached"):
            congress.read(f"{address}b.json", today=TODAY)
        monkeypatch.setattr(reading, "MAX_BYTES", 4000)
        with pytest.raises(Refused, match="is larger than"):
            congress.read(f"{address}c.json", today=TODAY)
