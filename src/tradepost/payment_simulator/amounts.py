"""Stripe's rules for amounts, which differ from ISO 4217: https://docs.stripe.com/currencies."""

from .errors import ApiError, invalid

_CURRENCIES = """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp
    cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr
    isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn
    myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle
    sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw"""
CURRENCIES = frozenset(_CURRENCIES.split())
ZERO_DECIMAL = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
STEPS = {"isk": 100, "ugx": 100} | dict.fromkeys(THREE_DECIMAL, 10)
"""Amounts have to be multiples. ISK and UGX have no decimals, but the API counts in hundredths."""
MINIMA = {
    "aed": 200, "ars": 50, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "cop": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "idr": 50, "ils": 50, "inr": 50, "jpy": 50, "krw": 50, "mxn": 1000,
    "myr": 200, "nok": 300, "nzd": 50, "php": 50, "pln": 200, "ron": 200, "rub": 50, "sek": 300, "sgd": 50,
    "thb": 1000, "usd": 50, "zar": 50,
}  # fmt: skip
DIGITS, MORE_DIGITS = 8, {"cop": 10, "huf": 10, "idr": 12, "inr": 9, "jpy": 10, "lbp": 11}
"""How many digits an amount may have."""


def decimals(currency: str) -> int:
    """Return the decimals of the API's amounts in a currency."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def money(amount: int, currency: str) -> str:
    """Return an amount for people: `12.34 EUR`."""
    places = decimals(currency)
    whole, rest = divmod(amount, 10**places)
    fraction = f".{rest:0{places}}" if places else ""
    return f"{whole:,}{fraction} {currency.upper()}"


def check_currency(code: str) -> str:
    """Return a currency that Stripe accepts, in lower case."""
    if code.lower() not in CURRENCIES:
        supported = ", ".join(sorted(CURRENCIES))
        raise invalid(
            f"Invalid currency: {code[:10]}. Stripe currently supports these currencies: {supported}", "currency"
        )
    return code.lower()


def check_step(amount: int, currency: str, param: str = "amount") -> None:
    """Refuse an amount that is not a multiple of the currency's step."""
    step = STEPS.get(currency, 1)
    if amount % step:
        message = f"Invalid amount: amounts in {currency} must be divisible by {step}."
        raise ApiError(message, code="invalid_charge_amount", param=param)


def check_amount(amount: int, currency: str) -> None:
    """Refuse an amount that cannot be charged."""
    minimum, maximum = MINIMA.get(currency, 1), 10 ** MORE_DIGITS.get(currency, DIGITS) - 1
    if amount < minimum:
        message = f"Amount must be at least {money(minimum, currency)}"
        raise ApiError(message, code="amount_too_small", param="amount")
    if amount > maximum:
        message = f"Amount must be no more than {money(maximum, currency)}"
        raise ApiError(message, code="amount_too_large", param="amount")
    check_step(amount, currency)
