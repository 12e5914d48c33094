"""What Granary is to reach, as ratios to its peers in the same run, and what a run reached.

A target takes lines of results and gives a figure; where a line is missing there is none, and the target counts as not
measured. Misses come first.
"""

import dataclasses

from bench import queries


HEADINGS = ("work", "against", "target", "reached", "CPU", "")


class Missing(Exception):
    """A line that a target needs is not there."""


class Lines:
    """The lines of one run and one size, to be asked for by peer, workload and case."""

    def __init__(self, lines):
        self.by_key = {(line["peer"], line["workload"], line["case"]): line for line in lines if "error" not in line}

    def get(self, peer, workload, case, field):
        try:
            return self.by_key[peer, workload, case][field]
        except KeyError:
            raise Missing(f"{peer} {workload} {case}") from None


@dataclasses.dataclass(frozen=True)
class Target:
    work: str
    against: str
    bound: float
    at_least: bool     # Or at most.
    figure: callable   # Lines -> float
    unit: str = "×"

    def met(self, value):
        return value >= self.bound if self.at_least else value <= self.bound

    def room(self, value):
        """1 where it is just met; 0.5 where it is missed by a factor of two."""
        return value / self.bound if self.at_least else self.bound / max(value, 1e-9)


@dataclasses.dataclass(frozen=True)
class Against:
    """A case of Granary's beside one of a peer's: figures, or the CPU time of an operation, clients included."""
    workload: str
    case: str
    peer: str
    peer_case: str
    field: str = "median_ms"

    def __call__(self, lines):
        return lines.get("granary", self.workload, self.case, self.field) / lines.get(self.peer, self.workload, self.peer_case, self.field)

    def cpu(self, lines):
        def of(peer, case):
            line = lines.by_key.get((peer, self.workload, case), {})
            return line.get("cpu_ms_per_op", 0) + line.get("client_cpu_ms_per_op", 0)
        own, other = of("granary", self.case), of(self.peer, self.peer_case)
        return own / other if own and other else None


def keys_at_once(lines):
    return 100 * lines.get("granary", "w3", "in_100_rest_c8", "per_s") / lines.get("postgresql", "w3", "order_id_pgbench_c8", "per_s")


def disk(lines):
    peers = ["duckdb", "clickhouse", "polars", "datafusion", "postgresql"]
    sizes = []
    for peer in peers:
        for case in ("merge", "csv", "parquet"):
            try:
                sizes.append(lines.get(peer, "w2", case, "disk_bytes"))
            except Missing:
                pass
    sizes = [size for size in sizes if size > 0]  # 0: of a table that a failed load left empty.
    if not sizes:
        raise Missing("a peer's w2")
    return lines.get("granary", "w2", "csv_zstd", "disk_bytes") / min(sizes)


SUSTAINED, SINGLE = "batch1000_c8_json", "batch1_c64_json"
NINE = [query.name for query in queries.AGGREGATES[:9]]

