"""A real SMTP server on this machine that keeps what it is sent."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


class Mailbox:
    """What a mail server took; it refuses a recipient called nobody."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    @property
    def subjects(self) -> list[str]:
        return [str(mail["subject"]) for mail in self.mails]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd looks for this name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        mail["X-Recipients"] = ", ".join(envelope.rcpt_tos)
        self.mails.append(mail)
        return "250 OK"


class MailServer(Controller):
    """Listens on a socket that is already bound, so that no port is guessed."""

    def __init__(self, mailbox: Mailbox, bound: socket.socket) -> None:
        super().__init__(mailbox, hostname="127.0.0.1", port=bound.getsockname()[1])
        self.bound = bound

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self.bound)


@contextmanager
def receiving() -> Iterator[tuple[int, Mailbox]]:
    """The port of a running server, and its mailbox."""
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = MailServer(mailbox, bound)
        server.start()
        try:
            yield server.port, mailbox
        finally:
            server.stop()
