"""The Auth Gateway itself: what is too much for it, what it leaves behind, what its document says."""

import json
import re
import select
import socket

import pytest

from document_fuzz import fuzz, short_and_long
from gateway import Gateway
from node import REPOSITORY, Refused, until


# ---- Too much


def test_guessing_passwords_is_slowed_down(own_estate):
    estate = own_estate()
    gateway = estate.gateway
    gateway.user("ada", ["reader"])
    client = gateway.client()
    for name in ("ada", "nobody"):
        answers = [client.raw("POST", "/auth/login", {"username": name, "password": f"guess {i}"}) for i in range(8)]
        assert [status for status, _, _ in answers] == [401] * 5 + [429] * 3, "the same whether there is such a user"
        headers = answers[-1][1]
        assert int(headers["retry-after"]) >= 1 and headers["ratelimit-reset"] == headers["retry-after"], "when one more attempt may be made"
        assert headers["ratelimit-limit"] == "1" and headers["ratelimit-remaining"] == "0"
        assert "ratelimit-limit" not in answers[0][1]
        assert len({re.sub(r'"instance":"[^"]*"', "", content.decode()) for status, _, content in answers if status == 401}) == 1
    assert client.raw("POST", "/auth/login", {"username": "ada", "password": "a long password"})[0] == 429
    refused = [entry for entry in estate.admin().call("GET", "/audit?action=login&outcome=refused")["entries"]]
    assert len(refused) == 10 and refused[0]["address"] == "127.0.0.1"
    until(lambda: client.raw("POST", "/auth/login", {"username": "ada", "password": "a long password"})[0] == 200, "the wait is over", seconds=30)


def test_rates_are_limited_by_key_user_and_tenant(tmp_path):
    for name in ("RATE_KEY_PER_SECOND", "RATE_USER_PER_SECOND", "RATE_TENANT_PER_SECOND"):
        gateway = Gateway(tmp_path / name, {name: "1", "RATE_BURST_SECONDS": "5"}).start()
        try:
            answers = [gateway.caller().raw("GET", "/auth/me") for _ in range(30)]
        finally:
            gateway.close()
        statuses = [status for status, _, _ in answers]
        assert statuses[:5] == [200] * 5 and 429 in statuses, statuses
        _, headers, content = next(answer for answer in answers if answer[0] == 429)
        assert headers["ratelimit-limit"] == "5" and headers["ratelimit-remaining"] == "0" and int(headers["retry-after"]) >= 1
        assert json.loads(content)["code"] == "QUOTA_EXCEEDED"


def test_oversized_and_slow_requests_end(own_estate):
    estate = own_estate(gateway_env={"MAX_BODY_MB": "1", "HEADER_TIMEOUT_SECONDS": "1", "BODY_TIMEOUT_SECONDS": "1"})
    admin = estate.admin()
    big = {"source_id": "s", "records": [{"fields": {"a": "x" * 1_100_000}}]}
    status, _, content = admin.raw("POST", "/data/write", big)
    assert status == 413 and json.loads(content)["code"] == "TOO_LARGE"
    admin.add({"source_id": "s"})
    assert admin.raw("POST", "/data/write?source_id=s", b'{"a":1}\n' * 400_000, {"Content-Type": "application/x-ndjson"})[0] == 200, "streams have no such limit"
    status, _, _ = admin.raw("GET", "/sources", headers={"X-Long": "x" * 17_000})
    assert status == 431
    for start in ("GET /sources HTTP/1.1\r\nHost: x\r\n", f"POST /data/write?source_id=s HTTP/1.1\r\nHost: x\r\nX-API-Key: {estate.admins['acme']}\r\n"
                  "Content-Type: application/x-ndjson\r\nContent-Length: 1000\r\n\r\n{\"a\":"):
        with socket.create_connection(("127.0.0.1", estate.gateway.port), timeout=30) as raw:
            raw.sendall(start.encode())
            assert raw.recv(4096).startswith(b"HTTP/1.1 408"), start
    assert admin.aggregate(source_id="s", aggregations=[{"type": "count", "alias": "n"}]) == [{"n": 400_000}], "half a body wrote nothing"


def test_strangers_fill_no_memory(own_estate):
    estate = own_estate(gateway_env={"MAX_BODIES_MB": "1"})
    admin = estate.admin()
    admin.add({"source_id": "s"})
    heads = [f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n{more}\r\n".encode()
             for path in ("/data/write", "/data/search", "/auth/users", "/nothing", "/health", "/auth/login", "/auth/refresh")
             for more in ("", "X-API-Key: gk_0123456789abcdef_" + "A" * 43 + "\r\n")]
    strangers = []
    try:
        for head in heads:
            strangers.append(socket.create_connection(("127.0.0.1", estate.gateway.port), timeout=30))
            strangers[-1].sendall(head + b"{" + b" " * 200_000)
        for head, stranger in zip(heads, strangers):
            assert re.match(rb"HTTP/1.1 (401|405|413)", stranger.recv(4096)), head
        record = {"fields": {"a": "x" * 900_000}}
        assert admin.raw("POST", "/data/write", {"source_id": "s", "records": [record]})[0] == 200, "what was refused is in nobody's way"
    finally:
        for stranger in strangers:
            stranger.close()


def begun_stream(port, source, *headers):
    """A write that has sent its first byte."""
    raw = socket.create_connection(("127.0.0.1", port), timeout=30)
    raw.sendall("\r\n".join([f"POST /data/write?source_id={source} HTTP/1.1", "Host: x", "Content-Type: application/x-ndjson",
                             "Content-Length: 900000", *headers, "", "{"]).encode())
    return raw


