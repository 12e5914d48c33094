"""Whether two engines gave the same answer: rows of values, whatever form an engine gives them in."""

import datetime
import math

from bench import data

REAL = 1e-9  # Sums of doubles depend on the order of adding.


def plain(value):
    """A value as a number, or as text in which an instant is its microseconds since 1970."""
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")
    if isinstance(value, datetime.date):
        return f"{value.isoformat()} 00:00:00"
    text = str(value)
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "")).isoformat(sep=" ")
    except ValueError:
        return text


def close(one, other, relative):
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=max(relative, REAL), abs_tol=1e-6)
    return one == other


def ordered(rows):
    return sorted(([plain(value) for value in row] for row in rows),
                  key=lambda row: [(isinstance(value, str), str(value) if isinstance(value, str) else 0) for value in row])


def compare(found, wanted, relative=0.0):
    """"ok", or the first difference; rows may come in any order when a column of text names them."""
    found, wanted = ordered(found), ordered(wanted)
    if len(found) != len(wanted):
        return f"differs: {len(found)} rows, not {len(wanted)}"
    for one, other in zip(found, wanted):
        if len(one) != len(other) or not all(close(a, b, relative) for a, b in zip(one, other)):
            return f"differs: {one}, not {other}"
    return "ok"


def compare_look_up(kind, found, wanted_all, limit):
    """Any `limit` of the rows that match may come; of filter_top_100 the amounts decide."""
    if kind == "filter_top_100":
        amount = data.COLUMNS.index("amount")
        found = sorted(float(row[amount]) for row in found)
        wanted = sorted((float(row[amount]) for row in wanted_all), reverse=True)[:limit]
        return "ok" if found == sorted(wanted) else f"differs: {len(found)} rows, not the {len(wanted)} dearest"
    if len(found) != min(limit, len(wanted_all)):
        return f"differs: {len(found)} rows, not {min(limit, len(wanted_all))}"
    known = {str(row[0]): [plain(value) for value in row] for row in wanted_all}
    for row in found:
        row = [None if value == "\\N" else plain(value) for value in row]  # ClickHouse's TSV writes null so.
        if row != known.get(str(row[0])):
            return f"differs: {row}, not {known.get(str(row[0]))}"
    return "ok"
