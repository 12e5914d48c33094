"""What every request and every answer of the REST API has in common: ids, errors, access, names, limits."""

import http.client
import json
import re
import socket

import pytest

from node import REPOSITORY, Node
from rpc import RpcClient

OPENAPI = json.loads((REPOSITORY / "docs/openapi/tenant_node.json").read_text())
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("conventions"), env={"LOG_LEVEL": "debug"}).start()
    node.client().add({"source_id": "t", "schema_definition": {"i": "int64", "s": "string"}})
    node.client().write("t", [{"i": 1, "s": "one"}])
    yield node
    node.close()


@pytest.fixture
def client(served):
    client = served.client()
    yield client
    client.close()


def problem(answer):
    status, headers, content = answer
    assert headers["content-type"] == "application/problem+json", content
    found = json.loads(content)
    assert found["status"] == status and found["title"] and found["detail"] and found["type"]
    assert found["instance"] == headers["x-request-id"]
    assert found["code"] == found["code"].upper()
    return found


def raw(port, request, host="127.0.0.1"):
    with socket.create_connection((host, port), timeout=20) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


def lines_about(node, request_id):
    return [line for line in map(json.loads, node.log().splitlines()) if line.get("request_id") == request_id]


@pytest.mark.parametrize("method,target,body", [
    ("GET", "/health", None), ("GET", "/metrics", None), ("GET", "/sources", None), ("GET", "/nowhere", None),
    ("POST", "/data/search", b"{"), ("POST", "/data/search/stream", b"{}"), ("PUT", "/data/write", b"{}"), ("POST", "/sql", b"{}"),
    ("DELETE", "/sources/nobody", None)])
def test_every_answer_has_a_request_id_and_echoes_the_callers(client, method, target, body):
    _, headers, _ = client.raw(method, target, body)
    first = headers["x-request-id"]
    _, headers, _ = client.raw(method, target, body)
    assert len(first) >= 16 and headers["x-request-id"] != first
    _, headers, _ = client.raw(method, target, body, {"X-Request-Id": "order-7.a_b"})
    assert headers["x-request-id"] == "order-7.a_b"


def test_a_request_that_is_no_http_gets_an_id_and_a_problem_too(served):
    answer = raw(served.port, b"GET / HTTP/1.1\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400") and b"connection: close" in head.lower()
    assert json.loads(body)["instance"].encode() in head


def test_a_trace_goes_into_the_log(served, client):
    client.raw("POST", "/data/search", {}, {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "X-Request-Id": "traced"})
    client.raw("POST", "/data/search", {}, {"traceparent": "00-nonsense", "X-Request-Id": "untraced"})
    assert [line["trace_id"] for line in lines_about(served, "traced")] == [TRACE]
    assert [line["trace_id"] for line in lines_about(served, "untraced")] == [""]


@pytest.mark.parametrize("path", OPENAPI["paths"])
def test_every_path_answers_under_v1_too(client, path):
    target = path.replace("{id}", "t" if path.startswith("/sources") else "none")
    for method in ("get", "post", "patch", "delete"):
        if method not in OPENAPI["paths"][path] or (method, path) == ("delete", "/sources/{id}"):
            continue
        body = None if method in ("get", "delete") else b"{}"
        status, _, content = client.raw(method.upper(), target, body)
        again, _, under = client.raw(method.upper(), "/v1" + target, body)
        assert again == status, (content, under)
        assert json.loads(under)["code"] != "NOT_FOUND" if status == 404 and path not in ("/queries/{id}", "/jobs/{id}") else True
    status, _, _ = client.raw("GET", "/v1/v1" + target)
    assert status == 404


@pytest.mark.parametrize("path", OPENAPI["paths"])
def test_another_method_is_told_which_are_allowed(client, path):
    target = path.replace("{id}", "t")
    known = {method.upper() for method in OPENAPI["paths"][path]} - {"PARAMETERS"}
    status, headers, _ = answer = client.raw("PUT", target, b"{}")
    assert status == 405 and problem(answer)["code"] == "METHOD_NOT_ALLOWED"
    allowed = set(headers["allow"].replace(" ", "").split(","))
    if path == "/sources/add":  # A source may be called "add".
        known |= {method.upper() for method in OPENAPI["paths"]["/sources/{id}"]} - {"PARAMETERS"}
    assert allowed - {"HEAD"} == known and ("HEAD" in allowed) <= ("GET" in known)


