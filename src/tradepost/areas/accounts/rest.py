"""The accounts over REST."""

from litestar import Controller

from tradepost.doors.rest import Ask, route, token_route
from tradepost.kit.query.records import Page, Record

from .schemas import (
    AccountCloseInput,
    Address,
    AddressInput,
    ApiKey,
    ApiKeyInput,
    EmailChangeInput,
    EmailVerifyInput,
    Grant,
    GrantInput,
    LoginInput,
    PasswordChangeInput,
    PasswordResetConfirmInput,
    PasswordResetInput,
    Receipt,
    RefreshInput,
    RegisterInput,
    RoleInput,
    TokenPair,
    User,
)
from .service import Addresses, ApiKeys, Grants, Recovery, Registration, Sessions, Users


class SessionController(Controller):
    """How somebody gets in, stays in and leaves."""

    path, tags = "/auth", ["Sign-in"]

    @route("/register", Registration.register)
    async def register(self, ask: Ask) -> Record[Receipt]:
        return await Registration(ask.context).register(await ask.body(RegisterInput), ask.want)

    @route("/email-verification", Registration.verify)
    async def email_verify(self, ask: Ask) -> Record[Receipt]:
        return await Registration(ask.context).verify(await ask.body(EmailVerifyInput), ask.want)

    @route("/email-verification/request", Registration.request_verification)
    async def email_verification_request(self, ask: Ask) -> Record[Receipt]:
        return await Registration(ask.context).request_verification(ask.want)

    @route("/email-change", Registration.change_email)
    async def email_change(self, ask: Ask) -> Record[Receipt]:
        return await Registration(ask.context).change_email(await ask.body(EmailChangeInput), ask.want)

    @route("/login", Sessions.login)
    async def login(self, ask: Ask) -> Record[TokenPair]:
        return await Sessions(ask.context).login(await ask.body(LoginInput), ask.want)

    @route("/refresh", Sessions.refresh)
    async def token_refresh(self, ask: Ask) -> Record[TokenPair]:
        return await Sessions(ask.context).refresh(await ask.body(RefreshInput), ask.want)

    @route("/logout", Sessions.logout)
    async def logout(self, ask: Ask) -> Record[Receipt]:
        return await Sessions(ask.context).logout(ask.want)

    @route("/logout-everywhere", Sessions.logout_everywhere)
    async def logout_everywhere(self, ask: Ask) -> Record[Receipt]:
        return await Sessions(ask.context).logout_everywhere(ask.want)

    @token_route("/token", Grants.grant)
    async def token_grant(self, ask: Ask) -> Record[Grant]:
        return await Grants(ask.context).grant(await ask.body(GrantInput), ask.want)

    @route("/password", Recovery.change)
    async def password_change(self, ask: Ask) -> Record[Receipt]:
        return await Recovery(ask.context).change(await ask.body(PasswordChangeInput), ask.want)

    @route("/password-reset", Recovery.reset)
    async def password_reset(self, ask: Ask) -> Record[Receipt]:
        return await Recovery(ask.context).reset(await ask.body(PasswordResetInput), ask.want)

    @route("/password-reset/confirmation", Recovery.confirm_reset)
    async def password_reset_confirm(self, ask: Ask) -> Record[Receipt]:
        return await Recovery(ask.context).confirm_reset(await ask.body(PasswordResetConfirmInput), ask.want)


class UserController(Controller):
    """Accounts: one's own, and for the staff those of all."""

    path, tags = "/users", ["Users"]

    @route("/", Users.list)
    async def users(self, ask: Ask) -> Page[User]:
        return await Users(ask.context).list(ask.window, ask.want)

    @route("/{key:str}", Users.get)
    async def user(self, ask: Ask, key: str) -> Record[User]:
        return await Users(ask.context).get(key, ask.want)

    @route("/me", Users.me)
    async def me(self, ask: Ask) -> Record[User]:
        return await Users(ask.context).me(ask.want)

    @route("/me", Users.update_me)
    async def me_update(self, ask: Ask) -> Record[User]:
        return await Users(ask.context).update_me(await ask.patch(), ask.expected, ask.want)

    @route("/me/closure", Users.close_me)
    async def me_close(self, ask: Ask) -> Record[Receipt]:
        return await Users(ask.context).close_me(await ask.body(AccountCloseInput), ask.want)

    @route("/{key:str}/role", Users.set_role)
    async def user_role_set(self, ask: Ask, key: str) -> Record[User]:
        return await Users(ask.context).set_role(key, await ask.body(RoleInput), ask.want)

    @route("/{key:str}/suspension", Users.suspend)
    async def user_suspend(self, ask: Ask, key: str) -> Record[User]:
        return await Users(ask.context).suspend(key, ask.want)

    @route("/{key:str}/restoration", Users.restore)
    async def user_restore(self, ask: Ask, key: str) -> Record[User]:
        return await Users(ask.context).restore(key, ask.want)


class AddressController(Controller):
    """The caller's address book."""

    path, tags = "/users/me/addresses", ["Addresses"]

    @route("/", Addresses.list)
    async def addresses(self, ask: Ask) -> Page[Address]:
        return await Addresses(ask.context).list(ask.window, ask.want)

    @route("/{key:str}", Addresses.get)
    async def address(self, ask: Ask, key: str) -> Record[Address]:
        return await Addresses(ask.context).get(key, ask.want)

    @route("/", Addresses.create)
    async def address_create(self, ask: Ask) -> Record[Address]:
        return await Addresses(ask.context).create(await ask.body(AddressInput), ask.want)

    @route("/{key:str}", Addresses.replace)
    async def address_replace(self, ask: Ask, key: str) -> Record[Address]:
        return await Addresses(ask.context).replace(key, await ask.body(AddressInput), ask.expected, ask.want)

    @route("/{key:str}", Addresses.update)
    async def address_update(self, ask: Ask, key: str) -> Record[Address]:
        return await Addresses(ask.context).update(key, await ask.patch(), ask.expected, ask.want)

    @route("/{key:str}", Addresses.delete)
    async def address_delete(self, ask: Ask, key: str) -> Record[Address]:
        return await Addresses(ask.context).delete(key, ask.expected, ask.want)


class ApiKeyController(Controller):
    """Keys that programs call with."""

    path, tags = "/api-keys", ["API keys"]

    @route("/", ApiKeys.list)
    async def api_keys(self, ask: Ask) -> Page[ApiKey]:
        return await ApiKeys(ask.context).list(ask.window, ask.want)

    @route("/{key:str}", ApiKeys.get)
    async def api_key(self, ask: Ask, key: str) -> Record[ApiKey]:
        return await ApiKeys(ask.context).get(key, ask.want)

    @route("/", ApiKeys.create)
    async def api_key_create(self, ask: Ask) -> Record[ApiKey]:
        return await ApiKeys(ask.context).create(await ask.body(ApiKeyInput), ask.want)

    @route("/{key:str}", ApiKeys.delete)
    async def api_key_delete(self, ask: Ask, key: str) -> Record[ApiKey]:
        return await ApiKeys(ask.context).delete(key, ask.expected, ask.want)
