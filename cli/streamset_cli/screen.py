"""The demo's live table: what the relays say of themselves above, what arrived at NATS below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .witness import Arrivals

HEADER_LINES = 10


@dataclass(frozen=True)
class Snapshot:
    """What is drawn: the set's name, where NATS is, each relay's `/info`, and what a consumer received."""

    name: str
    server: str
    relays: Sequence[Mapping[str, Any]]
    arrivals: Arrivals


def draw(snapshot: Snapshot, height: int) -> RenderableType:
    """The whole screen; the streams with the most messages where they do not all fit."""
    room = max(height - HEADER_LINES, 3)
    busiest = snapshot.arrivals.by_stream.most_common(room)
    table = Table(expand=True, box=None, pad_edge=False)
    table.add_column("stream", no_wrap=True)
    for heading in ("messages", "msg/s", "lag ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("last payload", no_wrap=True, overflow="ellipsis", ratio=1)
    for name, count in sorted(busiest):
        seen = snapshot.arrivals
        lag = seen.lags.get(name)
        table.add_row(
            name,
            f"{count:,}",
            f"{seen.rates.get(name, 0.0):,.1f}",
            "-" if lag is None else f"{lag * 1000:,.1f}",
            Text(seen.last.get(name, "")),
        )
    hidden = len(snapshot.arrivals.by_stream) - len(busiest)
    more = [Text(f"… and {hidden} more streams", style="dim")] if hidden else []
    return Group(_header(snapshot), table, *more)


def farewell(report: Mapping[str, Any]) -> str:
    """The demo's last words on a terminal."""
    ledger = report["ledger"]
    dropped = ", ".join(f"{count} {why}" for why, count in ledger["dropped"].items()) or "none"
    verdict = "every frame is accounted for" if report["accounted_for"] else "FRAMES ARE MISSING"
    return (
        f"{report['seconds']} s: received {ledger['received']:,} = published "
        f"{ledger['published']:,} + unconfirmed {ledger['unconfirmed']:,} + dropped ({dropped}); "
        f"a consumer of NATS got {report['delivered']:,}. {verdict}."
    )


def _header(snapshot: Snapshot) -> RenderableType:
    relays = snapshot.relays
    line = Text()
    facts = {
        "relays": f"{sum(bool(r['ready']) for r in relays)}/{len(relays)} ready",
        "streams": f"{_total(relays, 'active_streams')}/{_total(relays, 'stream_count')}",
        "msg/s": f"{sum(snapshot.arrivals.rates.values()):,.0f}",
        "queue": f"{_total(relays, 'queue_size'):,}",
        "gaps": f"{_total(relays, 'gaps'):,}",
        "dropped": f"{_total(relays, 'dropped_messages'):,}",
        "reconnects": f"{_total(relays, 'reconnect_attempts'):,}",
        "lag": f"{max((r['exchange_lag_seconds'] for r in relays), default=0) * 1000:,.1f} ms",
    }
    for name, value in facts.items():
        line.append(f"{name} ", style="dim").append(f"{value}   ", style="bold")
    hint = Text(
        f"NATS {snapshot.server} - watch it yourself: nats sub '>' -s {snapshot.server} - stop: Ctrl-C",
        style="dim",
    )
    return Panel(Group(line, hint), title=f"streamset demo: {snapshot.name}", title_align="left")


def _total(relays: Sequence[Mapping[str, Any]], key: str) -> int:
    return sum(int(relay[key]) for relay in relays)
