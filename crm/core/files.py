"""Pictures people upload: checked, turned upright, stripped of everything but the picture."""

import secrets
from io import BytesIO
from pathlib import Path

from flask import Flask, current_app
from flask_babel import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError
from werkzeug.datastructures import FileStorage

from crm.core import db
from crm.core.errors import Refused
from crm.core.settings import Settings

#: Bytes of one upload.
MAX_BYTES = 10 * 1024 * 1024
#: Pixels of the longer side that are kept.
MAX_SIDE = 2000
#: Pixels Pillow may unpack; more is a decompression bomb.
MAX_PIXELS = 60_000_000
_FORMATS = ("JPEG", "PNG", "WEBP")


def init_app(app: Flask, settings: Settings) -> None:
    """Name the folder pictures are kept in."""
    app.config["PICTURES"] = settings.folder / "pictures"


def keep_picture(upload: FileStorage, *, field: str) -> str:
    """Re-encode an upload as JPEG and keep it; returns its file name.

    Metadata (place, camera, time) is dropped. Raises `Refused` for what is no JPEG, PNG or WebP
    picture, or too large. Nobody waits for the database meanwhile: call it before anything is
    written.
    """
    db.release()
    data = upload.stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Refused(_("This picture is larger than 10 MB. Make it smaller."), field)
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise Refused(_("This picture has too many pixels. Make it smaller."), field)
            opened.draft("RGB", (MAX_SIDE, MAX_SIDE))
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except Image.DecompressionBombError as error:
        raise Refused(_("This picture has too many pixels. Make it smaller."), field) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise Refused(_("This is not a JPEG, PNG or WebP picture."), field) from error
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    # A new image from the pixels alone: nothing of the upload's metadata can travel along.
    clean = Image.new("RGB", picture.size)
    clean.paste(picture)
    folder: Path = current_app.config["PICTURES"]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{secrets.token_hex(16)}.jpg"
    clean.save(folder / name, "JPEG", quality=85)
    return name


def picture_path(name: str) -> Path:
    """Where a kept picture lies."""
    return Path(current_app.config["PICTURES"]) / name
