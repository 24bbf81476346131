"""Whether this host can reach a server: probed in the background, remembered a while.

No caller ever waits for the network: an offline host may take minutes to say so.
"""

from __future__ import annotations

import os
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

PROBE_SECONDS = 2.0
"""How long a server may take to answer."""
REMEMBERED_SECONDS = 180.0
"""How long an answer is believed before the server is asked again."""
PATIENCE_SECONDS = 0.4
"""How long a caller waits for the very first answer; most come sooner."""


@dataclass
class _Probe:
    answered: threading.Event = field(default_factory=threading.Event)
    reachable: bool | None = None
    started: float = 0.0


_LOCK = threading.Lock()
_probes: dict[str, _Probe] = {}


def hub_address() -> str:
    """Address of the Hugging Face hub, or of the mirror that the host named."""
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def told_to_stay_offline() -> bool:
    """Tell whether the host forbids the network (HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE)."""
    setting = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return setting.upper() in {"1", "ON", "YES", "TRUE"}


def reachable(address: str) -> bool | None:
    """Tell whether a server answers.

    Parameters
    ----------
    address : str
        "https://" and a host.

    Returns
    -------
    bool or None
        None while nothing is known yet. Returns within `PATIENCE_SECONDS`.
    """
    if told_to_stay_offline():
        return False
    with _LOCK:
        probe = _probes.setdefault(address, _Probe())
        now = time.monotonic()
        if not probe.started or now - probe.started > REMEMBERED_SECONDS:
            probe.started = now
            threading.Thread(target=_ask, args=(address, probe), daemon=True).start()
    # Counted from the probe's start, so that a page with many models waits only once.
    probe.answered.wait(max(0.0, probe.started + PATIENCE_SECONDS - time.monotonic()))
    return probe.reachable


def forget() -> None:
    """Forget all answers: the next question probes again."""
    with _LOCK:
        _probes.clear()


def _ask(address: str, probe: _Probe) -> None:
    # A name server that never answers would hold the request beyond its own timeout.
    timer = threading.Timer(PROBE_SECONDS + 0.5, _settle, args=(probe, False))
    timer.daemon = True
    timer.start()
    request = urllib.request.Request(address, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=PROBE_SECONDS):
            answer = True
    except urllib.error.HTTPError as error:
        error.close()
        answer = True  # a refusal is an answer too
    except (OSError, ValueError):
        answer = False
    timer.cancel()
    _settle(probe, answer)


def _settle(probe: _Probe, answer: bool) -> None:
    probe.reachable = answer
    probe.answered.set()
