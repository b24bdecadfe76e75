"""The two ways a command can fail; the command line turns each into one line and an exit code."""


class ReportingError(Exception):
    """Something the user must act on, said in one line that names the place and what to do.

    ``may_be_damage``: perhaps because a landed file cannot be decoded, which is worth a look.
    """

    exit_code = 1
    may_be_damage = False


class DataNotFit(ReportingError):
    """The delivered data cannot be reported as it is (exit 1)."""

    exit_code = 1


class BrokenDelivery(DataNotFit):
    """What was delivered is broken in structure: whoever delivers it must put it right."""


class BadCall(ReportingError):
    """The call or the configuration is wrong (exit 2)."""

    exit_code = 2


class MachineFault(ReportingError):
    """The machine lacks something, such as space on a disk: the data and the call may be right."""


class Unforeseen(ReportingError):
    """An error that no line of ours foresees: its kind and its place, without its words."""


class BadHome(BadCall):
    """The home folder cannot be written: it may have become so by itself, so an alert is sent."""
