"""A status in the words of its readers: the keys of the service this one replaces, and the new ones."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from streamset_api.relay_config import RelayConfig

from .status import Status

HEARTBEAT = "HEARTBEAT: WebSocket Client Statistics"


def describe(status: Status, config: RelayConfig) -> dict[str, object]:
    """`/info` and `get_metrics`: the old keys, then what the old service could not say."""
    ledger = status.ledger
    return {
        "is_connected": status.websocket_connected,
        "is_running": status.not_ready != "draining",
        "connection_status": _word(status.websocket_connected),
        "reconnect_attempts": status.reconnects,
        "processed_messages": ledger.processed,
        "dropped_messages": ledger.dropped_total,
        "stream_count": len(status.streams),
        "streams": list(status.streams),
        "uptime": status.uptime,
        "queue_size": status.queue_size,
        "last_message_time": status.last_message_at or 0,
        "last_ping": status.last_ping_at or 0,
        "websocket_state": _word(status.websocket_connected),
        "nats_state": _word(status.nats_connected),
        "uptime_seconds": round(status.uptime, 2),
        "messages_per_second": _rate(ledger.received, status.uptime),
        "queue_utilization_percent": round(status.queue_utilization * 100, 2),
        "time_since_last_message": _rounded(status.since_last_message),
        "heartbeat_enabled": config.heartbeat.enabled,
        "heartbeat_interval": config.heartbeat.interval_seconds,
        "ready": status.not_ready is None,
        "not_ready_reason": status.not_ready,
        "ledger": ledger.as_dict(),
        "active_streams": status.active,
        "silent_streams": list(status.silent),
        "refused_streams": status.refused,
        "connections": {state: count for state, count in status.connections.items() if count},
        "breakers": status.breakers,
        "gaps": status.gaps,
        "missing_events": status.missing,
        "sequence_resets": status.sequence_resets,
        "exchange_lag_seconds": round(status.lag, 6),
        "queue_age_seconds": round(status.queue_age, 3),
        "nats_reconnects": status.nats_reconnects,
        "handovers": status.handovers,
        "ownership": status.ownership.value,
        "jetstream": None if status.jetstream is None else asdict(status.jetstream),
        "last_errors": status.last_errors,
        "environment": config.environment,
        "market": config.market.value,
        "subject": config.nats.subject,
    }


def beat(status: Status, before: Status, interval: float) -> Mapping[str, object]:
    """The fields of the heartbeat line, counted since the status `before`."""
    ledger, earlier = status.ledger, before.ledger
    processed = ledger.processed
    processed_before = earlier.processed
    return {
        "connection_status": status.websocket_connected,
        "websocket_state": _word(status.websocket_connected),
        "nats_state": _word(status.nats_connected),
        "messages_processed_since_last": processed - processed_before,
        "messages_dropped_since_last": ledger.dropped_total - earlier.dropped_total,
        "messages_per_second": _rate(processed - processed_before, status.uptime - before.uptime),
        "total_processed": processed,
        "total_dropped": ledger.dropped_total,
        "overall_rate_per_second": _rate(processed, status.uptime),
        "queue_size": status.queue_size,
        "queue_utilization_percent": round(status.queue_utilization * 100, 2),
        "time_since_last_message_seconds": _rounded(status.since_last_message) or 0,
        "uptime_seconds": round(status.uptime, 2),
        "heartbeat_interval_seconds": interval,
        "reconnect_attempts": status.reconnects,
        "last_ping_seconds_ago": _rounded(status.since_last_ping),
        **({} if status.jetstream is None else {"jetstream": asdict(status.jetstream)}),
    }


def news(status: Status, before: Status) -> Iterator[tuple[str, dict[str, object]]]:
    """What went wrong since the status `before`: log lines and their fields; nothing where nothing did."""
    dropped = Counter(status.ledger.dropped)
    dropped.subtract(before.ledger.dropped)
    if reasons := +dropped:
        yield "Frames were dropped", {"reasons": dict(reasons)}
    if gaps := status.gaps - before.gaps:
        missing = status.missing - before.missing
        yield "Streams have gaps", {"gaps": gaps, "missing_events": missing}
    if resets := status.sequence_resets - before.sequence_resets:
        yield "Streams started their numbers again", {"sequence_resets": resets}
    delivery, earlier = status.jetstream, before.jetstream
    if delivery is not None and earlier is not None and delivery.resent > earlier.resent:
        resent, reordered = (
            delivery.resent - earlier.resent,
            delivery.reordered - earlier.reordered,
        )
        yield "Messages were sent to JetStream again", {"resent": resent, "reordered": reordered}
    if unconfirmed := status.ledger.unconfirmed - before.ledger.unconfirmed:
        yield "NATS was lost with messages unconfirmed", {"unconfirmed": unconfirmed}


def _word(connected: bool) -> str:
    return "connected" if connected else "disconnected"


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 2) if seconds > 0 else 0.0


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
