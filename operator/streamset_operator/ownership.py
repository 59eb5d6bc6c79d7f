"""Whose an object is, by its owner reference: what may be written, what has to be left alone.

Server-side apply with force would take over whatever has the name, and the deletion of the set
would delete it. So an object that is not this set's is never written.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum, auto
from typing import Any, NamedTuple

from streamset_api.resource import GROUP, KIND

Object = Mapping[str, Any]


class Owner(StrEnum):
    """Whom an object belongs to."""

    NOBODY = auto()
    """There is no such object."""
    THIS_SET = auto()
    NAMESAKE = auto()
    """A deleted set of the same name: the garbage collector is about to remove it."""
    STRANGER = auto()


class Reference(NamedTuple):
    """What names an object within its namespace."""

    api_version: str
    kind: str
    name: str


def owner(live: Object | None, set_name: str, uid: str) -> Owner:
    """Return whom a live object belongs to, from the point of view of one set.

    An object of ours that is being deleted counts as a namesake's: it is waited for.
    """
    if live is None:
        return Owner.NOBODY
    for reference in live["metadata"].get("ownerReferences") or ():
        group = reference.get("apiVersion", "").partition("/")[0]
        if (group, reference.get("kind"), reference.get("name")) == (GROUP, KIND, set_name):
            going = live["metadata"].get("deletionTimestamp") is not None
            return Owner.THIS_SET if reference.get("uid") == uid and not going else Owner.NAMESAKE
    return Owner.STRANGER


def leftovers(
    live: Iterable[Object], desired: Iterable[Object], set_name: str, uid: str
) -> list[Reference]:
    """Return the set's objects that it does not want any more; nobody else's is among them."""
    wanted = {reference(thing) for thing in desired}
    return [
        reference(thing)
        for thing in live
        if owner(thing, set_name, uid) is Owner.THIS_SET and reference(thing) not in wanted
    ]


def reference(thing: Object) -> Reference:
    """Return what names the object."""
    return Reference(thing["apiVersion"], thing["kind"], thing["metadata"]["name"])
