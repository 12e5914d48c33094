"""W1: durable ingest. A batch counts when its call has returned: synced to the disk, visible.

Batches of 1, 100, 1,000 and 10,000 orders by 1, 8 and 64 clients; what goes over the wire is encoded before the
clock starts. A case runs so many seconds, or for the peers whose batches are prepared in this process until those
are used up (`ended_early`). Every case starts with an empty table, and ends with a count of its rows.
"""

from bench import data
from bench.measure import Meter, Sample, run_clients

SIZES = (1, 100, 1000, 10_000)
CLIENTS = (1, 8, 64)
SUSTAINED = (1000, 8)  # The case that runs for settings.sustained_seconds.
PREPARED_ROWS_MAX = 36_000_000


def seconds_of(settings, size, clients):
    return settings.sustained_seconds if (size, clients) == SUSTAINED else settings.seconds


def cases(settings):
    """Many clients matter for small batches; 10,000 records from 64 clients would measure memory."""
    return [(size, clients) for size in SIZES for clients in CLIENTS if size * clients <= 80_000]


def run(peer, recorder, settings):
    for size, clients in cases(settings):
        for case, measure in measurements(peer, settings, size, clients):
            if not settings.wants(case):
                continue
            try:
                for sample in measure():
                    recorder.sample(sample)
            except Exception as error:
                recorder.error(case, error)


def measurements(peer, settings, size, clients):
    seconds = seconds_of(settings, size, clients)
    case = f"batch{size}_c{clients}"
    if hasattr(peer, "ingest_forms"):
        for form in peer.ingest_forms():
            yield f"{case}_{form}", lambda form=form: by_load(peer, f"{case}_{form}", form, size, clients, seconds)
        return
    if hasattr(peer, "own_ingest"):
        yield f"{case}_own", lambda: peer.own_ingest(size, clients, seconds)
    if hasattr(peer, "writer"):
        yield case, lambda: by_threads(peer, case, size, clients, seconds)


def by_load(peer, case, form, size, clients, seconds):
    peer.reset_ingest()
    sample = peer.write_load(case, form, "ingested", size, clients, seconds)
    yield counted(peer, sample, size)


def by_threads(peer, case, size, clients, seconds):
    peer.reset_ingest()
    wanted = int(seconds * min(peer.ingest_rows_per_s_max, 8_000 * size))
    each = max(5, min(wanted, PREPARED_ROWS_MAX) // size // clients)
    encoders = [peer.writer(size, client) for client in range(clients)]
    prepared = [[encode(batch) for batch in data.fresh_batches(peer.data, size, client * each * size, each)]
                for client, (encode, _) in enumerate(encoders)]
    with Meter(peer) as meter:
        times, wall = run_clients(clients, seconds,
                                  lambda client: ((lambda batch=batch: encoders[client][1](batch)) for batch in prepared[client]))
    sample = Sample.of(case, times, meter, wall_s=wall, rows_per_s=round(len(times) * size / wall))
    if wall < seconds * 0.95:
        sample.extra["ended_early"] = True
    yield counted(peer, sample, size)


def counted(peer, sample, size):
    sample.extra["mb_per_s"] = round(sample.operations * size * data.CSV_BYTES_A_ROW / sample.wall_s / 1e6, 2)
    rows, wanted = peer.ingested(), sample.operations * size
    sample.extra["answer"] = "ok" if rows == wanted else f"differs: {rows} rows, not the {wanted} acknowledged"
    return sample
