"""The answer to a file (bureau-interface 1.4, lifecycle 9.1)."""

from collections.abc import Iterable

from bureau_simulator.files import SUFFIX, VERSION, FileName
from bureau_simulator.messages import Message

FLAG_POSITION = 30  # of the name: 0 on submissions, 1 on answers


def answer_name(name: str) -> str:
    """Return the name of the answer: that of the file with position 30 set to 1.

    A name without form is cut or filled with 0 to 30 positions, so that the lender at least
    gets an answer that it can file.
    """
    stem = name.removesuffix(SUFFIX)[: FLAG_POSITION - 1].ljust(FLAG_POSITION - 1, "0")
    return f"{stem}1{SUFFIX}"


def answer_header(name: FileName | None, header: str | None, count: int) -> str:
    """Return the header of an answer: that of the answered file with the count of the messages.

    Without a usable header it is made from the name. The creation time is that of the answered
    file, or midnight of the date in its name, so that the same file gets the same answer.
    """
    if header is None:
        org = name.org if name else "0" * 14
        date = name.created.replace("-", "") if name else "19010101"
        record_type = name.record_type if name else "000"
        template = "10" if record_type == "110" else "  "
        header = f"A050{record_type}{VERSION}{template}{org}{date}0000000"
    return f"{header[:43]}{count:07}"


def compose(header: str, messages: Iterable[tuple[Message, str]]) -> bytes:
    """Return the clear bytes of an answer: header line, then a line per message and record."""
    lines = [header, *(line(message, record) for message, record in messages)]
    return ("\n".join(lines) + "\n").encode()


def line(message: Message, record: str) -> str:
    """Return one feedback line: code, message tag, text and the record as sent."""
    return f"{message.code}反馈消息：{message.tag}消息内容：{message.text}原出错记录：{record}"  # noqa: RUF001 - the bureau's own colons
