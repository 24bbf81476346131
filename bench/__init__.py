"""Side-by-side benchmarks: each program runs us and the peer in the same conditions."""

from __future__ import annotations

from importlib import metadata


def version(distribution: str) -> str:
    """Return a peer's version; "" if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
