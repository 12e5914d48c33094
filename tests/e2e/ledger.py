"""The oracle of the crash tests: what clients intended, and what they were told.

After every recovery: acked ⊆ visible ⊆ acked ∪ unknown; each id at most once; each batch whole or
absent; each value as sent.
"""

import threading


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.batches = {}  # batch -> list of ids
        self.outcome = {}  # batch -> "acked" | "refused" | "unknown"

    def intend(self, batch, ids):
        with self.lock:
            self.batches[batch] = ids
            self.outcome[batch] = "unknown"

    def settle(self, batch, outcome):
        with self.lock:
            self.outcome[batch] = outcome

    def check(self, rows):
        """`rows` are the visible records' fields: id, batch, payload."""
        seen = {}
        for row in rows:
            assert row["id"] not in seen, f"id {row['id']} is there twice"
            seen[row["id"]] = row
        visible = {}
        for row in rows:
            visible.setdefault(row["batch"], set()).add(row["id"])
            assert row["payload"] == payload_of(row["id"]), f"id {row['id']} is not as sent: {row['payload']!r}"
        with self.lock:
            for batch, ids in self.batches.items():
                there = visible.pop(batch, set())
                if self.outcome[batch] == "acked":
                    assert there == set(ids), f"batch {batch} was acknowledged; {len(there)} of {len(ids)} are there"
                elif self.outcome[batch] == "refused":
                    assert not there, f"batch {batch} was refused and is there"
                else:
                    assert not there or there == set(ids), f"batch {batch} is torn: {len(there)} of {len(ids)}"
        assert not visible, f"batches that nobody sent: {sorted(visible)[:5]}"

    def counts(self):
        with self.lock:
            values = list(self.outcome.values())
        return {word: values.count(word) for word in ("acked", "refused", "unknown")}


def payload_of(record_id):
    return f"payload-{record_id}-" + "x" * (record_id % 97)
