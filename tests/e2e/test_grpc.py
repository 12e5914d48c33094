"""What gRPC has of its own: streams, deadlines, cancelling, limits, reflection, health, metadata."""

import decimal
import json
import random
import threading
import time

import grpc
import pyarrow as pa
import pytest
from google.protobuf import descriptor_pool

from node import Node, Refused
from rpc import RpcClient, refused, stubs, to_value


@pytest.fixture
def both(tmp_path):
    node = Node(tmp_path, args=["both"]).start()
    yield node
    node.close()


@pytest.fixture
def rpc(both):
    client = RpcClient(both.grpc_port)
    yield client
    client.close()


def batch(source, rows):
    pb, _ = stubs()
    return pb.WriteDataRequest(source_id=source, records=[
        pb.Record(fields={name: to_value(value) for name, value in row.items()}) for row in rows])


def fill(rpc, source, rows, text_bytes=0):
    rpc.add({"source_id": source, "schema_definition": {"i": "int64", "s": "string"}})
    rpc.stub.WriteStream(batch(source if at == 0 else "", [{"i": i, "s": "x" * text_bytes} for i in range(at, min(at + 1000, rows))])
                         for at in range(0, rows, 1000))


def code_of(error):
    return refused(error).code


def test_a_typed_value_of_every_kind_comes_back_equal(rpc):
    pb = rpc.pb
    rpc.add({"source_id": "k", "schema_definition": {
        "b": "bool", "i": "int64", "u": "uint64", "f": "float64", "g": "float32", "s": "string", "x": "binary",
        "d": "decimal(38,10)", "ts": "datetime64[ns]", "day": "date", "t": "time", "id": "uuid", "j": "json", "l": "list<int64>"}})
    values = {
        "b": pb.Value(bool_value=True), "i": pb.Value(int64_value=-2**63), "u": pb.Value(uint64_value=2**64 - 1),
        "f": pb.Value(float64_value=5e-324), "g": pb.Value(float32_value=0.5), "s": pb.Value(string_value="é\0"),
        "x": pb.Value(binary_value=bytes(range(256))), "d": pb.Value(decimal_value="1234567890123456789012345678.0123456789"),
        "ts": pb.Value(timestamp_value=pb.Timestamp(value=1705312800123456789, unit=pb.TIME_UNIT_NANOSECOND)),
        "day": pb.Value(date_value=-1), "t": pb.Value(time_value=86399999999), "id": pb.Value(uuid_value=bytes(range(16))),
        "j": pb.Value(json_value='{"a":[1,9007199254740993]}'),
        "l": pb.Value(list_value=pb.ListValue(values=[pb.Value(int64_value=1), pb.Value(null_value=0)]))}
    rpc.call("WriteData", pb.WriteDataRequest(source_id="k", records=[pb.Record(fields=values)]))
    parts = list(rpc.stub.SearchData(pb.SearchDataRequest()))
    names = [c.name for c in parts[0].rows.columns]
    assert dict(zip(names, parts[0].rows.rows[0].values)) == values
    assert parts[1].summary.count == 1
    for name, value in values.items():  # And each finds its record as a literal.
        if name in ("j", "l"):
            continue
        found = list(rpc.stub.SearchData(pb.SearchDataRequest(filters=pb.Filter(where=[
            pb.Comparison(column=name, op=pb.OPERATOR_EQ, value=value)]))))
        assert found[-1].summary.count == 1, name


@pytest.mark.parametrize("value,pointer", [({}, "/records/0/fields/a"), ({"uuid_value": b"short"}, "/records/0/fields/a"),
                                           ({"json_value": '1},{"b":2'}, "/records/0/fields/a"), ({"json_value": ""}, "/records/0/fields/a"),
                                           ({"decimal_value": "1e5"}, "/records/0/fields/a"), ({"time_value": 86400000000}, "/records/0/fields/a"),
                                           ({"timestamp_value": {"value": 1}}, "/records/0/fields/a")])
