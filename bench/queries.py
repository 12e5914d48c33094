"""What is asked: look-ups, filters and aggregates over orders, as SQL and as Granary's requests.

The SQL is for every peer that speaks it; {table}, {p95}, {p95_exact} and {approx_distinct} are filled in by
each peer, whose words for these differ.
"""

import dataclasses
import random

from bench import data

SELECTED = ", ".join(data.COLUMNS)


@dataclasses.dataclass(frozen=True)
class Aggregate:
    name: str
    sql: str
    request: dict
    approximate: float = 0  # How far, relatively, an approximate answer may lie from the exact one.
    exact_sql: str = ""     # What the answer is compared with, when `sql` is approximate.


def sum_of_amount(alias="s"):
    return {"type": "sum", "column": "amount", "alias": alias}


COUNT = {"type": "count", "alias": "n"}
AGGREGATES = [
    Aggregate("count", "SELECT count(*) AS n FROM {table}", {"aggregations": [COUNT]}),
    Aggregate("count_sum", "SELECT count(*) AS n, sum(amount) AS s FROM {table}", {"aggregations": [COUNT, sum_of_amount()]}),
    Aggregate("sum_by_region", "SELECT region, sum(amount) AS s FROM {table} GROUP BY region",
              {"group_by": ["region"], "aggregations": [sum_of_amount()]}),
    Aggregate("top10_customers", "SELECT customer_id, sum(amount) AS s FROM {table} GROUP BY customer_id ORDER BY s DESC LIMIT 10",
              {"group_by": ["customer_id"], "aggregations": [sum_of_amount()],
               "order_by": [{"column": "s", "direction": "desc"}], "limit": 10}),
    Aggregate("month_x_region", "SELECT date_trunc('month', order_date) AS m, region, sum(amount) AS s FROM {table} "
              "GROUP BY m, region ORDER BY m, region",
              {"group_by": [{"column": "order_date", "transform": "month", "alias": "m"}, "region"],
               "aggregations": [sum_of_amount()], "order_by": [{"column": "m"}, {"column": "region"}]}),
    Aggregate("distinct_customers", "SELECT count(DISTINCT customer_id) AS n FROM {table}",
              {"aggregations": [{"type": "count_distinct", "column": "customer_id", "alias": "n"}]}),
    Aggregate("minmax_date", "SELECT min(order_date) AS a, max(order_date) AS b FROM {table}",
              {"aggregations": [{"type": "min", "column": "order_date", "alias": "a"},
                                {"type": "max", "column": "order_date", "alias": "b"}]}),
    Aggregate("avg_one_month", "SELECT avg(amount) AS a FROM {table} "
              "WHERE order_date >= '2023-06-01' AND order_date < '2023-07-01'",
              {"filters": {"order_date": {"gte": "2023-06-01", "lt": "2023-07-01"}},
               "aggregations": [{"type": "avg", "column": "amount", "alias": "a"}]}),
    Aggregate("p95_amount", "SELECT {p95} AS p FROM {table}",
              {"aggregations": [{"type": "approx_percentile", "column": "amount", "p": 0.95, "alias": "p"}]},
              approximate=0.01, exact_sql="SELECT quantile_cont(amount, 0.95) AS p FROM {table}"),
    Aggregate("p95_amount_exact", "SELECT {p95_exact} AS p FROM {table}",
              {"aggregations": [{"type": "percentile", "column": "amount", "p": 0.95, "alias": "p"}]},
              exact_sql="SELECT quantile_cont(amount, 0.95) AS p FROM {table}"),
    Aggregate("distinct_customers_approx", "SELECT {approx_distinct} AS n FROM {table}",
              {"aggregations": [{"type": "approx_count_distinct", "column": "customer_id", "alias": "n"}]},
              approximate=0.1, exact_sql="SELECT count(DISTINCT customer_id) AS n FROM {table}"),
]
# Of these the cold scan asks: a number, a short string, a long one.
SCANS = ["count_sum", "sum_by_region", "top10_customers"]


@dataclasses.dataclass(frozen=True)
class TopFilter:
    """W4: two equalities, a range of dates, a floor; a hundred records of those, any or the dearest."""
    region: str
    status: str
    first: str
    end: str
    amount: float

    def where(self):
        return (f"region = '{self.region}' AND status = '{self.status}' AND order_date >= '{self.first}' "
                f"AND order_date < '{self.end}' AND amount >= {self.amount}")

    def filters(self):
        return {"region": self.region, "status": self.status, "order_date": {"gte": self.first, "lt": self.end},
                "amount": {"gte": self.amount}}


def order_keys(count, seed, rows):
    """Order ids that are there, each as likely as another."""
    chance = random.Random(seed)
    return [data.order_id(chance.randrange(rows)) for _ in range(count)]


def customer_keys(count, seed):
    """Customers, those who buy much more often: about Zipf(1)."""
    chance = random.Random(seed)
    return [data.customer_id(int(data.CUSTOMERS ** chance.random()) - 1) for _ in range(count)]


def top_filters(count, seed):
    chance = random.Random(seed)
    chosen = []
    for _ in range(count):
        month, year = chance.randrange(1, 12), chance.choice((2022, 2023, 2024))
        chosen.append(TopFilter(chance.choice(["us-east", "eu-west", "ap-south", "sa-east"]),
                                chance.choice(["delivered", "pending", "returned"]),
                                f"{year}-{month:02d}-01", f"{year}-{month + 1:02d}-01", float(chance.choice((20, 100, 400)))))
    return chosen


@dataclasses.dataclass(frozen=True)
class LookUp:
    """A kind of request that is sent over and over with other keys."""
    name: str
    keys: callable   # (count, seed, rows) -> keys
    sql: callable    # key, table -> SQL
    request: callable  # key -> search body
    prepared: str = ""  # The same with a parameter.


LOOK_UPS = {look_up.name: look_up for look_up in [
    LookUp("order_id", order_keys,
           lambda key, table: f"SELECT {SELECTED} FROM {table} WHERE order_id = '{key}' LIMIT 10",
           lambda key: {"filters": {"order_id": key}, "columns": data.COLUMNS, "limit": 10}, "order_id"),
    LookUp("customer_id", lambda count, seed, rows: customer_keys(count, seed),
           lambda key, table: f"SELECT {SELECTED} FROM {table} WHERE customer_id = '{key}' LIMIT 10",
           lambda key: {"filters": {"customer_id": key}, "columns": data.COLUMNS, "limit": 10}, "customer_id"),
    LookUp("in_100", lambda count, seed, rows: [order_keys(100, seed * 1_000_003 + n, rows) for n in range(count)],
           lambda key, table: f"SELECT {SELECTED} FROM {table} WHERE order_id IN ({', '.join(repr(one) for one in key)}) LIMIT 100",
           lambda key: {"filters": {"order_id": {"in": key}}, "columns": data.COLUMNS, "limit": 100}),
    LookUp("filter_100", lambda count, seed, rows: top_filters(count, seed),
           lambda key, table: f"SELECT {SELECTED} FROM {table} WHERE {key.where()} LIMIT 100",
           lambda key: {"filters": key.filters(), "columns": data.COLUMNS, "limit": 100}),
    LookUp("filter_top_100", lambda count, seed, rows: top_filters(count, seed),
           lambda key, table: f"SELECT {SELECTED} FROM {table} WHERE {key.where()} ORDER BY amount DESC LIMIT 100",
           lambda key: {"filters": key.filters(), "columns": data.COLUMNS, "limit": 100,
                        "order_by": [{"column": "amount", "direction": "desc"}]}),
]}
