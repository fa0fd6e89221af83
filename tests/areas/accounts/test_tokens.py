"""Access tokens: issued tokens are decoded and all others are refused.

The attacks are built by hand, because a library would refuse to build them.
"""

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
from tradepost.areas.accounts.tokens import (
    EXPIRED_TOKEN_DETAIL,
    INVALID_TOKEN_DETAIL,
    LEEWAY,
    MAX_LENGTH,
    AccessTokens,
)
from tradepost.kit.problems import TokenExpired, Unauthenticated

SECRET = "a secret of the tests, of 32 characters or more"
START = datetime(2026, 3, 1, 12, 0, 0, 500_000, UTC)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

type Json = dict[str, Any]


class Time:
    """A clock that only a test can move."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(f"{text}==")


def segment(value: Any) -> str:
    return b64(json.dumps(value, separators=(",", ":")).encode())


def decode_unverified(text: str) -> tuple[Json, Json]:
    """Return header and claims of a token without checking its signature."""
    header, claims, _ = text.split(".")
    return json.loads(unb64(header)), json.loads(unb64(claims))


class SigningApp:
    """The tokens of a shop, and forgeries signed with its own key."""

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
        self.header, self.claims = decode_unverified(self.good)

    def sign(self, text: str) -> bytes:
        key = self.keys.current()
        if isinstance(key, OKPKey):
            private = key.private_key
            assert isinstance(private, Ed25519PrivateKey)
            return private.sign(text.encode())
        return hmac.digest(key.raw_value, text.encode(), "sha256")

    def forged(self, header: Json | None = None, claims: Any = None, **changed: Any) -> str:
        """Return a token with a valid signature; members that are None are left out."""
        if claims is None:
            claims = {name: value for name, value in (self.claims | changed).items() if value is not None}
        head = {name: value for name, value in (self.header | (header or {})).items() if value is not None}
        signed = f"{segment(head)}.{segment(claims)}"
        return f"{signed}.{b64(self.sign(signed))}"

    def refuses(self, text: str) -> bool:
        """Return whether a token is refused with the detail that all bad tokens get."""
        with pytest.raises(Unauthenticated) as refused:
            self.tokens.decode(text)
        return (refused.value.code, refused.value.detail) == ("unauthenticated", INVALID_TOKEN_DETAIL)

    def has_expired(self, text: str) -> bool:
        """Return whether a token is refused because it has expired."""
        with pytest.raises(TokenExpired) as refused:
            self.tokens.decode(text)
        return refused.value.detail == EXPIRED_TOKEN_DETAIL


@pytest.fixture(params=["EdDSA", "HS256"])
def signing_app(request: pytest.FixtureRequest, tmp_path: Path) -> SigningApp:
    """A shop that signs with each algorithm."""
    return SigningApp(tmp_path, request.param)


@pytest.fixture
def eddsa(tmp_path: Path) -> SigningApp:
    """A shop that signs with a key pair."""
    return SigningApp(tmp_path)


def test_an_issued_token_is_decoded(signing_app: SigningApp) -> None:
    claims = signing_app.tokens.decode(signing_app.good)
    assert (claims.user, claims.session, claims.key, claims.scope) == ("ann", "s1", None, None)
    assert (claims.issued_at, claims.expires_at) == (
        START.replace(microsecond=0),
        START.replace(microsecond=0) + timedelta(seconds=900),
    )
    assert signing_app.seconds == 900
    text, _ = signing_app.tokens.issue(user="ann", session=None, key="k1", scope={"stock:read", "catalog:write"})
    claims = signing_app.tokens.decode(text)
    assert (claims.session, claims.key, claims.scope) == (None, "k1", {"stock:read", "catalog:write"})
    assert (
        signing_app.tokens.decode(signing_app.tokens.issue(user="ann", session=None, scope=())[0]).scope == frozenset()
    )


def test_a_token_has_the_header_and_claims_of_rfc_9068(signing_app: SigningApp) -> None:
    assert signing_app.header == {
        "alg": signing_app.keys.algorithm,
        "kid": signing_app.keys.current().kid,
        "typ": "at+jwt",
    }
    jti = signing_app.claims.pop("jti")
    assert signing_app.claims == {
        "iss": "https://shop.example",
        "aud": "tradepost",
        "sub": "ann",
        "sid": "s1",
        "iat": 1772366400,
        "exp": 1772367300,
    }
    assert jti != decode_unverified(signing_app.tokens.issue(user="ann", session="s1")[0])[1]["jti"]


def test_a_token_signed_by_these_tests_is_decoded(signing_app: SigningApp) -> None:
    assert signing_app.tokens.decode(signing_app.forged()) == signing_app.tokens.decode(signing_app.good)
    assert signing_app.tokens.decode(signing_app.forged(more="unknown claims are ignored")).user == "ann"


def test_a_token_is_refused_from_the_second_of_its_exp_claim(signing_app: SigningApp) -> None:
    signing_app.time.moment = START.replace(microsecond=0) + timedelta(seconds=899, microseconds=999_999)
    assert signing_app.tokens.decode(signing_app.good)
    signing_app.time.moment += timedelta(microseconds=1)
    assert signing_app.has_expired(signing_app.good)


@pytest.mark.parametrize("expiry", [0, -1, 1772366400])
def test_only_a_token_that_is_otherwise_valid_is_reported_as_expired(signing_app: SigningApp, expiry: int) -> None:
    assert signing_app.has_expired(signing_app.forged(exp=expiry))
    wrong: list[Json] = [{"iss": "https://other.example"}, {"aud": "other"}, {"sub": ""}, {"jti": ""}]
    for claim in wrong:
        assert signing_app.refuses(signing_app.forged(exp=expiry, **claim))
    assert signing_app.refuses(signing_app.forged(exp=expiry)[:-4] + "AAAA")


def test_iat_and_nbf_may_be_ahead_of_our_clock_by_the_leeway(signing_app: SigningApp) -> None:
    for claim in ("iat", "nbf"):
        now = int(START.timestamp())
        assert signing_app.tokens.decode(signing_app.forged(**{claim: now + LEEWAY}))
        assert signing_app.refuses(signing_app.forged(**{claim: now + LEEWAY + 1}))


CLAIMS: dict[str, list[Any]] = {
    "iss": [None, "", "https://shop.example/", "https://other.example", ["https://shop.example"], 1],
    "aud": [None, "", "other", "Tradepost", ["tradepost"], {"tradepost": 1}],
    "sub": [None, "", 7, ["ann"]],
    "iat": [None, "1772366400", 1e300, True],
    "exp": [None, "1772367300", 1772367300.5, True, [1772367300], 10**30],
    "jti": [None, "", 1],
    "nbf": ["0", True],
    "sid": [1, ["s1"]],
    "client_id": [{}, 1],
    "scope": [["catalog:write"], 1],
}


@pytest.mark.parametrize(("claim", "value"), [(claim, value) for claim, values in CLAIMS.items() for value in values])
def test_a_signed_token_with_a_wrong_claim_is_refused(signing_app: SigningApp, claim: str, value: Any) -> None:
    assert signing_app.refuses(signing_app.forged(**{claim: value}))


@pytest.mark.parametrize("claims", [[], "ann", 1, True, {}, [{"sub": "ann"}]])
def test_claims_that_are_empty_or_not_an_object_are_refused(signing_app: SigningApp, claims: Any) -> None:
    assert signing_app.refuses(signing_app.forged(claims=claims))


HEADERS: list[Json] = [
    {"alg": "none"}, {"alg": "None"}, {"alg": "NONE"}, {"alg": ""}, {"alg": None}, {"alg": ["EdDSA"]}, {"alg": "ES256"},
    {"alg": "RS256"}, {"alg": "HS512"}, {"alg": "Ed25519"}, {"alg": "eddsa"}, {"alg": "hs256"}, {"kid": None},
    {"kid": ""}, {"kid": "unknown"}, {"kid": "../../../dev/null"}, {"kid": "' OR 1=1 --"}, {"kid": 1}, {"kid": ["a"]},
    {"typ": None}, {"typ": "JWT"}, {"typ": "at+JWT"}, {"typ": "application/at+jwt"}, {"typ": "logout+jwt"}, {"typ": 1},
    {"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"cty": "JWT"}, {"zip": "DEF"},
    {"enc": "A256GCM"}, {"jku": "http://127.0.0.1:9/jwks.json"}, {"x5u": "http://127.0.0.1:9/x.pem"}, {"x5c": ["MIIB"]},
    {"x5t": "x"}, {"nonce": "x"}, {"iss": "https://shop.example"},
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS, ids=str)
def test_any_other_header_is_refused_even_with_a_valid_signature(signing_app: SigningApp, header: Json) -> None:
    assert signing_app.refuses(signing_app.forged(header))


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "NONE"])
def test_a_token_without_a_signature_is_refused(signing_app: SigningApp, alg: str) -> None:
    for head in ({"alg": alg}, {"alg": alg, "typ": "at+jwt"}, signing_app.header | {"alg": alg}):
        signed = f"{segment(head)}.{segment(signing_app.claims)}"
        for text in (f"{signed}.", signed, f"{signed}.{signing_app.good.split('.')[2]}", f"{signed}.AA"):
            assert signing_app.refuses(text)


def test_a_valid_header_with_another_signature_is_refused(signing_app: SigningApp) -> None:
    signed, _, signature = signing_app.good.rpartition(".")
    for other in ("", "AA", signature[:-2], signature + "AA", b64(bytes(64)), b64(bytes(32)), signature * 2):
        assert signing_app.refuses(f"{signed}.{other}")


def test_an_hmac_with_the_public_key_as_secret_is_refused(eddsa: SigningApp) -> None:
    """Algorithm confusion (RFC 8725, 2.1): the HMAC secret is the public key."""
    jwk = eddsa.keys.jwks()["keys"][0]
    key = eddsa.keys.current()
    assert isinstance(key, OKPKey)
    public = key.public_key
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    encodings = [
        unb64(jwk["x"]),
        jwk["x"].encode(),
        pem,
        pem.strip(),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(jwk).encode(),
        json.dumps(jwk, separators=(",", ":")).encode(),
        jwk["kid"].encode(),
        b"",
    ]
    for secret in encodings:
        for alg, digest in (
            ("HS256", hashlib.sha256),
            ("HS384", hashlib.sha384),
            ("HS512", hashlib.sha512),
            ("EdDSA", hashlib.sha256),
        ):
            signed = f"{segment(eddsa.header | {'alg': alg})}.{segment(eddsa.claims)}"
            assert eddsa.refuses(f"{signed}.{b64(hmac.new(secret, signed.encode(), digest).digest())}")


def test_a_token_with_its_own_key_in_the_header_is_refused(eddsa: SigningApp) -> None:
    """CVE-2018-0114: the signature is valid for the key in the header."""
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
    one, other = SigningApp(tmp_path), SigningApp(tmp_path, "HS256")
    assert one.refuses(other.good)
    assert other.refuses(one.good)
    assert one.refuses(other.forged({"kid": one.header["kid"]}))


def test_tokens_of_another_shop_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    shop = SigningApp(tmp_path)
    assert shop.refuses(SigningApp(tmp_path / "other").good)
    assert shop.refuses(SigningApp(tmp_path, audience="another").good)
    assert shop.refuses(SigningApp(tmp_path, issuer="https://another.example").good)


def test_an_encrypted_token_is_refused(signing_app: SigningApp) -> None:
    head = segment({"alg": "dir", "enc": "A256GCM", "typ": "at+jwt", "kid": signing_app.header["kid"]})
    assert signing_app.refuses(f"{head}..{b64(bytes(12))}.{segment(signing_app.claims)}.{b64(bytes(16))}")
    assert signing_app.refuses(f"{signing_app.good}..")


@pytest.mark.parametrize(
    "change",
    [
        lambda t: "",
        lambda t: ".",
        lambda t: "..",
        lambda t: "x.y.z",
        lambda t: f"{t}=",
        lambda t: f"{t}\n",
        lambda t: f" {t}",
        lambda t: t.replace(".", "=."),
        lambda t: f"Bearer {t}",
        lambda t: t + "\0",
        lambda t: t.replace(".", "\u3002"),
        lambda t: t.replace(".", ". "),
        lambda t: f"{t}.{t}",
        lambda t: f'{{"payload":"{t.split(".")[1]}","protected":"{t.split(".")[0]}","signature":"{t.split(".")[2]}"}}',
        lambda t: "\ud800.a.b",
        lambda t: "A" * MAX_LENGTH + t,
        lambda t: "e30." * 1000,
        lambda t: "." * 5000,
        lambda t: b64(b"[" * 1000) + ".e30.AA",
        lambda t: b64(b"\xff") + ".e30.AA",
    ],
)
def test_a_malformed_token_is_refused(signing_app: SigningApp, change: Callable[[str], str]) -> None:
    assert signing_app.refuses(change(signing_app.good))


def test_a_signed_token_over_four_kilobytes_is_refused(signing_app: SigningApp) -> None:
    assert signing_app.tokens.decode(signing_app.forged(more="x" * 2500))
    assert signing_app.refuses(signing_app.forged(more="x" * 3000))


def test_the_log_contains_the_reason_and_not_the_token(
    signing_app: SigningApp, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", "tradepost.tokens"):
        assert signing_app.refuses(signing_app.forged(aud="other"))
        assert signing_app.refuses(signing_app.forged({"kid": "unknown"}))
    assert [record.message for record in caplog.records] == [
        "access token rejected: wrong issuer or audience",
        "access token rejected: unknown kid",
    ]


@pytest.fixture(scope="module")
def signing_apps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SigningApp]:
    """One shop per algorithm, shared by all examples of a property."""
    return {
        "EdDSA": SigningApp(tmp_path_factory.mktemp("keys")),
        "HS256": SigningApp(tmp_path_factory.mktemp("keys"), "HS256"),
    }


@given(algorithm=st.sampled_from(["EdDSA", "HS256"]), index=st.integers(0), other=st.sampled_from(ALPHABET))
def test_a_token_with_any_changed_character_is_refused(
    signing_apps: dict[str, SigningApp], algorithm: str, index: int, other: str
) -> None:
    signing_app = signing_apps[algorithm]
    index %= len(signing_app.good)
    if signing_app.good[index] != other:
        assert signing_app.refuses(signing_app.good[:index] + other + signing_app.good[index + 1 :])


def test_no_other_last_character_is_accepted(signing_apps: dict[str, SigningApp]) -> None:
    """Base64url decoders may ignore the unused bits of the last character."""
    for signing_app in signing_apps.values():
        for other in ALPHABET:
            if other != signing_app.good[-1]:
                assert signing_app.refuses(signing_app.good[:-1] + other)


@given(
    algorithm=st.sampled_from(["EdDSA", "HS256"]),
    text=st.text() | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True),
)
def test_any_other_text_is_refused(signing_apps: dict[str, SigningApp], algorithm: str, text: str) -> None:
    assert signing_apps[algorithm].refuses(text)
