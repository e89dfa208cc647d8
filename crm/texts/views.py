"""The pages of texts."""

from flask import Blueprint

blueprint = Blueprint("texts", __name__)
