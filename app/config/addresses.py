"""Web addresses: what is one, where it begins, and whether it is this machine's."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def split_address(value: str) -> SplitResult | None:
    """The parts of a web address; None where it is none: no scheme of the web, no host, or one that cannot be."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool((parts.hostname or "").encode("idna")) and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None


def base_address(value: str) -> str:
    """The address that others are made from, without a slash at its end; ValueError where it is none."""
    if (parts := split_address(value)) is None or parts.query or parts.fragment:
        raise ValueError("expected an address such as https://leads.example.com")
    return value.rstrip("/")


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's."""
    return urlsplit(address).hostname in LOOPBACK


def origin_of(address: str) -> str:
    """The origin of an address as browsers spell it, such as https://www.example.com; ValueError where it has none."""
    parts = split_address(address)
    if parts is None or parts.hostname is None:
        raise ValueError(f"expected an origin such as https://www.example.com, not {address!r}")
    host = parts.hostname.encode("idna").decode("ascii")
    origin = f"{parts.scheme}://[{host}]" if ":" in host else f"{parts.scheme}://{host}"
    return origin if parts.port in {None, DEFAULT_PORTS[parts.scheme]} else f"{origin}:{parts.port}"
