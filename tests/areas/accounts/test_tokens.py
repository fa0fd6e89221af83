"""Access tokens: what is issued is read, and nothing else is. The attacks are built by hand, because a library would refuse to."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey

from tradepost.areas.accounts.signing import Algorithm, SigningKeys
from tradepost.areas.accounts.tokens import INVALID_TOKEN_DETAIL, LEEWAY, MAX_LENGTH, AccessTokens
from tradepost.kit.problems import Unauthenticated

SECRET = "a secret of the tests, of 32 characters or more"
START = datetime(2026, 3, 1, 12, 0, 0, 500_000, UTC)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

type Json = dict[str, Any]


class Time:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(f"{text}==")


def segment(said: Any) -> str:
    return b64(json.dumps(said, separators=(",", ":")).encode())


def opened(text: str) -> tuple[Json, Json]:
    """Header and claims of a token, whoever signed it."""
    header, claims, _ = text.split(".")
    return json.loads(unb64(header)), json.loads(unb64(claims))


class House:
    """The tokens of a shop, and its own key to forge with: what is refused even of the right signer's hand."""

    def __init__(
        self,
        folder: Path,
        algorithm: Algorithm = "EdDSA",
        issuer: str = "https://shop.example",
        audience: str = "tradepost",
    ) -> None:
        self.time = Time()
        self.keys = SigningKeys(SECRET, algorithm=algorithm, path=folder / "keys.json", create_missing=True)
        self.tokens = AccessTokens(self.keys, issuer=issuer, audience=audience, clock=self.time)
        self.good, self.seconds = self.tokens.issue(user="ann", session="s1")
        self.header, self.claims = opened(self.good)

    def sign(self, text: str) -> bytes:
        key = self.keys.current()
        if isinstance(key, OKPKey):
            private = key.private_key
            assert isinstance(private, Ed25519PrivateKey)
            return private.sign(text.encode())
        return hmac.digest(key.raw_value, text.encode(), "sha256")

    def forged(self, header: Json | None = None, claims: Any = None, **changed: Any) -> str:
        """A token with the right signature over whatever is said; a claim that is None is left out."""
        said = (
            claims
            if claims is not None
            else {name: value for name, value in (self.claims | changed).items() if value is not None}
        )
        head = {name: value for name, value in (self.header | (header or {})).items() if value is not None}
        signed = f"{segment(head)}.{segment(said)}"
        return f"{signed}.{b64(self.sign(signed))}"

    def refuses(self, text: str) -> bool:
        """Whether the token is refused, in the words that all bad ones get."""
        with pytest.raises(Unauthenticated) as refused:
            self.tokens.decode(text)
        return refused.value.detail == INVALID_TOKEN_DETAIL


