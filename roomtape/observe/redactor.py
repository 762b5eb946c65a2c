"""Keeps secrets and session descriptions out of what is shown."""

import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

_STARS: Final = "***"
_HIDDEN_IN_SDP: Final = r"(?<=ice-pwd:)[\w+/]+"
"""The ICE password, in whatever SDP is shown after all (RFC 8839 section 5.4)."""

_SDP_LINE: Final = re.compile(r"[a-z]=")


class Redactor:
    """Replaces the secrets of this run, and descriptions, in whatever is about to be shown.

    Defence in depth: nobody is supposed to log them. TURN credentials that arrive during the run are added.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        for secret in secrets:
            self.add(secret)
        self._compile()

    def add(self, secret: str) -> None:
        """Also in the forms that it takes in an address, in JSON and in a repr."""
        in_uri = {quote(secret, safe=safe, errors="replace") for safe in ("", "/", "-_.!~*'()")}
        self._forms |= {secret, *in_uri, json.dumps(secret)[1:-1], repr(secret)[1:-1]} - {""}
        self._compile()

    def clean(self, text: str, *, sdp: bool = False) -> str:
        """`text` without secrets; descriptions are replaced by their length unless `sdp`."""
        text = self._pattern.sub(_STARS, text)
        return text if sdp else without_sdp(text)

    def _compile(self) -> None:
        # The longest first: a password is part of its phrase. A very short one would be found inside any word.
        forms = sorted(self._forms, key=len, reverse=True)
        words = [re.escape(form) if len(form) > 3 else rf"(?<!\w){re.escape(form)}(?!\w)" for form in forms]
        self._pattern = re.compile("|".join([_HIDDEN_IN_SDP, *words]))


def without_sdp(text: str) -> str:
    """Replaces a session description (RFC 8866: lines of `x=value`) by its length, also inside a repr."""
    lines = text.replace("\\r", "\r").replace("\\n", "\n").splitlines(keepends=True)
    sdp = [line for line in lines if _SDP_LINE.match(line)]
    if len(sdp) < 2:
        return text
    rest = "".join(line for line in lines if not _SDP_LINE.match(line))
    return f"{rest}<sdp of {sum(map(len, sdp))} characters>"
