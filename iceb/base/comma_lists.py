"""Lists that one text holds, with commas between their parts."""


def split_list(text: str | None) -> tuple[str, ...]:
    """The parts of a list with commas, without blanks around them; empty parts are passed over.

    >>> split_list("emcid, uce"), split_list(None)
    (('emcid', 'uce'), ())
    """
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
