"""Numbers in words: a count with its noun, and bytes in a fitting unit."""


def count_text(number: int, noun: str) -> str:
    """A count with its noun, plural where it is not one.

    >>> count_text(1, "edit"), count_text(300, "edit")
    ('1 edit', '300 edits')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def edits_text(num_edits: int, draws: int = 1, replicates: int = 1) -> str:
    """The number of edits that a run makes at a time, and how often it repeats them.

    >>> edits_text(300), edits_text(10, draws=5, replicates=3)
    ('300 edits', '10 edits, 5 draws, 3 seeds')
    """
    return ", ".join([count_text(num_edits, "edit"), *repeats_text(draws, replicates)])


def repeats_text(draws: int, replicates: int) -> list[str]:
    """The numbers of draws and seeds of an edit, a text for each above one.

    >>> repeats_text(5, 1)
    ['5 draws']
    """
    return [count_text(number, noun) for number, noun in ((draws, "draw"), (replicates, "seed")) if number > 1]


def task_label(task: str, dataset: str) -> str:
    """A task with its dataset, where that has another name.

    >>> task_label("aice", "aice_embedded"), task_label("orchestra", "orchestra")
    ('aice (aice_embedded)', 'orchestra')
    """
    return task if task == dataset else f"{task} ({dataset})"


def size_text(count: float) -> str:
    """Bytes in decimal units.

    >>> size_text(999), size_text(1_500_000)
    ('999 B', '1.5 MB')
    """
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} GB"
