"""The REST API of accounts."""

from litestar import Controller

from tradepost.doors.rest import RestRequest, delete, get, patch, post, post_form, put
from tradepost.kit.query.records import Page, Record

from .schemas import (
    AccountCloseInput,
    Acknowledgement,
    Address,
    AddressInput,
    ApiKey,
    ApiKeyInput,
    EmailChangeInput,
    EmailVerifyInput,
    GrantInput,
    LoginInput,
    PasswordChangeInput,
    PasswordResetConfirmInput,
    PasswordResetInput,
    RefreshInput,
    RegisterInput,
    RoleInput,
    TokenPair,
    TokenResponse,
    User,
)
from .service import Addresses, ApiKeys, OAuthTokens, PasswordService, Registration, Sessions, Users


class SessionController(Controller):
    """Registration, log-in, tokens and passwords."""

    path, tags = "/auth", ["Authentication"]

    @post("/register", Registration.register)
    async def register(self, request: RestRequest) -> Record[Acknowledgement]:
        return await Registration(request.context).register(await request.body(RegisterInput), request.selection)

    @post("/email-verification", Registration.verify)
    async def email_verify(self, request: RestRequest) -> Record[Acknowledgement]:
        return await Registration(request.context).verify(await request.body(EmailVerifyInput), request.selection)

    @post("/email-verification/request", Registration.request_verification)
    async def email_verification_request(self, request: RestRequest) -> Record[Acknowledgement]:
        return await Registration(request.context).request_verification(request.selection)

    @post("/email-change", Registration.change_email)
    async def email_change(self, request: RestRequest) -> Record[Acknowledgement]:
        return await Registration(request.context).change_email(await request.body(EmailChangeInput), request.selection)

    @post("/login", Sessions.login)
    async def login(self, request: RestRequest) -> Record[TokenPair]:
        return await Sessions(request.context).login(await request.body(LoginInput), request.selection)

    @post("/refresh", Sessions.refresh)
    async def token_refresh(self, request: RestRequest) -> Record[TokenPair]:
        return await Sessions(request.context).refresh(await request.body(RefreshInput), request.selection)

    @post("/logout", Sessions.logout)
    async def logout(self, request: RestRequest) -> Record[Acknowledgement]:
        return await Sessions(request.context).logout(request.selection)

    @post("/logout-everywhere", Sessions.logout_everywhere)
    async def logout_everywhere(self, request: RestRequest) -> Record[Acknowledgement]:
        return await Sessions(request.context).logout_everywhere(request.selection)

    @post_form("/token", OAuthTokens.grant)
    async def token_grant(self, request: RestRequest) -> Record[TokenResponse]:
        return await OAuthTokens(request.context).grant(await request.body(GrantInput), request.selection)

    @post("/password", PasswordService.change)
    async def password_change(self, request: RestRequest) -> Record[Acknowledgement]:
        return await PasswordService(request.context).change(await request.body(PasswordChangeInput), request.selection)

    @post("/password-reset", PasswordService.reset)
    async def password_reset(self, request: RestRequest) -> Record[Acknowledgement]:
        return await PasswordService(request.context).reset(await request.body(PasswordResetInput), request.selection)

    @post("/password-reset/confirmation", PasswordService.confirm_reset)
    async def password_reset_confirm(self, request: RestRequest) -> Record[Acknowledgement]:
        return await PasswordService(request.context).confirm_reset(
            await request.body(PasswordResetConfirmInput), request.selection
        )


class UserController(Controller):
    """Your account and, for staff, all accounts."""

    path, tags = "/users", ["Users"]

    @get("/", Users.list)
    async def users(self, request: RestRequest) -> Page[User]:
        return await Users(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", Users.get)
    async def user(self, request: RestRequest, key: str) -> Record[User]:
        return await Users(request.context).get(key, request.selection)

    @get("/me", Users.me)
    async def me(self, request: RestRequest) -> Record[User]:
        return await Users(request.context).me(request.selection)

    @patch("/me", Users.update_me)
    async def me_update(self, request: RestRequest) -> Record[User]:
        return await Users(request.context).update_me(
            await request.patch(), request.expected_version, request.selection
        )

    @post("/me/closure", Users.close_me)
    async def me_close(self, request: RestRequest) -> Record[Acknowledgement]:
        return await Users(request.context).close_me(await request.body(AccountCloseInput), request.selection)

    @post("/{key:str}/role", Users.set_role)
    async def user_role_set(self, request: RestRequest, key: str) -> Record[User]:
        return await Users(request.context).set_role(key, await request.body(RoleInput), request.selection)

    @post("/{key:str}/suspension", Users.suspend)
    async def user_suspend(self, request: RestRequest, key: str) -> Record[User]:
        return await Users(request.context).suspend(key, request.selection)

    @post("/{key:str}/restoration", Users.restore)
    async def user_restore(self, request: RestRequest, key: str) -> Record[User]:
        return await Users(request.context).restore(key, request.selection)


class AddressController(Controller):
    """Your address book."""

    path, tags = "/users/me/addresses", ["Addresses"]

    @get("/", Addresses.list)
    async def addresses(self, request: RestRequest) -> Page[Address]:
        return await Addresses(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", Addresses.get)
    async def address(self, request: RestRequest, key: str) -> Record[Address]:
        return await Addresses(request.context).get(key, request.selection)

    @post("/", Addresses.create)
    async def address_create(self, request: RestRequest) -> Record[Address]:
        return await Addresses(request.context).create(await request.body(AddressInput), request.selection)

    @put("/{key:str}", Addresses.replace)
    async def address_replace(self, request: RestRequest, key: str) -> Record[Address]:
        return await Addresses(request.context).replace(
            key, await request.body(AddressInput), request.expected_version, request.selection
        )

    @patch("/{key:str}", Addresses.update)
    async def address_update(self, request: RestRequest, key: str) -> Record[Address]:
        return await Addresses(request.context).update(
            key, await request.patch(), request.expected_version, request.selection
        )

    @delete("/{key:str}", Addresses.delete)
    async def address_delete(self, request: RestRequest, key: str) -> Record[Address]:
        return await Addresses(request.context).delete(key, request.expected_version, request.selection)


class ApiKeyController(Controller):
    """API keys, with which programs call the API."""

    path, tags = "/api-keys", ["API keys"]

    @get("/", ApiKeys.list)
    async def api_keys(self, request: RestRequest) -> Page[ApiKey]:
        return await ApiKeys(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", ApiKeys.get)
    async def api_key(self, request: RestRequest, key: str) -> Record[ApiKey]:
        return await ApiKeys(request.context).get(key, request.selection)

    @post("/", ApiKeys.create)
    async def api_key_create(self, request: RestRequest) -> Record[ApiKey]:
        return await ApiKeys(request.context).create(await request.body(ApiKeyInput), request.selection)

    @delete("/{key:str}", ApiKeys.delete)
    async def api_key_delete(self, request: RestRequest, key: str) -> Record[ApiKey]:
        return await ApiKeys(request.context).delete(key, request.expected_version, request.selection)