def test_a_value_that_is_none_is_refused_with_its_place(rpc, value, pointer):
    rpc.add({"source_id": "t"})
    with pytest.raises(Refused) as refusal:
        rpc.call("WriteData", rpc.pb.WriteDataRequest(source_id="t", records=[{"fields": {"a": rpc.pb.Value(**value)}}]))
    assert refusal.value.code == "INVALID_RECORD" and refusal.value.pointers == [pointer]
    assert refusal.value.problem["grpc"] == "INVALID_ARGUMENT"
    assert rpc.search({})["count"] == 0


def test_a_field_of_a_newer_client_is_refused(rpc):
    newer = rpc.pb.SearchDataRequest(filters=rpc.pb.Filter()).SerializeToString() + b"\xf8\x01\x01"  # field 31
    call = rpc.channel.unary_stream("/granary.v1.TenantNode/SearchData", request_serializer=lambda b: b, response_deserializer=bytes)
    with pytest.raises(grpc.RpcError) as failure:
        list(call(newer))
    assert code_of(failure.value) == "UNKNOWN_MEMBER"
    with pytest.raises(grpc.RpcError) as failure:
        list(call(b"\xff\xff\xff"))
    assert code_of(failure.value) == "INVALID_REQUEST"


def test_arrow_batches_hold_what_rows_hold(rpc):
    fill(rpc, "a", 5000, text_bytes=300)
    pb = rpc.pb
    request = pb.SearchDataRequest(stream=True, format=pb.FORMAT_ARROW, order_by=[pb.OrderBy(column="i")])
    tables = [pa.ipc.open_stream(p.arrow.ipc_stream).read_all() for p in rpc.stub.SearchData(request) if p.HasField("arrow")]
    assert max(len(t) for t in tables) < 5000  # In pieces of about a megabyte.
    assert pa.concat_tables(tables)["i"].to_pylist() == list(range(5000))
    answer = rpc.call("AggregateData", pb.AggregateDataRequest(format=pb.FORMAT_ARROW, aggregations=[
        pb.Aggregation(type=pb.AGGREGATION_TYPE_SUM, column="i"), pb.Aggregation(type=pb.AGGREGATION_TYPE_COUNT)]))
    table = pa.ipc.open_stream(answer.ipc_stream).read_all()
    assert table.to_pylist() == [{"sum_i": decimal.Decimal(sum(range(5000))), "count": 5000}]


def test_mixed_numbers_keep_their_types(rpc):
    pb = rpc.pb
    for source, kind, value in (("a", "int64", 9007199254740993), ("b", "float64", 0.5), ("c", "uint64", 2**64 - 1)):
        rpc.add({"source_id": source, "schema_definition": {"k": kind}})
        rpc.write({"source_id": source, "records": [{"fields": {"k": value}}]})
    request = pb.AggregateDataRequest(group_by=[pb.GroupBy(column="k")], order_by=[pb.OrderBy(column="k")],
                                      aggregations=[pb.Aggregation(type=pb.AGGREGATION_TYPE_COUNT)])
    answer = rpc.call("AggregateData", request)
    assert answer.columns[0].type == "float64"
    values = [row.values[0] for row in answer.rows]
    assert [(v.WhichOneof("kind"), getattr(v, v.WhichOneof("kind"))) for v in values] == [
        ("float64_value", 0.5), ("int64_value", 9007199254740993), ("uint64_value", 2**64 - 1)]
    request.format = pb.FORMAT_ARROW
    with pytest.raises(Refused) as refused:
        rpc.call("AggregateData", request)
    assert refused.value.code == "TYPE_MISMATCH"
    request.filters.CopyFrom(pb.Filter(json='{"k": {"lt": 1}}'))
    table = pa.ipc.open_stream(rpc.call("AggregateData", request).ipc_stream).read_all()
    assert table["k"].to_pylist() == [0.5]


