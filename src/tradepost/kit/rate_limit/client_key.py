"""The bucket key of a client address."""

from functools import lru_cache
from ipaddress import ip_address, ip_network

from ..cache_registry import registered_cache


@registered_cache("client_keys", 500)
@lru_cache(8192)
def client_key(address: str) -> str:
    """Return the key of an address.

    An IPv6 client owns a whole /64, so that network is one key. IPv4-mapped IPv6 addresses count
    as IPv4.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return f"address:{address[:64]}"
    if ip.version == 6:
        if ip.ipv4_mapped:
            return client_key(str(ip.ipv4_mapped))
        return f"address:{ip_network((ip, 64), strict=False).network_address}/64"
    return f"address:{ip}"
