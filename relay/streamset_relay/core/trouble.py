"""Why JetStream takes nothing although NATS is connected, in words that the resource's status repeats."""

from enum import StrEnum


class Trouble(StrEnum):
    """A reason that lasts until somebody does something, or the server recovers."""

    UNAVAILABLE = "JetStreamUnavailable"
    """JetStream does not answer: not enabled for the account, or without a leader."""
    API_DENIED = "JetStreamDenied"
    """The user may not ask for the stream, or may not be answered."""
    STREAM_MISSING = "StreamMissing"
    """There is no such stream, and none is to be created."""
    NOT_CREATED = "StreamNotCreated"
    """The server refused to create it."""
    WINDOW_TOO_SHORT = "DuplicateWindowTooShort"
    """The stream forgets ids sooner than asked for: a repetition might be stored twice."""
    SUBJECT_NOT_BOUND = "SubjectNotInStream"
    """The stream does not listen to a subject that the relay publishes to."""
    NOT_WRITABLE = "StreamNotWritable"
    """The stream is a mirror, or sealed."""
    NO_ACKS = "StreamWithoutAcks"
    """The stream is configured not to answer."""
    STREAM_FULL = "StreamFull"
    """A limit of the stream is reached, and it discards new messages."""
    DENIED = "PublishDenied"
    """The user may not publish to a subject."""
