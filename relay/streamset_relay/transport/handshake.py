"""Read the status out of an HTTP answer to the upgrade.

Both libraries refuse an answer that is no 101, but websockets first waits for the end of the body,
and picows calls a status without a name in Python's table (520 and its kin of CDNs) malformed. The
status and Retry-After decide how the session goes on, so they are taken from the bytes themselves.
"""

import re

from ..errors import UpgradeRejected

USER_AGENT = "binance-streamset"

MAX_HEAD = 16 * 1024
"""Bytes of status line and headers that are accepted, as in picows."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?(?:\r\n|\Z)")
_RETRY_AFTER = re.compile(rb"\r\nretry-after:[ \t]*([0-9]{1,9})[ \t]*(?:\r\n|\Z)", re.IGNORECASE)


def rejection(url: str, head: bytes) -> UpgradeRejected | None:
    """Return the rejection that `head` (status line and headers) spells; None for 101 or no HTTP.

    Of `Retry-After` (RFC 9110 §10.2.3) the form in seconds is read. The form with a date is
    ignored: it would need both clocks to agree, and Binance sends seconds.
    """
    status_line = _STATUS_LINE.match(head)
    if status_line is None or int(status_line[1]) == 101:
        return None
    retry_after = _RETRY_AFTER.search(head)
    return UpgradeRejected(
        url,
        status=int(status_line[1]),
        retry_after=float(retry_after[1]) if retry_after else None,
    )
