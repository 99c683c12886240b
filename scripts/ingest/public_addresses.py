"""Tell public addresses from private ones, also where an IPv6 address holds an IPv4 one."""

import ipaddress

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.ip_network("::/96")
_IPV4_BITS = 0xFFFF_FFFF


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the internet, and to no network inside.

    A translator (NAT64, 6to4) leads an IPv6 address to the IPv4 address in it, so that one is
    judged.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.sixtofour is not None:
        # whether such an address is global differs between releases of Python
        return is_public(str(ip.sixtofour))
    if ip.is_multicast or not ip.is_global:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return True
    if ip in _NAT64_LOCAL:
        return False
    inner = ip.ipv4_mapped
    if ip in _NAT64 or ip in _COMPATIBLE:
        inner = ipaddress.IPv4Address(int(ip) & _IPV4_BITS)
    return inner is None or is_public(str(inner))
