"""Creates the database and the dependencies of services, once per process, from the settings."""

from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from tradepost.areas.accounts.credential_cache import CredentialCache
from tradepost.areas.accounts.opaque_tokens import OpaqueTokens
from tradepost.areas.accounts.password_hasher import PasswordHasher
from tradepost.areas.accounts.revocations import Revocations
from tradepost.areas.accounts.service import AccountSettings, Credentials
from tradepost.areas.accounts.signing import SigningKeys
from tradepost.areas.accounts.tokens import AccessTokens
from tradepost.areas.carts.service import CartSettings, StoredCartFinder
from tradepost.areas.catalog.service import CatalogSettings, find_other_currency
from tradepost.areas.inventory.resource import LOW_STOCK
from tradepost.areas.inventory.service import OrderNumbers
from tradepost.areas.orders.policy import RETURN_DAYS
from tradepost.areas.orders.service import OpenPayments, OrderSettings, VisibleOrderNumbers
from tradepost.areas.payments.providers.manual import ManualProvider
from tradepost.areas.payments.providers.provider import PaymentProvider, PaymentProviders
from tradepost.areas.payments.providers.stripe import StripeAccount, StripeProvider
from tradepost.areas.payments.providers.stripe_amounts import is_chargeable, price_step
from tradepost.areas.payments.service import PaymentSettings, ProviderPayments, origin_of
from tradepost.areas.pricing.service import PaymentMethods, TaxRules, find_other_shipping_currency
from tradepost.fake_provider import FakeKeys, FakeProviderApp, fake_provider
from tradepost.kit.auth.cart_token import CartFinder, GuestTokens
from tradepost.kit.cache.channels.postgres import PostgresChannel
from tradepost.kit.cache.channels.redis import RedisChannel
from tradepost.kit.cache.channels.sqlite import SqliteChannel
from tradepost.kit.cache.invalidation import Invalidation, InvalidationChannel
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.kit.crypto import Cipher, derive_key
from tradepost.kit.db.engine import MAX_LOCK_WAIT
from tradepost.kit.dependencies import Dependencies
from tradepost.kit.query.readers.postgres import PostgresReader
from tradepost.kit.worker.email_templates import ENGLISH, EmailTemplates, InvalidTemplate
from tradepost.kit.worker.mail import ConsoleMailer, FileMailer, Mailer, SmtpMailer
from tradepost.kit.writes.database import Database
from tradepost.kit.writes.domain_events import DomainEventHandlers
from tradepost.kit.writes.event_types import EventTypes
from tradepost.settings import Settings, SettingsError

STRIPE_PROVIDERS = frozenset({"stripe", "fake"})
"""The providers that charge amounts as Stripe does."""


def create_database(
    settings: Settings,
    pool_size: int | None = None,
    cache: ReadCache | None = None,
    max_lock_wait: float = MAX_LOCK_WAIT,
) -> Database:
    """Create the database.

    Unless READ_CACHE is off, every write invalidates the read caches of all processes. `cache` is
    the read cache of this process, if it has one.
    """
    database = Database(
        settings.database_url,
        secret=derive_key(settings.secret_key, "cursors"),
        pool_size=pool_size or settings.pool_size,
        max_lock_wait=max_lock_wait,
        rule_settings={LOW_STOCK: settings.low_stock, RETURN_DAYS: settings.return_days},
    )
    if settings.read_cache:
        database.attach_invalidation(Invalidation(_invalidation_channel(settings, database), cache))
    return database


def _invalidation_channel(settings: Settings, database: Database) -> InvalidationChannel:
    """Return the channel that carries invalidations to other processes."""
    if settings.redis_url:
        return RedisChannel(settings.redis_url, settings.secret_key)
    return (
        PostgresChannel(database.reader.connect_arguments)
        if isinstance(database.reader, PostgresReader)
        else SqliteChannel(database.engine)
    )