@pytest.mark.parametrize("target,body,pointer", [
    ("PATCH /sources/t", {"add_column": {"x": "int64"}}, "/add_column"),
    ("PATCH /sources/t", {"add_indexes": [{"column": "i", "type": "hash"}]}, "/add_indexes/0/type"),
    ("PATCH /sources/t", {"compression": {"default": "zstd", "level": 3}}, "/compression/level"),
    ("PATCH /sources/t", {"retention": {"column": "at", "days": 1, "hours": 2}}, "/retention/hours"),
    ("/sources/add", {"source_id": "u", "schema_definition": {"a": "date"}, "retention": {"column": "a", "days": 1, "hours": 2}}, "/retention/hours"),
    ("/sources/t/compact", {"wait": True}, "/wait"),
    ("/data/delete", {"source_id": "t", "filters": {}, "limit": 1}, "/limit"),
    ("/data/explain", {"search": {"filter": {}}}, "/search/filter"),
    ("/data/explain", {"aggregate": {"aggregations": [{"type": "count", "name": "n"}]}}, "/aggregate/aggregations/0/name"),
    ("/data/explain", {"search": {}, "analyze": True}, "/analyze"),
    ("/sources/add", {"source_id": "u", "schema": {}}, "/schema"),
    ("/sources/add", {"source_id": "u", "schema_definition": {"a": "date"}, "partition_columns": [{"column": "a", "by": "day"}]},
     "/partition_columns/0/by"),
    ("/sources/add", {"source_id": "u", "schema_definition": {"a": "date"}, "index_columns": [{"column": "a", "type": "hash"}]},
     "/index_columns/0/type"),
    ("/sources/add", {"source_id": "u", "compression": {"default": "snappy", "column": {}}}, "/compression/column"),
    ("/sources/t/flush", {"wait": True}, "/wait"),
    ("/data/write", {"source_id": "t", "records": [{"fields": {}, "field": {}}]}, "/records/0/field"),
    ("/data/write", {"source_id": "t", "records": [], "onerror": "skip"}, "/onerror"),
    ("/data/search", {"filter": {}}, "/filter"),
    ("/data/search", {"order_by": [{"column": "i", "desc": True}]}, "/order_by/0/desc"),
    ("/data/search/stream", {"limits": 1}, "/limits"),
    ("/data/aggregate", {"aggregations": [{"type": "count"}], "groupby": []}, "/groupby"),
    ("/data/aggregate", {"aggregations": [{"type": "count", "name": "n"}]}, "/aggregations/0/name"),
    ("/data/aggregate", {"aggregations": [{"type": "count"}], "group_by": [{"column": "i", "as": "x"}]}, "/group_by/0/as"),
    ("/data/aggregate", {"aggregations": [{"type": "count"}], "group_by": [{"column": "i", "transform": {"buckets": 1}}]},
     "/group_by/0/transform/buckets"),
    ("/data/aggregate", {"aggregations": [{"type": "count"}], "order_by": [{"column": "count", "dir": "asc"}]}, "/order_by/0/dir")],
    ids=lambda value: value if isinstance(value, str) else "")
def test_an_unknown_member_is_an_error_wherever_it_stands(client, target, body, pointer):
    method, _, path = target.rpartition(" ")
    status, _, _ = answer = client.raw(method or "POST", path, body)
    found = problem(answer)
    assert (status, found["code"]) == (400, "UNKNOWN_MEMBER"), found
    assert [error["pointer"] for error in found["errors"]] == [pointer]


def test_an_unknown_query_parameter_is_an_error(client):
    for method, target in (("POST", "/data/search?limit=1"), ("GET", "/sources?x=1"), ("DELETE", "/sources/t?keepdata=true")):
        status, _, _ = answer = client.raw(method, target, b"{}" if method == "POST" else None)
        assert (status, problem(answer)["code"]) == (400, "INVALID_ARGUMENT")


