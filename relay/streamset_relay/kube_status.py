"""What a relay says of itself on the resource: its entry of `status.relays`.

`entry` makes it from a snapshot, without I/O; `Reporter` sends it by server-side apply, with a field
manager of its own, so that neither the operator nor another relay ever loses what it wrote. A
report goes out when there is news, and otherwise every `interval` seconds, which says that the
relay is alive. Without a cluster, or without a set, there is nobody to tell (`target_of`).

Token and certificate are read anew for each report: the kubelet replaces them while the relay runs.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from math import floor, log10
from pathlib import Path
from typing import Any

import aiohttp

from streamset_api.relay_config import RelayConfig
from streamset_api.resource import API_VERSION, KIND, PLURAL
from streamset_api.status import (
    SILENT_NAMES,
    LastError,
    Link,
    Phase,
    RelayReport,
    SilentStreams,
    StreamCount,
)

from .core.ownership import State
from .core.trouble import Trouble
from .status import DRAINING, NO_DATA, Status

log = logging.getLogger(__name__)

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
APPLY = "application/apply-patch+yaml"
LONGEST = 1024
"""Characters of a message; the schema refuses more."""

TICK = 1.0
"""Seconds between two looks for news, so also the least between two reports."""

RETRY = 1.0
"""Seconds before a refused report is tried again, doubled with each, up to the interval."""

FIRST_MOMENTS = 3.0
"""Seconds after the start in which not being connected is no news."""

REQUEST_TIMEOUT = 10.0
RATE_WINDOW = 10.0
RATE_MOVED = 0.2
"""A rate is written anew when it moved by more than this share of what is written."""

QUIET = ("last_report_time", "last_message_time", "messages_per_second", "reconnects", "dropped",
         "gaps", "last_error")  # fmt: skip
"""Fields that go along with a report and are no reason for one: they may change all the time."""

EXCHANGE_WORDS = {"http_451": "GeoBlocked", "http_403": "Forbidden"}
DENIED = "denied"
NATS_WORDS = {
    "refused": "Refused",
    DENIED: "Refused",  # connected, and not allowed to publish
    "secret_missing": "SecretMissing",
    "secret_invalid": "SecretInvalid",
    **{trouble.value: trouble.value for trouble in Trouble},  # words of the same kind already
}
UNREACHABLE = "Unreachable"

Snapshot = Callable[[], Status]


@dataclass(frozen=True)
class Target:
    """Where a relay reports, and as whom."""

    url: str
    account: Path
    """Folder with `token` and `ca.crt`."""
    set_uid: str
    set: str
    relay: str
    pod: str | None = None


def target_of(config: RelayConfig, environ: Mapping[str, str]) -> Target | None:
    """Return where to report; None outside of a cluster, or for a relay that belongs to no set."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    who = config.identity
    if not (host and port and who.set and who.relay and who.namespace and who.set_uid):
        return None
    host = f"[{host}]" if ":" in host else host
    path = f"/apis/{API_VERSION}/namespaces/{who.namespace}/{PLURAL}/{who.set}/status"
    return Target(
        f"https://{host}:{port}{path}",
        ACCOUNT,
        who.set_uid,
        who.set,
        who.relay,
        environ.get("POD_NAME") or None,
    )


def entry(
    status: Status,
    target: Target,
    config_hash: str,
    *,
    rate: float,
    failures: Mapping[str, str],
    sent: RelayReport | None,
    now: str,
) -> RelayReport:
    """Return the entry of a relay in this state.

    `failures` are short names of what went wrong last with `exchange` and `nats`, as errors have
    them (`http_451`). `sent` is the entry before: a rate that hardly moved stays, and so does the
    time of an error that is still the last one.
    """
    return RelayReport(
        name=target.relay,
        pod=target.pod,
        set_uid=target.set_uid,
        config_hash=config_hash,
        phase=_phase(status),
        last_report_time=now,
        web_socket=_exchange(status, failures),
        nats=_nats(status, failures),
        streams=StreamCount(desired=len(status.streams), active=status.active),
        silent_streams=SilentStreams(
            count=len(status.silent), names=tuple(status.silent[:SILENT_NAMES])
        ),
        messages_per_second=_rate(rate, sent.messages_per_second if sent else None),
        last_message_time=_time(status.last_message_at) if status.last_message_at else None,
        reconnects=status.reconnects,
        dropped=status.ledger.dropped_total,
        gaps=status.gaps,
        last_error=_last_error(status, sent, now),
    )


def is_news(report: RelayReport, sent: RelayReport | None) -> bool:
    """Tell whether an entry says something that the one before did not."""
    if sent is None:
        return True
    still = dict.fromkeys(QUIET)
    return report.model_copy(update=still) != sent.model_copy(update=still)


def speaks(status: Status) -> bool:
    """Whether this relay has something to say: the owner speaks for the streams, and nobody of its first moments."""
    if status.ownership is State.FOLLOWING:
        return False
    settled = status.ownership is not State.ASKING
    both = status.websocket_connected and status.nats_connected
    return (settled and both) or status.uptime >= FIRST_MOMENTS


