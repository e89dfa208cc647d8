"""Signing in and out, and one's own preferences."""

from typing import Any

from flask import Blueprint

from crm.core.access import Can, public, requires

blueprint = Blueprint("accounts", __name__)


@blueprint.get("/sign-in")
@public
def sign_in() -> Any:
    return "sign in"


@blueprint.post("/sign-out")
@requires(Can.OWN_ACCOUNT)
def sign_out() -> Any:
    return "signed out"


@blueprint.get("/preferences")
@requires(Can.OWN_ACCOUNT)
def preferences() -> Any:
    return "preferences"
