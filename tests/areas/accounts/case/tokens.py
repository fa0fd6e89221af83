"""Operations that return tokens."""

from tests.parity.access.table import PUBLIC
from tests.parity.case import CaseContext, Fault, ResultCase, WriteCase
from tests.parity.harness import Json
from tests.users import PASSWORD


async def refresh_token(context: CaseContext) -> Json:
    """Return a refresh token of the owner."""
    return {"refresh_token": await context.owner.refresh_token()}


TOKEN_PAIR = ResultCase(
    name="TokenPair",
    answer="token_type,expires_in",
    writes=(
        WriteCase(
            "login",
            PUBLIC,
            idempotent=False,
            role="anonymous",
            path="/auth/login",
            bodies=(lambda c: {"email": c.owner.email, "password": PASSWORD},),
            faults=(
                Fault({"email": "unknown@shop.example", "password": PASSWORD}, code="invalid_credentials", status=401),
                Fault({"email": "", "password": ""}, code="invalid_credentials", status=401),
            ),
        ),
        WriteCase(
            "token_refresh",
            PUBLIC,
            idempotent=False,
            role="anonymous",
            path="/auth/refresh",
            bodies=(refresh_token,),
            faults=(Fault({"refresh_token": "rt_unknown"}, code="invalid_token", status=401),),
        ),
    ),
)

TOKEN_RESPONSE = ResultCase(
    name="TokenResponse",
    answer="scope",
    writes=(
        # A token endpoint takes a form, and REST alone has it.
        WriteCase(
            "token_grant",
            PUBLIC,
            idempotent=False,
            role="anonymous",
            path="/auth/token",
            bodies=(lambda c: {"grant_type": "password", "username": c.owner.email, "password": PASSWORD},),
        ),
    ),
)
