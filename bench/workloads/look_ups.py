"""W3: look-ups by unique key, by customer, and of 100 keys at once. W4: two equalities, a range and a floor,
a hundred records of those.

Cold: the peer closed, its files dropped from the page cache, opened again, the first request; five times. Warm: 1 and
8 clients. Python clients share one interpreter; pgbench and the load generator are compiled.
"""

from bench import machine, oracle, queries
from bench.answers import compare_look_up
from bench.measure import Meter, Sample, now, run_clients

CLIENTS = (1, 8)
COLD_REPS = 5
CHECKED_KEYS = {"order_id": 20, "customer_id": 20, "in_100": 5, "filter_100": 4, "filter_top_100": 4}
LIMITS = {"order_id": 10, "customer_id": 10, "in_100": 100, "filter_100": 100, "filter_top_100": 100}


def run_w3(peer, recorder, settings):
    run(peer, recorder, settings, ("order_id", "customer_id", "in_100"))
    if hasattr(peer, "health"):
        for clients in CLIENTS:
            if settings.wants(f"health_live_c{clients}"):
                recorder.sample(peer.health(clients, settings.seconds))


def run_w4(peer, recorder, settings):
    run(peer, recorder, settings, ("filter_100", "filter_top_100"))


def run(peer, recorder, settings, kinds):
    for label, table in peer.tables().items():
        for kind in kinds:
            case = f"{kind}_{label}"
            if not settings.wants(case):
                continue
            try:
                answer = check(peer, settings, kind, table)
                recorder.sample(cold(peer, settings, f"{case}_cold", kind, table))
                machine.preload(peer.folder)
                for clients in CLIENTS:
                    for sample in warm(peer, settings, case, kind, table, clients):
                        sample.extra["answer"] = answer
                        recorder.sample(sample)
            except Exception as error:
                recorder.error(case, error)


def check(peer, settings, kind, table):
    """The first difference to DuckDB's answers over the same data, or "ok"."""
    ask = peer.look_up(kind, table)
    for key, wanted in oracle.look_ups(settings, kind, CHECKED_KEYS[kind]):
        outcome = compare_look_up(kind, ask(key), wanted, LIMITS[kind])
        if outcome != "ok":
            return outcome
    return "ok"


def cold(peer, settings, case, kind, table):
    times = []
    with Meter(peer) as meter:
        for rep in range(COLD_REPS):
            key, = queries.LOOK_UPS[kind].keys(1, 100 + rep, peer.rows)
            peer.close()
            machine.evict(peer.folder)
            peer.open()
            ask = peer.look_up(kind, table)
            start = now()
            ask(key)
            times.append(now() - start)
    # Its processes changed meanwhile, and most of the time went into closing and opening.
    meter.cpu_s = meter.client_cpu_s = meter.disk_read = meter.disk_written = None
    return Sample.of(case, times, meter, wall_s=sum(times))


def warm(peer, settings, case, kind, table, clients):
    if hasattr(peer, "own_look_ups"):
        yield from peer.own_look_ups(kind, clients, settings.seconds)
    if not peer.python_clients:
        return
    many = queries.LOOK_UPS[kind].keys
    keys = [many(20_000 if kind != "in_100" else 2_000, client, peer.rows) for client in range(clients)]
    asks = [peer.look_up(kind, table) for _ in range(clients)]
    for client in range(clients):
        for key in keys[client][:5]:
            asks[client](key)
    with Meter(peer) as meter:
        times, wall = run_clients(clients, settings.seconds,
                                  lambda client: ((lambda key=key: asks[client](key)) for key in keys[client]))
    yield Sample.of(f"{case}_c{clients}", times, meter, wall_s=wall)
