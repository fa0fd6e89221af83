"""The pages that links in e-mails lead to, unless STOREFRONT_URL is set."""

from pathlib import Path
from typing import Any

from tradepost.doors.pages.forms import form_page
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.call_context import CallContext

from .schemas import EmailVerifyInput, PasswordResetConfirmInput, PasswordResetInput
from .service import PasswordService, Registration

TEMPLATES = Path(__file__).parent / "templates/pages"


@form_page("/verify-email", Registration.verify, folder=TEMPLATES)
async def email_verify(context: CallContext, input: EmailVerifyInput, selection: Selection[Any]) -> None:
    await Registration(context).verify(input, selection)


@form_page("/change-email", Registration.verify, folder=TEMPLATES)
async def email_change(context: CallContext, input: EmailVerifyInput, selection: Selection[Any]) -> None:
    await Registration(context).verify(input, selection)


@form_page("/forgot-password", PasswordService.reset, folder=TEMPLATES)
async def password_reset(context: CallContext, input: PasswordResetInput, selection: Selection[Any]) -> None:
    await PasswordService(context).reset(input, selection)


@form_page("/reset-password", PasswordService.confirm_reset, folder=TEMPLATES)
async def password_reset_confirm(
    context: CallContext, input: PasswordResetConfirmInput, selection: Selection[Any]
) -> None:
    await PasswordService(context).confirm_reset(input, selection)
