"""Small pictures of numbers, drawn on the server as SVG: the same in page, e-mail and PDF."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Let templates draw."""
