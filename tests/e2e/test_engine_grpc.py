"""The CBO Engine through gRPC: each case through both doors of one engine gives the same answer and the same error."""

import copy
import http.client
import json
import socket
import subprocess

import grpc
import pytest
from google.protobuf import descriptor_pool, json_format
from google.protobuf.descriptor import FieldDescriptor
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from node import BINARY, Client, Node, Refused, free_port, until
from rpc import refused, stubs
from service import Service
from test_conventions import other_address
from test_tls import pki  # noqa: F401, a fixture

SERVICE = "granary.v1.CboEngine"
FACTS = {"shape": {"filters": True, "checks": {"check_text_ns": 1}, "filter": {"texts": 1}, "rest": {"numbers": 2}, "comparisons": 0},
         "questions": [{"kind": "equal", "values": 1}], "nodes": [{"kind": "question", "question": 0}], "root": 0,
         "classes": [{"segments": 10, "rows": 100000, "row_groups": 1, "matches": 0.0001, "cached": True, "indexes": [{"hash": True}], "named": [0.0001]}]}
RECORD = {"source_id": "s", "at_us": 1_700_000_000_000_000, "model_version": "builtin-1", "shape": "00000000000000ff", "shape_text": "a = ?", "rows": 0,
          "rows_known": True, "rows_estimated": 2.5, "rows_by_statistics": 2.5, "correction": 1, "ns": 1000, "ns_estimated": 1e3,
          "operators": [{"path": "full_scan", "way": "scan", "segments": 1, "rows": 3, "ns": 900, "work": {"row_group_ns": 1}}],
          "questions": [{"shape": "f", "text": "a = ?", "place": 0, "rows_by_statistics": 2, "rows": 0}],
          "rejected": [{"way": "single-0", "ns": 5, "rows_examined": 0}], "facts": FACTS}


class Engine(Service):
    """An engine with both doors, or those that `mode` names."""

    def __init__(self, folder, env=None, mode="both"):
        self.grpc_port = free_port()
        super().__init__("cbo-engine", "CBO_ENGINE_PORT", folder,
                         {"CBO_FIT_INTERVAL_SECONDS": "86400", "GRPC_HOST": "127.0.0.1", "CBO_ENGINE_GRPC_PORT": str(self.grpc_port), **(env or {})},
                         args=[mode])

    def rpc(self, **more):
        return EngineRpc(self.grpc_port, **more)


def enums_as_messages_have_them(body, message):
    """The words of REST's enums ("question") as the names of the message's ("KIND_QUESTION")."""
    for field in message.DESCRIPTOR.fields:
        if field.name not in body or (field.message_type and field.message_type.GetOptions().map_entry):
            continue
        value = body[field.name]
        if field.type == FieldDescriptor.TYPE_ENUM:
            body[field.name] = f"{'MODEL_FORMAT' if field.name == 'format' else 'KIND'}_{value.upper()}"
        elif field.message_type:
            for one in value if isinstance(value, list) else [value]:
                enums_as_messages_have_them(one, field.message_type._concrete_class)


class EngineRpc:
    """Takes REST bodies, speaks gRPC, gives messages."""

    def __init__(self, port, host="127.0.0.1", credentials=None):
        address = f"{host}:{port}"
        self.channel = grpc.secure_channel(address, credentials) if credentials else grpc.insecure_channel(address)
        self.pb, module = stubs("cbo_engine")
        self.stub = module.CboEngineStub(self.channel)
        self.methods = {method.name: method for method in self.pb.DESCRIPTOR.services_by_name["CboEngine"].methods}

    def message(self, method, body):
        request = self.methods[method].input_type._concrete_class()
        body = json.loads(json.dumps(body))  # A copy in which nothing is shared.
        enums_as_messages_have_them(body, request)
        return json_format.ParseDict(body, request)

    def call(self, method, body, **more):
        try:
            return getattr(self.stub, method)(self.message(method, body), timeout=60, **more)
        except grpc.RpcError as error:
            raise refused(error) from None

    def as_message(self, method, answer):
        """What REST answered, as the message that has its members: a member that the message lacks fails."""
        return json_format.ParseDict(answer, self.methods[method].output_type._concrete_class())


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    service = Engine(tmp_path_factory.mktemp("engine")).start()
    yield service
    service.close()


