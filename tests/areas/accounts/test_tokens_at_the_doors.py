"""Access tokens as they come through the doors: what is not ours to the last bit is 401 for the whole request, at both."""

import hmac
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import OKPKey

from tests.areas.accounts.people import DOORS, House, Person, again, person
from tests.areas.accounts.test_tokens import b64, opened, segment, unb64
from tradepost.areas.accounts.signing import SigningKeys
from tradepost.areas.accounts.tokens import AccessTokens
from tradepost.kit.clock import now

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

type Json = dict[str, Any]


class Forger:
    """Makes tokens with the shop's own key, and with others."""

    def __init__(self, app: "TradepostApp", token: str) -> None:
        self.key = app.state.means.of(SigningKeys).current()
        assert isinstance(self.key, OKPKey)
        private = self.key.private_key
        assert isinstance(private, Ed25519PrivateKey)
        self.private, (self.header, self.claims) = private, opened(token)

    def token(self, header: Json | None = None, claims: Json | None = None, **changed: Any) -> str:
        """Rightly signed, whatever it says."""
        text = f"{segment(self.header | (header or {}))}.{segment(claims if claims is not None else self.claims | changed)}"
        return f"{text}.{b64(self.private.sign(text.encode()))}"

    def confused(self, alg: str, secret: bytes) -> str:
        """Signed by HMAC with something that everybody knows."""
        text = f"{segment(self.header | {'alg': alg})}.{segment(self.claims)}"
        return f"{text}.{b64(hmac.digest(secret, text.encode(), 'sha256'))}"

    def publics(self) -> list[bytes]:
        """The public key in the spellings that a confused verifier would take for a secret."""
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


def bad(forger: Forger, token: str, other: AccessTokens, kim: Person) -> dict[str, str]:
    """Tokens that are none of ours."""
    header, claims, signature = token.split(".")
    time = int(now().timestamp())
    stranger = Ed25519PrivateKey.generate()
    signed = f"{header}.{claims}"
    return {
        "alg=none": f"{segment(forger.header | {'alg': 'none'})}.{claims}.",
        "alg=none, signed": forger.token({"alg": "none"}),
        "alg=NONE": forger.token({"alg": "NONE"}),
        "no signature": f"{signed}.",
        "two parts": signed,
        "signature of another": f"{signed}.{b64(stranger.sign(signed.encode()))}",
        "a bit": f"{signed}.{b64(bytes([unb64(signature)[0] ^ 1]) + unb64(signature)[1:])}",
        "claims of another": f"{header}.{segment(forger.claims | {'sub': kim.id})}.{signature}",
        "expired": forger.token(exp=time - 1),
        "expired long ago": forger.token(iat=1, exp=2),
        "not yet": forger.token(nbf=time + 60),
        "made later": forger.token(iat=time + 60),
        "another audience": forger.token(aud="another"),
        "audiences": forger.token(aud=[forger.claims["aud"]]),
        "another issuer": forger.token(iss="https://evil.example"),
        "no expiry": forger.token(claims={n: v for n, v in forger.claims.items() if n != "exp"}),
        "another type": forger.token({"typ": "JWT"}),
        "a key in the header": forger.token(
            {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64(stranger.public_key().public_bytes_raw())}}
        ),
        "an address of keys": forger.token({"jku": "https://evil.example/jwks.json"}),
        "critical": forger.token({"crit": ["exp"]}),
        "unknown kid": forger.token({"kid": "x"}),
        "kid of a file": forger.token({"kid": "../../dev/null"}),
        "another shop's": other.issue(user=kim.id, session=forger.claims["sid"])[0],
        "no session": forger.token(claims={n: v for n, v in forger.claims.items() if n != "sid"}),
        "session that is not": forger.token(sid=kim.id),
        "session of another": forger.token(sub=kim.id),
        "session that is no id": forger.token(sid="x"),
        "key that is not": forger.token(client_id=kim.id),
        "key that is no id": forger.token(client_id="' OR 1=1"),
        "session with NUL": forger.token(sid="\0"),
        "sub with NUL": forger.token(sub="\0"),
        **{
            f"HS256 with a public key {i}": forger.confused("HS256", secret)
            for i, secret in enumerate(forger.publics())
        },
        **{f"EdDSA by HMAC {i}": forger.confused("EdDSA", secret) for i, secret in enumerate(forger.publics())},
    }


@pytest.fixture
def other(tmp_path: Path, settings: "Settings") -> AccessTokens:
    """A shop with a key of its own that calls itself as this one does."""
    keys = SigningKeys("another secret of 32 characters or more", path=tmp_path / "keys.json", create_missing=True)
    return AccessTokens(keys, issuer=settings.issuer, audience=settings.token_audience)


async def test_what_is_not_ours_is_401_at_both_doors_also_where_nobody_need_be_known(
    app: "TradepostApp", other: AccessTokens
) -> None:
    ann, kim = await person(app), await person(app)
    forger = Forger(app, ann.access_token)
    assert await ann.bearing(forger.token()).lets_in()
    said = set[str]()
    for name, token in bad(forger, ann.access_token, other, kim).items():
        house = House(app).bearing(token)
        assert [await house.lets_in(door) for door in DOORS] == [False, False], name
        async with house.client() as client:
            for answer in (
                await client.get("/v1/products"),
                await client.post("/graphql", json={"query": "{ products { nodes { id } } }"}),
            ):
                assert answer.status_code == 401, name
                assert token not in answer.text
                assert answer.headers["www-authenticate"].startswith("Bearer")
                said.add(
                    answer.json()["detail"] if "detail" in answer.json() else answer.json()["errors"][0]["message"]
                )
    assert len(said) <= 2, said
    assert await ann.lets_in()


async def test_every_changed_letter_of_a_token_is_noticed(app: "TradepostApp") -> None:
    kim = await person(app)
    async with House(app).client() as client:
        for at in range(0, len(kim.access_token), 7):
            changed = (
                f"{kim.access_token[:at]}{'A' if kim.access_token[at] != 'A' else 'B'}{kim.access_token[at + 1 :]}"
            )
            assert (
                await client.get("/v1/users/me", headers={"Authorization": f"Bearer {changed}"})
            ).status_code == 401, at
    assert await kim.lets_in()


async def test_a_token_of_an_ended_session_stays_refused_however_often_it_comes(app: "TradepostApp") -> None:
    kim = await person(app)
    other = await again(kim)
    assert await kim.code("rest", "logout") is None
    for door in DOORS * 3:
        assert not await kim.lets_in(door)
        assert await other.lets_in(door)


async def test_two_different_credentials_are_refused_and_one_said_twice_is_not(app: "TradepostApp") -> None:
    kim, bo = await person(app), await person(app)
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


async def test_a_token_in_the_address_or_a_cookie_is_no_credential(app: "TradepostApp") -> None:
    kim = await person(app)
    async with House(app).client() as client:
        for header in ({"Cookie": f"access_token={kim.access_token}"}, {"X-Access-Token": kim.access_token}):
            assert (await client.get("/v1/users/me", headers=header)).status_code == 401
        assert (await client.get("/v1/users/me", params={"access_token": kim.access_token})).status_code in (400, 401)