def test_a_write_stream_tells_what_was_written_before_a_failure(rpc):
    rpc.add({"source_id": "w", "schema_mode": "strict", "schema_definition": {"i": "int64"}})
    answer = rpc.stub.WriteStream(iter([batch("w", [{"i": 1}, {"i": 2}]), batch("", [{"i": 3}])]))
    assert (answer.batches, answer.written, answer.durable) == (2, 3, True)
    with pytest.raises(grpc.RpcError) as failure:
        rpc.stub.WriteStream(iter([batch("w", [{"i": 4}]), batch("", [{"i": 5}, {"i": "x"}]), batch("", [{"i": 6}])]))
    problem = refused(failure.value)
    assert problem.code == "INVALID_RECORD" and problem.pointers == ["/records/1/fields/i"]
    assert problem.problem["metadata"] == {"batches": "1", "written": "1"}
    assert [r["fields"]["i"] for r in rpc.search({"order_by": [{"column": "i"}]})["records"]] == [1, 2, 3, 4]


def memory_of(node):
    with open(f"/proc/{node.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) << 10


def test_a_slow_reader_does_not_grow_memory_and_gets_every_row(both, rpc):
    fill(rpc, "big", 60_000, text_bytes=1000)  # 60 MB
    before = memory_of(both)
    stream = rpc.stub.SearchData(rpc.pb.SearchDataRequest(stream=True, order_by=[]))
    first = next(stream)
    rows, peak, looks = len(first.rows.rows), 0, 0
    for part in stream:
        if looks < 50:
            looks += 1
            time.sleep(0.01)  # The slowness under test.
        peak = max(peak, memory_of(both))
        rows += len(part.rows.rows)
    assert rows == 60_000
    assert peak - before < 60 << 20, (before, peak)


def test_a_deadline_ends_a_call_with_its_code_and_its_query(both, rpc):
    client, chooser = both.client(), random.Random(5)
    rpc.add({"source_id": "slow", "schema_definition": {"s": "string"}})
    for _ in range(10):
        rpc.call("WriteData", batch("slow", [{"s": "".join(chooser.choices("abcdef", k=1000))} for _ in range(1000)]))
    # More states than the automaton's memory holds: about a millisecond a row, so ten seconds and no row to send.
    request = rpc.pb.AggregateDataRequest(aggregations=[rpc.pb.Aggregation(type=rpc.pb.AGGREGATION_TYPE_COUNT)], filters=rpc.pb.Filter(where=[
        rpc.pb.Comparison(column="s", op=rpc.pb.OPERATOR_REGEX, value=rpc.pb.Value(string_value="[ab].{100}[cd].{100}x"))]))
    before = both.cpu_ms()
    call = rpc.stub.AggregateData.future(request, timeout=1.0)
    while not any(query["state"] == "running" for query in client.call("GET", "/queries")["queries"]):
        assert not call.done(), "it ended before it was seen to run"
    with pytest.raises(grpc.RpcError) as failure:
        call.result()
    assert failure.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    while client.call("GET", "/queries")["queries"]:
        assert both.cpu_ms() - before < 6000, "the query goes on without its client"


def metric(node, name):
    _, _, text = node.client().raw("GET", "/metrics")
    return [line for line in text.decode().splitlines() if line.startswith(name)]


def test_a_cancelled_call_is_given_up_soon(both, rpc):
    fill(rpc, "c", 30_000, text_bytes=1000)
    stream = rpc.stub.SearchData(rpc.pb.SearchDataRequest(stream=True))
    next(stream)
    assert "granary_searches_running 1" in metric(both, "granary_searches_running ")
    start = time.monotonic()
    stream.cancel()
    while "granary_searches_running 0" not in metric(both, "granary_searches_running "):
        assert time.monotonic() - start < 5
    assert metric(both, 'granary_grpc_requests_total{code="CANCELLED",method="SearchData"} 1')


def test_a_client_that_sends_no_message_is_given_up(tmp_path):
    node = Node(tmp_path, args=["both"], env={"BODY_TIMEOUT_SECONDS": "2"}).start()
    try:
        rpc = RpcClient(node.grpc_port)
        rpc.add({"source_id": "t"})
        for first in ([], [batch("t", [{"i": 1}])]):  # Never one, and none behind the first.
            done = threading.Event()

            def messages():
                yield from first
                done.wait(60)

            start = time.monotonic()
            with pytest.raises(grpc.RpcError) as failure:
                rpc.stub.WriteStream(messages(), timeout=40)
            assert "no message came" in failure.value.details(), failure.value
            assert 1.5 < time.monotonic() - start < 30
            done.set()
        assert rpc.search({})["count"] == 1
        assert node.stop() == 0
    finally:
        node.close()


def test_messages_at_below_and_above_the_limit(tmp_path):
    node = Node(tmp_path, args=["both"], env={"MAX_BODY_MB": "1"}).start()
    try:
        rpc = RpcClient(node.grpc_port)
        rpc.add({"source_id": "t", "schema_definition": {"s": "string"}})
        limit = 1 << 20
        empty = batch("t", [{"s": "x" * 1_000_000}]).ByteSize() - 1_000_000
        for size, code in ((limit - 1, None), (limit, None), (limit + 1, "TOO_LARGE")):
            message = batch("t", [{"s": "x" * (size - empty)}])
            assert message.ByteSize() == size
            try:
                rpc.call("WriteData", message)
                found = None
            except Refused as refusal:
                found = refusal.code
                assert refusal.problem["grpc"] == "RESOURCE_EXHAUSTED"
            assert found == code, size
        with pytest.raises(grpc.RpcError) as failure:  # Far over it the library refuses by itself.
            rpc.stub.WriteData(batch("t", [{"s": "x" * (4 << 20)}]))
        assert failure.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert rpc.search({})["count"] == 2
    finally:
        node.close()


def test_many_violations_fit_into_the_headers(rpc):
    rpc.add({"source_id": "m", "schema_mode": "strict", "schema_definition": {"i": "int64"}})
    with pytest.raises(Refused) as refusal:
        rpc.write({"source_id": "m", "records": [{"fields": {"i": "é" * 400}}] * 50})
    assert refusal.value.code == "INVALID_RECORD"
    assert refusal.value.pointers[0] == "/records/0/fields/i"


def test_request_ids_go_both_ways(both, rpc):
    _, call = rpc.stub.HealthCheck.with_call(rpc.pb.HealthCheckRequest(), metadata=[("x-request-id", "mine-1")])
    assert ("x-request-id", "mine-1") in [tuple(m) for m in call.initial_metadata()]
    _, call = rpc.stub.HealthCheck.with_call(rpc.pb.HealthCheckRequest())
    assert len(dict(call.initial_metadata())["x-request-id"]) == 32


def test_health_is_served_in_the_common_form(rpc):
    check = rpc.channel.unary_unary("/grpc.health.v1.Health/Check", request_serializer=lambda b: b, response_deserializer=bytes)
    assert check(b"") == b"\x08\x01"  # status: SERVING
    name = b"granary.v1.TenantNode"
    assert check(b"\x0a" + bytes([len(name)]) + name) == b"\x08\x01"
    answer = rpc.call("HealthCheck", rpc.pb.HealthCheckRequest())
    assert answer.status == "ok" and answer.tenant_id and answer.version


def test_reflection_lists_and_describes_the_service(rpc):
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

    database = ProtoReflectionDescriptorDatabase(rpc.channel)
    assert {"granary.v1.TenantNode", "grpc.health.v1.Health"} <= set(database.get_services())
    pool = descriptor_pool.DescriptorPool(database)
    health = pool.FindServiceByName("grpc.health.v1.Health")
    assert [m.name for m in health.methods] == ["Check", "Watch"] and health.methods_by_name["Check"].input_type.fields[0].name == "service"
    service = pool.FindServiceByName("granary.v1.TenantNode")
    ours = rpc.pb.DESCRIPTOR.services_by_name["TenantNode"]
    assert [m.name for m in service.methods] == [m.name for m in ours.methods]
    assert service.methods_by_name["SearchData"].output_type.full_name == "granary.v1.SearchDataResponse"


METHODS = {"WriteData": (False, False), "WriteStream": (True, False), "SearchData": (False, True), "AggregateData": (False, False),
           "Explain": (False, False), "AddSource": (False, False), "UpdateSource": (False, False), "RemoveSource": (False, False),
           "ListSources": (False, False), "GetSourceStats": (False, False), "GetTenantStats": (False, False), "HealthCheck": (False, False)}


def test_the_service_has_these_methods_and_streams(rpc):
    service = rpc.pb.DESCRIPTOR.services_by_name["TenantNode"]
    assert service.full_name == "granary.v1.TenantNode"
    assert {m.name: (m.client_streaming, m.server_streaming) for m in service.methods} == METHODS


@pytest.mark.parametrize("method", ["GetFlightInfo", "DoGet", "DoAction", "GetSchema"])
def test_flight_sql_comes_later(rpc, method):
    with pytest.raises(grpc.RpcError) as failure:
        rpc.channel.unary_unary("/arrow.flight.protocol.FlightService/" + method, request_serializer=bytes, response_deserializer=bytes)(b"")
    assert failure.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert "Flight" in failure.value.details() and "not offered by this version" in failure.value.details()


def test_a_trace_goes_into_the_log(tmp_path):
    node = Node(tmp_path, args=["both"], env={"LOG_LEVEL": "debug"}).start()
    try:
        rpc = RpcClient(node.grpc_port)
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        rpc.call("ListSources", rpc.pb.ListSourcesRequest(), metadata=[("traceparent", f"00-{trace}-00f067aa0ba902b7-01"), ("x-request-id", "traced")])
        assert node.stop() == 0  # The line is written behind the answer.
        line, = (line for line in map(json.loads, node.log().splitlines()) if line.get("request_id") == "traced")
        assert line["trace_id"] == trace
    finally:
        node.close()


def test_an_unknown_method_is_unimplemented(rpc):
    for path in ("/granary.v1.TenantNode/Nope", "/granary.v1.TenantNode/", "/nobody.Nothing/At"):
        with pytest.raises(grpc.RpcError) as failure:
            rpc.channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)(b"")
        assert failure.value.code() == grpc.StatusCode.UNIMPLEMENTED, path


