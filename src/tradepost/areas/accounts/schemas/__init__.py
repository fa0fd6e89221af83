"""Shapes of the accounts on the wire, for both doors."""

from .inputs import (
    AccountCloseInput,
    AddressInput,
    ApiKeyInput,
    EmailChangeInput,
    EmailVerifyInput,
    LoginInput,
    PasswordChangeInput,
    PasswordResetConfirmInput,
    PasswordResetInput,
    ProfileInput,
    RefreshInput,
    RegisterInput,
    RoleInput,
)
from .shapes import Address, ApiKey, Receipt, ReceiptStatus, Role, TokenPair, User, UserStatus

__all__ = [
    "AccountCloseInput",
    "Address",
    "AddressInput",
    "ApiKey",
    "ApiKeyInput",
    "EmailChangeInput",
    "EmailVerifyInput",
    "LoginInput",
    "PasswordChangeInput",
    "PasswordResetConfirmInput",
    "PasswordResetInput",
    "ProfileInput",
    "Receipt",
    "ReceiptStatus",
    "RefreshInput",
    "RegisterInput",
    "Role",
    "RoleInput",
    "TokenPair",
    "User",
    "UserStatus",
]
