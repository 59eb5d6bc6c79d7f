"""How kopf is set up, with the reasons. It watches, and nothing else.

What its defaults would do beside that: post Events, scan for namespaces and CRDs with rights of
their own, pause for other kopf operators, give up on an API server that is away for a minute.
"""

from collections.abc import Iterator

import kopf

from streamset_operator import labels
from streamset_operator.cluster import PAGE
from streamset_operator.kinds import SETS, Kind
from streamset_operator.settings import Settings

MINE = f"{labels.MANAGED_BY}={labels.MANAGER},{labels.SET}"
"""Selects what is made for sets, on the server: other people's objects never come here."""

RECONNECT = 1.0
CONNECT = 10.0


class EndlessBackoff:
    """Waits between two tries of a request, in seconds, without an end.

    kopf's own list ends after 54 s, and then the whole process: an outage of the API server would be
    a row of restarts. A list of rights or a watch that is refused is worth the same patience.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest

    def __iter__(self) -> Iterator[float]:
        wait = min(1.0, self._longest)
        while True:
            yield wait
            wait = min(2 * wait, self._longest)


def configure(settings: Settings, kinds: tuple[Kind, ...]) -> kopf.OperatorSettings:
    """Return kopf's settings."""
    kopf_settings = kopf.OperatorSettings()

    # Kinds and namespaces are known: no rights on CRDs and namespaces are asked for.
    kopf_settings.scanning.disabled = True
    # We post our own Events, on transitions only.
    kopf_settings.posting.enabled = False
    # No peering: one replica with the strategy Recreate, and no CRDs or annotations of kopf's.
    kopf_settings.peering.standalone = True
    # It ends more than once in a process' life: no SIGKILL some time after.
    kopf_settings.process.ultimate_exiting_timeout = None

    watching = kopf_settings.watching
    # A watch that says nothing is not believed for long. Servers send bookmarks once a minute, so
    # 70 s without any means that it is dead; the two limits below hold where no bookmark is sent.
    watching.inactivity_timeout = min(70.0, settings.watch_timeout)
    watching.server_timeout = max(round(settings.watch_timeout), 1)  # whole seconds, or HTTP 400
    watching.client_timeout = settings.watch_timeout + CONNECT
    watching.connect_timeout = CONNECT
    watching.reconnect_backoff = RECONNECT
    # All of a kind at once would be one answer, in memory and within the time of one request.
    watching.chunk_size = PAGE
    for kind in kinds:
        if kind != SETS:
            watching.label_selectors[kind.group, kind.version, kind.plural] = MINE

    networking = kopf_settings.networking
    networking.request_timeout = settings.request_timeout
    networking.connect_timeout = CONNECT
    networking.error_backoffs = EndlessBackoff(min(30.0, settings.retry_max_delay))
    # A handler only fills a cache and a queue, so a worker per object has no reason to linger.
    kopf_settings.queueing.idle_timeout = 1.0
    return kopf_settings
