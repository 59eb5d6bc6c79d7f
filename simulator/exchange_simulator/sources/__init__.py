"""What the exchange sends, without sockets or clocks: generated events and recorded ones."""
