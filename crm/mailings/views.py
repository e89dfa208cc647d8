"""The pages of mailings."""

from flask import Blueprint

blueprint = Blueprint("mailings", __name__)
