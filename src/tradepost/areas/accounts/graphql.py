"""The GraphQL API of accounts."""

from uuid import UUID

from tradepost.doors.graphql import GraphQLRequest, mutation, query
from tradepost.kit.query.records import Page, Record
from tradepost.kit.schema.patch import JsonPatch, MergePatch

from .schemas import (
    AccountCloseInput,
    Acknowledgement,
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
    RefreshInput,
    RegisterInput,
    RoleInput,
    TokenPair,
    User,
)
from .service import Addresses, ApiKeys, PasswordService, Registration, Sessions, Users


@mutation(Registration.register)
async def register(request: GraphQLRequest, input: RegisterInput) -> Record[Acknowledgement]:
    return await Registration(request.context).register(input, request.selection)


@mutation(Registration.verify)
async def email_verify(request: GraphQLRequest, input: EmailVerifyInput) -> Record[Acknowledgement]:
    return await Registration(request.context).verify(input, request.selection)


@mutation(Registration.request_verification)
async def email_verification_request(request: GraphQLRequest) -> Record[Acknowledgement]:
    return await Registration(request.context).request_verification(request.selection)


@mutation(Registration.change_email)
async def email_change(request: GraphQLRequest, input: EmailChangeInput) -> Record[Acknowledgement]:
    return await Registration(request.context).change_email(input, request.selection)


@mutation(Sessions.login)
async def login(request: GraphQLRequest, input: LoginInput) -> Record[TokenPair]:
    return await Sessions(request.context).login(input, request.selection)


@mutation(Sessions.refresh)
async def token_refresh(request: GraphQLRequest, input: RefreshInput) -> Record[TokenPair]:
    return await Sessions(request.context).refresh(input, request.selection)


@mutation(Sessions.logout)
async def logout(request: GraphQLRequest) -> Record[Acknowledgement]:
    return await Sessions(request.context).logout(request.selection)


@mutation(Sessions.logout_everywhere)
async def logout_everywhere(request: GraphQLRequest) -> Record[Acknowledgement]:
    return await Sessions(request.context).logout_everywhere(request.selection)


@mutation(PasswordService.change)
async def password_change(request: GraphQLRequest, input: PasswordChangeInput) -> Record[Acknowledgement]:
    return await PasswordService(request.context).change(input, request.selection)


@mutation(PasswordService.reset)
async def password_reset(request: GraphQLRequest, input: PasswordResetInput) -> Record[Acknowledgement]:
    return await PasswordService(request.context).reset(input, request.selection)


@mutation(PasswordService.confirm_reset)
async def password_reset_confirm(request: GraphQLRequest, input: PasswordResetConfirmInput) -> Record[Acknowledgement]:
    return await PasswordService(request.context).confirm_reset(input, request.selection)


@query(Users.list)
async def users(request: GraphQLRequest) -> Page[User]:
    return await Users(request.context).list(request.list_query, request.selection)


@query(Users.get)
async def user(request: GraphQLRequest, id: UUID) -> Record[User]:
    return await Users(request.context).get(str(id), request.selection)


@query(Users.me)
async def me(request: GraphQLRequest) -> Record[User]:
    return await Users(request.context).me(request.selection)


@mutation(Users.update_me)
async def me_update(
    request: GraphQLRequest,
    patch: MergePatch | None = None,
    json_patch: JsonPatch | None = None,
    expected_version: int | None = None,
) -> Record[User]:
    return await Users(request.context).update_me(request.patch(patch, json_patch), expected_version, request.selection)


@mutation(Users.close_me)
async def me_close(request: GraphQLRequest, input: AccountCloseInput) -> Record[Acknowledgement]:
    return await Users(request.context).close_me(input, request.selection)


@mutation(Users.set_role)
async def user_role_set(request: GraphQLRequest, id: UUID, input: RoleInput) -> Record[User]:
    return await Users(request.context).set_role(str(id), input, request.selection)


@mutation(Users.suspend)
async def user_suspend(request: GraphQLRequest, id: UUID) -> Record[User]:
    return await Users(request.context).suspend(str(id), request.selection)


@mutation(Users.restore)
async def user_restore(request: GraphQLRequest, id: UUID) -> Record[User]:
    return await Users(request.context).restore(str(id), request.selection)


@query(Addresses.list)
async def addresses(request: GraphQLRequest) -> Page[Address]:
    return await Addresses(request.context).list(request.list_query, request.selection)


@query(Addresses.get)
async def address(request: GraphQLRequest, id: UUID) -> Record[Address]:
    return await Addresses(request.context).get(str(id), request.selection)


@mutation(Addresses.create)
async def address_create(request: GraphQLRequest, input: AddressInput) -> Record[Address]:
    return await Addresses(request.context).create(input, request.selection)


@mutation(Addresses.replace)
async def address_replace(
    request: GraphQLRequest, id: UUID, input: AddressInput, expected_version: int | None = None
) -> Record[Address]:
    return await Addresses(request.context).replace(str(id), input, expected_version, request.selection)


@mutation(Addresses.update)
async def address_update(
    request: GraphQLRequest,
    id: UUID,
    patch: MergePatch | None = None,
    json_patch: JsonPatch | None = None,
    expected_version: int | None = None,
) -> Record[Address]:
    return await Addresses(request.context).update(
        str(id), request.patch(patch, json_patch), expected_version, request.selection
    )


@mutation(Addresses.delete)
async def address_delete(request: GraphQLRequest, id: UUID, expected_version: int | None = None) -> Record[Address]:
    return await Addresses(request.context).delete(str(id), expected_version, request.selection)


@query(ApiKeys.list)
async def api_keys(request: GraphQLRequest) -> Page[ApiKey]:
    return await ApiKeys(request.context).list(request.list_query, request.selection)


@query(ApiKeys.get)
async def api_key(request: GraphQLRequest, id: UUID) -> Record[ApiKey]:
    return await ApiKeys(request.context).get(str(id), request.selection)


@mutation(ApiKeys.create)
async def api_key_create(request: GraphQLRequest, input: ApiKeyInput) -> Record[ApiKey]:
    return await ApiKeys(request.context).create(input, request.selection)


@mutation(ApiKeys.delete)
async def api_key_delete(request: GraphQLRequest, id: UUID, expected_version: int | None = None) -> Record[ApiKey]:
    return await ApiKeys(request.context).delete(str(id), expected_version, request.selection)