def test_statistics_are_those_of_rest(both, rpc):
    client = both.client()
    rpc.add({"source_id": "a", "schema_definition": {"i": "int64", "s": "string", "f": "float64", "at": "datetime64[us]"},
             "index_columns": ["i", {"column": "i", "kind": "hash"}, {"column": "s", "kind": "bloom"}]})
    for step in ("hot", "flushed", "flushed again", "merged"):
        if step != "merged":
            rpc.write({"source_id": "a", "records": [{"fields": {"i": i, "s": f"s{i}", "f": i / 2, "at": "2024-01-15T10:00:00.5Z"}} for i in range(300)]})
        if step.startswith("flushed"):
            client.flush("a")
        if step == "merged":
            client.call("POST", "/sources/a/compact?wait=true")
        rest = json.loads(client.raw("GET", "/sources/a/stats")[2], parse_float=decimal.Decimal)
        assert rpc.stats("a") == rest, step
    assert rest["files"] == 1 and rest["index_bytes"] > 0 and rest["last_compaction"] and rest["columns"]["i"]["indexes"] == ["hash", "btree"]


def test_sources_and_stats(rpc):
    rpc.add({"source_id": "a", "schema_definition": {"i": "int64"}, "compression": {"default": "zstd", "columns": {"i": "none"}},
             "partition_columns": [{"column": "i", "transform": "bucket[4]"}], "index_columns": ["i"]})
    rpc.write({"source_id": "a", "records": [{"fields": {"i": i}} for i in (3, 1, 2)]})
    source, = rpc.call("ListSources", rpc.pb.ListSourcesRequest()).sources
    assert source.source_id == "a" and source.compression.default == "zstd" and dict(source.compression.columns) == {"i": "none"}
    assert source.partition_columns[0].transform == "bucket[4]" and source.schema_mode == rpc.pb.SCHEMA_MODE_EVOLVE
    stats = rpc.call("GetSourceStats", rpc.pb.GetSourceStatsRequest(source_id="a"))
    assert (stats.rows, stats.columns[0].min.int64_value, stats.columns[0].max.int64_value) == (3, 1, 3)
    tenant = rpc.call("GetTenantStats", rpc.pb.GetTenantStatsRequest())
    assert tenant.rows == 3 and [s.source_id for s in tenant.sources] == ["a"]


