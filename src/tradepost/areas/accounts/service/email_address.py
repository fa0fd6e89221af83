"""E-mail addresses in the form in which they are stored.

The stored form is NFC and lower case, with the domain in Unicode:
`kim@xn--bcher-kva.example` is stored as `kim@bücher.example`.
"""

from email_validator import EmailNotValidError, validate_email

from tradepost.kit.problems import Validation


def normalize_email(text: str) -> str:
    """Return an address in its stored form.

    An invalid address is only lower-cased; no account has it.
    """
    try:
        return _stored_form(text.strip())
    except EmailNotValidError:
        return text.strip().lower()


def validate_email_address(text: str, pointer: str = "/email") -> str:
    """Return a new address in its stored form, or raise Validation.

    Its local part has at most 64 characters (RFC 5321, 4.5.3.1.1). Whether the address exists is
    not checked here; the verification e-mail finds out.
    """
    try:
        return _stored_form(text, strict=True)
    except EmailNotValidError as error:
        raise Validation.at_pointer(pointer, f"Not a valid e-mail address: {error}", "invalid_format") from None


def _stored_form(text: str, *, strict: bool = False) -> str:
    return validate_email(text, check_deliverability=False, strict=strict).normalized.lower()
