"""Goal: PyArrow and DuckDB read what we write, value for value, for all types and codecs."""

import datetime
import decimal
import json
import math
import os
import pathlib
import random
import subprocess

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

CODECS = ["none", "snappy", "zstd", "lz4", "gzip", "brotli"]
FORMS = ["micros", "nanos"]
UNITS_PER_SECOND = {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}
EPOCH = datetime.date(1970, 1, 1)


@pytest.fixture(scope="session")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    seed = os.environ.get("GRANARY_SEED") or str(random.SystemRandom().getrandbits(32))
    print(f"GRANARY_SEED={seed}")
    subprocess.run([os.environ["GRANARY_COMPAT_SAMPLES"], str(folder), seed], check=True)
    return folder


def unit_of(type_name):
    return type_name.removeprefix("datetime64[").removesuffix("]")


def expected_value(text, type_name):
    if text is None:
        return None
    if type_name == "bool":
        return text == "true"
    if type_name.startswith("float"):
        return float(text)
    if type_name.startswith("decimal"):
        return decimal.Decimal(text)
    if type_name in ("string", "json"):
        return bytes.fromhex(text).decode()
    if type_name in ("binary", "uuid"):
        return bytes.fromhex(text)
    return int(text)


def expected_columns(samples, name):
    columns = json.loads((samples / f"{name}.json").read_text())
    return [(c["name"], c["type"], [expected_value(v, c["type"]) for v in c["values"]]) for c in columns]


def same(left, right):
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return left == right and type(left) is type(right)


def assert_same(got, expected, context):
    assert len(got) == len(expected), context
    for row, (a, b) in enumerate(zip(got, expected)):
        assert same(a, b), f"{context} row {row}: {a!r}, expected {b!r}"


def arrow_values(column, type_name):
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks])
    if type_name.startswith("datetime64"):
        column = pc.cast(column, pa.timestamp(unit_of(type_name), "UTC"))
        column = pc.cast(column, pa.int64())
    elif type_name == "date":
        column = pc.cast(column, pa.int32())
    elif type_name == "time":
        column = pc.cast(column, pa.int64())
    return column.to_pylist()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("codec", CODECS)
def test_pyarrow_reads_every_value(samples, codec, form):
    name = f"{codec}_{form}"
    table = pq.read_table(samples / f"{name}.parquet")
    for column, type_name, values in expected_columns(samples, name):
        assert_same(arrow_values(table[column], type_name), values, f"{name} {column} {type_name}")


def duckdb_expression(column, type_name):
    if type_name.startswith("datetime64"):
        return f"epoch_ns({column})"
    return column


def duckdb_value(value, type_name):
    if value is None:
        return None
    if type_name.startswith("datetime64"):
        scale = 10**9 // UNITS_PER_SECOND[unit_of(type_name)]
        assert value % scale == 0
        return value // scale
    if type_name == "date":
        return (value - EPOCH).days
    if type_name == "time":
        return ((value.hour * 60 + value.minute) * 60 + value.second) * 10**6 + value.microsecond
    if type_name == "uuid":
        return value.bytes
    return value


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("codec", CODECS)
def test_duckdb_reads_every_value(samples, codec, form):
    name = f"{codec}_{form}"
    columns = expected_columns(samples, name)
    expressions = ", ".join(duckdb_expression(column, type_name) for column, type_name, _ in columns)
    rows = duckdb.sql(f"SELECT {expressions} FROM '{samples / name}.parquet'").fetchall()
    for position, (column, type_name, values) in enumerate(columns):
        got = [duckdb_value(row[position], type_name) for row in rows]
        assert_same(got, values, f"{name} {column} {type_name}")


@pytest.mark.parametrize("form", FORMS)
def test_duckdb_filters_by_our_statistics(samples, form):
    """A wrong bound in a footer or page index would lose rows."""
    name = f"snappy_{form}"
    for column, type_name, values in expected_columns(samples, name):
        if not (type_name.startswith("int") or type_name in ("string", "uint64")):
            continue
        for wanted in {value for value in values[::20] if value is not None}:
            query = f"SELECT count(*) FROM '{samples / name}.parquet' WHERE {column} = ?"
            count = duckdb.execute(query, [wanted]).fetchone()[0]
            assert count == values.count(wanted), f"{name} {column} = {wanted!r}"


def test_columns_carry_their_ids(samples):
    schema = pq.read_schema(samples / "snappy_micros.parquet")
    ids = {field.name: int(field.metadata[b"PARQUET:field_id"]) for field in schema}
    assert ids.pop("_seq") == 2147483540
    assert ids == {f"c{i}": i for i in range(1, len(ids) + 1)}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("codec", CODECS)
def test_nanoseconds_are_microseconds_when_whole(samples, codec, form):
    name = f"{codec}_{form}"
    schema = pq.ParquetFile(samples / f"{name}.parquet").schema
    for column, type_name, values in expected_columns(samples, name):
        if type_name != "datetime64[ns]":
            continue
        finer = any(value % 1000 for value in values if value is not None)
        logical = json.loads(next(c for c in schema if c.name == column).logical_type.to_json())
        assert logical["timeUnit"] == ("nanoseconds" if finer else "microseconds")
