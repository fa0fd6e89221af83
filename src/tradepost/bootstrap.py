"""What services need besides the database, made once for each process from its settings."""

from pathlib import Path

from tradepost.areas.accounts.credential_cache import CredentialCache
from tradepost.areas.accounts.opaque_tokens import OpaqueTokens
from tradepost.areas.accounts.password_hasher import PasswordHasher
from tradepost.areas.accounts.revocations import Revocations
from tradepost.areas.accounts.service import AccountSettings, Credentials
from tradepost.areas.accounts.signing import SigningKeys
from tradepost.areas.accounts.tokens import AccessTokens
from tradepost.kit.cache.channels.postgres import PostgresChannel
from tradepost.kit.cache.channels.redis import RedisChannel
from tradepost.kit.cache.channels.sqlite import SqliteChannel
from tradepost.kit.cache.invalidation import Invalidation, InvalidationChannel
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.kit.crypto import Cipher, derive_key
from tradepost.kit.dependencies import Dependencies
from tradepost.kit.query.readers.postgres import PostgresReader
from tradepost.kit.worker.mail import ConsoleMailer, FileMailer, Mailer, SmtpMailer
from tradepost.kit.writes.database import Database
from tradepost.settings import Settings


def create_database(settings: Settings, pool_size: int | None = None, cache: ReadCache | None = None) -> Database:
    """The shop's database. What is written to it is told to every process that keeps what it reads, and dropped from this one's `cache`."""
    database = Database(
        settings.database_url,
        secret=derive_key(settings.secret_key, "cursors"),
        pool_size=pool_size or settings.pool_size,
    )
    if settings.read_cache:
        database.attach_invalidation(Invalidation(_channel(settings, database), cache))
    return database


def _channel(settings: Settings, database: Database) -> InvalidationChannel:
    """How processes hear what others write."""
    if settings.redis_url:
        return RedisChannel(settings.redis_url, settings.secret_key)
    return (
        PostgresChannel(database.reader.connect_arguments)
        if isinstance(database.reader, PostgresReader)
        else SqliteChannel(database.engine)
    )


def create_dependencies(settings: Settings, database: Database) -> Dependencies:
    """All of it, for whoever makes a Context: both doors, the worker, the shell."""
    means = Dependencies()
    if (mailer := _mailer(settings)) is not None:
        means.provide(Mailer, mailer)
    means.provide(Cipher, Cipher(settings.secret_key))
    _accounts(means, settings, database)
    return means


def _accounts(means: Dependencies, settings: Settings, database: Database) -> None:
    """What tells who calls, and lets somebody in."""
    signing = means.provide(SigningKeys, signing_keys(settings))
    tokens = means.provide(
        AccessTokens,
        AccessTokens(
            signing, issuer=settings.issuer, audience=settings.token_audience, lifetime=settings.access_token_seconds
        ),
    )
    means.provide(PasswordHasher, PasswordHasher(min_length=settings.password_min_length))
    means.provide(OpaqueTokens, OpaqueTokens(settings.secret_key))
    means.provide(
        AccountSettings,
        AccountSettings(refresh_token_days=settings.refresh_token_days, storefront_url=settings.storefront),
    )
    remembered = CredentialCache(derive_key(settings.secret_key, "remembered credentials"))
    means.provide(Revocations, Revocations(remembered, settings.redis_url, settings.secret_key))
    means.provide(Credentials, Credentials(database, settings.secret_key, tokens=tokens, cache=remembered))


def signing_keys(settings: Settings) -> SigningKeys:
    """The keys of access tokens; their file is made on the first run of the default profile only."""
    return SigningKeys(
        settings.secret_key,
        algorithm=settings.token_algorithm,
        path=settings.signing_keys,
        create_missing=settings.profile != "production",
    )


def _mailer(settings: Settings) -> Mailer | None:
    """Where letters go; none where that is an SMTP server that nobody has named, so that they wait."""
    if settings.mailer_kind == "console":
        return ConsoleMailer(settings.mail_from)
    if settings.mailer_kind == "file":
        return FileMailer(settings.mail_from, Path(settings.mail_folder))
    return SmtpMailer(settings.mail_from, settings.smtp_url) if settings.smtp_url else None
