"""`granary import` stores what a file has, and takes what `granary export` wrote."""

import json
import subprocess

import pytest

from node import BINARY, Refused

pa = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")
pq = pytest.importorskip("pyarrow.parquet")

CSV = "text/csv"


def granary(node, *args, expect=0):
    done = subprocess.run([str(BINARY), *map(str, args), "--url", f"http://127.0.0.1:{node.port}"], capture_output=True, text=True, timeout=120)
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def stored(client, source):
    """Schema and values, as they went out."""
    schema = client.call("GET", f"/sources/{source}")["schema_definition"]
    _, _, lines = client.raw("POST", "/data/search/stream", {"source_ids": [source], "order_by": [{"column": "_seq"}]})
    return schema, [line.partition(b'"fields":')[2] for line in lines.splitlines()]


def values(row):
    """By name, each by its digits."""
    return json.loads(row[:-1], parse_int=str, parse_float=str)


def written(client, source, text):
    """Into it by REST; the problem's code where it is refused."""
    try:
        client.call("POST", f"/data/write?source_id={source}", text.encode(), {"Content-Type": CSV})
    except Refused as refused:
        return refused.code
    return None


# What a source declares of the columns, and a file.
FILES = {
    "decimals keep their digits": ({"d": "decimal(38,10)"}, "d\n1234567890.1234567891\n0.5\n\n-1e2\n"),
    "whole numbers in decimals": ({"i": "decimal(30,2)"}, "i\n9007199254740993\n1.5\n"),
    "uint64": ({"u": "uint64"}, "u\n18446744073709551615\n0\n"),
    "narrow integers": ({"a": "int8", "b": "uint16"}, "a,b\n-128,65535\n127,0\n"),
    "integers that widen": ({"a": "int32"}, "a\n1\n3000000000\n"),
    "spellings of integers": ({"a": "int64"}, "a\n1e3\n5.0\n"),
    "no integer": ({"a": "int64"}, "a\n1\n007\n"),
    "no integer either": ({"a": "int64"}, "a\n0x1F\n"),
    "spaces": ({"a": "int64", "s": "string"}, "a,s\n 1, x \n"),
    "NA is a text": ({"c": "string"}, "c\nNA\nUS\n\n\"\"\n"),
    "documents": ({"j": "json", "l": "list<int64>"}, 'j,l\n"{""a"":1}","[1,2]"\nnull,[]\n"""x""",\n'),
    "texts that look like numbers": ({"z": "string"}, "z\n007\n012\n1e5\ntrue\nnan\n"),
    "floats": ({"f": "float64", "r": "float32"}, "f,r\n1,0.1\n1e300,-3.5\nNaN,-Infinity\n,\n0.1,16777216\n"),
    "a whole number that no float has": ({"f": "float64"}, "f\n1\n9007199254740993\n"),
    "bools": ({"b": "bool"}, "b\ntrue\nFALSE\n\n"),
    "no bools": ({"b": "bool"}, "b\ntrue\n1\n"),
    "instants": ({"a": "datetime64[ns]", "b": "datetime64[us]", "d": "date"},
                 "a,b,d\n2024-01-15 10:00:00.123456789,2024-01-15T10:00:00+02:00,2024-01-15\n2024-01-15,2024-01-15 10:00,1500-12-31\n"),
    "too fine": ({"b": "datetime64[s]"}, "b\n2024-01-15 10:00:00.5\n"),
    "the rest": ({"t": "time", "x": "binary", "u": "uuid"}, "t,x,u\n10:00:00.5,AAEC,00000000-0000-0000-0000-000000000001\n,,\n"),
    "quotes and line ends": ({"a": "string", "b": "string"}, '\ufeff"a",b\r\n"x ""y"" z","1\r\n2"\r\n\r\n",",é\r\n'),
    "a quote in a cell": ({"a": "string"}, 'a\nx"y\n'),
    "too many cells": ({"a": "string"}, "a\nx\ny,z\n"),
    "a name twice": ({"a": "string"}, "a,a\n1,2\n"),
    "one column, blank lines": ({"a": "int64"}, "a\n1\n\n3\n"),
    "new: past int64": (None, "a,b\n18446744073709551615,12345678901234567890123\n1,2\n"),
    "new: past 38 digits": (None, "a\n1234567890123456789012345678901234567890\n1\n"),
    "new: below 0 and past int64": (None, "a\n18446744073709551615\n-1\n"),
    "new: leading zeroes": (None, "zip,n\n007,7\n012,12\n"),
    "new: true and 1": (None, "a,b\ntrue,true\n1,False\n"),
    "new: floats": (None, "a,b,c\n1,1.5,1e3\n2.5,2,0\n"),
    "new: a float and what is none": (None, "a\n1.5\n9007199254740993\n"),
    "new: numbers for some": (None, "a,b,c\n1,NaN,0x1F\nx,1,1\n"),
    "new: empty texts": (None, 'a,b\n"",1\nx,""\n'),
    "new: in quotes": (None, 'a,b\n"1","true"\n"2","false"\n'),
    "new: values come late": (None, "late,never,a\n,,1\n2,,3\n"),
    "new: NA among numbers": (None, "a\n1\nNA\n"),
    "new: documents": (None, 'j\n"{""a"":1}"\n[1]\n'),
    "new: a header alone": (None, "a,b\n"),
    "new: nothing": (None, ""),
}


