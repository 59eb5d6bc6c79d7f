"""The control protocol: SUBSCRIBE and its kin, from the text of a message to the exchange's answer.

Sources: "Live Subscribing/Unsubscribing to streams", "Property request" and "Error Messages" of
binance-spot-api-docs `web-socket-streams.md`; what the documents leave open follows what was seen on
the live hosts: unknown streams are acknowledged, text that is not JSON closes the connection, the
1025th stream is answered with code 4 and a close.
"""

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any, Literal

ErrorShape = Literal["nested", "flat"]
"""`{"error":{"code","msg"},"id"}` as the live hosts send it, or `{"code","msg"}` as the table shows."""

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")


@dataclass(frozen=True)
class Manners:
    """How this exchange answers."""

    any_id: bool = True
    max_streams: int = 1024
    max_length: int = 8000
    error_shape: ErrorShape = "nested"


@dataclass(frozen=True)
class Session:
    """What one connection is subscribed to (in the order of subscription), and how it is served."""

    combined: bool
    streams: frozenset[str] = frozenset()
    order: tuple[str, ...] = field(default=(), compare=False)

    def add(self, streams: tuple[str, ...]) -> "Session":
        """The session with these streams as well."""
        new = tuple(name for name in dict.fromkeys(streams) if name not in self.streams)
        return replace(self, streams=self.streams.union(new), order=self.order + new)

    def remove(self, streams: tuple[str, ...]) -> "Session":
        """The session without these streams; streams it does not have are no error."""
        left = self.streams.difference(streams)
        return replace(self, streams=left, order=tuple(name for name in self.order if name in left))


@dataclass(frozen=True)
class Close:
    """The exchange ends the connection. Code 1006 means that it sends no close frame."""

    code: int
    reason: str
    cause: str
    """Name under which the simulator counts it."""


@dataclass(frozen=True)
class Answer:
    """What a control message leads to."""

    session: Session
    reply: str | None = None
    close: Close | None = None
    method: str = ""
    """The method that was understood and obeyed; empty for an error."""


INVALID_REQUEST = Close(1008, "Invalid request", "invalid_request")
TOO_LONG = Close(1006, "", "control_message_too_long")
TOO_MANY_STREAMS = Close(1008, "Too many subscriptions", "too_many_subscriptions")
TOO_MANY_REQUESTS = Close(1008, "Too many requests", "too_many_requests")


def answer(message: str | bytes, session: Session, manners: Manners) -> Answer:
    """Answer one control message. Binary messages and text that is not JSON end the connection."""
    if isinstance(message, bytes):
        return Answer(session, close=INVALID_REQUEST)
    if len(message) > manners.max_length:
        return Answer(session, close=TOO_LONG)
    identity: object = None
    try:
        request = _parse(message)
        if request is None:
            return Answer(session, close=INVALID_REQUEST)
        identity = _identity(request, manners)
        return _obey(_method(request, message), request, session, manners)
    except RequestError as error:
        return Answer(session, reply=error_text(error.code, error.text, identity, manners))


def open_session(streams: tuple[str, ...], *, combined: bool, manners: Manners) -> Answer:
    """Start a session with the streams of the URL, which count towards the limit as any other."""
    return _subscribed(Session(combined=combined), streams, None, manners)


