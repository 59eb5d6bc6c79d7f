"""The relay's logic, without I/O, clock or randomness.

Time comes in as an argument (`now`, seconds of a monotonic clock), randomness as a `random.Random`.
Read in the order a frame takes: `classify`, `buffer`, `envelope`; then `session`, which owns a connection's life.
"""
