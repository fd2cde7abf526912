"""Names of wells."""

__all__ = ["well_label"]


def well_label(row: int, column: int) -> str:
    """The name of a well: A01 for row 0, column 0; after Z come AA, AB, …"""
    letters = ""
    row += 1
    while row:
        row, digit = divmod(row - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return f"{letters}{column + 1:02d}"
