"""The one gate that every outgoing request passes: who may be contacted, at which address. Pure.

``Egress`` compares scheme, host and port for equality with the allow-list, never by prefix
(``https://ehr.example.evil`` begins like ``https://ehr.example``; compare CVE-2026-34359), and
judges the addresses that a name resolved to. ``egress_transport.py`` sends what passed.

The URL reader is our own and refuses whatever two readers could understand differently: user
information, backslashes, control characters, characters outside ASCII, dot segments, fragments,
and ports with leading zeros.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from cds_hooks.errors import HostNotAllowed

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z]+)://(?P<host>[A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/[!-~]*?)?(?P<query>\?[!-~]*)?",
    re.ASCII,
)
_FORBIDDEN: Final = re.compile(r"[#\\<>\"`]")
_HIDDEN_IN_PATH: Final = re.compile(r"%(?:00|2[fF]|5[cC]|2[eE])")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


@final
@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host in lower case, port: what two URLs share when they mean one server."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """Return the origin as a URL without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@final
@dataclass(frozen=True, slots=True)
class AllowedUrl:
    """A URL whose server is on the allow-list. Only :meth:`Egress.check` makes one."""

    url: str
    origin: Origin


def origin_of(url: str) -> Origin:
    """Return the origin of a URL.

    Raises
    ------
    cds_hooks.errors.HostNotAllowed
        The URL is none, or could be read in two ways.
    """
    match = _URL.fullmatch(url)
    if match is None or _FORBIDDEN.search(url):
        raise HostNotAllowed("The URL is malformed or ambiguous; nothing was sent.")
    path = match["path"] or ""
    if _HIDDEN_IN_PATH.search(path) or {".", ".."} & set(path.split("/")):
        raise HostNotAllowed("The URL's path holds hidden or dot segments; nothing was sent.")
    scheme = match["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
        raise HostNotAllowed("Only http and https servers are contacted; nothing was sent.")
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    if port > 65535:
        raise HostNotAllowed("The URL's port does not exist; nothing was sent.")
    return Origin(scheme, _canonical_host(match["host"]), port)


def _canonical_host(host: str) -> str:
    if host.startswith("["):
        try:
            return str(ipaddress.IPv6Address(host[1:-1]))
        except ValueError:
            raise HostNotAllowed("The URL's IPv6 address is none; nothing was sent.") from None
    labels = host.lower().split(".")
    if any(not label or len(label) > 63 or "-" in (label[0], label[-1]) for label in labels):
        raise HostNotAllowed("The URL's host is no host name; nothing was sent.")
    return ".".join(labels)


@final
class Egress:
    """The allow-list of servers and, behind a name, of addresses.

    Parameters
    ----------
    allowed
        URLs of the servers that may be contacted; what follows the port is ignored.
    private_networks
        Networks inside the institution into which an allowed *name* may resolve. An allowed
        literal address, and the loopback behind ``localhost``, need no such entry: whoever listed
        them named the address itself.
    """

    def __init__(self, allowed: Iterable[str], private_networks: Iterable[Network] = ()) -> None:
        self._origins = frozenset(origin_of(url) for url in allowed)
        self._private_networks = tuple(private_networks)

    @property
    def origins(self) -> frozenset[Origin]:
        """Return the servers that may be contacted."""
        return self._origins

    def check(self, url: str) -> AllowedUrl:
        """Return the URL as one that may be requested.

        Raises
        ------
        cds_hooks.errors.HostNotAllowed
            Its scheme, host and port are not those of a listed server.
        """
        origin = origin_of(url)
        if origin not in self._origins:
            raise HostNotAllowed(
                "The server is not on the allow-list; add it to the configuration if it is"
                " trusted. Nothing was sent."
            )
        return AllowedUrl(url, origin)

    def admits(self, host: str, address: str) -> bool:
        """Return whether a listed host may be contacted at the address it resolved to."""
        parsed = _embedded(ipaddress.ip_address(address))
        literal = _literal(host)
        if literal is not None:
            return _embedded(literal) == parsed
        if host == "localhost":
            return parsed.is_loopback
        if any(parsed in network for network in self._private_networks):
            return True
        # fec0::/10 was deprecated by RFC 3879 and still names a site's own network.
        is_site_local = isinstance(parsed, ipaddress.IPv6Address) and parsed.is_site_local
        return parsed.is_global and not (
            parsed.is_multicast or parsed.is_reserved or is_site_local
        )


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one merely carries, else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
