"""How the server ends: at the first signal, in order, within the ten seconds `docker stop` gives.

The signal first, which tells all work to stop; then answers under way, which have a moment;
then visitors' galleries, which are deleted; then work that is in the middle of a step. What
is still there after that is left where it is: every gallery can be killed at any moment.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import signal
import sys
import threading
from types import FrameType

import uvicorn

from imgsim_core.background import StopSign
from pages.parts import first_visit

_LOG = logging.getLogger(__name__)

_ANSWERS_SECONDS = 2
_MOST_SECONDS = 8.0

stop = StopSign()
"""Set once the server is ending."""

_in_order = threading.Event()


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
    if stop.is_set():
        return
    _LOG.info("told to end")
    begin()
    threading.Thread(target=_insist, name="closing", daemon=True).start()
    # Uvicorn raises the signal once more at its end, and the program would end by it: a host
    # takes any code but 0 for a crash.
    atexit.register(_leave)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def begin() -> None:
    """Tell all work to stop."""
    stop.set()
    first_visit.wait_no_longer()


def is_in_order() -> None:
    """Take note that nothing of any visitor is left."""
    _in_order.set()


def _leave() -> None:
    """End here and now, with all threads that Python waits for over.

    Others may be inside a library's machine code, and Python would pull the ground from
    under them: the process would end by a fault.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _insist() -> None:
    """End although something is still at work."""
    threading.Event().wait(_MOST_SECONDS)
    still = [thread.name for thread in threading.enumerate() if not thread.daemon]
    _LOG.warning("ended although still at work: %d threads", len(still))
    sys.stderr.flush()
    os._exit(0 if _in_order.is_set() else 1)
