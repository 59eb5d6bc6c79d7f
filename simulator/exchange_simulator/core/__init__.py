"""What the exchange does, without sockets, clocks or tasks: frames, control messages, limits, counts."""
