"""todo"""


def evaluate() -> None: ...