@pytest.fixture(scope="module")
def rpc(engine):
    return engine.rpc()


def rest_of(method, body):
    """What REST calls the same: method, target and body."""
    version = body.get("version", "")
    return {"OptimizeQuery": ("POST", "/optimize/query", body), "EstimateCost": ("POST", "/costs/estimate", body), "SendFeedback": ("POST", "/feedback", body),
            "GetExecutionStats": ("GET", "/stats/execution", None), "ListModels": ("GET", "/models", None), "GetModel": ("GET", f"/models/{version}", None),
            "PromoteModel": ("POST", f"/models/{version}/promote" + ("?force=true" if body.get("force") else ""), None),
            "Replay": ("POST", f"/replay?model={body['model']}" if "model" in body else "/replay", None)}[method]


def changed(value, *path, to):
    """A copy in which what lies at `path` is `to`; None takes it away."""
    out = copy.deepcopy(value)
    at = out
    for step in path[:-1]:
        at = at[step]
    if to is None:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return out


def feedback(*records):
    return {"node_id": "node-1", "tenant_id": "t", "records": list(records)}


ANSWERED = [
    ("OptimizeQuery", {"facts": FACTS}),
    ("OptimizeQuery", {"facts": {"classes": [{"rows": 1}]}}),
    ("OptimizeQuery", {"facts": changed(FACTS, "root", to=None)}),
    ("OptimizeQuery", {"facts": {**FACTS, "shape": {**FACTS["shape"], "limit": 0, "first": 5, "first_orders": 1}}}),
    ("OptimizeQuery", {"facts": changed(FACTS, "classes", 0, "pages", to={"rows": 1000, "kept": 1, "total": 100, "row_groups": 1})}),
    ("EstimateCost", {"facts": FACTS}), ("EstimateCost", {"facts": FACTS, "way": "scan"}), ("EstimateCost", {"facts": FACTS, "way": "single-0"}),
    ("EstimateCost", {"work": {"row_group_ns": 2, "chunk_ns": 0.1}}), ("EstimateCost", {"work": {"row_group_ns": 1e13}}),
    ("SendFeedback", feedback()), ("SendFeedback", feedback(RECORD)), ("SendFeedback", feedback(RECORD, changed(RECORD, "ns", to=-5.5), RECORD)),
    ("SendFeedback", feedback({"source_id": "s", "rows": 1, "ns": 1})), ("SendFeedback", feedback({**RECORD, "node_id": "node-1"})),
    ("SendFeedback", feedback(*[changed(RECORD, "rows", to=-1.5)] * 150)),  # No more than a hundred are named.
    ("SendFeedback", feedback(*[RECORD] * 1000)),
    ("GetExecutionStats", {}), ("ListModels", {}), ("GetModel", {"version": "@baseline"}), ("Replay", {"model": "@baseline"}),
]

