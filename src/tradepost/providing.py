"""What services need besides the database, made once for each process from its settings."""

from pathlib import Path

from tradepost.kit.database import Database
from tradepost.kit.mail import ConsoleMailer, FileMailer, Mailer, SmtpMailer
from tradepost.kit.means import Means
from tradepost.settings import Settings


def means_of(settings: Settings, database: Database) -> Means:
    """All of it, for whoever makes a Context: both doors, the worker, the shell."""
    means = Means()
    if (mailer := _mailer(settings)) is not None:
        means.provide(Mailer, mailer)
    return means


def _mailer(settings: Settings) -> Mailer | None:
    """Where letters go; none where that is an SMTP server that nobody has named, so that they wait."""
    if settings.mails_by == "console":
        return ConsoleMailer(settings.mail_from)
    if settings.mails_by == "file":
        return FileMailer(settings.mail_from, Path(settings.mail_folder))
    return SmtpMailer(settings.mail_from, settings.smtp_url) if settings.smtp_url else None
