"""What every room stands on: settings, database, access, errors, forms, files, mail, the shell."""

from pathlib import Path

from flask import Flask
from flask_bootstrap import Bootstrap5
from flask_migrate import Migrate
from flask_wtf import CSRFProtect

from crm.core import (
    access,
    audit_cli,
    backup_cli,
    backups,
    bounces,
    charts,
    cli,
    db,
    errors,
    files,
    files_cli,
    given_up,
    health,
    history,
    i18n,
    icons,
    incoming,
    limits,
    logs,
    mail,
    mail_choices,
    mail_delivery,
    mail_inbox,
    mail_views,
    metrics,
    outbox,
    outbox_cli,
    outbox_views,
    reads,
    schedule,
    security,
    shell,
    tiles,
    watch,
    worker,
)
from crm.core import (
    audit as audit,
)
from crm.core import (
    mail_models as mail_models,
)
from crm.core import (
    mail_preview as mail_preview,
)
from crm.core import (
    mapping as mapping,
)
from crm.core.settings import Settings

PACKAGE = Path(__file__).resolve().parent.parent


def top_folder(name: str) -> Path:
    """`templates` or `migrations`: inside the installed package, else beside it in the tree."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def init_app(settings: Settings) -> Flask:
    """Make the bare application: everything that is not a room."""
    app = Flask(
        "crm",
        static_folder=str(PACKAGE / "static"),
        template_folder=str(top_folder("templates")),
        instance_path=str(settings.folder),
    )
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database,
        SQLALCHEMY_ENGINE_OPTIONS=db.options(settings.database, int(settings.threads)),
        BABEL_DEFAULT_LOCALE=settings.language,
        BABEL_DEFAULT_TIMEZONE=settings.timezone,
        BOOTSTRAP_SERVE_LOCAL=True,
        TESTING=settings.testing == "1",
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.extensions["crm_settings"] = settings
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True, "autoescape": True}
    security.init_app(app, settings)
    watch.init_app(app)
    logs.init_app(app)
    i18n.init_app(app)
    # The order of these three is the way of a request: open the unit of work, know the person
    # (accounts registers that), then ask whether the person may.
    db.init_app(app)
    reads.init_app(app)
    access.init_app(app)
    CSRFProtect(app)
    Bootstrap5(app)
    Migrate(app, db.extension, directory=str(top_folder("migrations")), render_as_batch=True)
    errors.init_app(app)
    limits.init_app(app, settings)
    outbox.init_app(app)
    schedule.init_app(app)
    files.init_app(app, settings)
    backups.init_app(app, settings)
    health.init_app(app)
    metrics.init_app(app)
    incoming.init_app(app)
    mail_choices.init_app(app)
    mail.init_app(app)
    mail_delivery.init_app(app, settings)
    worker.init_app(app)
    shell.init_app(app)
    history.init_app(app)
    mail_views.init_app(app)
    mail_inbox.init_app(app, settings)
    bounces.init_app(app)
    charts.init_app(app)
    tiles.init_app(app)
    icons.init_app(app)
    cli.init_app(app)
    audit_cli.init_app(app)
    given_up.init_app(app)
    outbox_views.init_app(app)
    outbox_cli.init_app(app)
    backup_cli.init_app(app)
    files_cli.init_app(app)
    return app
