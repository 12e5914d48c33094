#!/usr/bin/env python3
"""The parts of the harness that a figure could be wrong by: the guard's verdicts, the targets, the comparison of answers.

Needs nothing but Python: ctest runs it.
"""

import datetime
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.modules.setdefault("numpy", type(sys)("numpy"))  # bench.data imports what only making data needs.
for name in ("pyarrow", "pyarrow.compute", "pyarrow.csv", "pyarrow.parquet"):
    sys.modules.setdefault(name, type(sys)(name))

from bench import answers, instruction_guard, queries, targets  # noqa: E402


class InstructionGuardTest(unittest.TestCase):
    BASELINE = {"a": 1_000_000, "b": 2_000_000}

    def test_accepts_what_is_within_five_percent(self):
        self.assertEqual(list(instruction_guard.refusals({"a": 1_050_000, "b": 1_000_000}, self.BASELINE)), [])

    def test_refuses_what_is_over_it(self):
        refused = list(instruction_guard.refusals({"a": 1_050_001, "b": 2_000_000}, self.BASELINE))
        self.assertEqual(len(refused), 1)
        self.assertTrue(refused[0].startswith("a: "), refused)

    def test_each_case_needs_a_baseline_and_each_baseline_its_case(self):
        self.assertEqual(len(list(instruction_guard.refusals({"a": 1_000_000, "new": 1}, self.BASELINE))), 2)

    def test_reads_the_totals_of_what_was_dumped_by_name(self):
        text = ("version: 1\npart: 1\ndesc: Trigger: Client Request: first\nevents: Ir\nsummary: 0\nfn=(1) main\n1 5\ntotals: 5\n"
                "part: 2\ndesc: Trigger: Client Request: second\nevents: Ir\nsummary: 0\ntotals: 77\n"
                "part: 3\ndesc: Trigger: Program termination\nsummary: 0\ntotals: 3\n")
        self.assertEqual(instruction_guard.read_counts(text), {"first": 5, "second": 77})


class AnswersTest(unittest.TestCase):
    def test_forms_of_a_value_are_equal(self):
        instant = datetime.datetime(2023, 6, 1, 10, 0, 0, 5)
        for form in ("2023-06-01T10:00:00.000005Z", "2023-06-01 10:00:00.000005", instant, instant.replace(tzinfo=datetime.timezone.utc)):
            self.assertEqual(answers.compare([(form, "7.50")], [(instant.isoformat(), 7.5)]), "ok")
        self.assertEqual(answers.compare([("2023-06-01", 1)], [(datetime.datetime(2023, 6, 1), 1)]), "ok")

    def test_sums_may_differ_in_their_last_digits_alone(self):
        self.assertEqual(answers.compare([(1e9,)], [(1e9 + 0.5,)]), "ok")
        self.assertNotEqual(answers.compare([(1e9,)], [(1e9 + 5,)]), "ok")

    def test_rows_may_come_in_any_order(self):
        self.assertEqual(answers.compare([("b", 2), ("a", 1)], [("a", 1), ("b", 2)]), "ok")
        self.assertNotEqual(answers.compare([("b", 1), ("a", 2)], [("a", 1), ("b", 2)]), "ok")
        self.assertNotEqual(answers.compare([("a", 1)], [("a", 1), ("b", 2)]), "ok")

    def test_an_approximate_answer_has_its_own_margin(self):
        self.assertEqual(answers.compare([(100.9,)], [(100.0,)], 0.01), "ok")
        self.assertNotEqual(answers.compare([(101.2,)], [(100.0,)], 0.01), "ok")

    def test_a_look_up_may_give_any_of_the_rows_that_match(self):
        rows = [[f"ord-{i}", "c", i + 0.5, "2023-06-01T00:00:00", "r", "s", i, None] for i in range(5)]
        self.assertEqual(answers.compare_look_up("customer_id", rows[2:4], rows, 2), "ok")
        self.assertNotEqual(answers.compare_look_up("customer_id", rows[2:3], rows, 2), "ok")
        wrong = [*rows[2][:2], 99.0, *rows[2][3:]]
        self.assertNotEqual(answers.compare_look_up("customer_id", [wrong, rows[3]], rows, 2), "ok")

    def test_the_dearest_are_told_from_others(self):
        rows = [[f"ord-{i}", "c", i + 0.5, "2023-06-01T00:00:00", "r", "s", i, None] for i in range(5)]
        self.assertEqual(answers.compare_look_up("filter_top_100", [rows[4], rows[3]], rows, 2), "ok")
        self.assertNotEqual(answers.compare_look_up("filter_top_100", [rows[4], rows[2]], rows, 2), "ok")


def line(peer, workload, case, **fields):
    return {"peer": peer, "workload": workload, "case": case, **fields}


class TargetsTest(unittest.TestCase):
    def verdict(self, work, *lines):
        return next(one for one in targets.judge(lines) if one.target.work.startswith(work))

    def test_a_ratio_of_rates(self):
        work = "durable ingest, single records"
        lines = [line("granary", "w1", "batch1_c64_json", rows_per_s=30_000), line("postgresql", "w1", "batch1_c8_pgbench", rows_per_s=10_000)]
        self.assertTrue(self.verdict(work, *lines).met)
        lines[1]["rows_per_s"] = 12_001
        self.assertFalse(self.verdict(work, *lines).met)

    def test_a_ratio_of_times(self):
        lines = [line("granary", "w5", "count", median_ms=1.0), line("duckdb", "w5", "count", median_ms=1.0)]
        self.assertTrue(self.verdict("count, warm", *lines).met)
        lines[0]["median_ms"] = 1.01
        self.assertFalse(self.verdict("count, warm", *lines).met)

    def test_a_hundred_keys_count_as_a_hundred(self):
        lines = [line("granary", "w3", "in_100_rest_c8", per_s=500), line("postgresql", "w3", "order_id_pgbench_c8", per_s=10_000)]
        self.assertAlmostEqual(self.verdict("100 keys", *lines).value, 5.0)

    def test_disk_is_beside_the_smallest(self):
        lines = [line("granary", "w2", "csv_zstd", disk_bytes=110), line("polars", "w2", "csv", disk_bytes=100),
                 line("duckdb", "w2", "csv", disk_bytes=300)]
        self.assertTrue(self.verdict("disk", *lines).met)

    def test_what_was_not_measured_is_neither_met_nor_missed(self):
        verdict = self.verdict("count, warm", line("granary", "w5", "count", median_ms=1.0))
        self.assertIsNone(verdict.value)
        self.assertFalse(verdict.met)
        failed = self.verdict("count, warm", line("granary", "w5", "count", error="x"), line("duckdb", "w5", "count", median_ms=1.0))
        self.assertIsNone(failed.value)

    def test_misses_come_first_the_furthest_ahead(self):
        lines = [line("granary", "recovery", "wal_replay", mb_per_s=200), line("granary", "recovery", "start_1000_segments", median_ms=1000),
                 line("granary", "w7", "arrow", mb_per_s=1000)]
        first = [verdict.target.work for verdict in targets.judge(lines)][:3]
        self.assertEqual([text.split()[0] for text in first], ["ready", "replay", "export"])


class QueriesTest(unittest.TestCase):
    def test_keys_are_the_same_each_time_and_differ_by_seed(self):
        for look_up in queries.LOOK_UPS.values():
            self.assertEqual(look_up.keys(5, 3, 1000), look_up.keys(5, 3, 1000))
            self.assertNotEqual(look_up.keys(5, 3, 1000), look_up.keys(5, 4, 1000))


if __name__ == "__main__":
    unittest.main()
