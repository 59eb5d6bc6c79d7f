"""Hypothesis strategies for names of streams."""

from hypothesis import strategies as st

from streamset_api.stream import MAX_LENGTH

_FORBIDDEN = [*(chr(code) for code in [*range(0x21), *range(0x7F, 0xA1)]), *"@!,/\\\"'"]
_REST = st.characters(exclude_characters=_FORBIDDEN, exclude_categories=["Cs"])
_FIRST = st.characters(exclude_characters=[*_FORBIDDEN, "_"], exclude_categories=["Cs"])

symbols = st.builds(str.__add__, _FIRST.map(str), st.text(_REST, max_size=20))
channels = st.one_of(
    st.sampled_from(["trade", "depth20@100ms", "kline_1M", "kline_1d@+08:00", "ticker_1h"]),
    st.from_regex(r"\A[A-Za-z][A-Za-z0-9_]{0,8}(@[A-Za-z0-9_+:.-]{1,6}){0,2}\Z"),
)
names = st.one_of(
    st.builds("{}@{}".format, symbols, channels),
    st.builds("!{}".format, channels),
    st.just("tradingSession"),
).filter(lambda name: len(name) <= MAX_LENGTH and name == name.strip())