@pytest.mark.parametrize("how", [[], ["--batch", "10000"], ["--no-flush"]], ids=["whole", "batch", "no-flush"])
def test_import_of_csv_stores_what_a_write_stores(node, tmp_path, how):
    """Types, values and order; and what a write refuses, import refuses, with the same code."""
    client = node.client()
    refusals = 0
    for number, (name, (columns, text)) in enumerate(FILES.items()):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(text.encode())
        here, there = f"here{number}", f"there{number}"
        client.add({"source_id": there, **({"schema_definition": columns} if columns else {})})
        if columns:
            client.add({"source_id": here, "schema_definition": columns})
        code = written(client, there, text)
        done = granary(node, "import", path, "--source", here, *how, expect=1 if code else 0)
        if code:
            refusals += 1
            assert done.stderr.startswith(f"granary: {code}: "), (name, done.stderr)
            if not columns:  # The source that it made for the file is gone again.
                assert stored(client, there)[1] == [], name
                with pytest.raises(Refused) as gone:
                    client.call("GET", f"/sources/{here}")
                assert gone.value.code == "SOURCE_NOT_FOUND", name
                continue
        schema, rows = stored(client, there)
        found, again = stored(client, here)
        if columns:
            assert (found, again) == (schema, rows), name
        else:  # A write adds columns as their first values come, import as the header has them.
            assert (found, list(map(values, again))) == (schema, list(map(values, rows))), name
            assert list(found) == [column for column in text.split("\n")[0].split(",") if column in found], name
    assert refusals >= 9


def test_import_of_csv_takes_types_from_more_than_one_chunk(node, tmp_path):
    """A write decides by its first 65,536 records."""
    client = node.client()
    path = tmp_path / "a.csv"
    path.write_text("zip,n\n" + "".join(f"{10000 + i % 90000},{i}\n" for i in range(70_000)) + "00501,1.5\n")
    client.add({"source_id": "there"})
    assert written(client, "there", path.read_text()) == "INVALID_RECORD"
    granary(node, "import", path, "--source", "here")
    schema, rows = stored(client, "here")
    assert schema == {"zip": "string", "n": "float64"} and len(rows) == 70_001
    assert rows[-1] == b'{"zip":"00501","n":1.5}}'


def test_a_source_that_was_made_for_nothing_is_removed_again(node, tmp_path):
    """A value past the file's first 16 MiB, which its column's type does not hold."""
    path = tmp_path / "a.csv"
    path.write_text("n,filler\n" + "".join(f"{i},{'x' * 1000}\n" for i in range(17_000)) + "no number,y\n")
    refused = granary(node, "import", path, "--source", "t", expect=1).stderr
    assert "line 17002" in refused and "nothing of it is written; the source that was made for it is removed again" in refused
    assert node.client().call("GET", "/sources") == {"sources": []}
    bad = tmp_path / "bad.csv"
    bad.write_text('n\n1\n"2\n')  # Its quotes are never closed.
    for how in ([], ["--batch", "10"], ["--no-flush"]):
        assert "is removed again" in granary(node, "import", bad, "--source", "t", *how, expect=1).stderr
        assert node.client().call("GET", "/sources") == {"sources": []}
    # One that was there, or into which something is written, stays.
    node.client().add({"source_id": "t", "schema_definition": {"n": "int64"}})
    again = granary(node, "import", bad, "--source", "t", expect=1).stderr
    assert "nothing of it is written)" in again and "removed" not in again
    late = tmp_path / "late.csv"
    late.write_text("n\n" + "1\n" * 20 + "1,2\n")
    assert "all before them are written" in granary(node, "import", late, "--source", "u", "--batch", "10", expect=1).stderr
    assert node.client().aggregate(source_ids=["u"], aggregations=[{"type": "count", "alias": "n"}]) == [{"n": 20}]
    assert [source["source_id"] for source in node.client().call("GET", "/sources")["sources"]] == ["t", "u"]


