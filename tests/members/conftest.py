"""A real mail server on loopback, and tries that are counted, as the accounts' tests have them."""

from tests.accounts.conftest import letterbox as letterbox
from tests.accounts.conftest import mailing_app as mailing_app
from tests.accounts.conftest import throttled as throttled
