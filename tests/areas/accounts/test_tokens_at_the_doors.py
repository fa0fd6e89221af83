"""Access tokens at the doors: a token that is not exactly ours is 401 for the whole request."""

import hmac
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import OKPKey

from tests.areas.accounts.account_client import DOORS, AccountClient, DoorClient, log_in_again, register_and_log_in
from tests.areas.accounts.test_tokens import b64, decode_unverified, segment, unb64
from tradepost.areas.accounts.signing import SigningKeys
from tradepost.areas.accounts.tokens import AccessTokens
from tradepost.kit.clock import now

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

type Json = dict[str, Any]


class Forger:
    """Signs tokens with the key of the shop, and with other keys."""

    def __init__(self, app: "TradepostApp", token: str) -> None:
        self.key = app.state.dependencies.require(SigningKeys).current()
        assert isinstance(self.key, OKPKey)
        private = self.key.private_key
        assert isinstance(private, Ed25519PrivateKey)
        self.private, (self.header, self.claims) = private, decode_unverified(token)

    def token(self, header: Json | None = None, claims: Json | None = None, **changed: Any) -> str:
        """Return a token with a valid signature over any header and claims."""
        payload = claims if claims is not None else self.claims | changed
        text = f"{segment(self.header | (header or {}))}.{segment(payload)}"
        return f"{text}.{b64(self.private.sign(text.encode()))}"

    def hmac_token(self, alg: str, secret: bytes) -> str:
        """Return a token signed by HMAC with a public text as secret."""
        text = f"{segment(self.header | {'alg': alg})}.{segment(self.claims)}"
        return f"{text}.{b64(hmac.digest(secret, text.encode(), 'sha256'))}"

    def public_key_encodings(self) -> list[bytes]:
        """Return the encodings of the public key that a confused verifier could use as a secret."""
        public = self.private.public_key()
        jwk = msgspec.json.encode(self.key.as_dict(private=False))
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return [
            public.public_bytes(Encoding.Raw, PublicFormat.Raw),
            pem,
            pem.strip(),
            jwk,
            self.key.as_dict(private=False)["x"].encode(),
        ]


def bad_tokens(forger: Forger, token: str, other: AccessTokens, kim: AccountClient) -> dict[str, str]:
    """Return tokens that must be refused, by what is wrong with them."""
    header, claims, signature = token.split(".")
    time = int(now().timestamp())
    unknown_key = Ed25519PrivateKey.generate()
    signed = f"{header}.{claims}"
    return {
        "alg=none": f"{segment(forger.header | {'alg': 'none'})}.{claims}.",
        "alg=none, signed": forger.token({"alg": "none"}),
        "alg=NONE": forger.token({"alg": "NONE"}),
        "no signature": f"{signed}.",
        "two parts": signed,
        "signature by another key": f"{signed}.{b64(unknown_key.sign(signed.encode()))}",
        "one bit flipped": f"{signed}.{b64(bytes([unb64(signature)[0] ^ 1]) + unb64(signature)[1:])}",
        "claims of another user": f"{header}.{segment(forger.claims | {'sub': kim.id})}.{signature}",
        "expired": forger.token(exp=time - 1),
        "expired long ago": forger.token(iat=1, exp=2),
        "not yet valid": forger.token(nbf=time + 60),
        "issued in the future": forger.token(iat=time + 60),
        "another audience": forger.token(aud="another"),
        "a list of audiences": forger.token(aud=[forger.claims["aud"]]),
        "another issuer": forger.token(iss="https://evil.example"),
        "no expiry": forger.token(claims={n: v for n, v in forger.claims.items() if n != "exp"}),
        "another type": forger.token({"typ": "JWT"}),
        "a key in the header": forger.token(
            {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64(unknown_key.public_key().public_bytes_raw())}}
        ),
        "a URL of keys in the header": forger.token({"jku": "https://evil.example/jwks.json"}),
        "a critical header": forger.token({"crit": ["exp"]}),
        "unknown kid": forger.token({"kid": "x"}),
        "kid is a path": forger.token({"kid": "../../dev/null"}),
        "token of another shop": other.issue(user=kim.id, session=forger.claims["sid"])[0],
        "no session": forger.token(claims={n: v for n, v in forger.claims.items() if n != "sid"}),
        "unknown session": forger.token(sid=kim.id),
        "session of another user": forger.token(sub=kim.id),
        "session is not an id": forger.token(sid="x"),
        "unknown key": forger.token(client_id=kim.id),
        "key is not an id": forger.token(client_id="' OR 1=1"),
        "session with NUL": forger.token(sid="\0"),
        "sub with NUL": forger.token(sub="\0"),
        **{
            f"HS256 with a public key {i}": forger.hmac_token("HS256", secret)
            for i, secret in enumerate(forger.public_key_encodings())
        },
        **{
            f"EdDSA by HMAC {i}": forger.hmac_token("EdDSA", secret)
            for i, secret in enumerate(forger.public_key_encodings())
        },
    }