def test_nobody_keeps_others_from_streaming(own_estate):
    estate = own_estate(tenants=("acme", "globex"), gateway_env={"MAX_STREAMED_BODIES": "4"})
    for tenant in ("acme", "globex"):
        estate.admin(tenant).add({"source_id": "s"})

    def write(tenant):
        return estate.admin(tenant).raw("POST", "/data/write?source_id=s", b'{"a":1}\n', {"Content-Type": "application/x-ndjson"})[0]

    strangers = [begun_stream(estate.gateway.port, "s") for _ in range(8)]
    try:
        for stranger in strangers:
            assert stranger.recv(4096).startswith(b"HTTP/1.1 401")
        assert write("acme") == 200, "strangers who send nothing more hold no place"
    finally:
        for stranger in strangers:
            stranger.close()
    slow = [begun_stream(estate.gateway.port, "s", f"X-API-Key: {estate.admins['acme']}") for _ in range(8)]
    try:
        refused = set()
        while len(refused) < 6:
            ready, _, _ = select.select([one for one in slow if one not in refused], [], [], 30)
            assert ready, "a tenant leaves half of them to others"
            for one in ready:
                assert one.recv(4096).startswith(b"HTTP/1.1 503")
                refused.add(one)
        assert write("acme") == 503
        assert write("globex") == 200
    finally:
        for one in slow:
            one.close()


# ---- What is left behind


def test_the_audit_log_is_paged_and_filtered(estate):
    admin = estate.admin("acme")
    for i in range(5):
        admin.call("PUT", f"/auth/roles/page{i}", {"grants": []})
    seen, target = [], "/audit?action=role.put&limit=2"
    numbers = []
    while True:
        page = admin.call("GET", target)
        seen += [entry["target"] for entry in page["entries"]]
        numbers += [entry["seq"] for entry in page["entries"]]
        if page["next"] is None:
            break
        target = f"/audit?action=role.put&limit=2&before={page['next']}"
    assert [name for name in seen if name.startswith("page")] == ["page4", "page3", "page2", "page1", "page0"]
    assert numbers == sorted(set(numbers), reverse=True), "each once, the newest first"
    with pytest.raises(Refused) as refused:
        admin.call("GET", "/audit?limit=0")
    assert refused.value.status == 400


def test_no_secret_is_in_a_log(estate):
    gateway = estate.gateway
    gateway.user("loggy", ["reader"], password="a very secret password")
    pair = gateway.log_in("loggy", password="a very secret password")
    gateway.client().raw("POST", "/auth/login", {"username": "loggy", "password": "a wrong secret guess"})
    made = estate.admin("acme").call("POST", "/auth/keys", {"name": "k"})["key"]
    gateway.caller(made).call("GET", "/sources")
    text = "".join(line for line in gateway.log().splitlines(keepends=True) if line.startswith("{"))
    text += "".join(node.log() for node in estate.nodes.values())
    assert '"path":"/auth/login"' in text, "the log is a full one"
    for secret in ("a very secret password", "a wrong secret guess", pair["access_token"], pair["refresh_token"], made, gateway.first_key()):
        assert secret not in text


def test_the_first_key_is_shown_once(tmp_path):
    gateway = Gateway(tmp_path / "g").start()
    try:
        key = gateway.first_key()
        assert gateway.caller(key).call("GET", "/auth/me")["operator"] is True
        gateway.restart()
        assert len(re.findall("gk_", gateway.log())) == 1
        assert gateway.caller(key).raw("GET", "/auth/me")[0] == 200
    finally:
        gateway.close()


def test_all_is_there_after_a_kill(own_estate):
    estate = own_estate()
    gateway = estate.gateway
    gateway.user("ada", ["reader"])
    pair = gateway.log_in("ada")
    gateway.kill()
    gateway.start()
    assert gateway.caller(pair["access_token"]).call("GET", "/auth/me")["username"] == "ada"
    assert gateway.client().call("POST", "/auth/refresh", {"refresh_token": pair["refresh_token"]})
    assert estate.admin().call("GET", "/sources") == {"sources": []}


def test_a_port_that_is_taken_and_bad_settings_stop_the_start(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gateway = Gateway(tmp_path / "a", {"AUTH_GATEWAY_PORT": str(taken.getsockname()[1])}).start(wait=False)
        assert gateway.process.wait(timeout=60) == 1 and "cannot start" in gateway.log()
    for name, text in (("TENANT_NODE_URL", "nowhere"), ("TENANT_NODE_URLS", "a=b"), ("NODE_TOKEN_SECONDS", "1000")):
        gateway = Gateway(tmp_path / name, {name: text}).start(wait=False)
        assert gateway.process.wait(timeout=60) == 2 and f"{name} is '{text}'" in gateway.log()


# ---- The document


DOCUMENT = REPOSITORY / "docs/openapi/auth_gateway.json"


def test_the_document_is_valid_and_the_one_in_the_docs(estate):
    from openapi_spec_validator import validate
    served = estate.gateway.client().call("GET", "/openapi.json")
    assert served == json.loads(DOCUMENT.read_text())
    validate(served)


@short_and_long
def test_answers_follow_the_document(tmp_path, figure, examples):
    gateway = Gateway(tmp_path / "g").start()
    try:
        fuzz(gateway, DOCUMENT, figure, examples, [f"X-API-Key: {gateway.first_key()}"])
    finally:
        gateway.close()
