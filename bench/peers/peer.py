"""Peer: what is measured. A class has the hooks of the workloads that it takes part in.

  hook                                     used by
  writer(size, client) -> encode, send     w1  a durable batch of orders; encode runs before the clock
  own_ingest(size, clients, seconds)       w1  more cases, as Samples
  loads() -> [(case, work)]                w2  each puts all orders into place; work() returns fields of the line
  tables() -> {label: table}               w3, w4  what is looked up in
  look_up(kind, table) -> function(key)    w3, w4  rows of a key
  aggregate(query) -> rows                 w5  lists of values, in the order of the query's columns
  exports() -> [(case, work)]              w7  a million records out; work() returns {"out_bytes": …}
"""

import pathlib


class Peer:
    name = ""
    python_clients = True  # Of warm look-ups, beside those of own_look_ups(kind, clients, seconds) -> Samples.
    ingest_rows_per_s_max = 1_200_000  # More than it will take: how many batches w1 prepares.

    def __init__(self, settings):
        self.settings = settings
        self.rows = settings.rows
        self.threads = settings.threads
        self.data = settings.data
        self.folder = pathlib.Path(settings.store) / self.name
        self.folder.mkdir(parents=True, exist_ok=True)

    def open(self):
        """Starts it; its data is what an earlier run left."""

    def close(self):
        """Stops it."""

    def version(self):
        raise NotImplementedError

    def servers(self):
        """Process ids; none for a library in this process."""
        return []

    def reset_ingest(self):
        """An empty table for w1, unique in order_id and indexed by customer_id where there are indices."""

    def ingested(self):
        """Rows in that table."""
        return None
