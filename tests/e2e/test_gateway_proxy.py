"""The node's API through the Auth Gateway, and what becomes of the bytes."""

import gzip
import http.client
import json
import re
import signal
import time

import grpc
import pytest

from gateway import Gateway, spied
from node import Refused, until
from rpc import stubs


def test_the_nodes_api_is_there(estate):
    admin = estate.admin("acme")
    definition = {"source_id": "through", "schema_definition": {"a": "int64"}, "index_columns": ["a"]}
    status, headers, _ = admin.raw("POST", "/sources/add", definition)
    assert status == 201 and headers["location"] == "/sources/through"
    status, headers, _ = admin.raw("POST", "/data/write", {"source_id": "through", "records": [{"fields": {"a": 1}}]}, {"Idempotency-Key": "k"})
    assert status == 200
    status, headers, _ = admin.raw("POST", "/data/write", {"source_id": "through", "records": [{"fields": {"a": 1}}]}, {"Idempotency-Key": "k"})
    assert status == 200 and headers["idempotency-replayed"] == "true"
    assert admin.rows(source_id="through", filters={"a": {"eq": 1}}) == [{"a": 1}]
    assert admin.call("POST", "/v1/data/search", {"source_id": "through"})["count"] == 1
    assert admin.stream(source_ids=["through"]) == [{"source_id": "through", "fields": {"a": 1}}]
    assert admin.aggregate(source_ids=["through"], aggregations=[{"type": "count", "alias": "n"}]) == [{"n": 1}]
    assert admin.call("GET", "/sources/through/stats?histograms=true")["rows"] == 1
    admin.flush("through")
    assert admin.call("POST", "/data/delete", {"source_id": "through", "filters": {"a": 1}}) == {"source_id": "through", "deleted": 1}
    status, _, content = admin.raw("POST", "/data/search", {"source_id": "through", "wrong": 1}, {"X-Request-Id": "mine"})
    problem = json.loads(content)
    assert status == 400 and problem["errors"][0]["pointer"] == "/wrong" and problem["instance"] == "mine", "the node's words, our id"
    assert admin.raw("DELETE", "/sources/through")[0] == 204
    status, headers, _ = admin.raw("PUT", "/sources", {})
    assert status == 405 and headers["allow"] == "GET, HEAD"
    assert admin.raw("GET", "/nothing")[0] == 404
    status, _, content = admin.raw("HEAD", "/sources")
    assert status == 200 and content == b""
    with pytest.raises(Refused) as refused:
        admin.call("POST", "/data/search", {"source_id": "none"})
    assert (refused.value.status, refused.value.code) == (404, "SOURCE_NOT_FOUND")


def test_a_node_with_a_gateway_answers_nobody_else(estate):
    client = estate.nodes["acme"].client()
    for headers in ({}, {"Authorization": f"Bearer {estate.admins['acme']}"}, {"X-API-Key": estate.admins["acme"]}, {"Granary-Token": "x.y.z"}):
        status, answer, _ = client.raw("GET", "/sources", headers=headers)
        assert status == 401 and answer["www-authenticate"] == "Bearer", headers
    assert client.raw("GET", "/health")[0] == 200


def test_a_node_without_the_gateways_keys_refuses_its_requests(tmp_path, start_node):
    node = start_node({"TENANT_ID": "acme"})
    gateway = Gateway(tmp_path / "gateway", {"TENANT_ID": "acme", "TENANT_NODE_URL": f"http://127.0.0.1:{node.port}"}).start()
    try:
        assert node.client().call("GET", "/sources")["sources"] == []
        status, _, content = gateway.caller().raw("GET", "/sources")
        assert status == 502, "rights that a node does not look at are none"
        assert "GATEWAY_JWKS" in gateway.log() and b"GATEWAY_JWKS" not in content
        assert "carried nothing out" in json.loads(content)["detail"]
    finally:
        gateway.close()


def test_grpc_needs_the_token_too(own_estate):
    estate = own_estate()
    node = estate.nodes["acme"]
    node.stop()
    node.start(args=["both"])
    pb, pb_grpc = stubs()
    stub = pb_grpc.TenantNodeStub(grpc.insecure_channel(f"127.0.0.1:{node.grpc_port}"))
    with pytest.raises(grpc.RpcError) as refused:
        stub.ListSources(pb.ListSourcesRequest(), timeout=30)
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


