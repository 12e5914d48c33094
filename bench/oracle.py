"""DuckDB's answers over the Parquet file that the data was made as: what every peer's answers are compared with.

They are kept beside the data, so that each is computed once.
"""

import datetime
import json

import duckdb

from bench import queries


def ask(settings, sql):
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


def kept(settings, name, compute):
    file = settings.data / "answers" / f"{name}.json"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(compute(), default=text_of))
    return json.loads(file.read_text())


def text_of(value):
    assert isinstance(value, (datetime.datetime, datetime.date)), type(value)
    return value.isoformat()


def table(settings):
    return f"read_parquet('{settings.data}/orders.parquet')"


def aggregate(settings, query):
    sql = (query.exact_sql or query.sql).format(table=table(settings))
    return kept(settings, query.name, lambda: ask(settings, sql))


def look_ups(settings, kind, count):
    """Keys, each with all rows that match, without a limit."""
    look_up = queries.LOOK_UPS[kind]
    keys = look_up.keys(count, 7, settings.rows)

    def compute():
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE orders AS FROM {table(settings)}")
            return [connection.execute(look_up.sql(key, "orders").partition(" LIMIT ")[0]).fetchall() for key in keys]
    return zip(keys, kept(settings, kind, compute))
