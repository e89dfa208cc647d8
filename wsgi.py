"""The application for any WSGI server: `gunicorn wsgi:app`, `flask --app wsgi run`."""

from crm import create_app

app = create_app()
