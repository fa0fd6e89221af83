"""Addresses of clients, as what is counted by them knows them: everybody behind one of these shares a bucket."""

from functools import lru_cache
from ipaddress import ip_address, ip_network


@lru_cache(8192)
def client_key(address: str) -> str:
    """The bucket of an address. An IPv6 client has a whole /64 to itself, so that is one; an IPv4 address in IPv6 clothes is what it is."""
    try:
        found = ip_address(address)
    except ValueError:
        return f"address:{address[:64]}"
    if found.version == 6:
        return (
            client_key(str(found.ipv4_mapped))
            if found.ipv4_mapped
            else f"address:{ip_network((found, 64), strict=False).network_address}/64"
        )
    return f"address:{found}"