@pytest.fixture(params=["EdDSA", "HS256"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    """A shop of each algorithm."""
    return House(tmp_path, request.param)


@pytest.fixture
def eddsa(tmp_path: Path) -> House:
    """A shop whose tokens have public keys."""
    return House(tmp_path)


def test_what_is_issued_is_read(house: House) -> None:
    claims = house.tokens.decode(house.good)
    assert (claims.user, claims.session, claims.key, claims.scope) == ("ann", "s1", None, None)
    assert (claims.issued_at, claims.expires_at) == (
        START.replace(microsecond=0),
        START.replace(microsecond=0) + timedelta(seconds=900),
    )
    assert house.seconds == 900
    text, _ = house.tokens.issue(user="ann", session=None, key="k1", scope={"stock:read", "catalog:write"})
    claims = house.tokens.decode(text)
    assert (claims.session, claims.key, claims.scope) == (None, "k1", {"stock:read", "catalog:write"})
    assert house.tokens.decode(house.tokens.issue(user="ann", session=None, scope=())[0]).scope == frozenset()


def test_a_token_has_the_form_of_rfc_9068(house: House) -> None:
    assert house.header == {"alg": house.keys.algorithm, "kid": house.keys.current().kid, "typ": "at+jwt"}
    jti = house.claims.pop("jti")
    assert house.claims == {
        "iss": "https://shop.example",
        "aud": "tradepost",
        "sub": "ann",
        "sid": "s1",
        "iat": 1772366400,
        "exp": 1772367300,
    }
    assert jti != opened(house.tokens.issue(user="ann", session="s1")[0])[1]["jti"]


def test_the_forger_of_these_tests_makes_tokens_that_are_read(house: House) -> None:
    assert house.tokens.decode(house.forged()) == house.tokens.decode(house.good)
    assert house.tokens.decode(house.forged(more="unknown claims are no fault")).user == "ann"


def test_it_is_good_until_its_last_second_and_no_longer(house: House) -> None:
    house.time.moment = START.replace(microsecond=0) + timedelta(seconds=899, microseconds=999_999)
    assert house.tokens.decode(house.good)
    house.time.moment += timedelta(microseconds=1)
    assert house.refuses(house.good)


def test_it_may_come_from_a_clock_that_is_a_little_ahead(house: House) -> None:
    for claim in ("iat", "nbf"):
        at = int(START.timestamp())
        assert house.tokens.decode(house.forged(**{claim: at + LEEWAY}))
        assert house.refuses(house.forged(**{claim: at + LEEWAY + 1}))


CLAIMS: dict[str, list[Any]] = {
    "iss": [None, "", "https://shop.example/", "https://other.example", ["https://shop.example"], 1],
    "aud": [None, "", "other", "Tradepost", ["tradepost"], {"tradepost": 1}],
    "sub": [None, "", 7, ["ann"]],
    "iat": [None, "1772366400", 1e300, True],
    "exp": [None, 0, -1, "1772367300", 1772366400, 1772367300.5, True, [1772367300], 10**30],
    "jti": [None, "", 1],
    "nbf": ["0", True],
    "sid": [1, ["s1"]],
    "client_id": [{}, 1],
    "scope": [["catalog:write"], 1],
}


@pytest.mark.parametrize(("claim", "value"), [(claim, value) for claim, values in CLAIMS.items() for value in values])
def test_a_signed_token_with_a_wrong_claim_is_refused(house: House, claim: str, value: Any) -> None:
    assert house.refuses(house.forged(**{claim: value}))


@pytest.mark.parametrize("claims", [[], "ann", 1, True, {}, [{"sub": "ann"}]])
def test_claims_that_are_no_object_are_refused(house: House, claims: Any) -> None:
    assert house.refuses(house.forged(claims=claims))


HEADERS: list[Json] = [
    {"alg": "none"}, {"alg": "None"}, {"alg": "NONE"}, {"alg": ""}, {"alg": None}, {"alg": ["EdDSA"]}, {"alg": "ES256"}, {"alg": "RS256"}, {"alg": "HS512"},
    {"alg": "Ed25519"}, {"alg": "eddsa"}, {"alg": "hs256"},
    {"kid": None}, {"kid": ""}, {"kid": "unknown"}, {"kid": "../../../dev/null"}, {"kid": "' OR 1=1 --"}, {"kid": 1}, {"kid": ["a"]},
    {"typ": None}, {"typ": "JWT"}, {"typ": "at+JWT"}, {"typ": "application/at+jwt"}, {"typ": "logout+jwt"}, {"typ": 1},
    {"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"cty": "JWT"}, {"zip": "DEF"}, {"enc": "A256GCM"},
    {"jku": "http://127.0.0.1:9/jwks.json"}, {"x5u": "http://127.0.0.1:9/x.pem"}, {"x5c": ["MIIB"]}, {"x5t": "x"}, {"nonce": "x"}, {"iss": "https://shop.example"},
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS, ids=str)
def test_any_other_header_is_refused_also_with_the_right_signature(house: House, header: Json) -> None:
    assert house.refuses(house.forged(header))


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "NONE"])
def test_a_token_without_a_signature_is_refused(house: House, alg: str) -> None:
    for head in ({"alg": alg}, {"alg": alg, "typ": "at+jwt"}, house.header | {"alg": alg}):
        signed = f"{segment(head)}.{segment(house.claims)}"
        for text in (f"{signed}.", signed, f"{signed}.{house.good.split('.')[2]}", f"{signed}.AA"):
            assert house.refuses(text)


def test_the_right_header_without_its_signature_is_refused(house: House) -> None:
    signed, _, signature = house.good.rpartition(".")
    for other in ("", "AA", signature[:-2], signature + "AA", b64(bytes(64)), b64(bytes(32)), signature * 2):
        assert house.refuses(f"{signed}.{other}")


def test_a_public_key_is_no_secret_to_sign_with(eddsa: House) -> None:
    """Key confusion (RFC 8725, 2.1): an HMAC whose secret is what everybody can read."""
    jwk = eddsa.keys.jwks()["keys"][0]
    key = eddsa.keys.current()
    assert isinstance(key, OKPKey)
    public = key.public_key
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    spellings = [
        unb64(jwk["x"]), jwk["x"].encode(), pem, pem.strip(), public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(jwk).encode(), json.dumps(jwk, separators=(",", ":")).encode(), jwk["kid"].encode(), b"",
    ]  # fmt: skip
    for secret in spellings:
        for alg, digest in (
            ("HS256", hashlib.sha256),
            ("HS384", hashlib.sha384),
            ("HS512", hashlib.sha512),
            ("EdDSA", hashlib.sha256),
        ):
            signed = f"{segment(eddsa.header | {'alg': alg})}.{segment(eddsa.claims)}"
            assert eddsa.refuses(f"{signed}.{b64(hmac.new(secret, signed.encode(), digest).digest())}")


def test_a_token_that_brings_its_own_key_is_refused(eddsa: House) -> None:
    """CVE-2018-0114: the signature is right, by the key that stands in the header."""
    mine = Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(mine.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))}
    for more in (
        {"jwk": jwk},
        {"jwk": jwk, "kid": None},
        {"jku": "http://127.0.0.1:9/"},
        {"x5u": "http://127.0.0.1:9/"},
        {},
    ):
        head = {name: value for name, value in (eddsa.header | more).items() if value is not None}
        signed = f"{segment(head)}.{segment(eddsa.claims)}"
        assert eddsa.refuses(f"{signed}.{b64(mine.sign(signed.encode()))}")


