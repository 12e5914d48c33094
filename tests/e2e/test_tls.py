"""TLS on both doors, with certificates made here."""

import http.client
import json
import socket
import ssl
import subprocess

import grpc
import pytest

from node import BINARY, Node, Refused, until
from rpc import RpcClient


def openssl(*arguments, folder):
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """ca.pem, server.pem for localhost and 127.0.0.1, client.pem, other.pem (another CA); keys beside them."""
    folder = tmp_path_factory.mktemp("pki")
    for name in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem", folder=folder)
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr", folder=folder)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "names", "-out", f"{name}.pem", folder=folder)
    return folder


class TlsNode(Node):
    def __init__(self, folder, pki, **more):
        env = {"TLS_CERT_FILE": str(pki / "server.pem"), "TLS_KEY_FILE": str(pki / "server.key"), **more}
        super().__init__(folder, env=env, args=["both"])
        self.pki = pki

    def wait_ready(self):
        channel = grpc.secure_channel(f"localhost:{self.grpc_port}", self.credentials())
        check = channel.unary_unary("/granary.v1.TenantNode/HealthCheck", request_serializer=bytes, response_deserializer=bytes)

        def healthy():
            try:
                check(b"", timeout=60, wait_for_ready=True)
                return True
            except grpc.RpcError as error:
                assert error.code() == grpc.StatusCode.UNAVAILABLE, error  # It listens before it is ready.
                return False

        until(healthy, "the node is ready")
        channel.close()

    def credentials(self, client="client"):
        read = lambda name: (self.pki / name).read_bytes()
        return grpc.ssl_channel_credentials(read("ca.pem"), *((read(f"{client}.key"), read(f"{client}.pem")) if client else ()))

    def context(self, client=None):
        context = ssl.create_default_context(cafile=self.pki / "ca.pem")
        if client:
            context.load_cert_chain(self.pki / f"{client}.pem", self.pki / f"{client}.key")
        return context

    def https(self, context=None):
        return http.client.HTTPSConnection("localhost", self.port, context=context or self.context(), timeout=30)


@pytest.fixture
def node(tmp_path, pki):
    node = TlsNode(tmp_path, pki).start()
    yield node
    node.close()


def call(connection, method, target, body=None):
    connection.request(method, target, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, response.read()


def test_bodies_of_any_length_go_in_and_out_under_tls(node):
    connection = node.https()
    assert call(connection, "POST", "/sources/add", {"source_id": "t", "schema_definition": {"id": "int64", "s": "string"}})[0] == 201
    lines = [b"%d,%s\r\n" % (i, b"x" * 100) for i in range(200_000)]
    pieces = (b"".join(lines[at:at + 1000]) for at in range(0, len(lines), 1000))
    for round, send in enumerate((lambda: (b"id,s\r\n" + b"".join(lines), False), lambda: (iter([b"id,s\r\n", *pieces]), True))):
        body, chunked = send()
        connection.request("POST", "/data/write?source_id=t", body, {"Content-Type": "text/csv"}, encode_chunked=chunked)
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["written"]) == (200, 200_000)
        search = {"filters": {"_seq": {"gt": round * 200_000}}, "order_by": [{"column": "_seq"}]}
        connection.request("POST", "/data/search/stream", json.dumps(search), {"Content-Type": "application/json", "Accept": "text/csv"})
        assert connection.getresponse().read() == b"id,s\r\n" + b"".join(lines)


def test_both_doors_answer_under_tls(node):
    connection = node.https()
    assert call(connection, "POST", "/sources/add", {"source_id": "t", "schema_definition": {"s": "string"}})[0] == 201
    big = {"source_id": "t", "records": [{"fields": {"s": "x" * 100_000}}] * 50}
    assert call(connection, "POST", "/data/write", big)[0] == 200
    status, body = call(connection, "POST", "/data/search", {})
    assert status == 200 and json.loads(body)["count"] == 50
    status, body = call(connection, "POST", "/data/search/stream", {})
    assert status == 200 and body.count(b"\n") == 50
    rpc = RpcClient(node.grpc_port, credentials=node.credentials(client=None), host="localhost")
    assert rpc.search({})["count"] == 50
    assert node.stop() == 0


def test_alpn_and_the_oldest_version(node):
    context = node.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("localhost", node.port)) as raw, context.wrap_socket(raw, server_hostname="localhost") as tls:
        assert tls.selected_alpn_protocol() == "http/1.1" and tls.version() == "TLSv1.3"
    old = node.context()
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("localhost", node.port)) as raw, pytest.raises((ssl.SSLError, ConnectionError)):
        old.wrap_socket(raw, server_hostname="localhost")


