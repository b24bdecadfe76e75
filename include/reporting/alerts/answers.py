"""Read the response of a chat robot: DingTalk, WeCom and Feishu refuse a message with HTTP 200.

Such a response is a JSON object with a code other than 0; it may repeat the address and its token.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

LONGEST_ANSWER = 64 * 1024  # bytes that are read; a robot's response is one short object
LONGEST_REASON = 100
CODES = ("errcode", "code", "StatusCode")  # DingTalk and WeCom; Feishu and Lark; Feishu of old
FLAGS = ("ok", "success")  # Slack, Telegram and many a gateway: false where they refuse
REASONS = ("errmsg", "msg", "StatusMessage", "message")
ADDRESS = re.compile(r"\S*(://|www\.)\S*")
STATUS_OK = range(200, 300)  # of HTTP, which other servers repeat as their code
LONGEST_WORD = 20  # letters; the words of robots are shorter, most tokens longer


def refusal(body: bytes, address: str) -> str:
    """Why a server that responded 2xx refused the message; empty if it accepted it.

    The reason holds the code and those words of the response that are not part of ``address``.
    """
    try:
        answer = json.loads(body)
    except ValueError:  # no JSON, or the beginning of a long answer
        return ""
    if not isinstance(answer, dict):
        return ""
    for name in CODES:
        if _is_refusing(answer.get(name)):
            return f"{name} {answer[name]}{_words(answer, address)}"
    for name in FLAGS:
        if answer.get(name) is False:
            return f"{name} false{_words(answer, address)}"
    return ""


def _is_refusing(code: object) -> bool:
    """A number other than 0."""
    if isinstance(code, bool) or not re.fullmatch(r"-?[0-9]{1,10}", str(code)):
        return False
    return int(str(code)) != 0 and int(str(code)) not in STATUS_OK


def _words(answer: Mapping[str, Any], address: str) -> str:
    """The reason in a response, without addresses, numbers, long words and parts of the address."""
    text = next((str(answer[name]) for name in REASONS if answer.get(name)), "")
    secret = set(re.split(r"\W+", address.lower()))
    words = [
        word
        for word in re.findall(r"[\w-]+", ADDRESS.sub(" ", text))
        if word.replace("-", "").isalpha()
        and len(word) <= LONGEST_WORD
        and word.lower() not in secret
    ]
    reason = " ".join(words)[:LONGEST_REASON].rstrip()
    return f" ({reason})" if reason else ""
