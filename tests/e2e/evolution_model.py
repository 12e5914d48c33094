"""A naive table whose columns change as a source's do: rows as dictionaries, columns by id.

Values are kept so that Python compares them exactly: whole numbers as int, decimals as Decimal,
floats as float, dates and timestamps as nanoseconds since 1970, strings as str.
"""

import datetime
import functools
from decimal import Decimal
from fractions import Fraction

BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64, "uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64}
DIGITS = {"int8": 3, "int16": 5, "int32": 10, "int64": 19, "uint8": 3, "uint16": 5, "uint32": 10, "uint64": 20}
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
DAY = 86_400 * 10**9
EXACT = 2**53


def unit_of(kind):
    """Nanoseconds in one step of a date or timestamp; None for other types."""
    if kind == "date":
        return DAY
    return UNITS[kind[11:-1]] if kind.startswith("datetime64[") else None


def decimal_of(kind):
    return tuple(int(part) for part in kind[8:-1].split(",")) if kind.startswith("decimal(") else None


def range_of(kind):
    bits = BITS[kind]
    return (0, 2**bits - 1) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def always_widens(old, new):
    if old == new:
        return True
    if old in BITS and new in BITS:
        same = old[0] == new[0]
        return BITS[new] >= BITS[old] if same else old[0] == "u" and BITS[new] > BITS[old]
    if old in BITS and new == "float64":
        return BITS[old] <= 32
    if old in BITS and decimal_of(new):
        return decimal_of(new)[0] - decimal_of(new)[1] >= DIGITS[old]
    if old == "float32":
        return new == "float64"
    if decimal_of(old) and decimal_of(new):
        (p, s), (q, t) = decimal_of(old), decimal_of(new)
        return t >= s and q - t >= p - s
    return old == "date" and unit_of(new) in (10**9, 10**6)


