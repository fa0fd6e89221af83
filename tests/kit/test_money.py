"""Money: amounts in minor units, and currencies."""

import msgspec
import pytest

from tradepost.kit.schema.money import Money, currencies, exponent


@pytest.mark.parametrize(
    ("currency", "decimals"), [("EUR", 2), ("USD", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("BHD", 3), ("CLF", 4)]
)
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, decimals: int) -> None:
    assert currency in currencies()
    assert exponent(currency) == decimals


@pytest.mark.parametrize("code", ["ZZZ", "eur", "EURO", "", "E1R"])
def test_an_invalid_code_is_not_a_currency(code: str) -> None:
    assert code not in currencies()


@pytest.mark.parametrize(
    "value",
    [
        {"amount": -1, "currency": "EUR"},
        {"amount": 2**53, "currency": "EUR"},
        {"amount": 1.5, "currency": "EUR"},
        {"amount": "1", "currency": "EUR"},
        {"amount": True, "currency": "EUR"},
        {"amount": 1},
        {"currency": "EUR"},
        {"amount": 1, "currency": "EUR\n"},
        {"amount": 1, "currency": "EUR", "note": "x"},
    ],
)
def test_invalid_money_is_refused(value: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, Money)


@pytest.mark.parametrize("amount", [0, 1, 2**53 - 1])
def test_an_amount_is_preserved_in_json_and_messagepack(amount: int) -> None:
    money = Money(amount, "EUR")
    assert msgspec.json.decode(msgspec.json.encode(money), type=Money) == money
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(money), type=Money) == money
