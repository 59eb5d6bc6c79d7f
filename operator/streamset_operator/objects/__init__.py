"""What a set is made of: one file for each kind of object, and `build` that lists them."""

from streamset_operator.objects.build import build

__all__ = ["build"]
