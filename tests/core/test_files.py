"""Uploads: what is kept is a picture and nothing but the picture."""

import struct
import zlib
from io import BytesIO

import pytest
from flask import Flask
from PIL import Image
from werkzeug.datastructures import FileStorage

from crm.core import store
from crm.core.errors import Refused
from crm.core.files import (
    MAX_BYTES,
    MAX_SIDE,
    as_attachment,
    forget_document,
    keep_document,
    keep_picture,
)


def huge(side: int) -> BytesIO:
    """A PNG that says it is so wide and high, and holds next to nothing."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ]
    return BytesIO(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in parts
        )
    )


def kept_bytes(name: str) -> BytesIO:
    return BytesIO(b"".join(store.here().read(name).pieces))


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 20), **save: object) -> BytesIO:
    data = BytesIO()
    Image.new("RGB", size, "red").save(data, kind, **save)  # type: ignore[arg-type]
    data.seek(0)
    return data


def upload(data: BytesIO) -> str:
    return keep_picture(FileStorage(data, "pile.jpg"), field="photos")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_it_works(app: Flask, kind: str) -> None:
    with Image.open(kept_bytes(upload(picture(kind)))) as kept:
        assert (kept.format, kept.size) == ("JPEG", (40, 20))


def test_metadata_is_dropped_and_the_picture_turned_upright(app: Flask) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010E] = "Ana Example, Alder High"
    name = upload(picture(exif=exif))
    with Image.open(kept_bytes(name)) as kept:
        assert kept.size == (20, 40)
        assert not kept.getexif()
    assert b"Alder" not in kept_bytes(name).read()


def test_a_large_picture_is_made_smaller(app: Flask) -> None:
    with Image.open(kept_bytes(upload(picture("PNG", (4000, 1000))))) as kept:
        assert kept.size == (MAX_SIDE, 500)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (BytesIO(b"not a picture"), "not a JPEG"),
        (BytesIO(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "not a JPEG"),
        (BytesIO(b"\xff\xd8\xff\xe0" + bytes(100)), "not a JPEG"),
        (BytesIO(bytes(MAX_BYTES + 1)), "larger than 10 MB"),
        (picture("GIF"), "not a JPEG"),
        (picture("PNG", (9000, 9000)), "too many pixels"),
        (huge(20_000), "too many pixels"),
        (huge(2**31 - 1), "too many pixels"),
    ],
)
def test_anything_else_is_refused(app: Flask, data: BytesIO, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        upload(data)
    assert list(store.here().names()) == []


# Documents

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n%%EOF\n"


def document(data: BytesIO, name: str = "../../scan.pdf") -> str:
    return keep_document(FileStorage(data, name), field="scan")


def test_a_pdf_is_kept_as_it_is_under_a_name_of_ours(app: Flask) -> None:
    name = document(BytesIO(PDF))
    assert len(name) == 36
    assert kept_bytes(name).read() == PDF
    with app.test_request_context():
        response = as_attachment(name, called="consent-1")
    assert response.headers["Content-Disposition"] == "attachment; filename=consent-1.pdf"
    assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert (response.mimetype, response.content_length) == ("application/pdf", len(PDF))
    response.close()
    forget_document(name)
    forget_document(name)
    assert not store.here().exists(name)


def test_a_picture_of_a_paper_is_a_picture(app: Flask) -> None:
    with Image.open(kept_bytes(document(picture("PNG"), "scan.pdf"))) as kept:
        assert kept.format == "JPEG"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (BytesIO(b""), "not a PDF, and not"),
        (BytesIO(b"<html><script>"), "not a PDF, and not"),
        (BytesIO(b" %PDF-1.7 %%EOF"), "not a PDF, and not"),
        (BytesIO(b"PK\x03\x04%PDF-%%EOF"), "not a PDF, and not"),
        (BytesIO(b"%PDF-1.7 and no end"), "not whole"),
        (BytesIO(b"%PDF-1.7 %%EOF" + bytes(3000)), "not whole"),
        (BytesIO(b"%PDF-" + bytes(MAX_BYTES)), "larger than 10 MB"),
        (picture("PNG", (9000, 9000)), "too many pixels"),
    ],
)
def test_no_other_document_is_kept(app: Flask, data: BytesIO, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence) as caught:
        document(data)
    assert caught.value.field == "scan"
    assert list(store.here().names()) == []


@pytest.mark.parametrize("name", ["", "x.pdf", "../" + "0" * 32 + ".pdf", "0" * 32 + ".html"])
def test_only_names_of_ours_lead_to_documents(app: Flask, name: str) -> None:
    with pytest.raises(ValueError, match="no name"), app.test_request_context():
        as_attachment(name, called="consent-1")
