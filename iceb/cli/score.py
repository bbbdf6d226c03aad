"""todo"""


def score() -> None: ...
