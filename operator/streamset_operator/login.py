"""Who the operator is: the same for kopf, which watches, and for the client, which does all else.

In a pod the mounted ServiceAccount, whose token both read again as it is replaced. Elsewhere the
kubeconfig, with a token or a client certificate; plugins that fetch credentials are not run.
"""

import os
import ssl
from dataclasses import replace
from typing import Any

import kopf
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config.incluster_config import load_incluster_config

from streamset_api.errors import ABSENT, ConfigError, Problem

IN_CLUSTER = "KUBERNETES_SERVICE_HOST"


def configuration() -> tuple[Configuration, ssl.SSLContext | None]:
    """Return how the client connects; the context stands in for what the configuration says.

    Reads files. Raises `ConfigError` where there is neither a pod nor a kubeconfig.
    """
    found = Configuration()
    if IN_CLUSTER in os.environ:
        load_incluster_config(found)
        return found, None
    info = kopf.login_with_kubeconfig(settings=kopf.OperatorSettings())
    if info is None:
        allowed = "the path of a kubeconfig, where this is no pod"
        raise ConfigError([Problem("KUBECONFIG", ABSENT, allowed)])
    found.host = info.server
    if info.token:
        found.api_key["BearerToken"] = f"Bearer {info.token}"
    return found, info.as_ssl_context()


def register(registry: kopf.OperatorRegistry) -> None:
    """Have kopf log in likewise. It calls a function that is no coroutine in a thread."""

    def log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:
        if IN_CLUSTER not in os.environ:
            return kopf.login_with_kubeconfig(**kwargs)
        info = kopf.login_with_service_account(**kwargs)
        # kopf would take a name, and so depend on the cluster's DNS.
        return info and replace(info, server=configuration()[0].host)

    kopf.on.login(registry=registry)(log_in)