REFUSED = [
    ("OptimizeQuery", {}, "INVALID_REQUEST", "/facts"),
    ("OptimizeQuery", {"facts": changed(FACTS, "root", to=3)}, "INVALID_REQUEST", "/facts"),
    ("OptimizeQuery", {"facts": {}}, "INVALID_REQUEST", "/facts"),
    ("OptimizeQuery", {"facts": changed(FACTS, "nodes", 0, "kind", to=None)}, "INVALID_REQUEST", "/facts/nodes/0/kind"),
    ("OptimizeQuery", {"facts": changed(FACTS, "shape", "checks", to={"luck_ns": 1})}, "INVALID_REQUEST", "/facts/shape/checks/luck_ns"),
    ("OptimizeQuery", {"facts": changed(FACTS, "classes", 0, "segments", to=0)}, "INVALID_REQUEST", "/facts/classes/0/segments"),
    ("OptimizeQuery", {"facts": changed(FACTS, "classes", 0, "segments", to=100_001)}, "INVALID_REQUEST", "/facts/classes/0/segments"),
    ("OptimizeQuery", {"facts": changed(FACTS, "classes", 0, "named", to=[1.5])}, "INVALID_REQUEST", "/facts/classes/0/named/0"),
    ("OptimizeQuery", {"facts": changed(FACTS, "classes", 0, "pages", to={"rows": 1})}, "INVALID_REQUEST", "/facts/classes/0/pages/kept"),
    ("OptimizeQuery", {"facts": FACTS, "model": "none"}, "NOT_FOUND", None),
    ("EstimateCost", {}, "INVALID_REQUEST", "/work"),
    ("EstimateCost", {"work": {"x": 1}}, "INVALID_REQUEST", "/work/x"),
    ("EstimateCost", {"work": {"row_group_ns": -1.5}}, "INVALID_REQUEST", "/work/row_group_ns"),
    ("EstimateCost", {"work": {"row_group_ns": 1}, "facts": FACTS}, "INVALID_REQUEST", "/work"),
    ("EstimateCost", {"facts": FACTS, "way": "fly"}, "INVALID_REQUEST", "/way"),
    ("EstimateCost", {"facts": FACTS, "way": "single-99"}, "INVALID_REQUEST", "/way"),
    ("EstimateCost", {"facts": FACTS, "model": "serving"}, "NOT_FOUND", None),
    ("SendFeedback", {"tenant_id": "t", "records": [RECORD]}, "INVALID_REQUEST", "/node_id"),
    ("SendFeedback", {"node_id": "../x", "tenant_id": "t", "records": [RECORD]}, "INVALID_REQUEST", "/node_id"),
    ("SendFeedback", {"node_id": "n", "tenant_id": "a b", "records": [RECORD]}, "INVALID_REQUEST", "/tenant_id"),
    ("SendFeedback", feedback(*[RECORD] * 1001), "INVALID_REQUEST", "/records"),
    ("GetModel", {"version": "none"}, "NOT_FOUND", None), ("GetModel", {"version": "serving"}, "NOT_FOUND", None),
    ("PromoteModel", {"version": "none"}, "NOT_FOUND", None), ("PromoteModel", {"version": "none", "force": True}, "NOT_FOUND", None),
    ("PromoteModel", {"version": "@baseline"}, "CONFLICT", None), ("PromoteModel", {"version": "previous"}, "CONFLICT", None),
    ("Replay", {"model": "none"}, "NOT_FOUND", None), ("Replay", {}, "INVALID_ARGUMENT", None),
]


def named(engine, body):
    """"@baseline" is the version of the builtin prices, which no test knows before."""
    baseline = engine.client().call("GET", "/models")["models"][0]["version"]
    return {name: baseline if value == "@baseline" else value for name, value in body.items()}


@pytest.mark.parametrize("method, body", ANSWERED, ids=lambda one: one if isinstance(one, str) else "")
def test_both_doors_answer_alike(engine, rpc, method, body):
    body = named(engine, body)
    answer = engine.client().call(*rest_of(method, body))
    assert rpc.call(method, body) == rpc.as_message(method, answer)


@pytest.mark.parametrize("method, body, code, pointer", REFUSED, ids=lambda one: one if isinstance(one, str) else "")
def test_both_doors_refuse_alike(engine, rpc, method, body, code, pointer):
    body = named(engine, body)
    with pytest.raises(Refused) as by_rest:
        engine.client().call(*rest_of(method, body))
    with pytest.raises(Refused) as by_grpc:
        rpc.call(method, body)
    rest, ours = by_rest.value, by_grpc.value
    assert (ours.status, ours.code, ours.problem["detail"], ours.problem["errors"]) == (
        rest.status, rest.code, rest.problem["detail"], rest.problem.get("errors", []))
    assert ours.code == code and (pointer is None or ours.pointers == [pointer])


def test_what_one_door_took_the_other_shows(tmp_path):
    service = Engine(tmp_path).start()
    try:
        client, rpc = service.client(), service.rpc()
        assert rpc.call("SendFeedback", feedback(RECORD, RECORD)).accepted == 2
        assert client.call("POST", "/feedback", feedback(RECORD))["accepted"] == 1
        assert rpc.call("GetExecutionStats", {}).nodes[0].queries == client.call("GET", "/stats/execution")["nodes"][0]["queries"] == 3
        baseline = rpc.call("ListModels", {}).models[0].version
        promotion = rpc.call("PromoteModel", {"version": baseline, "force": True})
        assert promotion.action == "force"
        assert rpc.as_message("PromoteModel", client.call("GET", "/models")["promotions"][0]) == promotion
        assert rpc.call("ListModels", {}) == rpc.as_message("ListModels", client.call("GET", "/models"))
        assert rpc.call("GetModel", {"version": "serving"}) == rpc.as_message("GetModel", client.call("GET", "/models/serving"))
        text = rpc.call("GetModel", {"version": "serving", "format": "text"})
        assert text == rpc.pb.CostModel(text=client.raw("GET", "/models/serving?format=text")[2].decode())
        # What serves is there after a restart, through this door, too.
        service.restart()
        assert service.rpc().call("ListModels", {}).serving == baseline
        assert service.rpc().call("GetExecutionStats", {}).window_records == 3
    finally:
        service.close()