def test_the_file_and_the_source_may_stand_in_either_order(node, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("n\n1\n2\n")
    for number, words in enumerate(([path, "--source", "s0"], ["--source", "s1", path], [path, "s2"], ["s3", path])):
        granary(node, "import", *words)
        assert node.client().aggregate(source_ids=[f"s{number}"], aggregations=[{"type": "sum", "column": "n", "alias": "n"}]) == [{"n": 3}]
    for number, words in enumerate((["s0", tmp_path / "o0.csv"], [tmp_path / "o1.csv", "s0"])):
        granary(node, "export", *words)
        assert (tmp_path / f"o{number}.csv").read_text().split() == ["n", "1", "2"]
    wrong = granary(node, "import", "nothing.csv", "--source", "s0", expect=2).stderr
    assert "there is no file 'nothing.csv'" in wrong and "granary import sales.csv --source sales" in wrong


def test_floats_that_are_no_numbers_come_back(node, tmp_path):
    client = node.client()
    client.add({"source_id": "t", "schema_definition": {"f": "float64"}})
    rows = [{"f": 1.5}, {"f": "NaN"}, {"f": "-Infinity"}, {"f": 2}]
    client.write("t", rows)
    for kind in ("ndjson", "csv"):
        granary(node, "export", "t", tmp_path / f"t.{kind}")
        granary(node, "import", tmp_path / f"t.{kind}", "--source", kind)
        assert client.call("GET", f"/sources/{kind}")["schema_definition"] == {"f": "float64"}
        assert client.rows(source_ids=[kind]) == rows


def test_import_of_csv_tells_times(node, tmp_path):
    client = node.client()
    (tmp_path / "a.csv").write_text("d,t,at,mixed\n2024-01-15,10:00:00,2024-01-15T10:00:00+02:00,2024-01-15\n,,2024-01-15 10:00:00.5,x\n")
    granary(node, "import", tmp_path / "a.csv", "--source", "t")
    schema, rows = stored(client, "t")
    assert schema == {"d": "date", "t": "time", "at": "datetime64[ns]", "mixed": "string"}
    assert rows == [b'{"d":"2024-01-15","t":"10:00:00","at":"2024-01-15T08:00:00Z","mixed":"2024-01-15"}}',
                    b'{"d":null,"t":null,"at":"2024-01-15T10:00:00.5Z","mixed":"x"}}']


@pytest.mark.parametrize("how", [[], ["--batch", "2"]], ids=["whole", "batch"])
def test_null_texts(node, tmp_path, how):
    client = node.client()
    (tmp_path / "a.csv").write_text('NA,s,j\n1,NA,NA\nNA,"NA",\\N\n3,NAN,"[""NA"",null]"\n')
    client.add({"source_id": "t", "schema_definition": {"NA": "int64", "s": "string", "j": "json"}})
    refused = granary(node, "import", "--null", "NA", tmp_path / "a.csv", "--source", "t", *how, expect=1).stderr
    assert "INVALID_RECORD" in refused and "line 3" in refused and ("nothing of it is written" in refused) == (not how)
    granary(node, "import", "--null", "NA", "--null", "\\N", tmp_path / "a.csv", "--source", "new", *how)
    assert stored(client, "new") == ({"NA": "int64", "s": "string", "j": "string"},
                                     [b'{"NA":1,"s":null,"j":null}}', b'{"NA":null,"s":"NA","j":null}}', b'{"NA":3,"s":"NAN","j":"[\\"NA\\",null]"}}'])
    client.add({"source_id": "typed", "schema_definition": {"NA": "int64", "s": "string", "j": "json"}})
    granary(node, "import", tmp_path / "a.csv", "--source", "typed", "--null=NA", "--null=\\N", *how)
    assert stored(client, "typed")[1][2] == b'{"NA":3,"s":"NAN","j":["NA",null]}}'
    (tmp_path / "a.ndjson").write_text('{"a":1}\n')
    assert "--null" in granary(node, "import", tmp_path / "a.ndjson", "--source", "t", "--null", "NA", expect=1).stderr
    assert "--null" in granary(node, "import", tmp_path / "a.csv", "--source", "t", "--null", "a,b", expect=1).stderr


def test_a_batch_that_is_refused_says_where_it_is(node, tmp_path):
    client = node.client()
    (tmp_path / "a.csv").write_text('id,s\n1,"x\ny"\n\n2,a\n3,b\nx,c\n')
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "s": "string"}})
    refused = granary(node, "import", tmp_path / "a.csv", "--source", "t", "--batch", "2", expect=1).stderr
    assert "records 2 to 3 of" in refused and "from line 6 on, which was sent as line 2" in refused
    assert "/1/id: " in refused and "line 3" in refused
    assert len(stored(client, "t")[1]) == 2