def test_a_query_parameter_that_stands_twice_is_an_error(client):
    for method, target, name in (("DELETE", "/sources/t?keep_data=true&keep_data=true", "keep_data"),
                                 ("POST", "/data/search/stream?frames=true&frames=false", "frames"),
                                 ("POST", "/data/write?source_id=t&atomic=true&source_id=t", "source_id")):
        status, _, _ = answer = client.raw(method, target, b"{}" if method == "POST" else None)
        found = problem(answer)
        assert (status, found["code"]) == (400, "INVALID_ARGUMENT")
        assert f"{name} is given twice" in found["detail"]


@pytest.mark.parametrize("target", ["/sources/add", "/data/write", "/data/search", "/data/search/stream", "/data/aggregate"])
def test_an_empty_body_and_a_body_of_another_kind_are_refused(client, target):
    for body, status, code in ((b"", 400, "INVALID_JSON"), (b"[]", 400, None), (b"null", 400, None), (b"{} {}", 400, "INVALID_JSON"),
                               (b"\xef\xbf{}", 400, None)):
        got, _, _ = answer = client.raw("POST", target, body)
        found = problem(answer)
        assert got == status and code in (None, found["code"]), (body, found)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"):
        got, _, _ = answer = client.raw("POST", target, b"{}", {"Content-Type": kind})
        assert (got, problem(answer)["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE"), kind


def test_flush_takes_no_body_an_empty_one_and_an_empty_object(client):
    for body in (None, b"", b"{}"):
        status, _, content = client.raw("POST", "/sources/t/flush", body)
        assert status == 200, content


def test_a_body_where_none_is_taken_is_refused_and_nothing_changes(client):
    client.add({"source_id": "kept"})
    client.write("kept", [{"i": 1}])
    for method, target in (("DELETE", "/sources/kept"), ("GET", "/sources/kept"), ("GET", "/sources"), ("GET", "/queries"), ("GET", "/tenant/stats"),
                           ("DELETE", "/queries/none"), ("DELETE", "/jobs/none"), ("GET", "/sources/kept/stats?histograms=true")):
        for body in (b'{"keep_data": true}', b"{}", b"x"):
            status, _, _ = answer = client.raw(method, target, body)
            found = problem(answer)
            assert (status, found["code"]) == (400, "INVALID_ARGUMENT") and "takes no body" in found["detail"], found
    assert client.rows(source_ids=["kept"]) == [{"i": 1}]
    assert client.raw("DELETE", "/sources/kept", b"")[0] == 204


def test_times_go_out_as_rfc_3339_and_come_in_again(client):
    """Of every unit, at both ends of the years that there are; what lies outside is refused, by every way in."""
    text = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z")
    units = {f"datetime64[{unit}]": digits for unit, digits in (("s", 0), ("ms", 3), ("us", 6), ("ns", 9))}
    client.add({"source_id": "times", "schema_mode": "strict", "schema_definition": {kind: kind for kind in units} | {"day": "date"}})
    rows = []
    for kind, digits in units.items():
        first, last = ("1677-09-22T00:00:00", "2262-04-11T00:00:00") if digits == 9 else ("0001-01-01T00:00:00", "9999-12-31T23:59:59")
        rows += [{kind: first + "Z"}, {kind: last + "Z"}, {kind: "2024-01-15T10:00:00+05:30"}, {kind: "1969-12-31T23:59:59"}]
        rows += [{kind: last + "." + "9" * digits + "Z"}, {kind: first + "." + "0" * (digits - 1) + "1Z"}] if digits else []
    client.write("times", rows)
    shown = client.rows(source_ids=["times"], order_by=[{"column": "_seq"}], limit=1000)
    values = [(kind, row[kind]) for row in shown for kind in units if row[kind] is not None]
    assert len(values) == len(rows) and all(text.fullmatch(value) for _, value in values), values
    client.write("times", [{kind: value} for kind, value in values])
    again = client.rows(source_ids=["times"], order_by=[{"column": "_seq"}], limit=1000)[len(rows):]
    assert again == shown
    for kind in units:
        for outside in ("9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01"):
            answers = (client.raw("POST", "/data/write", {"source_id": "times", "records": [{"fields": {kind: outside}}]}),
                       client.raw("POST", "/data/write?source_id=times", json.dumps({kind: outside}), {"Content-Type": "application/x-ndjson"}),
                       client.raw("POST", "/data/write?source_id=times", f"{kind}\n{outside}\n", {"Content-Type": "text/csv"}),
                       client.raw("POST", "/data/search", {"source_ids": ["times"], "filters": {kind: {"gt": outside}}}))
            assert [answer[0] for answer in answers] == [400] * 4, (kind, outside, answers)
            assert all(problem(answer)["errors"] for answer in answers)


def test_a_member_that_stands_twice_is_refused(client):
    status, _, _ = answer = client.raw("POST", "/data/search", b'{"limit": 1, "limit": 2}')
    assert status == 400 and problem(answer)["errors"][0]["pointer"] == "/limit"


def test_health_says_ok_only_when_ready_and_needs_no_more_than_a_get(client):
    for target in ("/health", "/health/ready", "/health/live"):
        status, headers, content = client.raw("GET", target)
        assert (status, json.loads(content)["status"]) == (200, "ok") and headers["content-type"] == "application/json"
        status, headers, content = client.raw("HEAD", target)
        assert (status, content) == (200, b"")


def test_metrics_are_prometheus_text(client):
    status, headers, content = client.raw("GET", "/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
    types = {}
    for line in content.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in types, f"{name} has two families"
            types[name] = kind
        elif not line.startswith("#"):
            series, value = line.rsplit(" ", 1)
            float(value)
            name = series.split("{")[0]
            family = next((name.removesuffix(end) for end in ("_bucket", "_sum", "_count") if name.removesuffix(end) in types), name)
            assert types[family] in ("counter", "gauge", "histogram"), line
            assert types[family] != "counter" or name.endswith("_total"), line


def test_a_quota_says_when_to_come_again(tmp_path):
    node = Node(tmp_path, env={"MAX_SOURCES": "1"}).start()
    try:
        client = node.client()
        client.add({"source_id": "one"})
        status, headers, _ = answer = client.raw("POST", "/sources/add", {"source_id": "two"})
        assert (status, problem(answer)["code"]) == (429, "QUOTA_EXCEEDED")
        assert int(headers["retry-after"]) >= 1
        assert (int(headers["ratelimit-limit"]), int(headers["ratelimit-remaining"])) == (1, 0)
        assert int(headers["ratelimit-reset"]) >= 1
    finally:
        node.close()


def test_a_client_that_leaves_is_in_the_log_alone(tmp_path):
    node = Node(tmp_path, env={"LOG_LEVEL": "debug", "MAX_BATCH_RECORDS": "100000", "MAX_BODY_MB": "64"}).start()
    try:
        client = node.client()
        client.add({"source_id": "big"})
        client.write("big", [{"i": i, "s": f"some text to fill the socket {i}" * 4} for i in range(100_000)])
        with socket.socket() as gone:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            gone.connect(("127.0.0.1", node.port))
            gone.sendall(b"POST /data/search/stream HTTP/1.1\r\nHost: x\r\nX-Request-Id: leaves\r\nContent-Type: application/json\r\n"
                         b"Content-Length: 2\r\n\r\n{}")
            assert gone.recv(100).startswith(b"HTTP/1.1 200")
        while client.call("GET", "/queries")["queries"]:
            pass
        for _ in range(1000):  # The line is written behind the end of the query.
            if any("status" in line for line in lines_about(node, "leaves")):
                break
            client.call("GET", "/queries")
        line, = (line for line in lines_about(node, "leaves") if "status" in line)
        assert (line["status"], line["code"]) == (499, "CANCELLED")
    finally:
        node.close()


def other_address():
    """An address of this machine that is not its loopback one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # Nothing is sent: it asks which address would be used.
            address = probe.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address


@pytest.fixture(scope="module")
def elsewhere():
    address = other_address()
    if address is None:
        pytest.skip("SKIPPED: this machine has no address but its loopback one")
    return address


def ask(address, port, method, target):
    connection = http.client.HTTPConnection(address, port, timeout=20)
    connection.request(method, target, b"{}" if method == "POST" else None, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content


def test_without_authentication_only_this_machine_is_answered(tmp_path, elsewhere):
    node = Node(tmp_path, env={"REST_HOST": "0.0.0.0", "GRPC_HOST": "0.0.0.0"}, args=["both"]).start()
    try:
        for target in ("/health", "/health/ready", "/health/live", "/metrics", "/openapi.json"):
            assert ask(elsewhere, node.port, "GET", target)[0] == 200, target
        for method, target in (("GET", "/sources"), ("POST", "/data/search"), ("POST", "/data/write"), ("GET", "/tenant/stats"),
                               ("GET", "/queries"), ("GET", "/v1/sources"), ("GET", "/nowhere"), ("POST", "/sql")):
            status, headers, _ = answer = ask(elsewhere, node.port, method, target)
            found = problem(answer)
            assert (status, found["code"]) == (401, "UNAUTHENTICATED"), target
            assert "ALLOW_ANONYMOUS" in found["detail"] and headers["www-authenticate"]
        rpc = RpcClient(node.grpc_port, host=elsewhere)
        assert rpc.call("HealthCheck", rpc.pb.HealthCheckRequest()).status == "ok"
        with pytest.raises(Exception) as refusal:
            rpc.search({})
        assert refusal.value.problem["grpc"] == "UNAUTHENTICATED" and refusal.value.code == "UNAUTHENTICATED"
        assert node.client().call("GET", "/sources") == {"sources": []}
    finally:
        node.close()


def test_a_node_may_be_opened_to_everybody(tmp_path, elsewhere):
    node = Node(tmp_path, env={"REST_HOST": "0.0.0.0", "GRPC_HOST": "0.0.0.0", "ALLOW_ANONYMOUS": "true"}, args=["both"]).start()
    try:
        assert ask(elsewhere, node.port, "GET", "/sources")[0] == 200
        assert RpcClient(node.grpc_port, host=elsewhere).search({})["count"] == 0
    finally:
        node.close()


@pytest.mark.parametrize("name", ["a b", "ä/ö", "..", "$and", "x.y", '"', "\\", "\u0001", "a" * 255, "*", "Größe (cm)"])
def test_any_text_may_name_a_column(client, name):
    source = "names"
    client.add({"source_id": source, "schema_definition": {name: "int64"}})
    try:
        client.write(source, [{name: 5}, {name: 7}])
        client.flush(source)
        assert client.rows(source_ids=[source], columns=[name], order_by=[{"column": name, "direction": "desc"}]) == [{name: 7}, {name: 5}]
        assert list(client.call("GET", f"/sources/{source}/stats")["columns"]) == [name]
    finally:
        client.call("DELETE", f"/sources/{source}")


@pytest.mark.parametrize("later", [
    ("POST", "/sql", {"query": "SELECT 1"}, "/sql"),
    ("POST", "/data/search", {"as_of": "2024-01-01T00:00:00Z"}, "as_of"),
    ("POST", "/data/search/stream", {"as_of": "2024-01-01T00:00:00Z"}, "as_of"),
    ("POST", "/data/aggregate", {"aggregations": [{"type": "count"}], "as_of": "2024-01-01T00:00:00Z"}, "as_of"),
    ("POST", "/sources/add", {"source_id": "u", "data_path": "s3://bucket/x"}, "object store")],
    ids=lambda later: later[1] + " " + later[3])
def test_what_comes_later_is_refused_by_its_name(client, later):
    method, target, body, named = later
    before = client.call("GET", "/sources")
    status, _, _ = answer = client.raw(method, target, body)
    found = problem(answer)
    assert (status, found["code"]) == (501, "UNSUPPORTED"), found
    assert named in found["detail"] and "not offered by this version" in found["detail"]
    assert client.call("GET", "/sources") == before