def test_what_a_message_alone_can_say_is_refused_with_its_place(rpc):
    for method, body, pointer in (("GetModel", {}, "/version"), ("PromoteModel", {"force": True}, "/version")):
        with pytest.raises(Refused) as refusal:
            rpc.call(method, body)
        assert (refusal.value.code, refusal.value.pointers, refusal.value.problem["grpc"]) == ("INVALID_REQUEST", [pointer], "INVALID_ARGUMENT")
    for method, request, code in (("OptimizeQuery", b"\xff\xff\xff", "INVALID_REQUEST"), ("ListModels", b"\xf8\x01\x01", "UNKNOWN_MEMBER"),
                                  ("GetExecutionStats", b"\xf8\x01\x01", "UNKNOWN_MEMBER"), ("SendFeedback", b"\x0a\x02\xff\xff", "INVALID_REQUEST")):
        with pytest.raises(grpc.RpcError) as failure:
            rpc.channel.unary_unary(f"/{SERVICE}/{method}", request_serializer=bytes, response_deserializer=bytes)(request)
        assert refused(failure.value).code == code, method
    not_a_number = rpc.message("SendFeedback", feedback(RECORD))
    not_a_number.records[0].ns = float("nan")
    answer = rpc.stub.SendFeedback(not_a_number)
    assert (answer.accepted, answer.refused, answer.errors[0].pointer) == (0, 1, "/records/0/ns")


def test_reflection_health_and_methods(engine, rpc):
    database = ProtoReflectionDescriptorDatabase(rpc.channel)
    assert {SERVICE, "grpc.health.v1.Health"} <= set(database.get_services())
    service = descriptor_pool.DescriptorPool(database).FindServiceByName(SERVICE)
    assert [method.name for method in service.methods] == list(rpc.methods) == [
        "OptimizeQuery", "EstimateCost", "SendFeedback", "GetExecutionStats", "ListModels", "GetModel", "PromoteModel", "Replay"]
    assert not any(method.client_streaming or method.server_streaming for method in service.methods)
    check = rpc.channel.unary_unary("/grpc.health.v1.Health/Check", request_serializer=bytes, response_deserializer=bytes)
    for name in (b"", SERVICE.encode()):
        assert check(b"\x0a" + bytes([len(name)]) + name) == b"\x08\x01"  # SERVING
    for path in (f"/{SERVICE}/Nope", "/granary.v1.TenantNode/ListSources"):
        with pytest.raises(grpc.RpcError) as failure:
            rpc.channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)(b"")
        assert failure.value.code() == grpc.StatusCode.UNIMPLEMENTED and SERVICE in failure.value.details()


def test_calls_have_ids_and_are_counted(engine, rpc):
    _, call = rpc.stub.ListModels.with_call(rpc.pb.ListModelsRequest(), metadata=[("x-request-id", "mine-1")])
    assert ("x-request-id", "mine-1") in [tuple(one) for one in call.initial_metadata()]
    _, _, text = engine.client().raw("GET", "/metrics")
    assert 'granary_grpc_requests_total{code="OK",method="ListModels"}' in text.decode()


def test_web_pages_move_no_model(rpc):
    with pytest.raises(Refused) as refusal:
        rpc.call("PromoteModel", {"version": "previous"}, metadata=[("origin", "http://elsewhere.example")])
    assert refusal.value.code == "UNAUTHENTICATED"


