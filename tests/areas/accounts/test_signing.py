"""The keys that sign access tokens: created once, rotated without a restart, never published."""

import json
import logging
import os
import stat
import threading
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from tradepost.areas.accounts.signing import RELOAD_INTERVAL, Algorithm, SigningKeys, SigningKeysError
from tradepost.areas.accounts.signing_key_file import rotate
from tradepost.areas.accounts.tokens import AccessTokens
from tradepost.kit.problems import Unauthenticated

SECRET = "a secret of the tests, of 32 characters or more"


class Time:
    """A clock that only a test can move."""

    moment = 1000.0

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the key file, in a folder that does not exist yet."""
    return tmp_path / "var" / "signing_keys.json"


def keys(
    path: Path,
    *,
    create_missing: bool = True,
    secret: str = SECRET,
    algorithm: Algorithm = "EdDSA",
    clock: Time | None = None,
) -> SigningKeys:
    return SigningKeys(secret, algorithm=algorithm, path=path, create_missing=create_missing, clock=clock or Time())


def tokens(keys: SigningKeys) -> AccessTokens:
    return AccessTokens(keys, issuer="https://shop.example", audience="tradepost")


def names(keys: SigningKeys) -> list[str]:
    return [key["kid"] for key in keys.jwks()["keys"]]


def test_the_first_run_creates_a_file_that_only_its_owner_can_read(path: Path) -> None:
    first = keys(path)
    assert not path.exists()
    first.load()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == [path.name]
    assert names(first) == names(keys(path))
    stored = json.loads(path.read_text())["keys"]
    assert [set(key) for key in stored] == [{"kty", "crv", "x", "d", "kid", "use", "alg"}]


def test_concurrent_starts_create_one_key(path: Path) -> None:
    kids: list[str] = []
    starts = [threading.Thread(target=lambda: kids.extend(names(keys(path)))) for _ in range(8)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert len(kids) == 8
    assert len(set(kids)) == 1
    assert os.listdir(path.parent) == [path.name]


def test_a_kid_is_the_thumbprint_of_its_key(path: Path) -> None:
    signing = keys(path)
    (public,) = signing.jwks()["keys"]
    assert public["kid"] == OKPKey.import_key({name: public[name] for name in ("kty", "crv", "x")}).thumbprint()


def test_the_public_set_has_no_private_member(path: Path) -> None:
    signing = keys(path)
    for _ in range(4):
        signing.rotate()
    private = [key["d"] for key in json.loads(path.read_text())["keys"]]
    document = keys(path).jwks_json()
    assert document is not None
    assert len(private) == 4
    for key in json.loads(document)["keys"]:
        assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}
        assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
    assert not any(secret.encode() in document for secret in private)


def test_the_new_key_signs_and_the_three_previous_keys_still_verify(path: Path) -> None:
    issued: list[str] = []
    for _ in range(5):
        shop = tokens(keys(path))
        issued.append(shop.issue(user="ann", session=None)[0])
        shop.keys.rotate()
    shop = tokens(keys(path))
    issued.append(shop.issue(user="ann", session=None)[0])
    for text in issued[2:]:
        assert shop.decode(text).user == "ann"
    for text in issued[:2]:
        with pytest.raises(Unauthenticated):
            shop.decode(text)
    assert len(names(shop.keys)) == 4
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_running_processes_load_a_rotated_key(path: Path) -> None:
    clock = Time()
    one, other = tokens(keys(path, clock=clock)), tokens(keys(path, clock=clock))
    old = one.issue(user="ann", session=None)[0]
    assert other.decode(old).user == "ann"
    newest = keys(path).rotate()[0]
    clock.moment += RELOAD_INTERVAL
    new = one.issue(user="ann", session=None)[0]
    assert one.keys.current().kid == newest
    assert one.decode(old).user == other.decode(new).user == "ann"


def test_an_unknown_kid_reloads_the_file_at_once(path: Path) -> None:
    clock = Time()
    shop = tokens(keys(path, clock=clock))
    before = shop.issue(user="ann", session=None)[0]
    keys(path).rotate()
    new = tokens(keys(path)).issue(user="ann", session=None)[0]
    assert shop.decode(new).user == "ann"
    assert shop.decode(before).user == "ann"


def test_concurrent_rotations_lose_no_key(path: Path) -> None:
    keys(path).load()
    kids: list[str] = []
    threads = [threading.Thread(target=lambda: kids.append(keys(path).rotate()[0])) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(kids) < set(names(keys(path)))
    assert len(set(kids)) == 3


def test_a_broken_file_prevents_a_start_but_does_not_stop_a_running_shop(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Time()
    running = keys(path, clock=clock)
    before = names(running)
    for text in (
        "",
        "{",
        "[]",
        '{"keys": []}',
        '{"keys": [{"kty": "RSA", "crv": "", "d": "x"}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "d": "aGk"}]}',
    ):
        path.write_text(text)
        with pytest.raises(SigningKeysError, match=r"signing_keys\.json"):
            keys(path).load()
        clock.moment += RELOAD_INTERVAL
        with caplog.at_level(logging.ERROR, "tradepost.signing"):
            assert names(running) == before
            clock.moment += RELOAD_INTERVAL
            assert names(running) == before
        assert len(caplog.records) == 1, text
        caplog.clear()
    path.unlink()
    clock.moment += RELOAD_INTERVAL
    assert names(running) == before


def test_an_error_in_the_file_quotes_no_key(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"keys": [{"kty": "OKP", "crv": "Ed25519", "d": "hunter2"}]}')
    with pytest.raises(SigningKeysError) as refused:
        keys(path).load()
    assert "hunter2" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_an_unwritable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SigningKeysError, match="cannot be written"):
        keys(tmp_path / "file" / "keys.json").load()
    with pytest.raises(SigningKeysError, match="cannot be written"):
        keys(tmp_path / "file" / "keys.json").rotate()


def test_without_a_file_all_machines_derive_the_same_key(path: Path) -> None:
    one, other = keys(path, create_missing=False), keys(path.with_name("elsewhere.json"), create_missing=False)
    assert tokens(other).decode(tokens(one).issue(user="ann", session=None)[0]).user == "ann"
    assert not path.parent.exists()
    assert names(one) != names(keys(path, create_missing=False, secret="another secret of 32 characters or more"))


def test_tokens_of_the_derived_key_survive_the_first_rotation(path: Path) -> None:
    clock = Time()
    shop = tokens(keys(path, create_missing=False, clock=clock))
    before = shop.issue(user="ann", session=None)[0]
    newest, oldest = keys(path, create_missing=False).rotate()
    clock.moment += RELOAD_INTERVAL
    assert (shop.keys.current().kid, shop.decode(before).user) == (newest, "ann")
    assert names(keys(path, create_missing=False)) == [newest, oldest]


def test_hs256_has_no_public_keys_no_file_and_no_rotation(path: Path) -> None:
    shop = keys(path, algorithm="HS256")
    shop.load()
    assert shop.jwks() == {"keys": []}
    assert shop.jwks_json() is None
    assert tokens(keys(path, algorithm="HS256")).decode(tokens(shop).issue(user="ann", session=None)[0]).user == "ann"
    with pytest.raises(SigningKeysError, match="SECRET_KEY"):
        shop.rotate()
    assert not path.parent.exists()


def test_a_key_in_the_file_needs_only_its_private_half(path: Path) -> None:
    first = keys(path)
    first.load()
    (stored,) = json.loads(path.read_text())["keys"]
    path.write_text(
        json.dumps(
            {"keys": [{"kty": "OKP", "crv": "Ed25519", "d": stored["d"], "kid": "a name of theirs", "x": "wrong"}]}
        )
    )
    assert keys(path).jwks() == first.jwks()


def test_rotating_a_missing_file_without_initial_keys_creates_one_key(path: Path) -> None:
    assert len(rotate(path, [])) == 1
    assert len(rotate(path, [])) == 2
