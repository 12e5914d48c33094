"""The gRPC API as a test uses it: stubs made from proto/ at run time, and a client that takes REST
bodies and gives REST answers, so that one set of cases runs through both."""

import base64
import datetime
import functools
import importlib
import json
import pathlib
import struct
import sys
import tempfile
from decimal import Decimal

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

from node import REPOSITORY, Refused

PROTO = REPOSITORY / "proto"
HTTP_OF = {3: 400, 5: 404, 6: 409, 7: 403, 8: 429, 9: 410, 10: 409, 12: 501, 14: 503, 16: 401}


@functools.cache
def stubs(name="storage"):
    """The modules <name>_pb2 and <name>_pb2_grpc."""
    import grpc_tools
    from grpc_tools import protoc

    theirs = pathlib.Path(grpc_tools.__file__).parent / "_proto"  # google/protobuf/*.proto
    out = tempfile.mkdtemp(prefix="granary-proto-")
    arguments = ["protoc", f"-I{PROTO}", f"-I{theirs}", f"--python_out={out}", f"--grpc_python_out={out}", str(PROTO / f"{name}.proto")]
    assert protoc.main(arguments) == 0
    sys.path.insert(0, out)
    return importlib.import_module(f"{name}_pb2"), importlib.import_module(f"{name}_pb2_grpc")


def to_value(json_value):
    """A JSON value as a typed one: numbers keep their kind, objects and mixed arrays are documents."""
    pb, _ = stubs()
    if json_value is None:
        return pb.Value(null_value=0)
    if isinstance(json_value, bool):
        return pb.Value(bool_value=json_value)
    if isinstance(json_value, int):
        if -2**63 <= json_value < 2**63:
            return pb.Value(int64_value=json_value)
        if json_value < 2**64:
            return pb.Value(uint64_value=json_value)
        return pb.Value(json_value=str(json_value))
    if isinstance(json_value, Decimal):
        as_float = float(json_value)
        if Decimal(repr(as_float)) == json_value:
            return pb.Value(float64_value=as_float)
        return pb.Value(json_value=str(json_value))
    if isinstance(json_value, str):
        return pb.Value(string_value=json_value)
    return pb.Value(json_value=dump(json_value))


def dump(value):
    """JSON text in which a Decimal keeps its digits."""
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k) + ":" + dump(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dump(v) for v in value) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def to_literal(value):
    pb, _ = stubs()
    if isinstance(value, list) and not any(isinstance(v, (list, dict)) for v in value):
        return pb.Value(list_value=pb.ListValue(values=[to_value(v) for v in value]))
    return to_value(value)


def to_filter(node):
    """A `filters` object as a typed tree; as its JSON text where the tree has no word for it."""
    pb, _ = stubs()
    try:
        return typed_filter(node)
    except (KeyError, ValueError, TypeError, AttributeError):
        return pb.Filter(json=dump(node))


def typed_filter(node):
    pb, _ = stubs()
    out = pb.Filter()
    for name, condition in node.items():
        if name in ("$and", "$or"):
            if not condition:
                raise ValueError("an empty list has no tree")
            (out.all_of if name == "$and" else out.any_of).extend(typed_filter(one) for one in condition)
        elif name == "$not":
            out.not_of.CopyFrom(typed_filter(condition))
        elif not isinstance(condition, dict):
            raise ValueError("a bare value is pointed at without its operator")
        else:
            if not condition:
                raise ValueError("no operator")
            for op, value in condition.items():
                number = pb.Operator.Value("OPERATOR_" + op.upper())
                out.where.append(pb.Comparison(column=name, op=number, value=to_literal(value)))
    return out


INSTANT = datetime.datetime(1970, 1, 1)


