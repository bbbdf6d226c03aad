"""Write numbers of tables and messages: three decimals, or up to six where those show no digit of it."""

from math import floor, log10

DECIMALS, MOST = 3, 6
DIGITS = 2  # of a number that three decimals would show as zero
NOISE = 1e-6  # below it a number is shown as zero


def decimals_of(size: float) -> int:
    """Return the decimals that show a number of this size, or one with such an error.

    >>> decimals_of(0.25), decimals_of(0.00034), decimals_of(0.000004), decimals_of(1e-12)
    (3, 5, 6, 3)
    """
    small = NOISE < abs(size) < 0.5 * 10.0**-DECIMALS
    return min(DIGITS - 1 - floor(log10(abs(size))), MOST) if small else DECIMALS


def number_text(value: float, decimals: int | None = None, *, signed: bool = False) -> str:
    """Format a number with so many decimals, or else as many as it needs itself; zero has no minus.

    >>> number_text(0.25), number_text(-0.0001), number_text(-0.0001, 3), number_text(0.0, signed=True)
    ('0.250', '-0.00010', '0.000', '+0.000')
    """
    text = f"{value:{'+' if signed else ''}.{decimals_of(value) if decimals is None else decimals}f}"
    return text if float(text) else text.replace("-", "+" if signed else "")


def estimate_text(value: float, error: float | None, decimals: int | None = None, *, signed: bool = False) -> str:
    """Format a value with its standard error, if it has one, both with the decimals that the error needs.

    Args:
        decimals: those of a column that it stands in.

    >>> estimate_text(0.2517, 0.0131), estimate_text(0.00034, 0.000021), estimate_text(0.5, None, signed=True)
    ('0.252 ± 0.013', '0.000340 ± 0.000021', '+0.500')
    """
    shown = decimals_of(error or value) if decimals is None else decimals
    text = number_text(value, shown, signed=signed)
    return text if error is None else f"{text} ± {number_text(error, shown)}"
