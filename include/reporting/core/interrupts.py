"""Ctrl-C and SIGTERM end a command whatever it does.

A signal may come while a library runs a callback, in which Python drops an exception, or one that
swallows it. So it is noted too, and looked for wherever a library has been at work.
"""

import signal
from types import FrameType

_received: list[int] = []


def listen() -> None:
    """Take both signals as interrupts from now on; one that is ignored stays so."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, _: FrameType | None) -> None:
    _received.append(number)
    raise KeyboardInterrupt


def require_none() -> None:
    """KeyboardInterrupt where a signal has come, whoever has swallowed it."""
    if _received:
        raise KeyboardInterrupt


def received() -> int | None:
    """The number of the signal that came first, or None."""
    return _received[0] if _received else None


def end() -> None:
    """Leave the signals to the system: the command ends, and nothing is to be interrupted now."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is _interrupt:
            signal.signal(number, signal.SIG_DFL)
