"""W5: aggregates over all orders, warm; each answer compared with DuckDB's over the same data.

No peer keeps results from one query to the next. Where Granary does (repeated aggregates), `…_warm` is asked of a node
that may not, and `…_repeated` of one that may.
"""

from bench import oracle, queries
from bench.answers import compare
from bench.measure import repeat


def run(peer, recorder, settings):
    for query in queries.AGGREGATES:
        if not settings.wants(query.name):
            continue
        try:
            found = peer.aggregate(query)
            if found is None:
                continue
            answer = compare(found, oracle.aggregate(settings, query), query.approximate)
            if hasattr(peer, "aggregate_load"):
                samples = by_load(peer, query, settings.reps)
            else:
                samples = [repeat(query.name, lambda query=query: peer.aggregate(query) and None, peer, settings.reps, seconds_max=20)]
            for sample in samples:
                sample.extra["answer"] = answer
                recorder.sample(sample)
        except Exception as error:
            recorder.error(query.name, error)


def by_load(peer, query, reps):
    with peer.without_kept_results():
        yield peer.aggregate_load(query.name, query, reps)
    yield peer.aggregate_load(f"{query.name}_repeated", query, reps)
