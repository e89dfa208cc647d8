"""Uploads: what is kept is a picture and nothing but the picture."""

import struct
import zlib
from io import BytesIO

import pytest
from flask import Flask
from PIL import Image
from werkzeug.datastructures import FileStorage

from crm.core.errors import Refused
from crm.core.files import MAX_BYTES, MAX_SIDE, keep_picture, picture_path


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


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 20), **save: object) -> BytesIO:
    data = BytesIO()
    Image.new("RGB", size, "red").save(data, kind, **save)  # type: ignore[arg-type]
    data.seek(0)
    return data


def upload(data: BytesIO) -> str:
    return keep_picture(FileStorage(data, "pile.jpg"), field="photos")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_it_works(app: Flask, kind: str) -> None:
    with Image.open(picture_path(upload(picture(kind)))) as kept:
        assert (kept.format, kept.size) == ("JPEG", (40, 20))


def test_metadata_is_dropped_and_the_picture_turned_upright(app: Flask) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010E] = "Ana Example, Alder High"
    name = upload(picture(exif=exif))
    with Image.open(picture_path(name)) as kept:
        assert kept.size == (20, 40)
        assert not kept.getexif()
    assert b"Alder" not in picture_path(name).read_bytes()


def test_a_large_picture_is_made_smaller(app: Flask) -> None:
    with Image.open(picture_path(upload(picture("PNG", (4000, 1000))))) as kept:
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
    assert not picture_path("").exists()