@pytest.fixture
def other(tmp_path: Path, settings: "Settings") -> AccessTokens:
    """The tokens of another shop with the same issuer and audience but another key."""
    keys = SigningKeys("another secret of 32 characters or more", path=tmp_path / "keys.json", create_missing=True)
    return AccessTokens(keys, issuer=settings.issuer, audience=settings.token_audience)


async def test_a_bad_token_is_401_at_both_doors_even_if_no_login_is_required(
    app: "TradepostApp", other: AccessTokens
) -> None:
    ann, kim = await register_and_log_in(app), await register_and_log_in(app)
    forger = Forger(app, ann.access_token)
    assert await ann.with_credential(forger.token()).is_authenticated()
    messages = set[str]()
    for name, token in bad_tokens(forger, ann.access_token, other, kim).items():
        door_client = DoorClient(app).with_credential(token)
        assert [await door_client.is_authenticated(door) for door in DOORS] == [False, False], name
        async with door_client.client() as client:
            for answer in (
                await client.get("/v1/products"),
                await client.post("/graphql", json={"query": "{ products { nodes { id } } }"}),
            ):
                assert answer.status_code == 401, name
                assert token not in answer.text
                assert answer.headers["www-authenticate"].startswith("Bearer")
                body = answer.json()
                messages.add(body["detail"] if "detail" in body else body["errors"][0]["message"])
    assert len(messages) <= 3, messages  # one of them for expired tokens
    assert await ann.is_authenticated()


async def test_a_token_with_one_changed_character_is_refused(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    async with DoorClient(app).client() as client:
        token = kim.access_token
        for index in range(0, len(token), 7):
            changed = f"{token[:index]}{'A' if token[index] != 'A' else 'B'}{token[index + 1 :]}"
            answer = await client.get("/v1/users/me", headers={"Authorization": f"Bearer {changed}"})
            assert answer.status_code == 401, index
    assert await kim.is_authenticated()


async def test_the_token_of_an_ended_session_is_refused_on_every_request(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    other = await log_in_again(kim)
    assert await kim.code("rest", "logout") is None
    for door in DOORS * 3:
        assert not await kim.is_authenticated(door)
        assert await other.is_authenticated(door)


async def test_two_different_credentials_are_refused_and_the_same_one_twice_is_accepted(app: "TradepostApp") -> None:
    kim, bo = await register_and_log_in(app), await register_and_log_in(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://tradepost.test") as client:
        for texts, status in (
            ((kim.access_token, bo.access_token), 401),
            ((kim.access_token, kim.access_token), 200),
            ((kim.access_token, ""), 401),
        ):
            headers = [("Authorization", f"Bearer {text}") for text in texts]
            assert (await client.get("/v1/users/me", headers=headers)).status_code == status, texts
            assert (
                await client.post("/graphql", json={"query": "{ me { id } }"}, headers=headers)
            ).status_code == status


async def test_a_token_in_the_query_a_cookie_or_another_header_does_not_authenticate(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    async with DoorClient(app).client() as client:
        for header in ({"Cookie": f"access_token={kim.access_token}"}, {"X-Access-Token": kim.access_token}):
            assert (await client.get("/v1/users/me", headers=header)).status_code == 401
        assert (await client.get("/v1/users/me", params={"access_token": kim.access_token})).status_code in (400, 401)