# ---- Bytes


def test_bodies_stream_both_ways_in_bounded_memory(own_estate, figure):
    estate = own_estate()
    admin = estate.admin()
    admin.add({"source_id": "big", "schema_definition": {"a": "int64", "t": "string"}})
    gateway = estate.gateway
    before = resident_mb(gateway)
    lines = 300_000
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)

    def pieces():
        for start in range(0, lines, 1000):
            yield "".join(f'{{"a":{i},"t":"{"x" * 200}"}}\n' for i in range(start, start + 1000)).encode()

    connection.request("POST", "/data/write?source_id=big", pieces(),
                       {"Authorization": f"Bearer {estate.admins['acme']}", "Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"},
                       encode_chunked=True)
    answer = connection.getresponse()
    assert json.loads(answer.read())["written"] == lines and answer.status == 200
    connection.request("POST", "/data/search/stream", json.dumps({"source_ids": ["big"]}),
                       {"Authorization": f"Bearer {estate.admins['acme']}", "Content-Type": "application/json"})
    answer = connection.getresponse()
    total = rows = 0
    while piece := answer.read(1 << 20):
        total += len(piece)
        rows += piece.count(b"\n")
    grown = resident_mb(gateway) - before
    figure(f"{total >> 20} MiB through the gateway each way, its memory grew by {grown} MiB")
    assert rows == lines and grown < 40


def resident_mb(service):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{service.process.pid}/status").read())[1]) >> 10


