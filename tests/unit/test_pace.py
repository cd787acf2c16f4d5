"""What is shown of long work: how far it has come, and the time left."""

import pytest

from makegood.ingestion.pace import Pace


@pytest.mark.parametrize(
    ("taken", "done", "whole", "shown"),
    [
        (2, 1, 4, "reading"),
        (60, 0, 4, "reading"),
        (60, 1, 21, "reading"),
        (10, 1, 20, "reading, about 3 min left"),
        (3, 1, 4, "reading, about 9 s left"),
        (30, 3, 4, "reading, about 10 s left"),
        (50, 1, 3, "reading, about 2 min left"),
        (9, 3, 3, "reading, about 0 s left"),
    ],
)
def test_time_left_is_in_proportion(taken: float, done: int, whole: int, shown: str) -> None:
    """Not before a twentieth is done, nor in the first seconds, which say nothing yet."""
    now, messages = [100.0], []
    pace = Pace(messages.append, whole, clock=lambda: now[0])
    now[0] += taken
    pace.done = done
    pace.say("reading")
    assert messages == [shown]