def from_timestamp(value):
    digits = {1: 0, 2: 3, 3: 6, 4: 9}[value.unit]
    seconds, fraction = divmod(value.value, 10**digits)
    text = (INSTANT + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    if fraction:
        text += "." + str(fraction).rjust(digits, "0").rstrip("0")
    return text + "Z"


def from_float(number):
    if number != number:
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "Infinity" if number > 0 else "-Infinity"
    return Decimal(repr(number))


def from_float32(number):
    """The shortest digits that a float32 reads back equal."""
    for digits in range(1, 10):
        text = f"{number:.{digits}g}"
        if number == number and struct.unpack("f", struct.pack("f", float(text)))[0] == number:
            return Decimal(text)
    return from_float(number)


def from_value(value):
    """What REST would show for it."""
    kind = value.WhichOneof("kind")
    field = getattr(value, kind)
    if kind == "null_value":
        return None
    if kind == "binary_value":
        return base64.b64encode(field).decode()
    if kind == "float64_value":
        return from_float(field)
    if kind == "float32_value":
        return from_float32(field) if abs(field) < float("inf") else from_float(field)
    if kind == "timestamp_value":
        return from_timestamp(field)
    if kind == "date_value":
        return (datetime.date(1970, 1, 1) + datetime.timedelta(days=field)).isoformat()
    if kind == "time_value":
        seconds, micros = divmod(field, 1_000_000)
        text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return text + ("." + f"{micros:06}".rstrip("0") if micros else "")
    if kind == "uuid_value":
        return "-".join(field.hex()[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))
    if kind == "json_value":
        return json.loads(field, parse_float=Decimal)
    if kind == "list_value":
        return [from_value(one) for one in field.values]
    return field


def refused(error):
    """The gRPC failure as the problem that REST would have answered."""
    rich = status_pb2.Status()
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            rich.ParseFromString(value)
    problem = {"detail": error.details(), "grpc": error.code().name, "errors": []}
    for detail in rich.details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo):
            if detail.Is(kind.DESCRIPTOR):
                message = kind()
                detail.Unpack(message)
                if kind is error_details_pb2.ErrorInfo:
                    assert message.domain == "granary"
                    problem.update(code=message.reason, metadata=dict(message.metadata))
                elif kind is error_details_pb2.BadRequest:
                    problem["errors"] = [{"pointer": v.field, "detail": v.description} for v in message.field_violations]
                else:
                    problem["retry"] = message.retry_delay.seconds
    if rich.code:
        assert rich.code == error.code().value[0] and rich.message == error.details()
    return Refused(HTTP_OF.get(error.code().value[0], 500), problem)


def flat(fields):
    """A row of a source of schema_mode json as REST shows it: the members of its rest beside what is not null."""
    if "_granary_rest" not in fields:
        return fields
    rest = fields.pop("_granary_rest") or {}
    return {name: value for name, value in fields.items() if value is not None} | rest


