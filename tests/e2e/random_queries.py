"""Random filters and aggregates, each as a Granary request and as SQL that means the same.

SQL columns are quoted; `rowid` is DuckDB's and ascends in the order of insertion, as `_seq` does.
"""

import datetime


def quote(name):
    return '"' + name.replace('"', '""') + '"'


def sql_text(value):
    return "'" + value.replace("'", "''") + "'"


class Column:
    def __init__(self, name, kind, samples):
        self.name = name
        self.kind = kind          # "int", "float", "string", "time"
        self.samples = samples    # Values that occur, as Python values.


class Generator:
    def __init__(self, rng, columns):
        self.rng = rng
        self.columns = columns

    def of_kind(self, *kinds):
        return self.rng.choice([c for c in self.columns if c.kind in kinds])

    # A literal near the column's data: often a value that occurs, sometimes beside or beyond it.
    def literal(self, column):
        value = self.rng.choice(column.samples)
        roll = self.rng.random()
        if column.kind == "int" and roll < 0.15:
            value = value + self.rng.choice((0.5, -0.25))  # No integer has it: exact comparison matters.
        elif column.kind in ("int", "float") and roll < 0.4:
            value = value + self.rng.randint(-40, 40)
        elif column.kind == "time" and roll < 0.4:
            value = value + datetime.timedelta(minutes=self.rng.randint(-100_000, 100_000))
        elif column.kind == "string" and roll < 0.1:
            value = value + "~"
        return value

    def as_json(self, value):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime.datetime) else value

    def as_sql(self, value):
        if isinstance(value, datetime.datetime):
            return f"TIMESTAMP '{value:%Y-%m-%d %H:%M:%S}'"
        if isinstance(value, str):
            return sql_text(value)
        return f"{value!r}::DOUBLE" if isinstance(value, float) else repr(value)

    def leaf(self):
        column = self.rng.choice(self.columns)
        name = quote(column.name)
        operators = ["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "between", "exists", "null", "bare"]
        if column.kind == "string":
            operators += ["like", "ilike", "starts_with", "ends_with", "contains", "regex"]
        operator = self.rng.choice(operators)
        literal = self.literal(column)
        json_value, sql_value = self.as_json(literal), self.as_sql(literal)
        symbols = {"eq": "=", "ne": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
        if operator in symbols:
            return {column.name: {operator: json_value}}, f"{name} {symbols[operator]} {sql_value}"
        if operator == "bare":
            return {column.name: json_value}, f"{name} = {sql_value}"
        if operator in ("in", "nin"):
            values = [self.literal(column) for _ in range(self.rng.randint(1, 5))]
            sql = f"{name} {'NOT ' if operator == 'nin' else ''}IN ({', '.join(map(self.as_sql, values))})"
            return {column.name: {operator: [self.as_json(v) for v in values]}}, sql
        if operator == "between":
            low, high = sorted((literal, self.literal(column)))
            return ({column.name: {"between": [self.as_json(low), self.as_json(high)]}},
                    f"{name} BETWEEN {self.as_sql(low)} AND {self.as_sql(high)}")
        if operator == "exists":
            there = self.rng.random() < 0.5
            return {column.name: {"exists": there}}, f"{name} IS {'NOT ' if there else ''}NULL"
        if operator == "null":
            return {column.name: {"eq": None}}, f"{name} IS NULL"
        part = literal[: self.rng.randint(1, 3)]
        if operator in ("like", "ilike"):
            pattern = self.rng.choice((part + "%", "%" + part, "%" + part + "%", "_" + part[1:] + "%"))
            if operator == "ilike":
                pattern = pattern.swapcase()
            return ({column.name: {operator: pattern}},
                    f"{name} {operator.upper()} {sql_text(pattern)} ESCAPE '\\'")
        if operator == "regex":
            pattern = self.rng.choice(("^" + part, part + "$", f"[{part}].*[0-9]", f"({part}|Z)"))
            if any(c in part for c in "^]\\-[(){}.*+?|$"):
                pattern = "^[A-M]"
            return {column.name: {"regex": pattern}}, f"regexp_matches({name}, {sql_text(pattern)})"
        functions = {"starts_with": "starts_with", "ends_with": "suffix", "contains": "contains"}
        return {column.name: {operator: part}}, f"{functions[operator]}({name}, {sql_text(part)})"

    def filter(self, depth=0):
        roll = self.rng.random()
        if depth >= 3 or roll < 0.55:
            return self.leaf()
        if roll < 0.7:
            child, sql = self.filter(depth + 1)
            return {"$not": child}, f"NOT ({sql})"
        word, joint = ("$and", " AND ") if roll < 0.85 else ("$or", " OR ")
        parts = [self.filter(depth + 1) for _ in range(self.rng.randint(2, 3))]
        return {word: [p[0] for p in parts]}, "(" + joint.join(f"({p[1]})" for p in parts) + ")"

    def search(self, source):
        request = {"source_ids": [source], "limit": self.rng.choice((0, 1, 10, 100))}
        where = "TRUE"
        if self.rng.random() < 0.9:
            request["filters"], where = self.filter()
        names = self.rng.sample([c.name for c in self.columns], self.rng.randint(1, 5))
        request["columns"] = names
        keys = [(c, self.rng.choice(("asc", "desc"))) for c in self.rng.sample(self.columns, self.rng.randint(1, 3))]
        request["order_by"] = [{"column": c.name, "direction": d} for c, d in keys]
        order = ", ".join(f"{quote(c.name)} {d} NULLS LAST" for c, d in keys)
        sql = (f"SELECT {', '.join(map(quote, names))} FROM {quote(source)} WHERE {where} "
               f"ORDER BY {order}, rowid LIMIT {request['limit']}")
        return request, sql

    def aggregation(self):
        kind = self.rng.choice(("count", "count_column", "sum", "avg", "min", "max", "count_distinct", "percentile",
                                "stddev", "variance"))
        if kind == "count":
            return {"type": "count"}, "count(*)"
        any_column = self.rng.choice(self.columns)
        if kind == "count_column":
            return {"type": "count", "column": any_column.name}, f"count({quote(any_column.name)})"
        if kind in ("min", "max"):
            return {"type": kind, "column": any_column.name}, f"{kind}({quote(any_column.name)})"
        if kind == "count_distinct":
            return {"type": kind, "column": any_column.name}, f"count(DISTINCT {quote(any_column.name)})"
        column = self.of_kind("int", "float")
        name = quote(column.name)
        if kind == "percentile":
            p = self.rng.choice((0, 0.1, 0.5, 0.95, 1))
            return {"type": kind, "column": column.name, "p": p}, f"quantile_cont({name}::DOUBLE, {p})"
        function = {"stddev": "stddev_samp", "variance": "var_samp"}.get(kind, kind)
        return {"type": kind, "column": column.name}, f"{function}({name})"

    def group(self):
        column = self.of_kind("string", "int", "time")
        name = quote(column.name)
        if column.kind == "time":
            part = self.rng.choice(("year", "quarter", "month", "week", "day", "hour", "interval"))
            if part == "interval":
                hours = self.rng.choice((6, 36))
                return ({"column": column.name, "transform": {"interval": f"{hours}h"}},
                        f"time_bucket(INTERVAL {hours} HOUR, {name}, TIMESTAMP '1970-01-01')")
            return {"column": column.name, "transform": part}, f"date_trunc('{part}', {name})::TIMESTAMP"
        if column.kind == "int" and self.rng.random() < 0.5:
            return {"column": column.name, "transform": {"bucket": 50}}, f"(floor({name} / 50.0) * 50)::BIGINT"
        return column.name, name

    def aggregate(self, source):
        request = {"source_ids": [source]}
        where = "TRUE"
        if self.rng.random() < 0.6:
            request["filters"], where = self.filter()
        groups = [self.group() for _ in range(self.rng.choice((0, 1, 1, 2)))]
        if groups:
            request["group_by"] = [
                {"column": g, "alias": f"g{i}"} if isinstance(g, str) else {**g, "alias": f"g{i}"}
                for i, (g, _) in enumerate(groups)]
        aggregations = [self.aggregation() for _ in range(self.rng.randint(1, 4))]
        request["aggregations"] = [{**a, "alias": f"a{i}"} for i, (a, _) in enumerate(aggregations)]
        fields = [f"{s} AS g{i}" for i, (_, s) in enumerate(groups)] + [f"{s} AS a{i}" for i, (_, s) in enumerate(aggregations)]
        sql = f"SELECT {', '.join(fields)} FROM {quote(source)} WHERE {where}"
        if groups:
            sql += f" GROUP BY {', '.join(str(i + 1) for i in range(len(groups)))}"
        if groups and self.rng.random() < 0.3:
            request["aggregations"].append({"type": "count", "alias": "n"})
            request["having"] = {"n": {"gt": 100}}
            sql = sql.replace(" FROM ", ", count(*) AS n FROM ", 1) + " HAVING count(*) > 100"
        return request, sql