def test_compressed_bodies_and_answers_go_through(estate):
    admin = estate.admin("acme")
    body = gzip.compress(json.dumps({"source_id": "acme_log", "records": [{"fields": {"line": "z"}}]}).encode())
    assert admin.raw("POST", "/data/write", body, {"Content-Type": "application/json", "Content-Encoding": "gzip"})[0] == 200
    lines = gzip.compress(b'{"line":"w"}\n' * 10)
    status, _, _ = admin.raw("POST", "/data/write?source_id=acme_log", lines, {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"})
    assert status == 200
    status, headers, content = admin.raw("POST", "/data/search/stream", {"source_ids": ["acme_log"]}, {"Accept-Encoding": "gzip"})
    assert status == 200 and headers["content-encoding"] == "gzip" and gzip.decompress(content).count(b'"w"') == 10


def endless(estate, lines=200_000):
    admin = estate.admin()
    admin.add({"source_id": "big", "schema_definition": {"a": "int64", "t": "string"}})
    body = "".join(f'{{"a":{i},"t":"{"y" * 100}"}}\n' for i in range(lines)).encode()
    assert admin.raw("POST", "/data/write?source_id=big", body, {"Content-Type": "application/x-ndjson"})[0] == 200
    connection = http.client.HTTPConnection("127.0.0.1", estate.gateway.port, timeout=60)
    connection.request("POST", "/data/search/stream", json.dumps({"source_ids": ["big"]}),
                       {"X-API-Key": estate.admins["acme"], "Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200 and len(answer.read(1000)) == 1000
    return connection, answer


def test_a_client_that_leaves_ends_its_query(own_estate):
    estate = own_estate()
    connection, _ = endless(estate)
    admin = estate.admin()
    assert [query["kind"] for query in admin.call("GET", "/queries")["queries"]] == ["stream"]
    connection.sock.close()
    connection.close()
    until(lambda: not admin.call("GET", "/queries")["queries"], "the query ends", seconds=20)


def test_a_node_that_dies_in_a_stream_cuts_the_answer(own_estate):
    estate = own_estate()
    connection, answer = endless(estate)
    estate.nodes["acme"].kill()
    with pytest.raises((http.client.IncompleteRead, ConnectionError, ValueError)):
        while answer.read(1 << 20):
            pass
    connection.close()
    admin = estate.admin()
    status, headers, content = admin.raw("GET", "/sources")
    assert status == 503 and headers["retry-after"] == "1" and json.loads(content)["code"] == "UNAVAILABLE"
    assert str(estate.nodes["acme"].port) not in content.decode()
    assert admin.raw("GET", "/auth/me")[0] == 200, "the gateway goes on"
    estate.nodes["acme"].start()
    assert [source["source_id"] for source in admin.call("GET", "/sources")["sources"]] == ["big"]


def test_a_node_that_breaks_off_before_it_answers_is_502(tmp_path):
    with spied(tmp_path / "g") as spy:
        for answer in (b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nGranary-Service: tenant-node\r\nContent-Length: 10\r\n\r\nhalf", b"no HTTP at all\r\n\r\n"):
            _, (status, _, content) = spy.exchange("POST", "/data/write", {"a": 1}, answer=answer)
            assert status == 502 and "not known" in json.loads(content)["detail"], answer


def test_a_node_that_falls_silent_in_its_answer_is_counted(tmp_path):
    with spied(tmp_path / "g", NODE_SILENCE_SECONDS="1") as spy:
        client = http.client.HTTPConnection("127.0.0.1", spy.gateway.port, timeout=60)
        client.request("POST", "/data/search/stream", "{}", {"X-API-Key": spy.gateway.first_key(), "Content-Type": "application/json"})
        connection, _ = spy.server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nGranary-Service: tenant-node\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            answer = client.getresponse()
            assert answer.status == 200
            with pytest.raises((http.client.IncompleteRead, ConnectionError, ValueError)):
                answer.read()
        assert spy.gateway.client().metric("granary_node_failures_total") == 1


def test_a_silent_node_is_504_and_its_time_is_the_clients(own_estate):
    estate = own_estate(gateway_env={"NODE_SILENCE_SECONDS": "1"})
    process = estate.nodes["acme"].process
    process.send_signal(signal.SIGSTOP)
    try:
        admin = estate.admin()
        for headers, least in (({}, 0.9), ({"X-Timeout-Ms": "100"}, 0.09)):
            start = time.monotonic()
            status, _, content = admin.raw("GET", "/sources", headers=headers)
            assert status == 504 and json.loads(content)["code"] == "DEADLINE_EXCEEDED"
            assert least < time.monotonic() - start < 10
    finally:
        process.send_signal(signal.SIGCONT)


def test_what_an_answer_varies_by_is_said_once(estate):
    """The node says it and the gateway, who compresses, too."""
    admin = estate.admin("acme")
    admin.add({"source_id": "varied", "schema_definition": {"a": "int64"}})
    admin.write("varied", [{"a": i} for i in range(5000)])
    for method, target, body, wanted in (("POST", "/data/search/stream", b'{"source_ids": ["varied"]}', {"accept", "accept-encoding"}), ("GET", "/sources/varied/stats", None, {"accept-encoding"})):
        for coding in ("gzip", "identity"):
            headers = {"Authorization": f"Bearer {admin.credential}", "Accept-Encoding": coding, **({"Content-Type": "application/json"} if body else {})}
            admin.connection.request(method, target, body, headers)
            response = admin.connection.getresponse()
            response.read()
            said = [one.strip().lower() for name, value in response.getheaders() if name.lower() == "vary" for one in value.split(",")]
            assert response.status == 200 and len(said) == len(set(said)) and set(said) <= wanted, (target, coding, said)
            assert coding == "identity" or body is None or set(said) == wanted, (target, said)


def test_what_changes_something_at_a_node_is_in_the_audit_log(estate):
    admin = estate.admin("acme")
    admin.add({"source_id": "audited"})
    admin.write("audited", [{"a": 1}])
    admin.call("GET", "/sources/audited")
    admin.call("POST", "/data/delete", {"source_id": "audited", "filters": {"a": 1}})
    assert admin.raw("DELETE", "/sources/audited", headers={"X-Request-Id": "the-end-of-it"})[0] == 204
    assert admin.raw("DELETE", "/sources/audited")[0] == 404
    seen = [(entry["action"], entry["target"], entry["outcome"], entry["detail"]) for entry in admin.call("GET", "/audit?limit=20")["entries"]]
    assert seen[:4] == [("source.delete", "audited", "refused", "HTTP 404"), ("source.delete", "audited", "done", "HTTP 204"),
                        ("data.delete", "", "done", "HTTP 200"), ("source.add", "audited", "done", "HTTP 201")]
    (entry,) = [entry for entry in admin.call("GET", "/audit?action=source.delete&outcome=done")["entries"] if entry["request_id"] == "the-end-of-it"]
    assert entry["actor"] == admin.call("GET", "/auth/me")["user_id"] and entry["tenant_id"] == "acme" and entry["address"] == "127.0.0.1"
    assert estate.admin("globex").raw("GET", "/audit?tenant_id=acme")[0] == 403
