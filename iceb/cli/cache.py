"""todo"""


def cache() -> None: ...
