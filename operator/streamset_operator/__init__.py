"""The operator: from a `BinanceStreamSet` to the objects that run it, and back to its status.

The pure half is a chain of values, each made from the one before:

    assign → transition → plan → build          what is wanted
    observe → settle → events.between           what is

It reads no cluster, no clock and no environment; dicts of Kubernetes objects go in and come out.
"""