def test_without_authentication_only_this_machine_is_answered(tmp_path):
    elsewhere = other_address()
    if elsewhere is None:
        pytest.skip("SKIPPED: this machine has no address but its loopback one")
    for anonymous in ("false", "true"):
        service = Engine(tmp_path / anonymous, {"REST_HOST": "0.0.0.0", "GRPC_HOST": "0.0.0.0", "ALLOW_ANONYMOUS": anonymous}).start()
        try:
            rpc = service.rpc(host=elsewhere)
            if anonymous == "true":
                assert rpc.call("ListModels", {}).models
                continue
            with pytest.raises(Refused) as refusal:
                rpc.call("ListModels", {})
            assert refusal.value.code == "UNAUTHENTICATED" and "ALLOW_ANONYMOUS" in refusal.value.problem["detail"]
            assert service.rpc().call("ListModels", {}).models
        finally:
            service.close()


def test_messages_at_below_and_above_the_limit(tmp_path):
    service = Engine(tmp_path, {"MAX_BODY_MB": "1"}).start()
    try:
        rpc, limit = service.rpc(), 1 << 20
        long = rpc.message("SendFeedback", feedback(RECORD))
        for size, code in ((limit - 1, None), (limit, None), (limit + 1, "TOO_LARGE")):
            long.records[0].shape_text = ""
            long.records[0].shape_text = "x" * (size - long.ByteSize() - 9)  # Its text is cut where it is kept.
            long.records[0].shape_text += "x" * (size - long.ByteSize())
            assert long.ByteSize() == size
            try:
                rpc.stub.SendFeedback(long)
                found = None
            except grpc.RpcError as error:
                found = refused(error).code
            assert found == code, size
        assert rpc.call("GetExecutionStats", {}).window_records == 2
    finally:
        service.close()


def test_grpc_alone_serves_no_rest_and_stops_in_order(tmp_path):
    service = Engine(tmp_path, mode="grpc").start(wait=False)
    try:
        rpc = service.rpc()
        grpc.channel_ready_future(rpc.channel).result(timeout=60)
        until(lambda: answered(rpc), "the engine is open")
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", service.port)) != 0
        assert service.stop() == 0
    finally:
        service.close()


def answered(rpc):
    try:
        return rpc.call("ListModels", {}).models
    except Refused as refusal:
        assert refusal.code == "UNAVAILABLE", refusal.problem  # It listens before it is open.
        return None


def test_rest_is_the_mode_that_it_starts_in_and_another_word_is_named(tmp_path):
    service = Engine(tmp_path)
    service.args = []
    service.start()
    try:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", service.grpc_port)) != 0
    finally:
        service.close()
    done = subprocess.run([str(BINARY), "cbo-engine", "graphql"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "graphql" in done.stderr and "rest, grpc, both" in done.stderr


def test_a_port_that_is_taken_is_named(tmp_path, engine):
    second = Engine(tmp_path, {"CBO_ENGINE_GRPC_PORT": str(engine.grpc_port)}).start(wait=False)
    try:
        assert second.process.wait(timeout=60) == 1
        assert f"{engine.grpc_port} (gRPC)" in second.log(), second.log()
    finally:
        second.close()


def test_both_doors_speak_tls(tmp_path, pki):  # noqa: F811
    service = Engine(tmp_path, {"TLS_CERT_FILE": str(pki / "server.pem"), "TLS_KEY_FILE": str(pki / "server.key"),
                                "TLS_CLIENT_CA_FILE": str(pki / "ca.pem")}).start(wait=False)
    try:
        read = lambda name: (pki / name).read_bytes()
        known = grpc.ssl_channel_credentials(read("ca.pem"), read("client.key"), read("client.pem"))
        rpc = service.rpc(host="localhost", credentials=known)
        grpc.channel_ready_future(rpc.channel).result(timeout=60)
        until(lambda: answered(rpc), "the engine is open")
        stranger = service.rpc(host="localhost", credentials=grpc.ssl_channel_credentials(read("ca.pem"), read("other.key"), read("other.pem")))
        with pytest.raises(Refused) as refusal:
            stranger.call("ListModels", {})
        assert refusal.value.problem["grpc"] == "UNAVAILABLE"
        with pytest.raises(grpc.FutureTimeoutError):
            grpc.channel_ready_future(service.rpc(host="localhost").channel).result(timeout=1)
        with pytest.raises((http.client.HTTPException, OSError)):
            Client(service.port).raw("GET", "/health")
    finally:
        service.close()