def body_of(report: RelayReport, target: Target) -> dict[str, Any]:
    """Return what server-side apply takes."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": target.set},
        "status": {"relays": [report.model_dump(mode="json", by_alias=True, exclude_none=True)]},
    }


class RateWindow:
    """Messages per second over the last 10 to 20 s."""

    def __init__(self) -> None:
        self._older: tuple[float, int] | None = None
        self._newer: tuple[float, int] | None = None

    def update(self, uptime: float, received: int) -> float:
        """Return the rate, with this count as the newest."""
        if self._newer is None or uptime - self._newer[0] >= RATE_WINDOW:
            self._older, self._newer = self._newer, (uptime, received)
        since, count = self._older or (0.0, 0)
        return (received - count) / (uptime - since) if uptime > since else 0.0


class Reporter:
    """Keeps a relay's entry up to date. `snapshot`, `config_hash` and `failures` are asked anew."""

    def __init__(
        self,
        target: Target,
        snapshot: Snapshot,
        config_hash: Callable[[], str],
        failures: Callable[[], Mapping[str, str]],
        interval: float = 30.0,
    ) -> None:
        self._target = target
        self._snapshot = snapshot
        self._config_hash = config_hash
        self._failures = failures
        self._interval = interval
        self._rate = RateWindow()
        self._sent: RelayReport | None = None
        self._refusals = 0
        self._clock = asyncio.get_running_loop().time

    async def run(self) -> None:
        """Report until the relay drains, or its set is gone. Trouble is logged and tried again."""
        due = self._clock()
        while True:
            status = self._snapshot()
            if status.not_ready == DRAINING:
                return  # the relay that comes after this one speaks now
            report = entry(
                status,
                self._target,
                self._config_hash(),
                rate=self._rate.update(status.uptime, status.ledger.received),
                failures=self._failures(),
                sent=self._sent,
                now=_time(datetime.now(UTC).timestamp()),
            )
            now = self._clock()
            due_now = now >= due or (not self._refusals and is_news(report, self._sent))
            if due_now and speaks(status):
                wait = await self._send(report)
                if wait is None:
                    return
                due = self._clock() + wait
            await asyncio.sleep(min(TICK, self._interval))

    async def _send(self, report: RelayReport) -> float | None:
        """Send one report. Returns the seconds until the next one is due, None for never."""
        answer = await self._patch(json.dumps(body_of(report, self._target)))
        if answer.code == HTTPStatus.NOT_FOUND or answer.uid not in {None, self._target.set_uid}:
            # A set made anew under the name has other relays. No request can ask for the uid: the
            # status of an object is written whatever uid the request names.
            log.warning("The set is gone: no more reports", extra={"set": self._target.set})
            return None
        if answer.code == HTTPStatus.OK:
            self._sent, self._refusals = report, 0
            return self._interval
        self._refusals += 1
        log.warning("A report was refused", extra={"status": answer.code, "why": answer.why})
        wait = min(RETRY * 2.0 ** min(self._refusals, 10), self._interval)
        return max(wait, answer.retry_after)

    async def _patch(self, body: str) -> "_Answer":
        target = self._target
        query = {"fieldManager": f"streamset-relay/{target.relay}", "force": "true"}
        try:
            token, tls = await asyncio.to_thread(_credentials, target.account)
            headers = {"Authorization": f"Bearer {token}", "Content-Type": APPLY}
            timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT)
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.patch(target.url, params=query, data=body, ssl=tls) as answer,
            ):
                retry_after = answer.headers.get("Retry-After", "")
                return _Answer(
                    answer.status,
                    float(retry_after) if retry_after.isdecimal() else 0.0,
                    await answer.json(content_type=None),
                )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return _Answer(message=str(error) or type(error).__name__)


@dataclass(frozen=True)
class _Answer:
    """What came back: the HTTP status, 0 for none, and the object or the refusal."""

    code: int = 0
    retry_after: float = 0.0
    document: Any = None
    message: str = ""

    @property
    def uid(self) -> str | None:
        """Uid of the set that was written."""
        written = self.code == HTTPStatus.OK and isinstance(self.document, dict)
        return self.document["metadata"]["uid"] if written else None

    @property
    def why(self) -> str:
        """The words of a refusal."""
        said = self.document.get("message") if isinstance(self.document, dict) else None
        return str(said or self.message)[:LONGEST]


def _credentials(account: Path) -> tuple[str, ssl.SSLContext]:
    token = (account / "token").read_text("utf-8").strip()
    return token, ssl.create_default_context(cafile=str(account / "ca.crt"))


def _phase(status: Status) -> Phase:
    if status.not_ready == DRAINING:
        return Phase.DRAINING
    both = status.websocket_connected and status.nats_connected
    return Phase.RUNNING if both or status.ledger.received else Phase.STARTING


def _exchange(status: Status, failures: Mapping[str, str]) -> Link:
    if status.not_ready == NO_DATA:
        return Link(connected=status.websocket_connected, reason="NoData")
    failed = failures.get("exchange")
    if status.websocket_connected or failed is None:
        return Link(connected=status.websocket_connected)
    return _broken(EXCHANGE_WORDS.get(failed, UNREACHABLE), status.last_errors.get("exchange"))


def _nats(status: Status, failures: Mapping[str, str]) -> Link:
    failed = failures.get("nats")
    if failed is None or (status.nats_connected and failed != DENIED):
        return Link(connected=status.nats_connected)
    link = _broken(NATS_WORDS.get(failed, UNREACHABLE), status.last_errors.get("nats"))
    return link.model_copy(update={"connected": status.nats_connected})


def _broken(reason: str, message: str | None) -> Link:
    return Link(connected=False, reason=reason, message=message[:LONGEST] if message else None)


def _last_error(status: Status, sent: RelayReport | None, now: str) -> LastError | None:
    message = "; ".join(status.last_errors[side] for side in sorted(status.last_errors))[:LONGEST]
    if not message:
        return None
    last = sent.last_error if sent is not None else None
    return (
        last
        if last is not None and last.message == message
        else LastError(message=message, time=now)
    )


def _rate(rate: float, written: float | None) -> float:
    if written and rate > 0 and abs(rate - written) <= RATE_MOVED * written:
        return written
    return round(rate, 1 - floor(log10(rate))) if rate > 0 else 0.0


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