EVERY_TYPE = {
    "s": "string", "b": "bool", "i8": "int8", "i64": "int64", "u64": "uint64", "r": "float32", "f": "float64", "dec": "decimal(38,10)",
    "d": "date", "ts": "datetime64[s]", "ns": "datetime64[ns]", "t": "time", "x": "binary", "u": "uuid", "j": "json", "l": "list<int64>",
    "ls": "list<string>"}
ROWS = [
    {"s": "007", "b": True, "i8": -128, "i64": -2**63, "u64": 2**64 - 1, "r": 0.1, "f": 1e300, "dec": "1234567890123456789012345678.0123456789",
     "d": "1500-12-31", "ts": "2024-01-15T10:00:00Z", "ns": "2024-01-15T10:00:00.123456789Z", "t": "23:59:59.999999", "x": "AAEC",
     "u": "00000000-0000-0000-0000-000000000001", "j": {"a": [1, None, {"b": 12345678901234567890123}]}, "l": [1, None, 2**63 - 1], "ls": ["a,\"b\"", ""]},
    {"s": "", "b": False, "i8": 0, "i64": 9007199254740993, "u64": 0, "r": -3.5, "f": 0.5, "dec": "-0.5000000000", "d": "2024-02-29",
     "ts": "1969-12-31T23:59:59Z", "ns": "1969-12-31T23:59:59.5Z", "t": "00:00:00", "x": "", "u": "ffffffff-ffff-ffff-ffff-ffffffffffff",
     "j": "x\r\n\"y\", z", "l": [], "ls": []},
    {"s": "NA"},
    {"s": "{\"a\":1}", "j": [True, 1.5], "f": 1.0},
]


@pytest.mark.parametrize("ending", ["ndjson", "csv", "arrow", "parquet"])
def test_what_export_wrote_import_takes(node, tmp_path, ending):
    client = node.client()
    client.add({"source_id": "from", "schema_definition": EVERY_TYPE})
    client.write("from", ROWS)
    schema, rows = stored(client, "from")
    assert len(rows) == len(ROWS)
    path = tmp_path / f"a.{ending}"
    granary(node, "export", "from", path)
    for how in ([], ["--batch", "3"]):
        client.add({"source_id": "same", "schema_definition": EVERY_TYPE, "schema_mode": "strict"})
        granary(node, "import", path, "--source", "same", *how)
        assert stored(client, "same") == (schema, rows)
        client.call("DELETE", "/sources/same")
    granary(node, "import", path, "--source", "new")
    found, again = stored(client, "new")
    if ending in ("arrow", "parquet"):  # Parquet has no whole seconds.
        assert (found, again) == (schema if ending == "arrow" else {**schema, "ts": "datetime64[ms]"}, rows)
    elif ending == "ndjson":
        assert again == rows
        assert found["u64"] == "uint64" and found["j"] == "json"
    else:  # Documents are texts there, and a decimal is a number like others.
        assert found == {**schema, "i8": "int64", "r": "float64", "dec": "float64", "ns": "datetime64[ns]", "x": "string", "u": "string",
                         "j": "string", "l": "string", "ls": "string"}
        for one, other in zip(rows, again):
            one, other = json.loads(one[:-1]), json.loads(other[:-1])
            for name in ("s", "b", "i8", "i64", "u64", "r", "f", "d", "ts", "ns", "t", "x", "u"):
                assert one[name] == other[name], name
            for name in ("j", "l", "ls"):
                assert one[name] == (other[name] and json.loads(other[name])), name
            assert (one["dec"] and float(one["dec"])) == other["dec"]