def test_a_source_is_changed(rpc):
    rpc.add({"source_id": "u", "schema_definition": {"a": "int32", "b": "string"}, "sort_columns": ["a"]})
    rpc.write({"source_id": "u", "records": [{"fields": {"a": 1, "b": "x"}}]})
    changed = rpc.update("u", {"add_columns": {"c": "float64"}, "rename_columns": {"b": "text"}, "widen_columns": {"a": "int64"},
                               "add_indexes": ["a", {"column": "text", "kind": "bloom"}], "sort_columns": [], "name": "U",
                               "compression": {"default": "zstd", "columns": {"text": "none"}}, "schema_mode": "strict"})
    assert changed["schema_definition"] == {"a": "int64", "text": "string", "c": "float64"}
    assert (changed["name"], changed["sort_columns"], changed["schema_mode"]) == ("U", [], "strict")
    source, = rpc.call("ListSources", rpc.pb.ListSourcesRequest()).sources
    assert [(i.column, i.kind) for i in source.index_columns] == [("a", ""), ("text", "bloom")]
    assert [r["fields"] for r in rpc.search({})["records"]] == [{"a": 1, "text": "x", "c": None}]
    for patch, pointer in (({"drop_columns": ["zzz"]}, "/drop_columns/0"), ({"widen_columns": {"c": "bool"}}, "/widen_columns/c")):
        with pytest.raises(Refused) as refusal:
            rpc.update("u", patch)
        assert pointer in refusal.value.pointers
    with pytest.raises(Refused) as refusal:
        rpc.call("UpdateSource", rpc.pb.UpdateSourceRequest(source_id="u", sort_columns=["a"], clear_sort_columns=True))
    assert refusal.value.pointers == ["/clear_sort_columns"]
    with pytest.raises(Refused) as refusal:
        rpc.update("nobody", {"name": "x"})
    assert refusal.value.code == "SOURCE_NOT_FOUND"


