"""Numbers as the page prints them: few digits, a true minus sign, a dash where there is none."""

MINUS = "\N{MINUS SIGN}"
NONE = "–"


def plain(value: float | None, digits: int = 3) -> str:
    """A value with this many decimals."""
    if value is None:
        return NONE
    return f"{value:.{digits}f}".replace("-", MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """An effect: always with its sign."""
    if value is None:
        return NONE
    text = f"{value:+.{digits}f}"
    return f"{0:.{digits}f}" if float(text) == 0 else text.replace("-", MINUS)


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """Both ends of an interval, signed."""
    if low is None or high is None:
        return NONE
    return f"[{signed(low, digits)}, {signed(high, digits)}]"


def probability(value: float | None) -> str:
    """A p value."""
    if value is None:
        return NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction as a percentage."""
    if value is None:
        return NONE
    return f"{100 * value:.{digits}f} %".replace("-", MINUS)


def signed_percent(value: float | None, digits: int = 1) -> str:
    """A relative effect as a percentage with its sign."""
    return NONE if value is None else f"{signed(100 * value, digits)} %"


def count(value: float | None) -> str:
    """A large number: 7.86 million, 655,360."""
    if value is None:
        return NONE
    if value >= 1e9:
        return f"{value / 1e9:.3g} billion"
    return f"{value / 1e6:.3g} million" if value >= 1e6 else f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    if seconds is None:
        return NONE
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