TARGETS = [
    Target("durable ingest, batches of 1,000, 8 clients, JSON, indices on", "PostgreSQL COPY", 3, True,
           Against("w1", SUSTAINED, "postgresql", "batch1000_c8", "rows_per_s")),
    Target("durable ingest, batches of 1,000, 8 clients, JSON, indices on", "DuckDB in-process, PRIMARY KEY", 1, True, Against("w1", SUSTAINED, "duckdb", "batch1000_c8", "rows_per_s")),
    Target("durable ingest, single records, 64 clients", "PostgreSQL, pgbench, 8 clients", 2.5, True,
           Against("w1", SINGLE, "postgresql", "batch1_c8_pgbench", "rows_per_s")),
    Target("import of the CSV, indices included (time)", "DuckDB's load without them", 1, False, Against("w2", "csv", "duckdb", "csv")),
    Target("look-up by unique key, 8 clients", "PostgreSQL, pgbench prepared", 0.7, True,
           Against("w3", "order_id_rest_c8", "postgresql", "order_id_pgbench_c8", "per_s")),
    Target("look-up by unique key, 8 clients", "the node's own /health/live", 0.6, True,
           lambda lines: lines.get("granary", "w3", "order_id_rest_c8", "per_s") / lines.get("granary", "w3", "health_live_c8", "per_s")),
    Target("100 keys in one `in`, 8 clients, a key", "PostgreSQL, pgbench prepared, a key", 5, True, keys_at_once),
    Target("filter + range, 100 of them (time)", "DuckDB", 0.3, False, Against("w4", "filter_100_rest_c1", "duckdb", "filter_100_scan_c1")),
    Target("filter + range, the dearest 100 (time)", "DuckDB", 0.3, False,
           Against("w4", "filter_top_100_rest_c1", "duckdb", "filter_top_100_scan_c1")),
    *[Target(f"{name}, warm (time)", "DuckDB, its own table", 1, False, Against("w5", name, "duckdb", name)) for name in NINE],
    *[Target(f"{name}, repeated (time)", "DuckDB, its own table", 0.1, False, Against("w5", f"{name}_repeated", "duckdb", name))
      for name in NINE],
    *[Target(f"cold scan of the same Parquet files, {name} (time)", "DuckDB", 1.2, False, Against("scan", name, "duckdb_parquet", name))
      for name in queries.SCANS],
    Target("export of 1 M rows, NDJSON (time)", "ClickHouse", 0.7, False, Against("w7", "ndjson", "clickhouse", "ndjson")),
    Target("export of 1 M rows, Arrow", "MB/s", 500, True, lambda lines: lines.get("granary", "w7", "arrow", "mb_per_s"), ""),
    Target("disk: orders with zstd", "the best peer", 1.1, False, disk),
    Target("replay of the log", "MB/s", 300, True, lambda lines: lines.get("granary", "recovery", "wal_replay", "mb_per_s"), ""),
    Target("ready with 1,000 segments and an empty log", "ms", 100, False,
           lambda lines: lines.get("granary", "recovery", "start_1000_segments", "median_ms"), ""),
]


@dataclasses.dataclass(frozen=True)
class Verdict:
    target: Target
    value: float | None
    cpu: float | None = None  # Granary's CPU time an operation by the peer's.
    missing: str = ""

    @property
    def met(self):
        return self.value is not None and self.target.met(self.value)

    def cells(self):
        sign = "≥" if self.target.at_least else "≤"
        bound = f"{sign} {self.target.bound:g}{self.target.unit}"
        if self.value is None:
            return self.target.work, self.target.against, bound, "–", "", f"not measured ({self.missing})"
        word = "met" if self.met else "missed"
        value = f"{self.value:.0f}" if self.value >= 100 else f"{self.value:.3g}"
        cpu = "" if self.cpu is None else f"{self.cpu:.3g}×"
        return self.target.work, self.target.against, bound, value + self.target.unit, cpu, word


def judge(lines):
    """Verdicts on the lines of one run and size: the furthest missed first, then what was met, then what was not measured."""
    lines = Lines(lines)
    verdicts = []
    for target in TARGETS:
        try:
            cpu = target.figure.cpu(lines) if isinstance(target.figure, Against) else None
            verdicts.append(Verdict(target, target.figure(lines), cpu))
        except Missing as missing:
            verdicts.append(Verdict(target, None, missing=str(missing)))
    return sorted(verdicts, key=lambda one: (one.value is None, one.met, one.target.room(one.value) if one.value is not None else 0))


def as_text(verdicts):
    rows = [HEADINGS, *(verdict.cells() for verdict in verdicts if verdict.value is not None)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    counted = [verdict for verdict in verdicts if verdict.value is not None]
    text.append(f"{sum(verdict.met for verdict in counted)} of {len(counted)} targets met; {len(verdicts) - len(counted)} not measured")
    return "\n".join(text)