def test_pages_go_on_with_their_cursor(rpc):
    rpc.add({"source_id": "p"})
    rpc.write({"source_id": "p", "records": [{"fields": {"i": i}} for i in range(10)]})
    order, seen, cursor = [{"column": "i", "direction": "desc"}], [], None
    while True:
        page = rpc.search({"source_ids": ["p"], "order_by": order, "limit": 3, "cursor": cursor})
        seen += [r["fields"]["i"] for r in page["records"]]
        cursor = page["next_cursor"]
        rpc.write({"source_id": "p", "records": [{"fields": {"i": 100 + len(seen)}}]})
        if cursor is None:
            break
    assert seen == list(reversed(range(10)))
    first = rpc.search({"source_ids": ["p"], "order_by": order, "limit": 3})
    with pytest.raises(Refused) as refusal:
        rpc.search({"source_ids": ["p"], "limit": 3, "cursor": first["next_cursor"]})
    assert "/cursor" in refusal.value.pointers


def test_a_key_writes_once(both, rpc):
    rpc.add({"source_id": "k"})
    def request(value, key="once"):
        return rpc.pb.WriteDataRequest(source_id="k", idempotency_key=key,
                                       records=[rpc.pb.Record(fields={"i": rpc.pb.Value(int64_value=value)})])
    first = rpc.call("WriteData", request(1))
    again = rpc.call("WriteData", request(1))
    assert not first.replayed and again.replayed and again.sequence == first.sequence
    both.restart()
    rpc = RpcClient(both.grpc_port)
    assert rpc.call("WriteData", request(1)).replayed
    with pytest.raises(Refused) as refusal:
        rpc.call("WriteData", request(2))
    assert refusal.value.code == "IDEMPOTENCY_KEY_REUSED"
    for key in ("x" * 256, "ä", "\n"):
        with pytest.raises(Refused) as refusal:
            rpc.call("WriteData", request(1, key))
        assert refusal.value.pointers == ["/idempotency_key"]
    rpc.call("WriteData", request(3, "x" * 255))
    assert rpc.search({"source_ids": ["k"]})["count"] == 2


