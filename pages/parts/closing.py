"""How the server ends: at the first signal, in order, within the ten seconds `docker stop` gives.

All work is told to stop at once. Answers under way have a moment, then work that is in the
middle of a step; then visitors' galleries are deleted. Whatever is at work even then is left
where it is: every gallery can be killed at any moment.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from types import FrameType

import uvicorn

from imgsim_core import background
from imgsim_core.background import StopSign
from pages.parts import first_visit

_LOG = logging.getLogger(__name__)

_ANSWERS_SECONDS = 2
_MOST_SECONDS = 9.0

stop = StopSign()
"""Set once the server is ending."""

_signalled = threading.Event()


def listen() -> None:
    """Begin to end as soon as the server is told to, not only when its last visitor has gone.

    To be called in the event loop of uvicorn; elsewhere there is no signal to wait for.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    uvicorns = signal.getsignal(signal.SIGTERM)
    server = getattr(uvicorns, "__self__", None)
    if not callable(uvicorns) or not isinstance(server, uvicorn.Server):
        return
    # Without it, one visitor with a slow upload would hold up the end for ever
    server.config.timeout_graceful_shutdown = _ANSWERS_SECONDS
    loop = asyncio.get_running_loop()

    def told(number: int, frame: FrameType | None) -> None:
        # Locks may be held where a signal interrupts: the loop does the rest
        loop.call_soon_threadsafe(_begin)
        uvicorns(number, frame)

    signal.signal(signal.SIGTERM, told)


def _begin() -> None:
    if _signalled.is_set():
        return
    _signalled.set()
    _LOG.info("told to end")
    background.leave()
    begin()
    threading.Thread(target=_insist, name="closing", daemon=True).start()


def begin() -> None:
    """Tell all work to stop."""
    stop.set()
    first_visit.wait_no_longer()


def leave() -> None:
    """End here and now, if a signal said so: nothing of any visitor is left.

    Neither uvicorn nor Python has the last word. Uvicorn would end by the signal, which a host
    takes for a crash; Python would wait for threads that are inside a long step, and pull the
    ground from under others, which then bring the process down.
    """
    if not _signalled.is_set():
        return
    still = background.at_work()
    _LOG.info("ended, with %d pieces of work left where they were", sum(still.values()))
    _exit(0)


def _insist() -> None:
    """End although something could not be put in order."""
    threading.Event().wait(_MOST_SECONDS)
    _LOG.warning("ended out of order after %d seconds", round(_MOST_SECONDS))
    _exit(1)


def _exit(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
