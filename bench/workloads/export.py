"""W7: a million records out, all columns: as NDJSON, as Arrow, and what else a peer has."""

from bench import queries
from bench.measure import repeat

ROWS = 1_000_000
FORMS = (("ndjson", "application/x-ndjson"), ("arrow", "application/vnd.apache.arrow.stream"))


def run(peer, recorder, settings):
    if hasattr(peer, "export_load"):
        cases = [(form, lambda form=form, accept=accept: peer.export_load(form, accept, settings.reps)) for form, accept in FORMS]
    else:
        cases = [(form, lambda form=form, work=work: repeat(form, work, peer, settings.reps)) for form, work in peer.exports()]
    rows = int(peer.aggregate(queries.AGGREGATES[0])[0][0])
    for case, measure in cases:
        if not settings.wants(case):
            continue
        try:
            sample = measure()
            sample.extra["rows_per_s"] = round(1000 * min(ROWS, peer.rows) / sample.median_ms)
            if "out_bytes" in sample.extra:
                sample.extra["mb_per_s"] = round(sample.extra["out_bytes"] / sample.median_ms / 1e3, 1)
            sample.extra["answer"] = "ok" if rows == peer.rows else f"differs: {rows} rows, not {peer.rows}"
            recorder.sample(sample)
        except Exception as error:
            recorder.error(case, error)
