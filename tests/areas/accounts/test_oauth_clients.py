"""A third-party client (Authlib) gets tokens from a real server by every grant and uses them."""

import subprocess
import sys
import time
import warnings
from collections.abc import Iterator

import httpx
import pytest

from tests import servers
from tests.servers import free_port
from tradepost.settings import Settings

# On import, Authlib warns that it prefers httpx2, even if a filter ignores the warning.
with warnings.catch_warnings(record=True):
    from authlib.integrations.base_client import OAuthError
    from authlib.integrations.httpx_client import OAuth2Client

EMAIL, PASSWORD = "kim@shop.example", "seven grey herons asleep"


# The client sees only HTTP. test_oauth.py sends every grant to both databases.
pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def shop(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server with an admin created by `create-admin`."""
    tmp_path = tmp_path_factory.mktemp("shop")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environ = servers.environ(module_settings.database_url) | {"PORT": str(port), "ACCESS_LOG": "off"}
    tradepost = [sys.executable, "-m", "tradepost"]
    command = [*tradepost, "create-admin", "--email", EMAIL, "--password-stdin"]
    subprocess.run(
        command,
        cwd=tmp_path,
        env=environ,
        input=f"{PASSWORD}\n",
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=120,
    )
    process = subprocess.Popen(
        [*tradepost, "run"], cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    try:
        wait_until_ready(process, address)
        with pytest.MonkeyPatch.context() as environment:
            # Authlib requires TLS; this is a loopback connection.
            environment.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
            yield address
    finally:
        process.terminate()
        process.wait(30)


def wait_until_ready(process: subprocess.Popen[bytes], address: str) -> None:
    """Wait until the server is ready, up to 60 seconds."""
    for _ in range(600):
        assert process.poll() is None, "the server has ended"
        try:
            if httpx.get(f"{address}/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the server did not get ready in 60 seconds")


def test_a_standard_client_gets_and_uses_tokens_by_every_grant(shop: str) -> None:
    token, me = f"{shop}/v1/auth/token", f"{shop}/v1/users/me"
    with OAuth2Client(client_id="a public client", token_endpoint=token, token_endpoint_auth_method="none") as user:
        first = user.fetch_token(token, grant_type="password", username=EMAIL, password=PASSWORD)
        assert user.get(me).json()["email"] == EMAIL
        second = user.refresh_token(token)
        assert second["refresh_token"] != first["refresh_token"]
        assert user.get(me).json()["role"] == "admin"
        # The client refreshes an expired token by itself.
        user.token = {**second, "expires_at": 1}
        assert user.get(me).status_code == 200
        assert user.token["refresh_token"] not in (first["refresh_token"], second["refresh_token"])
        key = user.post(f"{shop}/v1/api-keys", json={"name": "till", "scopes": ["account:read", "stock:read"]}).json()
    for method in ("client_secret_basic", "client_secret_post"):
        with OAuth2Client(
            key["prefix"], key["secret"], scope="account:read", token_endpoint_auth_method=method
        ) as machine:
            grant = machine.fetch_token(token, grant_type="client_credentials")
            assert (grant["scope"], "refresh_token" in grant) == ("account:read", False)
            assert machine.get(me).json()["email"] == EMAIL
            assert machine.get(f"{shop}/v1/users").status_code == 403


def test_a_standard_client_understands_our_errors(shop: str) -> None:
    token = f"{shop}/v1/auth/token"
    with OAuth2Client(token_endpoint_auth_method="none") as user, pytest.raises(OAuthError) as wrong:
        user.fetch_token(token, grant_type="password", username=EMAIL, password="not this one")
    assert (wrong.value.error, wrong.value.description) == (
        "invalid_grant",
        "The e-mail address or the password is wrong.",
    )
    with OAuth2Client("x" * 16, "y") as machine, pytest.raises(OAuthError) as unknown:
        machine.fetch_token(token, grant_type="client_credentials")
    assert unknown.value.error == "invalid_client"