def test_ndjson_of_an_export_is_of_bare_objects(node, tmp_path):
    client = node.client()
    client.add({"source_id": 'a-b', "schema_mode": "json"})
    client.write("a-b", [{"fields": {"}": 1}, "source_id": "x"}, {"é\n": [None, {}]}] + [{"n": i, "text": "x" * 1000} for i in range(3_000)])
    granary(node, "export", "a-b", tmp_path / "a.ndjson", "--filters", '{"n": {"exists": false}}')
    assert [json.loads(line) for line in (tmp_path / "a.ndjson").read_text().splitlines()] == [{"fields": {"}": 1}, "source_id": "x"}, {"é\n": [None, {}]}]
    granary(node, "export", "a-b", tmp_path / "all.ndjson")
    client.add({"source_id": "again", "schema_mode": "json"})
    granary(node, "import", tmp_path / "all.ndjson", "--source", "again")
    assert stored(client, "again") == stored(client, "a-b")


@pytest.mark.parametrize("how", [[], ["--batch", "1000"]], ids=["whole", "batch"])
def test_arrow_as_others_write_it(node, tmp_path, how):
    """A stream, a file, and Feather; large batches, dictionaries, nulls without a type."""
    client = node.client()
    rows = 3_000
    table = pa.table({"id": pa.array(range(rows), pa.int64()), "kind": pa.array([f"k{i % 5}" for i in range(rows)]).dictionary_encode(),
                      "at": pa.array([i * 10**9 for i in range(rows)], pa.timestamp("ns", tz="Europe/Berlin")), "none": pa.nulls(rows)})
    with pa.ipc.new_stream(tmp_path / "stream.arrows", table.schema) as out:
        out.write_table(table)
    with pa.ipc.new_file(tmp_path / "file.arrow", table.schema) as out:
        out.write_table(table, max_chunksize=700)
    feather.write_feather(table, tmp_path / "lz4.feather", compression="lz4")
    pq.write_table(table, tmp_path / "a.parquet")
    found = []
    for number, name in enumerate(("stream.arrows", "file.arrow", "lz4.feather", "a.parquet")):
        assert "3,000 records" in granary(node, "import", tmp_path / name, "--source", f"t{number}", *how).stdout
        found.append(stored(client, f"t{number}"))
    assert all(one == found[0] for one in found)
    assert found[0][0] == {"id": "int64", "kind": "string", "at": "datetime64[ns]", "none": "string"}
    assert found[0][1][2999] == b'{"id":2999,"kind":"k4","at":"1970-01-01T00:49:59Z","none":null}}'


def test_an_arrow_file_that_is_broken_is_refused(node, tmp_path):
    table = pa.table({"id": range(1000), "s": ["x" * 20] * 1000})
    with pa.ipc.new_stream(tmp_path / "a.arrow", table.schema) as out:
        out.write_table(table)
    whole = (tmp_path / "a.arrow").read_bytes()
    for name, content in (("cut", whole[: len(whole) // 2]), ("none", b"id,name\n1,x\n"), ("empty", b"")):
        (tmp_path / f"{name}.arrow").write_bytes(content)
        refused = granary(node, "import", tmp_path / f"{name}.arrow", "--source", "t", expect=1).stderr
        assert f"{name}.arrow" in refused
    assert all(stats["rows"] == 0 for stats in node.client().call("GET", "/tenant/stats")["source_stats"].values())


def test_a_refusal_names_its_code_once(node, tmp_path):
    done = granary(node, "export", "nobody", tmp_path / "a.csv", expect=1)
    assert done.stderr.startswith("granary: SOURCE_NOT_FOUND: ") and done.stderr.count("SOURCE_NOT_FOUND") == 1 and "(HTTP 404)" in done.stderr
    (tmp_path / "a.ndjson").write_text("{]\n")
    done = granary(node, "import", tmp_path / "a.ndjson", "--source", "t", expect=1)
    assert done.stderr.count("INVALID_") == 1 and "(HTTP 400)" in done.stderr
