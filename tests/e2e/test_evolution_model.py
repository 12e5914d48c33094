"""Random changes of a source's schema between writes, flushes and restarts, beside a naive table."""

import json
import math
import os
from collections import defaultdict
from decimal import Decimal

import pytest

from evolution_model import (BITS, DAY, Table, always_widens, decimal_of, evaluate, order_of, range_of, shown, unit_of,
                             widens)
from node import Node, Refused

STEPS = int(os.environ.get("GRANARY_STEPS") or 160)
NAMES = [f"c{i}" for i in range(9)] + ["a/b", "ü~", "x.y"]
KINDS = ["int8", "int16", "int32", "int64", "uint8", "uint32", "uint64", "float32", "float64", "decimal(10,2)",
         "decimal(20,4)", "string", "bool", "date", "datetime64[s]", "datetime64[us]", "datetime64[ns]"]
TARGETS = KINDS + ["decimal(38,0)", "decimal(24,4)", "datetime64[ms]"]


class Player:
    def __init__(self, node, rng, number):
        self.node, self.rng, self.source = node, rng, f"s{number}"
        self.client = node.client()
        columns = [(name, rng.choice(KINDS)) for name in rng.sample(NAMES, 5)]
        self.table = Table(columns)
        definition = {"source_id": self.source, "schema_definition": dict(columns)}
        self.divide(columns, definition)
        if rng.random() < 0.5:
            sort = rng.choice(columns)[0]
            definition["sort_columns"] = [sort]
            self.table.sort.add(self.table.find(sort)[0])
        indexed = rng.sample(columns, rng.randint(0, 2))
        definition["index_columns"] = [self.index(name, kind) for name, kind in indexed]
        self.table.indexes = [(self.table.find(i["column"])[0], i["kind"]) for i in definition["index_columns"]]
        self.client.add(definition)
        self.compare_schema()

    def index(self, name, kind):
        return {"column": name, "kind": self.rng.choice(("hash", "btree", "bloom"))}

    def divide(self, columns, definition):
        name, kind = self.rng.choice(columns)
        if self.rng.random() < 0.4 or kind.startswith("float"):
            return
        field = {"column": name}
        if unit_of(kind):
            field["transform"] = self.rng.choice(("year", "month", "day"))
            self.table.periods.add(self.table.find(name)[0])
        elif kind != "bool":
            field["transform"] = self.rng.choice(("identity", "bucket[3]", "truncate[4]"))
        definition["partition_columns"] = [field]
        self.table.partitions.add(self.table.find(name)[0])

    # Values.

    def value(self, kind):
        rng = self.rng
        if rng.random() < 0.2:
            return None
        if kind in BITS:
            low, high = range_of(kind)
            near = rng.choice((rng.randint(-20, 20), rng.randint(low, high), low, high))
            if rng.random() < 0.7:
                near = rng.randint(-9, 9)
            return min(max(near, low), high)
        if kind.startswith("float"):
            return rng.randint(-40, 40) / 4
        if decimal_of(kind):
            return Decimal(rng.randint(-2000, 2000)).scaleb(-min(2, decimal_of(kind)[1]))
        if kind == "string":
            return rng.choice(("", "a", "b", "bb", "é", "Z", "0")) * rng.randint(1, 3)
        if kind == "bool":
            return rng.random() < 0.5
        step = unit_of(kind)
        days = rng.randint(-300, 300)
        if kind == "date" and rng.random() < 0.03 or kind == "datetime64[s]" and rng.random() < 0.03:
            days = rng.choice((-700_000, 2_900_000))  # Beyond what nanoseconds reach.
        return (days * DAY + rng.randint(0, DAY - 1)) // step * step

    def literal(self, column):
        values = self.table.values(column)
        value = self.rng.choice(values) if values and self.rng.random() < 0.7 else self.value(column[2])
        while value is None:
            value = self.value(column[2])
        if isinstance(value, bool):
            return value
        roll = self.rng.random()
        if column[2] in BITS and roll < 0.2 and abs(value) < 10**6:
            return value + self.rng.choice((0.5, -0.25))
        if isinstance(value, int) and not unit_of(column[2]) and roll < 0.4:
            return value + self.rng.randint(-3, 3)
        return value

    def sent(self, value, kind):
        return str(value) if isinstance(value, Decimal) else shown(value, "datetime64[ns]") if unit_of(kind) else value

    # Steps.

    def write(self):
        columns = list(self.table.columns)
        fresh = None
        if self.rng.random() < 0.08:
            free = [n for n in NAMES if self.table.find(n) is None]
            if free:
                fresh = (free[0], self.rng.choice(("int64", "float64", "string", "bool")))
        rows = []
        for _ in range(self.rng.randint(1, 12)):
            rows.append({c[0]: self.value(c[2]) for c in columns if self.rng.random() < 0.85})
        fields = [{c[1]: shown(row[c[0]], c[2]) for c in columns if c[0] in row} for row in rows]
        if fresh:
            value = None
            while value is None:
                value = self.value(fresh[1])
            if fresh[1] == "float64":
                value += 0.125
            fields[0][fresh[0]] = value
            self.table.last_id += 1
            self.table.version += 1
            self.table.columns.append([self.table.last_id, *fresh])
            rows[0][self.table.last_id] = value
        answer = self.client.write(self.source, fields)
        assert answer["schema_version"] == self.table.version
        first = answer["sequence"]["first"]
        for i, row in enumerate(rows):
            self.table.rows.append({"_seq": first + i, **row})

    def write_wider(self):
        """A number that its column cannot hold: the column widens where all its values allow it."""
        columns = [c for c in self.table.columns if c[2] in BITS]
        if not columns:
            return
        column = self.rng.choice(columns)
        value = self.rng.choice((0.5, -1.25, range_of(column[2])[1] + 1))
        fields = {column[1]: value}
        values = self.table.values(column)
        if isinstance(value, float):
            kind = "float64"
        else:
            sign = ("uint16", "uint32", "uint64") if column[2][0] == "u" else ("int16", "int32", "int64")
            holds = [k for k in sign if always_widens(column[2], k) and range_of(k)[1] >= value]
            kind = holds[0] if holds else "decimal(38,0)"
        if widens(column[2], kind, values) and self.table.keeps_keys(column, kind):
            answer = self.client.write(self.source, [fields])
            self.table.retype(column, kind)
            self.table.version += 1
            value = Decimal(value) if decimal_of(kind) else value
            self.table.rows.append({"_seq": answer["sequence"]["first"], column[0]: value})
            self.compare_schema()
            return
        with pytest.raises(Refused) as refused:
            self.client.write(self.source, [{}, fields])
        name = column[1].replace("~", "~0").replace("/", "~1")
        assert (refused.value.code, refused.value.pointers) == ("INVALID_RECORD", [f"/records/1/fields/{name}"])

    def change(self):
        rng, names = self.rng, [c[1] for c in self.table.columns]
        change = {}
        if rng.random() < 0.4 and len(names) < 10:
            change["add_columns"] = {rng.choice(NAMES): rng.choice(KINDS)}
        if rng.random() < 0.4:
            a = rng.choice(names)
            b = rng.choice(NAMES)
            change["rename_columns"] = {a: b, b: a} if b in names and b != a and rng.random() < 0.7 else {a: b}
        if rng.random() < 0.3 and len(names) > 3:
            change["drop_columns"] = [rng.choice(names)]
            if rng.random() < 0.4:
                change["add_columns"] = {change["drop_columns"][0]: rng.choice(KINDS)}
        if rng.random() < 0.4:
            column = rng.choice(self.table.columns)
            likely = [k for k in TARGETS if always_widens(column[2], k) or widens(column[2], k, [])]
            kind = rng.choice(likely if rng.random() < 0.8 else TARGETS)
            if kind != "string" or column[2] == "string":
                change["widen_columns"] = {column[1]: kind}
        if rng.random() < 0.25:
            change["drop_indexes"] = [rng.choice(names)]
        elif rng.random() < 0.25:
            column = rng.choice(self.table.columns)
            name = change.get("rename_columns", {}).get(column[1], column[1])
            change["add_indexes"] = [self.index(name, column[2])]
        if self.table.accepts(change):
            answer = self.client.call("PATCH", f"/sources/{self.source}", change)
            self.table.apply(change)
            assert answer["schema_definition"] == {c[1]: c[2] for c in self.table.columns}, change
            assert answer["schema_version"] == self.table.version
            names = {i: name for i, name, _ in self.table.columns}
            shown = [(index["column"], index["kind"]) for index in answer["index_columns"]]
            assert shown == [(names[i], kind) for i, kind in self.table.indexes]
        else:
            with pytest.raises(Refused) as refused:
                self.client.call("PATCH", f"/sources/{self.source}", change)
            assert refused.value.code == "INVALID_DEFINITION" and refused.value.pointers, (change, refused.value)
        self.compare_schema()

    def compare_schema(self):
        answer = self.client.call("GET", f"/sources/{self.source}/schema")
        assert answer["schema_version"] == self.table.version
        assert [v["schema_version"] for v in answer["versions"]] == list(range(1, self.table.version + 1))
        assert answer["versions"][-1]["columns"] == self.table.schema()

    # Queries.

    def filter(self, depth=0):
        if depth < 2 and self.rng.random() < 0.35:
            word = self.rng.choice(("$and", "$or", "$not"))
            parts = [self.filter(depth + 1) for _ in range(1 if word == "$not" else 2)]
            body = parts[0][0] if word == "$not" else [p[0] for p in parts]
            return {word: body}, (word[1:], [p[1] for p in parts])
        column = self.rng.choice(self.table.columns)
        # In a filter a dot outside of a declared name reaches into JSON; here all names are declared.
        operators = ["eq", "ne", "gt", "gte", "lt", "lte", "in", "between", "exists", "null"]
        operator = self.rng.choice(operators if column[2] != "bool" else ["eq", "ne", "exists", "null"])
        if operator == "exists":
            literal = sent = self.rng.random() < 0.5
        elif operator == "null":
            return {column[1]: {"eq": None}}, ("leaf", (column, operator, None))
        elif operator in ("in", "between"):
            literal = [self.literal(column) for _ in range(2)]
            sent = [self.sent(v, column[2]) for v in literal]
        else:
            literal = self.literal(column)
            sent = self.sent(literal, column[2])
        return {column[1]: {operator: sent}}, ("leaf", (column, operator, literal))

    def search(self):
        request, rows = {"source_ids": [self.source], "limit": 10_000}, self.table.rows
        if self.rng.random() < 0.9:
            request["filters"], tree = self.filter()
            rows = [row for row in rows if evaluate(tree, row) is True]
        keys = [(c, self.rng.choice(("asc", "desc")))
                for c in self.rng.sample(self.table.columns, self.rng.randint(0, 2))]
        request["order_by"] = [{"column": c[1], "direction": d} for c, d in keys] or [{"column": "_seq"}]
        found = [record["fields"] for record in self.client.call("POST", "/data/search", request)["records"]]
        expected = [self.table.record(row) for row in self.table.ordered(rows, keys)]
        assert found == expected, f"{json.dumps(request, ensure_ascii=False)}\n{found}\n{expected}"

    def aggregate(self):
        column = self.rng.choice([c for c in self.table.columns if c[2] != "bool"])
        group = self.rng.choice(self.table.columns + [None])
        aggregations = [{"type": "count", "alias": "n"},
                        *({"type": t, "column": column[1], "alias": f"_{t}"} for t in ("count", "min", "max"))]
        number = column[2] in BITS or column[2].startswith("float") or decimal_of(column[2])
        if number:
            aggregations.append({"type": "sum", "column": column[1], "alias": "_sum"})
        request, rows = {"source_ids": [self.source], "aggregations": aggregations}, self.table.rows
        if self.rng.random() < 0.5:
            request["filters"], tree = self.filter()
            rows = [row for row in rows if evaluate(tree, row) is True]
        groups = defaultdict(list)
        if group:
            request["group_by"] = [group[1]]
        else:
            groups[None] = []
        for row in rows:
            groups[shown(row.get(group[0]), group[2]) if group else None].append(row)
        results = self.client.call("POST", "/data/aggregate", request)["results"]
        found = {(result[group[1]] if group else None): result for result in results}
        context = json.dumps(request, ensure_ascii=False)
        assert len(found) == len(results) and found.keys() == groups.keys(), (context, found, dict(groups))
        for key, members in groups.items():
            values = [row[column[0]] for row in members if row.get(column[0]) is not None]
            least = greatest = None
            for value in values:
                least = value if least is None or order_of(value, least) < 0 else least
                greatest = value if greatest is None or order_of(value, greatest) > 0 else greatest
            result = found[key]
            assert result["n"] == len(members) and result["_count"] == len(values), (context, key, result)
            assert result["_min"] == shown(least, column[2]), (context, key, result, least)
            assert result["_max"] == shown(greatest, column[2]), (context, key, result, greatest)
            if number:
                self.check_sum(result["_sum"], values, column[2], context)

    def check_sum(self, found, values, kind, context):
        if not values:
            assert found is None, context
        elif kind.startswith("float"):
            assert math.isclose(found, math.fsum(values), rel_tol=1e-12, abs_tol=1e-9 * sum(map(abs, values))), context
        elif decimal_of(kind):
            assert Decimal(found) == sum(values), (context, found, sum(values))
        else:
            assert found == sum(values), (context, found, sum(values))

    def check(self):
        for _ in range(3):
            self.search()
        self.aggregate()
        stats = self.client.call("GET", f"/sources/{self.source}/stats")
        assert (stats["rows"], stats["schema_version"]) == (len(self.table.rows), self.table.version)
        assert {n: c["type"] for n, c in stats["columns"].items()} == {c[1]: c[2] for c in self.table.columns}
        for column in self.table.columns:
            nulls = stats["columns"][column[1]]["nulls"]
            assert nulls in (None, len(self.table.rows) - len(self.table.values(column))), column

    def reconnect(self):
        self.client.close()
        self.client = self.node.client()


def test_random_evolution_agrees_with_a_naive_table(tmp_path, seeded):
    node = Node(tmp_path, env={"ROW_GROUP_ROWS": "1000"}).start()
    try:
        players = [Player(node, seeded, number) for number in range(3)]
        for _ in range(STEPS):
            player = seeded.choice(players)
            roll = seeded.random()
            if roll < 0.03:
                node.kill() if roll < 0.015 else node.stop()
                node.start()
                for each in players:
                    each.reconnect()
                    each.compare_schema()
            elif roll < 0.35:
                player.write()
            elif roll < 0.42:
                player.write_wider()
            elif roll < 0.65:
                player.change()
            elif roll < 0.75:
                player.client.flush(player.source)
            else:
                player.check()
        for player in players:
            player.check()
    finally:
        node.close()