def widens(old, new, values):
    """Whether a column with these values may become `new`."""
    if always_widens(old, new):
        return True
    if old in BITS and new == "float64":
        return all(abs(v) <= EXACT for v in values)
    if unit_of(old) and unit_of(new) and new != "date" and (old == "date" or unit_of(new) < unit_of(old)):
        return all(-(2**63) <= v // unit_of(new) < 2**63 for v in values)
    return False


def convert(value, kind):
    if value is None or unit_of(kind):
        return value
    if decimal_of(kind):
        return Decimal(value)
    return float(value) if kind.startswith("float") else value


def time_text(nanos, kind):
    seconds, rest = divmod(nanos, 10**9)
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    day = f"{at.year:04}-{at.month:02}-{at.day:02}"
    if kind == "date":
        return day
    fraction = f"{rest:09}".rstrip("0")
    return f"{day}T{at.hour:02}:{at.minute:02}:{at.second:02}" + (f".{fraction}" if fraction else "") + "Z"


def shown(value, kind):
    """As the API writes it."""
    if value is None:
        return None
    if unit_of(kind):
        return time_text(value, kind)
    if decimal_of(kind):
        return f"{value:.{decimal_of(kind)[1]}f}"
    return value


def order_of(a, b):
    if isinstance(a, str):
        a, b = a.encode(), b.encode()
    elif isinstance(a, (float, Decimal)) or isinstance(b, (float, Decimal)):
        a, b = Fraction(a), Fraction(b)
    return (a > b) - (a < b)


class Table:
    def __init__(self, columns, partitions=(), sort=()):
        self.version = 1
        self.last_id = len(columns)
        self.columns = [[i + 1, name, kind] for i, (name, kind) in enumerate(columns)]
        self.rows = []  # {"_seq": n, id: value}
        self.partitions = {self.find(name)[0] for name in partitions}
        self.periods = set()  # Of the partitions those by a period of time.
        self.sort = {self.find(name)[0] for name in sort}
        self.indexes = []  # (column's id, kind), each once, in the order of declaration.

    def find(self, name):
        return next((c for c in self.columns if c[1] == name), None)

    def values(self, column):
        return [row[column[0]] for row in self.rows if row.get(column[0]) is not None]

    def schema(self):
        return [{"id": i, "name": n, "type": t} for i, n, t in self.columns]

    def retype(self, column, kind):
        if column[2] == kind:
            return
        column[2] = kind
        for row in self.rows:
            if row.get(column[0]) is not None:
                row[column[0]] = convert(row[column[0]], kind)

    def keeps_keys(self, column, kind):
        if column[0] not in self.partitions or column[2] == kind:
            return True
        if column[0] in self.periods:
            return True
        return column[2] in BITS and kind in BITS and column[2][0] == kind[0]

    def indexed(self, column):
        return any(i == column[0] for i, _ in self.indexes)

    def accepts(self, change):
        rename, drop = change.get("rename_columns", {}), change.get("drop_columns", [])
        for name in drop:
            column = self.find(name)
            if column is None or column[0] in self.partitions or column[0] in self.sort:
                return False
            if self.indexed(column) and name not in change.get("drop_indexes", []):
                return False
            if name in rename or name in change.get("widen_columns", {}) or drop.count(name) > 1:
                return False
        names = [rename.get(c[1], c[1]) for c in self.columns if c[1] not in drop]
        names += list(change.get("add_columns", {}))
        if len(set(names)) < len(names) or any(self.find(name) is None for name in rename):
            return False
        if any(self.find(name) is None or not self.indexed(self.find(name))
               for name in change.get("drop_indexes", [])):
            return False
        for index in change.get("add_indexes", []):
            old = next((a for a, b in rename.items() if b == index["column"]), index["column"])
            column = self.find(old)
            fresh = index["column"] in change.get("add_columns", {})
            if index["column"] not in names or not fresh and (column[0], index["kind"]) in self.indexes:
                return False
        for name, kind in change.get("widen_columns", {}).items():
            column = self.find(name)
            if not (widens(column[2], kind, self.values(column)) and self.keeps_keys(column, kind)):
                return False
        return True

    def apply(self, change):
        before = self.schema()
        gone = {self.find(name)[0] for name in change.get("drop_indexes", [])}
        self.indexes = [(i, kind) for i, kind in self.indexes if i not in gone]
        for name, kind in change.get("widen_columns", {}).items():
            self.retype(self.find(name), kind)
        rename = change.get("rename_columns", {})
        self.columns = [c for c in self.columns if c[1] not in change.get("drop_columns", [])]
        for column in self.columns:
            column[1] = rename.get(column[1], column[1])
        for name, kind in change.get("add_columns", {}).items():
            self.last_id += 1
            self.columns.append([self.last_id, name, kind])
        self.indexes += [(self.find(index["column"])[0], index["kind"]) for index in change.get("add_indexes", [])]
        self.version += self.schema() != before

    def record(self, row):
        return {name: shown(row.get(i), kind) for i, name, kind in self.columns}

    def ordered(self, rows, keys):
        def compare(a, b):
            for column, direction in keys:
                x, y = a.get(column[0]), b.get(column[0])
                if x is None or y is None:
                    if (x is None) != (y is None):
                        return 1 if x is None else -1
                    continue
                order = order_of(x, y)
                if order:
                    return -order if direction == "desc" else order
            return a["_seq"] - b["_seq"]

        return sorted(rows, key=functools.cmp_to_key(compare))


def holds(operator, value, literal):
    """True, False or None, as SQL has it. The literal is of the value's kind."""
    if operator == "exists":
        return (value is not None) == literal
    if operator == "null":
        return value is None
    if value is None:
        return None
    if operator == "in":
        return any(order_of(value, one) == 0 for one in literal)
    if operator == "between":
        return order_of(value, literal[0]) >= 0 and order_of(value, literal[1]) <= 0
    order = order_of(value, literal)
    return {"eq": order == 0, "ne": order != 0, "gt": order > 0, "gte": order >= 0, "lt": order < 0,
            "lte": order <= 0}[operator]


def evaluate(tree, row):
    word, body = tree
    if word == "leaf":
        column, operator, literal = body
        return holds(operator, row.get(column[0]), literal)
    outcomes = [evaluate(part, row) for part in body]
    if word == "not":
        return None if outcomes[0] is None else not outcomes[0]
    stop = word == "or"
    if stop in outcomes:
        return stop
    return None if None in outcomes else not stop
