"""How far a long piece of work has come, and about how long it will still take."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

# before that nothing can be said of the time left: small parts say little of large ones
FEWEST_SECONDS = 3
FEWEST_PARTS = 20


@dataclass
class Pace:
    """Work of so many parts, `whole`, of any unit; `tell` shows a message, `clock` gives seconds.

    The caller adds to `done`.
    """

    tell: Callable[[str], None]
    whole: int
    done: int = 0
    clock: Callable[[], float] = time.monotonic
    since: float = field(init=False)

    def __post_init__(self) -> None:
        self.since = self.clock()

    def say(self, what: str) -> None:
        """Shows what is being done and, once it can be told, the time left."""
        self.tell(what + self._left())

    def _left(self) -> str:
        taken = self.clock() - self.since
        if self.done * FEWEST_PARTS < self.whole or taken < FEWEST_SECONDS:
            return ""
        seconds = round(taken * (self.whole - self.done) / self.done)
        left = f"{seconds} s" if seconds < 100 else f"{round(seconds / 60)} min"
        return f", about {left} left"
