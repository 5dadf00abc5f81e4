"""Stateless randomness: every random draw is a function of the seed and the name of the draw.

A draw does not depend on earlier draws. So when a simulated history is shrunk by removing events,
the draws for the events that remain give the same results.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_BITS = 64


class Chance:
    """The random draws of one simulated history.

    Args:
        seed: any integer that is not negative.
    """

    __slots__ = ("_key", "seed")

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._key = seed.to_bytes(16, "big")

    def bits(self, name: str) -> int:
        """Return 64 random bits."""
        digest = blake2b(name.encode(), digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "big")

    def unit(self, name: str) -> float:
        """Return a random number in [0, 1)."""
        return (self.bits(name) >> 11) / (1 << (_BITS - 11))

    def below(self, name: str, limit: int) -> int:
        """Return a random whole number from 0 to `limit` - 1."""
        return self.bits(name) * limit >> _BITS

    def pick(self, name: str, options: Sequence[T]) -> T:
        """Return one of the options at random."""
        return options[self.below(name, len(options))]

    def happens(self, name: str, probability: float) -> bool:
        """Return whether an event with this probability happens."""
        return self.unit(name) < probability
