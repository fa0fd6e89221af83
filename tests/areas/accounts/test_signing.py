"""The keys of access tokens: made once, rotated without a restart, and the private halves stay where they are."""

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
    """A clock that goes when it is told to."""

    moment = 1000.0

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be, in a folder that is not there yet."""
    return tmp_path / "var" / "signing_keys.json"


def keys(
    path: Path, *, makes: bool = True, secret: str = SECRET, algorithm: Algorithm = "EdDSA", clock: Time | None = None
) -> SigningKeys:
    return SigningKeys(secret, algorithm=algorithm, path=path, create_missing=makes, clock=clock or Time())


def tokens(keys: SigningKeys) -> AccessTokens:
    return AccessTokens(keys, issuer="https://shop.example", audience="tradepost")


def names(keys: SigningKeys) -> list[str]:
    return [key["kid"] for key in keys.jwks()["keys"]]


def test_the_first_run_makes_a_key_that_its_owner_alone_can_read(path: Path) -> None:
    first = keys(path)
    assert not path.exists()
    first.load()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == [path.name]
    assert names(first) == names(keys(path))
    kept = json.loads(path.read_text())["keys"]
    assert [set(key) for key in kept] == [{"kty", "crv", "x", "d", "kid", "use", "alg"}]


def test_starts_at_the_same_time_agree_on_one_key(path: Path) -> None:
    found: list[str] = []
    starts = [threading.Thread(target=lambda: found.extend(names(keys(path)))) for _ in range(8)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert os.listdir(path.parent) == [path.name]


def test_a_kid_is_the_thumbprint_of_its_key(path: Path) -> None:
    made = keys(path)
    (public,) = made.jwks()["keys"]
    assert public["kid"] == OKPKey.import_key({name: public[name] for name in ("kty", "crv", "x")}).thumbprint()


def test_the_public_set_has_no_private_member(path: Path) -> None:
    made = keys(path)
    made.rotate()
    for _ in range(3):
        made.rotate()
    private = [key["d"] for key in json.loads(path.read_text())["keys"]]
    document = keys(path).jwks_json()
    assert document is not None
    assert len(private) == 4
    for key in json.loads(document)["keys"]:
        assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}
        assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
    assert not any(secret.encode() in document for secret in private)


def test_a_rotated_key_signs_and_the_three_before_it_still_verify(path: Path) -> None:
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


def test_running_processes_notice_a_rotation(path: Path) -> None:
    time = Time()
    one, other = tokens(keys(path, clock=time)), tokens(keys(path, clock=time))
    old = one.issue(user="ann", session=None)[0]
    assert other.decode(old).user == "ann"
    newest = keys(path).rotate()[0]
    time.moment += RELOAD_INTERVAL
    fresh = one.issue(user="ann", session=None)[0]
    assert one.keys.current().kid == newest
    assert one.decode(old).user == other.decode(fresh).user == "ann"


def test_an_unknown_kid_is_looked_for_at_once(path: Path) -> None:
    time = Time()
    shop = tokens(keys(path, clock=time))
    before = shop.issue(user="ann", session=None)[0]
    keys(path).rotate()
    fresh = tokens(keys(path)).issue(user="ann", session=None)[0]
    assert shop.decode(fresh).user == "ann"
    assert shop.decode(before).user == "ann"


def test_rotations_at_the_same_time_lose_no_key(path: Path) -> None:
    keys(path).load()
    made: list[str] = []
    turns = [threading.Thread(target=lambda: made.append(keys(path).rotate()[0])) for _ in range(3)]
    for turn in turns:
        turn.start()
    for turn in turns:
        turn.join()
    assert set(made) < set(names(keys(path)))
    assert len(set(made)) == 3


def test_a_file_that_breaks_stops_a_start_but_no_running_shop(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    time = Time()
    running = keys(path, clock=time)
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
        time.moment += RELOAD_INTERVAL
        with caplog.at_level(logging.ERROR, "tradepost.signing"):
            assert names(running) == before
            time.moment += RELOAD_INTERVAL
            assert names(running) == before
        assert len(caplog.records) == 1, text
        caplog.clear()
    path.unlink()
    time.moment += RELOAD_INTERVAL
    assert names(running) == before


def test_a_fault_of_the_file_quotes_no_key(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"keys": [{"kty": "OKP", "crv": "Ed25519", "d": "hunter2"}]}')
    with pytest.raises(SigningKeysError) as refused:
        keys(path).load()
    assert "hunter2" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SigningKeysError, match="cannot be written"):
        keys(tmp_path / "file" / "keys.json").load()
    with pytest.raises(SigningKeysError, match="cannot be written"):
        keys(tmp_path / "file" / "keys.json").rotate()


def test_production_makes_no_file_and_its_machines_agree(path: Path) -> None:
    one, other = keys(path, makes=False), keys(path.with_name("elsewhere.json"), makes=False)
    assert tokens(other).decode(tokens(one).issue(user="ann", session=None)[0]).user == "ann"
    assert not path.parent.exists()
    assert names(one) != names(keys(path, makes=False, secret="another secret of 32 characters or more"))


def test_the_first_rotation_in_production_ends_no_token(path: Path) -> None:
    time = Time()
    shop = tokens(keys(path, makes=False, clock=time))
    before = shop.issue(user="ann", session=None)[0]
    newest, oldest = keys(path, makes=False).rotate()
    time.moment += RELOAD_INTERVAL
    assert (shop.keys.current().kid, shop.decode(before).user) == (newest, "ann")
    assert names(keys(path, makes=False)) == [newest, oldest]


def test_hs256_has_no_public_keys_no_file_and_no_rotation(path: Path) -> None:
    shop = keys(path, algorithm="HS256")
    shop.load()
    assert shop.jwks() == {"keys": []}
    assert shop.jwks_json() is None
    assert tokens(keys(path, algorithm="HS256")).decode(tokens(shop).issue(user="ann", session=None)[0]).user == "ann"
    with pytest.raises(SigningKeysError, match="SECRET_KEY"):
        shop.rotate()
    assert not path.parent.exists()


def test_keys_brought_by_an_operator_need_only_their_private_half(path: Path) -> None:
    made = keys(path)
    made.load()
    (kept,) = json.loads(path.read_text())["keys"]
    path.write_text(
        json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "d": kept["d"], "kid": "their own name", "x": "wrong"}]})
    )
    assert keys(path).jwks() == made.jwks()


def test_a_rotation_keeps_what_it_was_given_where_there_is_no_file(path: Path) -> None:
    assert len(rotate(path, [])) == 1
    assert len(rotate(path, [])) == 2
