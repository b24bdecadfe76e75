"""The errors of a command; the command line turns each into one line and an exit code."""


class ReportingError(Exception):
    """An error that the user must act on: one line that names the place and what to do.

    ``may_be_damage``: a landed file that cannot be decoded may be the cause and is looked for.
    ``lack``: what the machine lacked, such as space on a disk, if that is the cause.
    """

    exit_code = 1
    may_be_damage = False
    lack = ""


class DataNotFit(ReportingError):
    """The delivered data cannot be reported as it is (exit 1)."""

    exit_code = 1


class BrokenDelivery(DataNotFit):
    """A delivered file has a broken structure and must be delivered again."""


class BadCall(ReportingError):
    """The call or the configuration is wrong (exit 2)."""

    exit_code = 2


class MachineFault(ReportingError):
    """The machine lacks a resource, such as space on a disk; data and call may be right."""


class Unforeseen(ReportingError):
    """An unexpected error: its kind and its place, without its text, which may quote a row."""


class HomeInUse(BadCall):
    """Another process works in the home folder."""


class BadHome(BadCall):
    """The home folder cannot be written; alerted, since this may happen without a wrong call."""


class NothingToSend(ReportingError):
    """A supplement has nothing to send; the command says why and succeeds (exit 0)."""

    exit_code = 0
