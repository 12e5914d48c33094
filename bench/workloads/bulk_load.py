"""W2: all orders from a file into place, with what indices the peer has; and what they take on disk."""

from bench.measure import repeat


def run(peer, recorder, settings):
    for case, work in peer.loads():
        try:
            sample = repeat(case, work, peer, reps=settings.load_reps, warm=0)
            sample.extra["rows_per_s"] = round(1000 * peer.rows / sample.median_ms)
            recorder.sample(sample)
        except Exception as error:
            recorder.error(case, error)