def create_dependencies(
    settings: Settings, database: Database, handlers: DomainEventHandlers, event_types: EventTypes
) -> Dependencies:
    """Create the dependencies of services, for both APIs, the worker and the command line.

    `handlers` and `event_types` are those of all areas (`app.domain_event_handlers`,
    `app.event_types`).
    """
    dependencies = Dependencies()
    dependencies.provide(DomainEventHandlers, handlers)
    dependencies.provide(EventTypes, event_types)
    if (mailer := _mailer(settings)) is not None:
        dependencies.provide(Mailer, mailer)
    dependencies.provide(EmailTemplates, _email_templates(settings))
    dependencies.provide(Cipher, Cipher(settings.secret_key))
    dependencies.provide(GuestTokens, GuestTokens(settings.secret_key))
    _provide_orders(dependencies, settings)
    catalog = CatalogSettings(currency=settings.shop_currency, price_step=_price_step(settings))
    dependencies.provide(CatalogSettings, catalog)
    _provide_payments(dependencies, settings)
    _provide_accounts(dependencies, settings, database)
    _provide_carts(dependencies, settings, database)
    return dependencies


def _email_templates(settings: Settings) -> EmailTemplates:
    """Return the templates of e-mails. Raise SettingsError if one of the operator's is invalid."""
    if settings.email_templates is None:
        return EmailTemplates()
    folder, shipped = Path(settings.email_templates), f"areas/*/templates/emails/{ENGLISH}/[!_]*.txt"
    if not folder.is_dir():
        raise SettingsError(f"EMAIL_TEMPLATES: `{folder}` is not a folder.")
    templates = EmailTemplates(folder)
    try:
        templates.check({path.stem for path in Path(__file__).parent.glob(shipped)})
    except InvalidTemplate as error:
        raise SettingsError(f"EMAIL_TEMPLATES: {error}.") from None
    return templates


def _provide_carts(dependencies: Dependencies, settings: Settings, database: Database) -> None:
    """Add what carts and quotes need."""
    dependencies.provide(CartFinder, StoredCartFinder(database))
    dependencies.provide(
        CartSettings,
        CartSettings(
            currency=settings.shop_currency,
            country=settings.shop_country,
            tax_rules=TaxRules(settings.prices_include_tax, settings.tax_rounding, _price_step(settings)),
            days=settings.cart_days,
            max_quantity=settings.cart_line_max,
        ),
    )


def _provide_accounts(dependencies: Dependencies, settings: Settings, database: Database) -> None:
    """Add what authentication needs."""
    keys = dependencies.provide(SigningKeys, signing_keys(settings))
    tokens = dependencies.provide(
        AccessTokens,
        AccessTokens(
            keys, issuer=settings.issuer, audience=settings.token_audience, lifetime=settings.access_token_seconds
        ),
    )
    dependencies.provide(PasswordHasher, PasswordHasher(min_length=settings.password_min_length))
    dependencies.provide(OpaqueTokens, OpaqueTokens(settings.secret_key))
    dependencies.provide(
        AccountSettings,
        AccountSettings(
            refresh_token_days=settings.refresh_token_days,
            session_days=settings.session_days,
            storefront_url=settings.storefront_url,
            public_url=settings.public_url,
        ),
    )
    cache = CredentialCache(derive_key(settings.secret_key, "remembered credentials"))
    dependencies.provide(Revocations, Revocations(cache, settings.redis_url, settings.secret_key))
    dependencies.provide(Credentials, Credentials(database, settings.secret_key, tokens=tokens, cache=cache))


def _provide_orders(dependencies: Dependencies, settings: Settings) -> None:
    """Add what orders need, and what inventory needs of them."""
    dependencies.provide(OrderNumbers, VisibleOrderNumbers())
    dependencies.provide(
        OrderSettings,
        OrderSettings(
            open_orders=settings.open_orders,
            open_orders_per_client=settings.open_orders_per_client,
            number_start=settings.order_number_start,
            payment_period=timedelta(minutes=settings.order_payment_minutes),
            bank_transfer_period=timedelta(days=settings.bank_transfer_days),
            delivered_after=timedelta(days=settings.delivered_after_days),
            client_key=derive_key(settings.secret_key, "clients of orders"),
            timezone=settings.timezone,
            storefront_url=settings.storefront_url,
            public_url=settings.public_url,
        ),
    )