def test_a_running_search_is_listed_by_its_request_id(both, rpc):
    rpc.add({"source_id": "q"})
    rpc.write({"source_id": "q", "records": [{"fields": {"t": "x" * 1000, "i": i}} for i in range(10_000)]})
    for _ in range(4):
        rpc.write({"source_id": "q", "records": [{"fields": {"t": "x" * 1000, "i": i}} for i in range(10_000)]})
    stream = rpc.stub.SearchData(rpc.pb.SearchDataRequest(source_ids=["q"], stream=True), metadata=[("x-request-id", "mine-7")])
    next(stream)  # Nobody reads on: flow control holds the query back.
    running = both.client().call("GET", "/queries")["queries"]
    assert [one["request_id"] for one in running] == ["mine-7"]
    both.client().call("DELETE", f"/queries/{running[0]['id']}")
    with pytest.raises(grpc.RpcError) as failure:
        for _ in stream:
            pass
    assert failure.value.code() == grpc.StatusCode.CANCELLED


def test_both_doors_see_one_tenant_and_stop_together(both, rpc):
    rest = both.client()
    rest.add({"source_id": "one"})
    rest.write("one", [{"a": 1}])
    assert rpc.search({})["count"] == 1
    rpc.write({"source_id": "one", "records": [{"fields": {"a": 2}}]})
    assert [r["a"] for r in rest.rows(order_by=[{"column": "a"}])] == [1, 2]
    assert metric(both, 'granary_grpc_requests_total{code="OK",method="WriteData"} 1')
    assert both.stop() == 0
    with pytest.raises(grpc.RpcError):
        rpc.stub.HealthCheck(rpc.pb.HealthCheckRequest(), timeout=5)


def test_grpc_alone_serves_no_rest(tmp_path):
    node = Node(tmp_path, args=["grpc"]).start(wait=False)
    try:
        rpc = RpcClient(node.grpc_port)
        grpc.channel_ready_future(rpc.channel).result(timeout=60)
        deadline = time.monotonic() + 60
        while True:
            try:
                rpc.call("HealthCheck", rpc.pb.HealthCheckRequest())
                break
            except Refused as refusal:
                assert refusal.code == "UNAVAILABLE" and refusal.problem["retry"] == 1
                assert time.monotonic() < deadline
        with pytest.raises(OSError):
            node.client().raw("GET", "/health")
        assert node.stop() == 0
    finally:
        node.close()


def test_a_busy_grpc_port_stops_the_start_by_name(both, tmp_path):
    second = Node(tmp_path / "second", args=["both"])
    second.folder.mkdir()
    second.grpc_port = both.grpc_port
    second.start(wait=False)
    assert second.process.wait(timeout=30) != 0
    assert f"{both.grpc_port} (gRPC): Address already in use" in second.log()


def test_texts_that_are_not_utf8_are_refused_and_not_written_to_the_log(start_node):
    node = start_node({"LOG_LEVEL": "error"}, args=["both"])
    channel = grpc.insecure_channel(f"127.0.0.1:{node.grpc_port}")
    call = channel.unary_unary("/granary.v1.TenantNode/GetSourceStats")
    for _ in range(3):
        with pytest.raises(grpc.RpcError) as refused:
            call(b"\x0a\x02\xff\xfe", timeout=10)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    channel.close()
    assert node.log() == ""
