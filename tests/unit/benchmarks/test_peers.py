"""Peers ask the exchange as it wants to be asked."""

import json

import pytest

from benchmarks.frames import stream_names
from benchmarks.peers.protocol import requests
from benchmarks.plan import Frame


@pytest.mark.parametrize("frame", Frame)
@pytest.mark.parametrize("count", [1, 3, 140, 141, 1024])
def test_requests_name_every_stream_once_and_are_short_enough(frame: Frame, count: int) -> None:
    names = stream_names(frame, count)

    asked = list(requests(names))

    assert [name for text in asked for name in json.loads(text)["params"]] == names
    assert max(map(len, asked)) <= 4096
    assert len({json.loads(text)["id"] for text in asked}) == len(asked)