class RequestError(Exception):
    """A request the exchange refuses, by the table of error messages."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


def error_text(code: int, text: str, identity: object, manners: Manners) -> str:
    """An error reply. In the documented flat shape only code 0 names the request."""
    if manners.error_shape == "nested":
        return _json({"error": {"code": code, "msg": text}, "id": identity})
    return _json({"code": code, "msg": text} | ({"id": identity} if code == 0 else {}))


def shutdown_text(now_ms: int, *, combined: bool) -> str:
    """The event `serverShutdown`, in the shape of the connection."""
    event = {"e": "serverShutdown", "E": now_ms}
    return _json({"stream": "!serverShutdown", "data": event} if combined else event)


Request = dict[str, Any]


def _parse(message: str) -> Request | None:
    """The JSON object of a message; None when the text does not even begin as one."""
    if not message.lstrip().startswith(("{", "[")):
        return None
    try:
        request = json.loads(message)
    except ValueError as error:
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
        text = f"Invalid JSON: expected value at line {line} column {column}"
        raise RequestError(3, text) from error
    except RecursionError as error:
        text = f"Invalid JSON: recursion limit exceeded at line 1 column {len(message)}"
        raise RequestError(3, text) from error
    if not isinstance(request, dict):
        raise RequestError(2, f"Invalid request: expected a map at line 1 column {len(message)}")
    return request


def _identity(request: Request, manners: Manners) -> object:
    identity = request.get("id")
    if identity is None or (type(identity) is int and 0 <= identity < 1 << 63):
        return identity
    if manners.any_id:
        if type(identity) is int and identity >= -(1 << 63):
            return identity
        if isinstance(identity, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,36}", identity):
            return identity
    raise RequestError(2, "Invalid request: request ID must be an unsigned integer")


def _method(request: Request, message: str) -> str:
    if "method" not in request:
        raise RequestError(
            2, f"Invalid request: missing field `method` at line 1 column {len(message)}"
        )
    method = request["method"]
    if method not in METHODS:
        shown = f"`{method}`" if isinstance(method, str) else _json(method)
        expected = ", ".join(f"`{known}`" for known in METHODS)
        column = message.find('"method"') + len('"method":') + len(_json(method)) + 1
        text = f"unknown variant {shown}, expected one of {expected} at line 1 column {column}"
        raise RequestError(2, f"Invalid request: {text}")
    return str(method)


def _obey(method: str, request: Request, session: Session, manners: Manners) -> Answer:
    identity = request.get("id")
    result: object = None
    match method:
        case "SUBSCRIBE":
            return _subscribed(session, _names(request), identity, manners)
        case "UNSUBSCRIBE":
            session = session.remove(_names(request))
        case "LIST_SUBSCRIPTIONS":
            if request.get("params"):
                raise RequestError(2, "Invalid request: too many parameters")
            result = list(session.order)
        case "SET_PROPERTY":
            session = replace(session, combined=_new_value(_params(request, 2)))
        case "GET_PROPERTY":
            _check_property(_params(request, 1))
            result = session.combined
    return Answer(session, reply=_result(result, identity), method=method)


def _subscribed(
    session: Session, streams: tuple[str, ...], identity: object, manners: Manners
) -> Answer:
    wanted = session.add(streams)
    if len(wanted.streams) > manners.max_streams:
        reply = error_text(4, "Too many subscriptions", identity, manners)
        return Answer(session, reply=reply, close=TOO_MANY_STREAMS)
    return Answer(wanted, reply=_result(None, identity), method="SUBSCRIBE")


def _new_value(params: list[Any]) -> bool:
    _check_property(params)
    if len(params) < 2 or not isinstance(params[1], bool):
        raise RequestError(1, "Invalid value type: expected Boolean")
    return params[1]


def _check_property(params: list[Any]) -> None:
    if not params or not isinstance(params[0], str):
        raise RequestError(2, "Invalid request: property name must be a string")
    if params[0] != "combined":
        raise RequestError(0, "Unknown property")


def _names(request: Request) -> tuple[str, ...]:
    names = _params(request, None)
    for name in names:
        if not isinstance(name, str):
            raise RequestError(
                2, f"Invalid request: invalid type: {_json(name)}, expected a string"
            )
    return tuple(names)


def _params(request: Request, most: int | None) -> list[Any]:
    params = request.get("params")
    if params is None:
        raise RequestError(2, "Invalid request: missing field `params`")
    if not isinstance(params, list):
        shown = _json(params)
        raise RequestError(2, f"Invalid request: invalid type: {shown}, expected a sequence")
    if most is not None and len(params) > most:
        raise RequestError(2, "Invalid request: too many parameters")
    return params


def _result(result: object, identity: object) -> str:
    return _json({"result": result, "id": identity})


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
