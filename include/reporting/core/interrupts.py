"""Ctrl-C and SIGTERM end a command, whatever it is doing.

A signal may arrive while a library runs a callback that drops or swallows exceptions. So each
signal is also recorded, and checked for after calls into libraries.
"""

import signal
from types import FrameType

_received: list[int] = []


def listen() -> None:
    """Treat both signals as interrupts from now on; an ignored signal stays ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, _: FrameType | None) -> None:
    _received.append(number)
    raise KeyboardInterrupt


def require_none() -> None:
    """Raise KeyboardInterrupt if a signal has come, even if a library swallowed it."""
    if _received:
        raise KeyboardInterrupt


def received() -> int | None:
    """The number of the signal that came first, or None."""
    return _received[0] if _received else None


def end() -> None:
    """Restore the default handling of both signals: the command ends without more interrupts."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is _interrupt:
            signal.signal(number, signal.SIG_DFL)
