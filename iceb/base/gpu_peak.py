"""Remember a GPU's peak memory while its counter is reset to measure one block; no torch."""

from collections.abc import Callable


class Peak:
    """The highest count that a counter showed before it was reset."""

    def __init__(self) -> None:
        self.earlier = 0

    def within(self, read: Callable[[], int], reset: Callable[[], object], work: Callable[[], object]) -> int:
        """Reset a counter, run `work`, and return what the counter shows then.

        Args:
            read: the highest count since the last reset.
            reset: counts from now on.
            work: what is measured.
        """
        self.earlier = max(self.earlier, read())
        reset()
        work()
        return read()

    def forget(self) -> None:
        """Count from now on."""
        self.earlier = 0


GPU = Peak()  # of tensors' memory, of this process