class RpcClient:
    """Takes REST bodies, speaks gRPC, gives REST answers."""

    def __init__(self, port, timeout=60, credentials=None, host="127.0.0.1"):
        options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", -1)]
        address = f"{host}:{port}"
        self.channel = (grpc.secure_channel(address, credentials, options) if credentials
                        else grpc.insecure_channel(address, options))
        self.pb, module = stubs()
        self.stub = module.TenantNodeStub(self.channel)
        self.timeout = timeout

    def close(self):
        self.channel.close()

    def call(self, method, request, timeout=None, metadata=None):
        try:
            return getattr(self.stub, method)(request, timeout=timeout or self.timeout, metadata=metadata)
        except grpc.RpcError as error:
            raise refused(error) from None

    def parse(self, kind, body, skip=()):
        """A message from the members of a body that have its JSON form."""
        try:
            return json_format.ParseDict({k: v for k, v in body.items() if k not in skip and v is not None}, kind())
        except json_format.ParseError as error:
            raise NoForm(str(error)) from None

    def add(self, body):
        request = self.parse(self.pb.AddSourceRequest, body, ("schema_definition", "partition_columns", "index_columns",
                                                               "compression", "schema_mode", "durability"))
        for name, kind in (body.get("schema_definition") or {}).items():
            request.schema_definition.add(name=name, type=kind)
        for field, target in (("partition_columns", request.partition_columns), ("index_columns", request.index_columns)):
            for one in body.get(field) or []:
                target.add(**(one if isinstance(one, dict) else {"column": one}))
        self.set_compression(request, body.get("compression"))
        if body.get("schema_mode"):
            request.schema_mode = self.pb.SchemaMode.Value("SCHEMA_MODE_" + body["schema_mode"].upper())
        self.set_durability(request, body.get("durability"))
        answer = self.call("AddSource", request)
        return {"created": answer.created, **self.shown(answer.source)}

    def shown(self, source):
        """The members of REST's source that scenarios look at."""
        mode = self.pb.SchemaMode.Name(source.schema_mode).removeprefix("SCHEMA_MODE_").lower()
        durability = self.pb.Durability.Name(source.durability).removeprefix("DURABILITY_").lower()
        return {"source_id": source.source_id, "name": source.name, "schema_mode": mode, "durability": durability,
                "schema_version": source.schema_version, "sort_columns": list(source.sort_columns),
                "schema_definition": {c.name: c.type for c in source.schema_definition}}

    def source(self, source_id):
        for source in self.call("ListSources", self.pb.ListSourcesRequest()).sources:
            if source.source_id == source_id:
                return self.shown(source)
        raise AssertionError(f"no source {source_id}")

    def update(self, source_id, patch):
        """A patch whose members have a typed form; REST alone refuses the others."""
        columns = ("add_columns", "widen_columns")
        request = self.parse(self.pb.UpdateSourceRequest, patch, (*columns, "add_indexes", "compression", "schema_mode", "durability",
                                                                 *(("retention",) if patch.get("retention") == "none" else ())))
        request.source_id = source_id
        for member in columns:
            for name, kind in (patch.get(member) or {}).items():
                getattr(request, member).add(name=name, type=kind)
        for one in patch.get("add_indexes") or []:
            request.add_indexes.add(**(one if isinstance(one, dict) else {"column": one}))
        self.set_compression(request, patch.get("compression"))
        if patch.get("schema_mode"):
            request.schema_mode = self.pb.SchemaMode.Value("SCHEMA_MODE_" + patch["schema_mode"].upper())
        self.set_durability(request, patch.get("durability"))
        request.clear_sort_columns = patch.get("sort_columns") == []
        request.clear_retention = "retention" in patch and patch["retention"] in (None, "none")
        return self.shown(self.call("UpdateSource", request))

    def set_durability(self, request, durability):
        if not durability:
            return
        try:
            request.durability = self.pb.Durability.Value("DURABILITY_" + durability.upper())
        except ValueError as error:
            raise NoForm(str(error)) from None

    @staticmethod
    def set_compression(request, compression):
        if isinstance(compression, str):
            request.compression.default = compression
        elif compression:
            request.compression.default = compression["default"]
            request.compression.columns.update(compression["columns"])

    def write(self, body, key=""):
        known = {"source_id", "records", "on_error"}
        records = body.get("records")
        if set(body) - known or not isinstance(records, list):
            raise NoForm("no message has these members")
        request = self.pb.WriteDataRequest(source_id=body.get("source_id") or "", idempotency_key=key)
        if all(isinstance(r, dict) and set(r) == {"fields"} and isinstance(r["fields"], dict) for r in records):
            for record in records:
                fields = request.records.add().fields
                for name, value in record["fields"].items():
                    fields[name].CopyFrom(to_value(value))
        else:
            request.records_json = dump(records)
        if body.get("on_error") is not None:
            try:
                request.on_error = self.pb.OnError.Value("ON_ERROR_" + body["on_error"].upper())
            except (ValueError, AttributeError):
                raise NoForm("no such enumerator") from None
        answer = self.call("WriteData", request)
        sequence = {"first": answer.sequence.first, "last": answer.sequence.last} if answer.HasField("sequence") else None
        shown = {"source_id": answer.source_id, "written": answer.written, "sequence": sequence,
                 "schema_version": answer.schema_version, "durable": answer.durable, "replayed": answer.replayed}
        if request.on_error == self.pb.OnError.Value("ON_ERROR_SKIP"):
            shown["rejected"] = [{"index": one.index, "detail": one.detail} for one in answer.rejected]
            shown["rejected_total"] = answer.rejected_total
        return shown

    def query(self, kind, body, skip):
        body = dict(body)
        sources = body.pop("source_ids", None) or []
        if body.get("source_id"):
            sources = [body["source_id"]]
        body.pop("source_id", None)
        request = self.parse(kind, {**body, "source_ids": sources}, ("filters", "having", "order_by", *skip))
        for field in ("filters", "having"):
            if body.get(field) is not None:
                getattr(request, field).CopyFrom(to_filter(body[field]))
        for order in body.get("order_by") or []:
            one = request.order_by.add(column=order.get("column"))
            if order.get("direction") is not None:
                try:
                    one.direction = self.pb.Direction.Value("DIRECTION_" + order["direction"].upper())
                except ValueError:
                    one.direction = 99
        return request

    def search(self, body, stream=False):
        request = self.query(self.pb.SearchDataRequest, body, ())
        request.stream = stream
        records, summary = [], None
        try:
            for part in self.stub.SearchData(request, timeout=self.timeout):
                assert summary is None, "something follows the summary"
                if part.WhichOneof("part") == "rows":
                    names = [c.name for c in part.rows.columns]
                    records += [{"source_id": part.rows.source_id,
                                 "fields": flat({n: from_value(v) for n, v in zip(names, row.values, strict=True)})}
                                for row in part.rows.rows]
                else:
                    summary = part.summary
        except grpc.RpcError as error:
            raise refused(error) from None
        assert summary is not None and summary.count == len(records)
        return {"records": records, "count": summary.count,
                "next_cursor": summary.next_cursor if summary.HasField("next_cursor") else None,
                "stats": {"rows_scanned": summary.stats.rows_scanned, "access_paths": list(summary.stats.access_paths)}}

    def aggregate_request(self, body):
        request = self.query(self.pb.AggregateDataRequest, body, ("group_by", "aggregations"))
        for group in body.get("group_by") or []:
            group = {"column": group} if isinstance(group, str) else group
            one = request.group_by.add(column=group.get("column"))
            if "alias" in group:
                one.alias = group["alias"]
            transform = group.get("transform")
            if isinstance(transform, str):
                one.transform.part = transform
            elif transform:
                one.transform.CopyFrom(json_format.ParseDict({k: str(v) for k, v in transform.items()}, self.pb.Transform()))
        for given in body.get("aggregations") or []:
            one = request.aggregations.add()
            if "type" in given:
                try:
                    one.type = self.pb.AggregationType.Value("AGGREGATION_TYPE_" + given["type"].upper())
                except ValueError:
                    one.type = 99
            for name in ("column", "alias"):
                if name in given:
                    setattr(one, name, given[name])
            if "p" in given:
                one.p = float(given["p"])
        return request

    def explain(self, body, analyze=False):
        request = self.pb.ExplainRequest(analyze=analyze)
        if "search" in body:
            request.search.CopyFrom(self.query(self.pb.SearchDataRequest, body["search"], ()))
        if "aggregate" in body:
            request.aggregate.CopyFrom(self.aggregate_request(body["aggregate"]))
        return json.loads(self.call("Explain", request).plan_json)

    def aggregate(self, body):
        answer = self.call("AggregateData", self.aggregate_request(body))
        names = [c.name for c in answer.columns]
        kinds = {c.name: c.type for c in answer.columns}
        shown = lambda n, v: int(v.decimal_value) if kinds[n] == "decimal(38,0)" and v.WhichOneof("kind") == "decimal_value" else from_value(v)
        return {"results": [{n: shown(n, v) for n, v in zip(names, row.values, strict=True)} for row in answer.rows]}

    def stats(self, source):
        """All members of REST's, as it shows them."""
        answer = self.call("GetSourceStats", self.pb.GetSourceStatsRequest(source_id=source))
        numbers = ("source_id", "rows", "bytes", "hot_rows", "deleted_rows", "segments", "files", "partitions", "schema_version",
                   "wal_bytes", "index_bytes")
        times = {name: from_timestamp(getattr(answer, name)) if answer.HasField(name) else None
                 for name in ("last_write", "last_compaction")}
        known = lambda one, name: getattr(one, name) if one.HasField(name) else None
        value = lambda one, name: from_value(getattr(one, name)) if one.HasField(name) else None
        columns = {one.name: {"type": one.type, "nulls": known(one, "nulls"), "min": value(one, "min"), "max": value(one, "max"),
                              "distinct": known(one, "distinct"), "indexes": list(one.indexes),
                              "values": [from_value(v) for v in one.values.values] if one.HasField("values") else None}
                   for one in answer.columns}
        return {**{name: getattr(answer, name) for name in numbers}, **times, "columns": columns}

    def list(self):
        return [self.shown(source) for source in self.call("ListSources", self.pb.ListSourcesRequest()).sources]

    def remove(self, source):
        self.call("RemoveSource", self.pb.RemoveSourceRequest(source_id=source))


class NoForm(Exception):
    """A body that no message can say."""
