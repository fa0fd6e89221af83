"""A proxy that is not trusted is noticed: otherwise all of its clients share one rate limit."""

import logging

import pytest

from tests.doors.http.pipeline_app import client
from tradepost.doors.http import trusted_proxies
from tradepost.doors.http.trusted_proxies import TrustedProxies

FORWARDED = {"X-Forwarded-For": "198.51.100.7"}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings about X-Forwarded-For."""
    return [r.getMessage() for r in caplog.records if "X-Forwarded-For" in r.getMessage()]


@pytest.mark.parametrize("proxies", [(), ("192.168.0.0/16",)])
async def test_x_forwarded_for_from_an_address_that_is_not_trusted_is_logged_once_an_hour(
    caplog: pytest.LogCaptureFixture, proxies: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [0.0]
    monkeypatch.setattr(trusted_proxies, "monotonic", lambda: moment[0])
    caplog.set_level(logging.WARNING)
    async with client(address="10.0.0.1", trusted_proxies=proxies) as behind_proxy:
        for _ in range(3):
            await behind_proxy.get("/where", headers=FORWARDED)
        assert warnings(caplog) == [
            "X-Forwarded-For from 10.0.0.1 is ignored. If this is your proxy, name it in TRUSTED_PROXIES: until then "
            "all of its clients share one rate limit"
        ]
        moment[0] += 3599
        await behind_proxy.get("/where", headers=FORWARDED)
        assert len(warnings(caplog)) == 1
        moment[0] += 2
        await behind_proxy.get("/where", headers=FORWARDED)
        assert len(warnings(caplog)) == 2


async def test_a_trusted_proxy_and_a_direct_client_cause_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with client(address="10.0.0.1", trusted_proxies=("10.0.0.0/8",)) as behind_proxy:
        await behind_proxy.get("/where", headers=FORWARDED)
    async with client(address="10.0.0.1") as direct:
        await direct.get("/where")
    assert warnings(caplog) == []


def test_a_peer_without_an_address_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    """A Unix socket has none."""
    TrustedProxies(()).warn({"client": None})
    assert warnings(caplog)[0].startswith("X-Forwarded-For from a peer without an address is ignored.")
