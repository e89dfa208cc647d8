"""The application for any WSGI server: `gunicorn wsgi:app`, `flask --app wsgi run`."""

from crm import create_app
from crm.core import logs
from crm.core.settings import Settings

settings = Settings.from_environment()
logs.configure(settings)
app = create_app(settings)
