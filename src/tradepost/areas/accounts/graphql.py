"""The accounts over GraphQL."""

from uuid import UUID

from tradepost.doors.graphql import Ask, mutation, query
from tradepost.kit.query.records import Page, Record
from tradepost.kit.schema.patch import JsonPatch, MergePatch

from .schemas import (
    AccountCloseInput,
    Address,
    AddressInput,
    ApiKey,
    ApiKeyInput,
    EmailChangeInput,
    EmailVerifyInput,
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
from .service import Addresses, ApiKeys, Recovery, Registration, Sessions, Users


@mutation(Registration.register)
async def register(ask: Ask, input: RegisterInput) -> Record[Receipt]:
    return await Registration(ask.context).register(input, ask.want)


@mutation(Registration.verify)
async def email_verify(ask: Ask, input: EmailVerifyInput) -> Record[Receipt]:
    return await Registration(ask.context).verify(input, ask.want)


@mutation(Registration.request_verification)
async def email_verification_request(ask: Ask) -> Record[Receipt]:
    return await Registration(ask.context).request_verification(ask.want)


@mutation(Registration.change_email)
async def email_change(ask: Ask, input: EmailChangeInput) -> Record[Receipt]:
    return await Registration(ask.context).change_email(input, ask.want)


@mutation(Sessions.login)
async def login(ask: Ask, input: LoginInput) -> Record[TokenPair]:
    return await Sessions(ask.context).login(input, ask.want)


@mutation(Sessions.refresh)
async def token_refresh(ask: Ask, input: RefreshInput) -> Record[TokenPair]:
    return await Sessions(ask.context).refresh(input, ask.want)


@mutation(Sessions.logout)
async def logout(ask: Ask) -> Record[Receipt]:
    return await Sessions(ask.context).logout(ask.want)


@mutation(Sessions.logout_everywhere)
async def logout_everywhere(ask: Ask) -> Record[Receipt]:
    return await Sessions(ask.context).logout_everywhere(ask.want)


@mutation(Recovery.change)
async def password_change(ask: Ask, input: PasswordChangeInput) -> Record[Receipt]:
    return await Recovery(ask.context).change(input, ask.want)


@mutation(Recovery.reset)
async def password_reset(ask: Ask, input: PasswordResetInput) -> Record[Receipt]:
    return await Recovery(ask.context).reset(input, ask.want)


@mutation(Recovery.confirm_reset)
async def password_reset_confirm(ask: Ask, input: PasswordResetConfirmInput) -> Record[Receipt]:
    return await Recovery(ask.context).confirm_reset(input, ask.want)


@query(Users.list)
async def users(ask: Ask) -> Page[User]:
    return await Users(ask.context).list(ask.window, ask.want)


@query(Users.get)
async def user(ask: Ask, id: UUID) -> Record[User]:
    return await Users(ask.context).get(str(id), ask.want)


@query(Users.me)
async def me(ask: Ask) -> Record[User]:
    return await Users(ask.context).me(ask.want)


@mutation(Users.update_me)
async def me_update(
    ask: Ask, patch: MergePatch | None = None, json_patch: JsonPatch | None = None, expected_version: int | None = None
) -> Record[User]:
    return await Users(ask.context).update_me(ask.patch(patch, json_patch), expected_version, ask.want)


@mutation(Users.close_me)
async def me_close(ask: Ask, input: AccountCloseInput) -> Record[Receipt]:
    return await Users(ask.context).close_me(input, ask.want)


@mutation(Users.set_role)
async def user_role_set(ask: Ask, id: UUID, input: RoleInput) -> Record[User]:
    return await Users(ask.context).set_role(str(id), input, ask.want)


@mutation(Users.suspend)
async def user_suspend(ask: Ask, id: UUID) -> Record[User]:
    return await Users(ask.context).suspend(str(id), ask.want)


@mutation(Users.restore)
async def user_restore(ask: Ask, id: UUID) -> Record[User]:
    return await Users(ask.context).restore(str(id), ask.want)


@query(Addresses.list)
async def addresses(ask: Ask) -> Page[Address]:
    return await Addresses(ask.context).list(ask.window, ask.want)


@query(Addresses.get)
async def address(ask: Ask, id: UUID) -> Record[Address]:
    return await Addresses(ask.context).get(str(id), ask.want)


@mutation(Addresses.create)
async def address_create(ask: Ask, input: AddressInput) -> Record[Address]:
    return await Addresses(ask.context).create(input, ask.want)


@mutation(Addresses.replace)
async def address_replace(
    ask: Ask, id: UUID, input: AddressInput, expected_version: int | None = None
) -> Record[Address]:
    return await Addresses(ask.context).replace(str(id), input, expected_version, ask.want)


@mutation(Addresses.update)
async def address_update(
    ask: Ask,
    id: UUID,
    patch: MergePatch | None = None,
    json_patch: JsonPatch | None = None,
    expected_version: int | None = None,
) -> Record[Address]:
    return await Addresses(ask.context).update(str(id), ask.patch(patch, json_patch), expected_version, ask.want)


@mutation(Addresses.delete)
async def address_delete(ask: Ask, id: UUID, expected_version: int | None = None) -> Record[Address]:
    return await Addresses(ask.context).delete(str(id), expected_version, ask.want)


@query(ApiKeys.list)
async def api_keys(ask: Ask) -> Page[ApiKey]:
    return await ApiKeys(ask.context).list(ask.window, ask.want)


@query(ApiKeys.get)
async def api_key(ask: Ask, id: UUID) -> Record[ApiKey]:
    return await ApiKeys(ask.context).get(str(id), ask.want)


@mutation(ApiKeys.create)
async def api_key_create(ask: Ask, input: ApiKeyInput) -> Record[ApiKey]:
    return await ApiKeys(ask.context).create(input, ask.want)


@mutation(ApiKeys.delete)
async def api_key_delete(ask: Ask, id: UUID, expected_version: int | None = None) -> Record[ApiKey]:
    return await ApiKeys(ask.context).delete(str(id), expected_version, ask.want)