def test_tokens_of_the_other_algorithm_are_refused(tmp_path: Path) -> None:
    one, other = House(tmp_path), House(tmp_path, "HS256")
    assert one.refuses(other.good)
    assert other.refuses(one.good)
    assert one.refuses(other.forged({"kid": one.header["kid"]}))


def test_tokens_of_another_shop_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    shop = House(tmp_path)
    assert shop.refuses(House(tmp_path / "other").good)
    assert shop.refuses(House(tmp_path, audience="another").good)
    assert shop.refuses(House(tmp_path, issuer="https://another.example").good)


def test_an_encrypted_token_is_refused(house: House) -> None:
    head = segment({"alg": "dir", "enc": "A256GCM", "typ": "at+jwt", "kid": house.header["kid"]})
    assert house.refuses(f"{head}..{b64(bytes(12))}.{segment(house.claims)}.{b64(bytes(16))}")
    assert house.refuses(f"{house.good}..")


@pytest.mark.parametrize(
    "change",
    [
        lambda t: "", lambda t: ".", lambda t: "..", lambda t: "x.y.z", lambda t: f"{t}=", lambda t: f"{t}\n", lambda t: f" {t}",
        lambda t: t.replace(".", "=."),
        lambda t: f"Bearer {t}", lambda t: t + "\0", lambda t: t.replace(".", "\u3002"), lambda t: t.replace(".", ". "), lambda t: f"{t}.{t}",
        lambda t: f'{{"payload":"{t.split(".")[1]}","protected":"{t.split(".")[0]}","signature":"{t.split(".")[2]}"}}', lambda t: "\ud800.a.b",
        lambda t: "A" * MAX_LENGTH + t, lambda t: "e30." * 1000, lambda t: "." * 5000, lambda t: b64(b"[" * 1000) + ".e30.AA", lambda t: b64(b"\xff") + ".e30.AA",
    ],
)  # fmt: skip
def test_what_has_not_the_form_of_a_token_is_refused(house: House, change: Callable[[str], str]) -> None:
    assert house.refuses(change(house.good))


def test_a_signed_token_over_four_kilobytes_is_refused(house: House) -> None:
    assert house.tokens.decode(house.forged(more="x" * 2500))
    assert house.refuses(house.forged(more="x" * 3000))


def test_the_reason_is_told_to_the_log_and_not_the_token(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "tradepost.tokens"):
        assert house.refuses(house.forged(aud="other"))
        assert house.refuses(house.forged({"kid": "unknown"}))
    assert [record.message for record in caplog.records] == [
        "access token refused: another issuer or audience",
        "access token refused: unknown kid",
    ]


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, House]:
    """A shop of each algorithm, for many examples."""
    return {"EdDSA": House(tmp_path_factory.mktemp("keys")), "HS256": House(tmp_path_factory.mktemp("keys"), "HS256")}


@given(algorithm=st.sampled_from(["EdDSA", "HS256"]), at=st.integers(0), other=st.sampled_from(ALPHABET))
def test_any_change_of_a_character_is_refused(houses: dict[str, House], algorithm: str, at: int, other: str) -> None:
    house = houses[algorithm]
    at %= len(house.good)
    if house.good[at] != other:
        assert house.refuses(house.good[:at] + other + house.good[at + 1 :])


def test_the_last_character_has_one_spelling(houses: dict[str, House]) -> None:
    for house in houses.values():
        for other in ALPHABET:
            if other != house.good[-1]:
                assert house.refuses(house.good[:-1] + other)


@given(
    algorithm=st.sampled_from(["EdDSA", "HS256"]),
    text=st.text() | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True),
)
def test_no_other_text_is_a_token(houses: dict[str, House], algorithm: str, text: str) -> None:
    assert houses[algorithm].refuses(text)
