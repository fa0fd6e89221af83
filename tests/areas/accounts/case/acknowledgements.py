"""Operations that return an acknowledgement: for registration, e-mail, passwords and logout."""

from tests.parity.access.table import PUBLIC, USERS
from tests.parity.case import CaseContext, Fault, ResultCase, WriteCase
from tests.parity.harness import Json
from tests.users import PASSWORD
from tradepost.areas.accounts.service.email_tokens import RESET_PASSWORD, VERIFY_EMAIL

GOOD_PASSWORD = "four green boats at noon"
WRONG_PASSWORD = {"code": "invalid_credentials", "status": 401}
UNKNOWN_TOKEN = {"code": "invalid_token", "status": 401}


async def verification(context: CaseContext) -> Json:
    """Return the token of a verification e-mail."""
    return {"token": await context.owner.email_token(VERIFY_EMAIL)}


async def password_reset(context: CaseContext) -> Json:
    """Return the token of a password-reset e-mail, and a new password."""
    token = await context.owner.email_token(RESET_PASSWORD)
    return {"token": token, "new_password": f"four boats {context.mark}"}


ACKNOWLEDGEMENT = ResultCase(
    name="Acknowledgement",
    answer="status",
    writes=(
        WriteCase(
            "register",
            PUBLIC,
            role="anonymous",
            path="/auth/register",
            bodies=(
                lambda c: {
                    "email": f"new-{c.mark}@shop.example",
                    "password": f"six boats {c.mark}x",
                    "username": f"u{c.mark}",
                },
            ),
            faults=(
                Fault({"email": "kim@shop.example", "password": "short"}, ("/password",)),
                Fault({"email": "kim@shop.example", "password": "password1"}, ("/password",)),
                Fault({"email": "no address", "password": GOOD_PASSWORD}, ("/email",)),
                Fault(
                    {"email": "k", "password": GOOD_PASSWORD, "username": "A B", "full_name": "a\nb"},
                    ("/email", "/full_name", "/username"),
                ),
            ),
        ),
        WriteCase(
            "email_verify",
            PUBLIC,
            role="anonymous",
            path="/auth/email-verification",
            bodies=(verification,),
            faults=(Fault({"token": "mt_unknown"}, **UNKNOWN_TOKEN), Fault({"token": "x" * 513}, ("/token",))),
        ),
        WriteCase("email_verification_request", USERS, role="customer", path="/auth/email-verification/request"),
        WriteCase(
            "email_change",
            USERS,
            role="customer",
            path="/auth/email-change",
            bodies=(lambda c: {"email": f"other-{c.mark}@shop.example", "password": PASSWORD},),
            faults=(
                Fault({"email": "x@@y", "password": PASSWORD}, ("/email",)),
                Fault({"email": "kim@shop.example", "password": GOOD_PASSWORD}, **WRONG_PASSWORD),
            ),
        ),
        WriteCase("logout", USERS, idempotent=False, role="customer", path="/auth/logout"),
        WriteCase("logout_everywhere", USERS, idempotent=False, role="customer", path="/auth/logout-everywhere"),
        WriteCase(
            "password_change",
            USERS,
            idempotent=False,
            role="customer",
            path="/auth/password",
            bodies=(lambda c: {"current_password": PASSWORD, "new_password": f"four boats {c.mark}"},),
            faults=(
                Fault({"current_password": PASSWORD, "new_password": "password1"}, ("/new_password",)),
                Fault({"current_password": GOOD_PASSWORD, "new_password": GOOD_PASSWORD}, **WRONG_PASSWORD),
            ),
        ),
        WriteCase(
            "password_reset",
            PUBLIC,
            idempotent=False,
            role="anonymous",
            path="/auth/password-reset",
            bodies=(lambda c: {"email": c.owner.email},),
            faults=(Fault({"email": "x" * 255}, ("/email",)),),
        ),
        WriteCase(
            "password_reset_confirm",
            PUBLIC,
            idempotent=False,
            role="anonymous",
            path="/auth/password-reset/confirmation",
            bodies=(password_reset,),
            faults=(
                Fault({"token": "mt_unknown", "new_password": GOOD_PASSWORD}, **UNKNOWN_TOKEN),
                Fault({"token": "mt_unknown", "new_password": "password1"}, ("/new_password",)),
            ),
        ),
        WriteCase(
            "me_close",
            USERS,
            idempotent=False,
            role="customer",
            path="/users/me/closure",
            bodies=({"password": PASSWORD},),
            faults=(Fault({"password": GOOD_PASSWORD}, **WRONG_PASSWORD),),
        ),
    ),
)