def _price_step(settings: Settings) -> int:
    """Return the step of prices: that of Stripe if it is offered."""
    is_offered = not STRIPE_PROVIDERS.isdisjoint(rule.provider for rule in settings.payment_methods)
    return price_step(settings.shop_currency) if is_offered else 1


def _provide_payments(dependencies: Dependencies, settings: Settings) -> None:
    """Add the payment methods that are offered, and the providers.

    A provider that is no longer offered is still needed for its payments.
    """
    can_charge = partial(is_chargeable, currency=settings.shop_currency)
    methods = PaymentMethods(settings.payment_methods, dict.fromkeys(STRIPE_PROVIDERS, can_charge))
    dependencies.provide(PaymentMethods, methods)
    providers: list[PaymentProvider] = [ManualProvider()]
    if settings.stripe_secret_key is not None:
        providers.append(StripeProvider(_stripe_account(settings, settings.stripe_secret_key)))
    if settings.profile != "production":
        app = dependencies.provide(FakeProviderApp, FakeProviderApp(settings, FakeKeys.derive(settings.secret_key)))
        providers.append(fake_provider(app))
    dependencies.provide(PaymentProviders, PaymentProviders(*providers))
    dependencies.provide(OpenPayments, ProviderPayments())
    dependencies.provide(PaymentSettings, _payment_settings(settings))


def _payment_settings(settings: Settings) -> PaymentSettings:
    storefront = [] if settings.storefront_url is None else [settings.storefront_url]
    return PaymentSettings(
        capture=settings.capture,
        return_origins=frozenset([origin_of(url) for url in (*storefront, *settings.cors_origins)]),
        allows_http=settings.profile == "default",
        public_url=settings.public_url,
    )


async def stop_payments(dependencies: Dependencies) -> None:
    """Close the connections to payment providers, at the end of the process."""
    await dependencies.require(PaymentProviders).close()
    if (fake := dependencies.get(FakeProviderApp)) is not None:
        await fake.stop()


def _stripe_account(settings: Settings, secret_key: str) -> StripeAccount:
    return StripeAccount(
        secret_key=secret_key,
        webhook_secrets=settings.stripe_webhook_secret,
        shop=settings.public_url,
        api_url=settings.stripe_api_url,
    )


async def check_currency(settings: Settings, engine: AsyncEngine) -> None:
    """Raise SettingsError if the shop has prices in another currency than SHOP_CURRENCY."""
    if (other := await find_other_currency(engine, settings.shop_currency)) is not None:
        currency, sku = other
        raise SettingsError(
            f"SHOP_CURRENCY is `{settings.shop_currency}`, but the shop has prices in {currency}, such as that of the "
            f"variant `{sku}`. Set SHOP_CURRENCY={currency}; to sell in another currency, import the products with "
            "new prices into an empty database."
        )
    if (other := await find_other_shipping_currency(engine, settings.shop_currency)) is not None:
        currency, code = other
        raise SettingsError(
            f"SHOP_CURRENCY is `{settings.shop_currency}`, but the shipping method `{code}` has a price in {currency}. "
            f"Set SHOP_CURRENCY={currency}, delete the shipping method, and create it again in the new currency."
        )


def signing_keys(settings: Settings) -> SigningKeys:
    """Return the signing keys of access tokens.

    In the default profile a missing key file is created; in production it is not.
    """
    return SigningKeys(
        settings.secret_key,
        algorithm=settings.token_algorithm,
        path=settings.signing_keys,
        create_missing=settings.profile != "production",
    )


def _mailer(settings: Settings) -> Mailer | None:
    """Return the mailer, or None if SMTP_URL is missing: e-mails then wait in the outbox."""
    if settings.mailer_kind == "console":
        return ConsoleMailer(settings.mail_from)
    if settings.mailer_kind == "file":
        return FileMailer(settings.mail_from, Path(settings.mail_folder))
    return SmtpMailer(settings.mail_from, settings.smtp_url) if settings.smtp_url else None