def test_who_speaks_no_tls_is_hung_up_on(node):
    for greeting in (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 600):
        with socket.create_connection(("localhost", node.port), timeout=20) as raw:
            raw.sendall(greeting)
            try:
                assert b"HTTP/1.1 2" not in raw.recv(65536)
            except ConnectionResetError:
                pass
    assert call(node.https(), "GET", "/health")[0] == 200


def test_a_handshake_that_never_ends_is_cut(tmp_path, pki):
    node = TlsNode(tmp_path, pki, HEADER_TIMEOUT_SECONDS="1").start()
    try:
        with socket.create_connection(("localhost", node.port), timeout=20) as raw:
            assert raw.recv(1) == b""
    finally:
        node.close()


def test_clients_must_show_a_certificate_where_one_is_asked_for(tmp_path, pki):
    node = TlsNode(tmp_path, pki, TLS_CLIENT_CA_FILE=str(pki / "ca.pem")).start()
    try:
        assert call(node.https(node.context("client")), "GET", "/sources")[0] == 200
        for bad in (None, "other"):
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
                call(node.https(node.context(bad)), "GET", "/sources")
            rpc = RpcClient(node.grpc_port, credentials=node.credentials(bad), host="localhost", timeout=10)
            with pytest.raises(Refused) as refusal:
                rpc.stats("t")
            assert refusal.value.problem["grpc"] == "UNAVAILABLE"
        rpc = RpcClient(node.grpc_port, credentials=node.credentials(), host="localhost")
        with pytest.raises(Refused) as refusal:
            rpc.stats("t")
        assert refusal.value.code == "SOURCE_NOT_FOUND"
    finally:
        node.close()


@pytest.mark.parametrize("change,said", [
    ({"TLS_KEY_FILE": ""}, "TLS_CERT_FILE and TLS_KEY_FILE: give both or none"),
    ({"TLS_CERT_FILE": "none.pem"}, "TLS_CERT_FILE 'none.pem'"),
    ({"TLS_CERT_FILE": "{pki}/server.key"}, "no certificate in PEM form"),
    ({"TLS_KEY_FILE": "{pki}/client.key"}, "the key is not the certificate's"),
    ({"TLS_KEY_FILE": "{pki}/names"}, "no private key in PEM form"),
    ({"TLS_CLIENT_CA_FILE": "{pki}/names"}, "TLS_CLIENT_CA_FILE"),
])
def test_bad_files_stop_the_start_by_name(tmp_path, pki, change, said):
    node = TlsNode(tmp_path, pki, **{name: value.format(pki=pki) for name, value in change.items()})
    node.start(wait=False)
    try:
        assert node.process.wait(timeout=30) != 0
        assert said in node.log()
    finally:
        node.close()


def test_the_program_speaks_https(node):
    assert call(node.https(), "POST", "/sources/add", {"source_id": "t", "schema_definition": {"i": "int64"}})[0] == 201
    run = lambda *more: subprocess.run([str(BINARY), "query", "t", "--url", f"https://localhost:{node.port}", *more],
                                       capture_output=True, text=True, timeout=60)
    assert run("--ca-file", str(node.pki / "ca.pem")).returncode == 0
    untrusted = run("--ca-file", str(node.pki / "other.pem"))
    assert untrusted.returncode != 0 and "certificate" in untrusted.stderr


@pytest.mark.parametrize("command", [
    ["source", "list"], ["source", "show", "t"], ["source", "schema", "t"], ["source", "stats", "t"], ["source", "stats", "t", "--histograms"],
    ["source", "flush", "t"], ["source", "compact", "t", "--wait"], ["source", "add", '{"source_id": "u"}'],
    ["source", "patch", "t", '{"name": "T"}'], ["compaction", "explain", "t"], ["source", "delete", "t"], ["query", "t"], ["explain", "t"],
    ["demo", "rest", "--yes"], ["export", "t", "t.csv"], ["import", "i.ndjson", "--source", "t"]], ids=" ".join)
def test_every_command_takes_the_certificates_of_an_https_node(node, tmp_path, command):
    client = node.https()
    call(client, "POST", "/sources/add", {"source_id": "t", "schema_definition": {"i": "int64"}})
    (tmp_path / "i.ndjson").write_text('{"i": 1}\n')
    line = [str(BINARY), *command, "--url", f"https://localhost:{node.port}", "--ca-file"]
    run = lambda ca: subprocess.run([*line, str(node.pki / ca)], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    untrusted = run("other.pem")
    assert untrusted.returncode == 1 and "certificate" in untrusted.stderr
    done = run("ca.pem")
    assert done.returncode == 0, done.stderr
