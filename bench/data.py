"""The data of every benchmark: orders of a web shop, made from a seed.

The same seed and number of rows give the same bytes on every machine, whatever the number of processes: each
chunk of rows has a random stream of its own. Written are orders.parquet (zstd, 500,000 rows a row group) and
orders.csv, both in the order of arrival.

  order_id      unique and in no order: the row's number, mixed
  customer_id   100,000 customers, Zipf(1.05): a few buy much
  amount        log-normal, two decimals          quantity  geometric
  order_date    three years, each within a day of where its row stands
  region        8 values, uneven                  status    5 values, 70 % of one
  note          five words, null in 3 of 10
"""

import os
import pathlib
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

SEED = 42
CHUNK_ROWS = 500_000
CUSTOMERS = 100_000
COLUMNS = ["order_id", "customer_id", "amount", "order_date", "region", "status", "quantity", "note"]
CSV_BYTES_A_ROW = 108  # What MB/s of ingest counts, whatever form the rows travel in.

REGIONS = ["us-east", "us-west", "eu-west", "eu-north", "ap-south", "ap-east", "sa-east", "af-south"]
REGION_SHARES = [.25, .2, .18, .12, .1, .08, .05, .02]
STATUSES = ["delivered", "shipped", "pending", "cancelled", "returned"]
STATUS_SHARES = [.7, .12, .1, .05, .03]
WORDS = ("gift wrap please leave at door call before fragile handle with care urgent blue red large small box "
         "customer asked for invoice second attempt no signature ring bell back porch office weekend only").split()
FIRST_DAY_US = 1_640_995_200_000_000  # 2022-01-01
DAY_US = 86_400_000_000
SPAN_US = 1096 * DAY_US


def order_id(number):
    """The order id of a row: as the load generator stamps them (load/request_file.cc)."""
    return "ord-%08x" % ((number * 0x9E3779B1 + 0x01234567) & 0xFFFFFFFF)


def order_ids(first, count):
    mixed = np.arange(first, first + count, dtype=np.uint64) * np.uint64(0x9E3779B1) + np.uint64(0x01234567)
    return pa.array(["ord-%08x" % value for value in (mixed & np.uint64(0xFFFFFFFF)).tolist()])


def customer_id(rank):
    """The customer of a rank of popularity, which is not the order of the ids."""
    return "cust-%06d" % (rank * 7919 % CUSTOMERS)


def zipf_cdf(count, exponent):
    weights = np.arange(1, count + 1, dtype=np.float64) ** -exponent
    return np.cumsum(weights / weights.sum())


def chunk(seed, first, count, rows, customer_cdf):
    random = np.random.default_rng([seed, 1, first])
    numbers = np.arange(first, first + count)
    dates = FIRST_DAY_US + (numbers * (SPAN_US / rows)).astype(np.int64) + random.integers(0, DAY_US, count)
    customers = np.searchsorted(customer_cdf, random.random(count)) * 7919 % CUSTOMERS
    words = pa.array(WORDS)
    notes = pc.binary_join_element_wise(*[words.take(pa.array(random.integers(0, len(WORDS), count))) for _ in range(5)], " ")
    notes = pc.if_else(pa.array(random.random(count) < 0.3), pa.scalar(None, pa.string()), notes)
    return pa.table({
        "order_id": order_ids(first, count),
        "customer_id": pc.binary_join_element_wise("cust-", pc.utf8_lpad(pa.array(customers).cast(pa.string()), 6, "0"), ""),
        "amount": np.round(np.minimum(random.lognormal(3.8, 1.0, count), 1e5), 2),
        "order_date": pa.array(dates, pa.timestamp("us")),
        "region": pa.array(REGIONS).take(pa.array(random.choice(8, count, p=REGION_SHARES))),
        "status": pa.array(STATUSES).take(pa.array(random.choice(5, count, p=STATUS_SHARES))),
        "quantity": pa.array(random.geometric(0.35, count), pa.int32()),
        "note": notes})


def make(folder, rows, seed=SEED):
    """Writes the files, unless they are there."""
    folder = pathlib.Path(folder)
    if (folder / "made").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    cdf = zipf_cdf(CUSTOMERS, 1.05)
    firsts = range(0, rows, CHUNK_ROWS)
    counts = [min(CHUNK_ROWS, rows - first) for first in firsts]
    parquet = csv = None
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        same = [[value] * len(counts) for value in (seed, rows, cdf)]
        for table in pool.map(chunk, same[0], firsts, counts, same[1], same[2]):
            if parquet is None:
                parquet = pq.ParquetWriter(folder / "orders.parquet", table.schema, compression="zstd")
                csv = pa.csv.CSVWriter(str(folder / "orders.csv"), table.schema)
            parquet.write_table(table, row_group_size=CHUNK_ROWS)
            csv.write_table(table)
    parquet.close()
    csv.close()
    (folder / "made").write_text(f"seed {seed}, {rows} rows\n")
    return folder


def fresh_batches(folder, size, first, count):
    """`count` tables of `size` rows for ingest: the data's own, over and over, with order ids from `first` on."""
    rows = pq.ParquetFile(pathlib.Path(folder) / "orders.parquet").read_row_group(0)
    assert size <= rows.num_rows
    for batch in range(count):
        start = batch * size % (rows.num_rows - size + 1)
        yield rows.slice(start, size).set_column(0, "order_id", order_ids(first + batch * size, size))
