"""For each row of the requirements' text what it is here, and the tests that prove it; docs/requirements.md is written from this:
`.venv/bin/python tests/e2e/requirements_proofs.py > docs/requirements.md`."""

import sys

from requirements_text import rows

R, C, D = "test_requirements.py::", "test_cli.py::", "test_deploy.py::"
TABLE = "[the table of commands and files](operations/from-the-requirements.md)"
DEFAULTS = R + "test_every_variable_has_its_name_and_its_default"
FILES = "test_operations.py::test_files_that_pages_name_are_there"
ROUTES = R + "test_every_endpoint_is_in_the_document_and_answers"
CURL = R + "test_curl_lines_hot_flushed_and_killed"
PRODUCTION = D + "test_the_production_example_has_the_required_values_and_is_accepted"
READ, COMPILER = "(no test: to be read)", "(no test: the compiler)"
HEALTH = R + "test_every_service_answers_on_its_port"

# That a setting does what it says, beside having its name and its default.
SIZES, WORKERS = "test_compaction.py::test_files_are_as_large_as_the_settings_say", "test_workers.py::"
EFFECTS = {
    "TENANT_ID": ["test_node_tokens.py::test_a_good_token_is_believed_and_a_bad_one_is_not"],
    "TENANT_NAME": ["test_up.py::test_one_file_configures_all"],
    "DATA_PATH": ["test_operations.py::test_permission_errors_say_what_the_page_says"],
    "GRPC_PORT": [R + "test_run_modes"],
    "REST_PORT": [R + "test_run_modes"],
    "REST_HOST": ["test_up.py::test_the_services_find_each_other_wherever_they_listen"],
    "AUTO_SCALING_ENABLED": [WORKERS + "test_switched_off_the_number_of_workers_stays"],
    "MIN_WORKERS": [WORKERS + "test_workers_rise_under_load_and_fall_after_it"],
    "MAX_WORKERS": [WORKERS + "test_the_most_workers_there_may_be"],
    "SCALE_UP_THRESHOLD_CPU": ["ScalingPolicyTest.WorkersThatComputeGetOneMoreAtTheUpperThreshold"],
    "SCALE_DOWN_THRESHOLD_CPU": ["ScalingPolicyTest.ShrinksByAQuarterOrByOneBetweenTheThresholds"],
    "SCALE_UP_THRESHOLD_MEMORY": ["ScalingPolicyTest.MemoryPressureForbidsGrowthAndShrinks"],
    "SCALE_DOWN_THRESHOLD_MEMORY": ["ScalingPolicyTest.MemoryPressureForbidsGrowthAndShrinks"],
    "AUTO_COMPACTION_ENABLED": ["test_compaction.py::test_without_automatic_compaction_no_writer_waits_for_it"],
    "COMPACTION_INTERVAL_MINUTES": ["StoreCompactClockTest.TheBackgroundLooksEveryInterval"],
    "MIN_FILE_SIZE_MB": [SIZES],
    "MAX_FILE_SIZE_MB": [SIZES],
    "TARGET_FILE_SIZE_MB": [SIZES],
    "QUERY_OPTIMIZATION_ENABLED": ["test_explain.py::test_switched_off_there_is_one_plan"],
    "STATISTICS_REFRESH_INTERVAL_MINUTES": ["StoreEstimatesTest.AreRenewedAfterTheIntervalWhereTheyGrewLittle"],
    "COST_MODEL_LEARNING_ENABLED": ["test_learning.py::test_without_learning_the_builtin_model_serves"],
    "MAX_CONCURRENT_SEARCHES": ["test_limits_under_load.py::test_searches_at_once_and_in_the_queue"],
    "WAL_RETENTION_HOURS": ["WalRetentionTest.AFlushedFileStaysUntilItIsOldOrThereIsNoRoom"],
}

# The text of a row, or of a variable `NAME=default`: what it is here, and the tests.
PROOFS = {
    # The services
    "Auth Gateway (8080) - Authentication, authorization, and API gateway": ("[Auth Gateway](operations/auth-gateway.md)", [HEALTH, "test_gateway_tenants.py"]),
    "Operation Node (8081) - Tenant coordination and auto-scaling": (
        "[Operation Node](operations/operation-node.md)", [HEALTH, "test_fleet_tenants.py::test_a_tenant_lives_in_a_process_of_its_own",
                                                            "test_fleet_scaling.py::test_scaling_follows_the_load_and_keeps_its_reasons"]),
    "Tenant Node (8000) - Core data processing and storage": ("[Tenant Node](operations/tenant-node.md)", [HEALTH, CURL]),
    "CBO Engine (8082) - Cost-based query optimization": (
        "[CBO Engine](operations/cbo-engine.md)", [HEALTH, "test_learning.py::test_the_engine_chooses_plans_and_tells_costs"]),
    "Metadata Catalog (8083) - Metadata management and compaction": (
        "[Metadata Catalog](operations/metadata-catalog.md)", [HEALTH, "test_metadata_catalog.py::test_files_and_snapshots_follow_what_happens",
                                                                "test_metadata_catalog.py::test_what_is_asked_for_is_compacted"]),
    "Monitoring (8084) - Observability and health monitoring": (
        "[Monitoring](operations/monitoring.md)", [HEALTH, "test_monitoring.py::test_health_of_all_services", "test_fleet_monitoring.py::test_launched_nodes_are_seen_each_by_itself", "test_logs.py::test_each_service_of_one_process_has_lines_of_its_own"]),
    # Core storage engine
    "Columnar Storage: Parquet-based storage with configurable compression": (
        "segments are Parquet", ["test_sources.py::test_files_are_written_with_the_codec", "test_duckdb.py::test_random_queries_hot_replayed_flushed_and_restarted"]),
    "Write-Ahead Logging (WAL): Ensures data consistency and durability": (
        "acknowledged is synced", [CURL, "StorePowerTest.KeepsExactlyWhatWasAcknowledged"]),
    "Metadata Management: Comprehensive metadata tracking for efficient queries": (
        "the manifest, statistics of each segment", ["test_sources.py::test_statistics_tell_hot_and_flushed_rows_alike", "SearchTest.StatisticsPruneSegmentsAndRowGroups"]),
    "Indexing: B-tree and hash indices for fast data retrieval": (
        "`index_columns`", ["test_sources.py::test_access_paths_tell_how_rows_were_found", "test_sources.py::test_hot_rows_are_found_by_their_indexes"]),
    # Advanced capabilities
    "Auto-Scaling: Dynamic resource allocation based on workload": (
        "workers of a node; nodes of a fleet", ["test_workers.py::test_workers_rise_under_load_and_fall_after_it", "test_fleet_scaling.py::test_scaling_follows_the_load_and_keeps_its_reasons"]),
    "CPU and memory-based scaling": (
        "`SCALE_…` thresholds", ["ScalingPolicyTest.WorkersThatComputeGetOneMoreAtTheUpperThreshold", "ScalingPolicyTest.MemoryPressureForbidsGrowthAndShrinks"]),
    "Query queue management": ("a fair queue", ["test_limits_under_load.py::test_searches_at_once_and_in_the_queue", "FairQueueTest.NobodyStarvesUnderRandomLoads"]),
    "Adaptive worker pool sizing": ("`MIN_WORKERS`, `MAX_WORKERS`", ["test_workers.py::test_the_most_workers_there_may_be"]),
    "Automatic File Compaction: Optimizes storage efficiency": ("merges in the background", ["test_compaction.py::test_the_background_merges_and_survives_kills"]),
    "Small file consolidation": ("tiny flushes end in a handful of files", ["test_compaction.py::test_ten_thousand_one_row_writes_end_in_a_file"]),
    "Background compaction scheduling": ("`COMPACTION_INTERVAL_MINUTES`, `COMPACTION_WINDOW`", ["test_compaction.py::test_outside_of_the_hours_only_whoever_asks_merges"]),
    "Configurable compaction policies": ("`MIN_FILE_SIZE_MB`, `TARGET_FILE_SIZE_MB`, `MAX_FILE_SIZE_MB`; of all nodes in the Metadata Catalog", ["CompactionPolicyTest.LeavesWhatIsWholeOrAlone", "test_metadata_catalog.py::test_policies_hold_over_the_settings_of_a_node"]),
    "Cost-Based Query Optimizer (CBO): Intelligent query execution planning": (
        "`POST /data/explain`", ["test_explain.py::test_a_look_up_is_by_its_index_and_what_it_beat_is_named"]),
    "Statistics-based cost estimation": ("histograms, distinct values", ["ExplainTest.AnalyzeRunsTheQueryAndCountsItsRows", "test_learning.py::test_the_engine_chooses_plans_and_tells_costs"]),
    "Multiple execution plan generation": ("`rejected` of a plan", ["ExplainTest.APointLookUpIsByItsIndexAndTheScanIsRejected"]),
    "Adaptive learning from execution history": (
        "models, replayed before they serve", ["test_learning.py::test_a_node_calibrates_learns_and_keeps_what_it_learned",
                                               "test_learning.py::test_what_a_node_did_becomes_models_that_are_replayed_promoted_and_rolled_back"]),
    "Index and partition pruning optimization": ("`pruning` of a plan", ["ExplainTest.SaysWhatWasPrunedAndWhy"]),
    # APIs
    "REST API: HTTP-based interface for web applications": ("[OpenAPI](openapi/tenant_node.json)", ["test_openapi.py::test_the_document_is_valid_openapi", ROUTES]),
    "gRPC API: High-performance binary protocol for service-to-service communication": (
        "[gRPC](grpc.md)", ["test_grpc.py::test_the_service_has_these_methods_and_streams", "test_conformance.py", "test_engine_grpc.py::test_both_doors_answer_alike"]),
    "Streaming Support: Efficient handling of large result sets": (
        "`/data/search/stream`, in constant memory", ["test_memory.py::test_imports_and_streams_many_times_the_limit_stay_under_it",
                                                      "test_grpc.py::test_a_slow_reader_does_not_grow_memory_and_gets_every_row"]),
    # Data management
    "Multi-Source Support: Manage multiple data sources within a single tenant": ("sources", ["StoreSourcesTest.LimitsTheirNumber", "aggregates.scenario"]),
    "Partitioning: Column-based partitioning for improved query performance": ("`partition_columns`", ["test_sources.py::test_partitions_by_every_transform"]),
    "Schema Evolution: Flexible schema management and evolution": (
        "`schema_mode`, PATCH", ["test_evolution_model.py::test_random_evolution_agrees_with_a_naive_table", "schema_evolves.scenario"]),
    "Concurrent Operations: Safe concurrent reads and writes with WAL": (
        "readers never wait for writers", ["test_compaction.py::test_searches_and_writes_go_on_beside_compactions", "StoreConcurrencyTest.EvolvesOnceWhenManyWritersBringTheSameColumn"]),
    # Commands
    "cd storage_system": ("the folder of the clone", [READ]),
    "python -m venv venv": (f"`./dev setup`; {TABLE}", [FILES]),
    "source venv/bin/activate": ("not needed", [READ]),
    "pip install -r requirements.txt": (f"`./dev setup`; {TABLE}", [FILES]),
    "cp config.env.example config.env": ("the same", [R + "test_the_example_of_settings_serves_as_it_stands"]),
    "python run.py": ("`granary tenant-node`", [C + "test_rest_is_the_mode_that_a_node_starts_in"]),
    "python run.py rest": ("`granary tenant-node rest`", [C + "test_rest_is_the_mode_that_a_node_starts_in"]),
    "python run.py grpc": ("`granary tenant-node grpc`", [R + "test_run_modes"]),
    "python run.py both": ("`granary tenant-node both`", [R + "test_run_modes"]),
    "python demo.py": ("`granary demo`", [C + "test_demo_standalone", C + "test_demo_against_a_node"]),
    "curl http://localhost:8000/health": ("the same", [R + "test_health_and_statistics"]),
    "curl http://localhost:8000/tenant/stats": ("the same", [R + "test_health_and_statistics"]),
    "curl http://localhost:8000/sources/sales_data/stats": ("the same", [R + "test_health_and_statistics"]),
    # Endpoints
    "POST /data/write - Write data to a source": ("the same", [ROUTES, CURL]),
    "POST /data/search - Search data across sources": ("the same", [ROUTES, CURL]),
    "POST /data/search/stream - Streaming search results": ("the same", [ROUTES, "NodeTest.StreamsLines"]),
    "POST /data/aggregate - Perform aggregations": ("the same", [ROUTES, CURL]),
    "POST /sources/add - Add a new data source": ("the same", [ROUTES, R + "test_adding_the_same_source_again"]),
    "DELETE /sources/{source_id} - Remove a data source": ("the same", [ROUTES, "test_sources.py::test_delete_removes_our_files_before_it_answers_and_no_others"]),
    "GET /sources - List all sources": ("the same", [ROUTES, R + "test_adding_the_same_source_again"]),
    "GET /sources/{source_id}/stats - Get source statistics": ("the same", [ROUTES, R + "test_health_and_statistics"]),
    "GET /tenant/stats - Get tenant statistics": ("the same", [ROUTES, R + "test_health_and_statistics"]),
    "GET /health - Health check": ("the same", [ROUTES, R + "test_health_and_statistics"]),
    "POST /data/write": ("the line as it stands", [CURL]),
    "POST /data/search": ("the line as it stands", [CURL]),
    "POST /data/aggregate": ("the line as it stands", [CURL]),
    # A source's definition
    **{f"{member}: {what}": (f"`{member}` of `POST /sources/add`", [R + "test_every_member_of_the_example_is_kept_and_shown"]) for member, what in (
        ("source_id", "Unique identifier"), ("name", "Human-readable name"), ("data_path", "Storage location"), ("schema_definition", "Column types"),
        ("partition_columns", "Partitioning strategy"), ("index_columns", "Columns to index"))},
    "SourceConfig(": ("the same members as JSON", [R + "test_every_member_of_the_example_is_kept_and_shown"]),
    # Files
    **{name: (TABLE, [FILES]) for name in (
        "tenant_node/", "config.py", "data_source.py", "wal.py", "index.py", "metadata.py", "grpc_service.py", "rest_api.py", "tenant_node.py", "proto/",
        "storage.proto", "data/", "main.py", "run.py", "demo.py", "requirements.txt", "README.md")},
    "__init__.py": ("none: C++ needs no such file", [READ]),
    # Performance features
    "Automatic min/max indexing for range queries": ("statistics of segments, row groups and pages", ["SearchTest.StatisticsPruneSegmentsAndRowGroups", "test_page_index.py::test_explain_tells_of_pages_kept_and_what_they_beat"]),
    "Unique value sets for small cardinality columns": ("`values` of a column", ["test_sources.py::test_statistics_tell_hot_and_flushed_rows_alike"]),
    "File-level statistics for query optimization": ("in the manifest", ["StatsBuilderTest.TellsTheTruthAboutRandomColumnsOfEveryType"]),
    "Date-based partitioning for time-series data": ("a date or timestamp column partitions by day", ["ResolvePartitionsTest.GivesDatesADayUnlessToldOtherwise"]),
    "Custom partitioning strategies": ("transforms", ["test_sources.py::test_partitions_by_every_transform"]),
    "Automatic partition pruning": ("`pruning` of a plan", ["test_explain.py::test_pruned_segments_have_their_reason", "partitions.scenario"]),
    "Concurrent search across multiple sources": ("workers take morsels of all sources", ["aggregates.scenario", "test_workers.py::test_workers_rise_under_load_and_fall_after_it"]),
    "Parallel aggregation processing": ("a table a morsel, merged in order", ["AggregateTest.RandomRequestsAgreeWithGoingThroughTheRows"]),
    "Non-blocking I/O operations": ("connections are coroutines", ["ServerTest.NoLaneWaitsBehindAnother", "test_queries.py::test_clients_that_take_nothing_hold_no_slot"]),
    "Snappy compression for fast read/write": ("the default", ["test_sources.py::test_files_are_written_with_the_codec"]),
    "Configurable compression algorithms": ("`compression`, also by column", ["SegmentTest.EveryTypeComesBackWithEveryCodec"]),
    "Optimized for analytical workloads": ("columns, late materialisation, partial aggregates that are kept", ["test_partial_cache.py::test_an_aggregate_that_is_asked_again_reads_only_what_is_new"]),
    # Development
    "Async/await: Full async support for non-blocking operations": ("coroutines in `net`", ["ServerTest.NoLaneWaitsBehindAnother"]),
    "Type hints: Complete type annotations": ("C++: every type is checked by the compiler", [COMPILER]),
    "Error handling: Comprehensive error handling and logging": ("`Status` and `Result`, RFC 9457", ["test_bad_input.py::test_refusal_says_what_and_where", C + "test_clean_stop_and_debug_logs"]),
    "Modular design: Clean separation of concerns": ("`src/LAYERS`, checked", [R + "test_the_rooms_include_only_lower_ones"]),
    "Data Sources: Extend DataSource class": (TABLE, [FILES]),
    "APIs: Add endpoints to rest_api.py or grpc_service.py": (TABLE, [FILES]),
    "Storage: Modify WAL, index, or metadata managers": (TABLE, [FILES]),
    "Configuration: Add options to config.py": (TABLE, [FILES, "VariablesTest.TheExampleFileIsCompleteAndLoads"]),
    # The Operation Node
    "Coordinates queries across multiple tenant nodes": ("`POST /query/search`, `/query/search/stream`", ["test_scatter.py::test_random_searches_are_those_of_one_node"]),
    "Aggregates results from parallel tenant processing": ("`POST /query/aggregate`", ["test_scatter.py::test_random_aggregates_are_those_of_one_node"]),
    "Manages tenant metadata in ClickHouse": ("`METADATA_STORE=clickhouse`, or SQLite or PostgreSQL", ["test_metadata_stores.py::test_the_suite_passes_on_each_store"]),
    "Handles authentication and authorization": ("the Auth Gateway does", ["test_gateway_access.py::test_keys_over_http", "test_gateway_tenants.py"]),
    # Production
    "Instance Type: Compute-optimized instances (C5/C6i)": ("[EC2](operations/ec2.md)", ["test_operations.py::test_pages_name_only_what_there_is"]),
    "Storage: EBS volumes with appropriate IOPS": ("[EC2](operations/ec2.md)", ["test_operations.py::test_pages_name_only_what_there_is"]),
    "Networking: VPC with proper security groups": ("[EC2](operations/ec2.md)", ["test_operations.py::test_ports_of_the_pages_are_those_of_the_services"]),
    "Monitoring: CloudWatch integration": ("`CLOUDWATCH_EMF`", ["test_monitoring.py::test_cloudwatch_gets_lines_that_it_makes_metrics_of"]),
    # Troubleshooting
    "Permission errors: Check data directory permissions": ("[Troubleshooting](operations/troubleshooting.md)", ["test_operations.py::test_permission_errors_say_what_the_page_says"]),
    "Port conflicts: Ensure ports 8000/50051 are available": ("[Troubleshooting](operations/troubleshooting.md)", ["test_operations.py::test_port_conflicts_say_what_the_page_says"]),
    "Memory usage: Monitor for large result sets": ("[Troubleshooting](operations/troubleshooting.md)", ["test_operations.py::test_memory_that_runs_out_says_what_the_page_says"]),
    "Disk space: Check available space in data directory": ("[Troubleshooting](operations/troubleshooting.md)", ["test_operations.py::test_a_full_disk_says_what_the_page_says"]),
    "import logging": ("`LOG_LEVEL=debug`", [C + "test_clean_stop_and_debug_logs"]),
    # Contributing
    "Follow the existing code style and structure": ("[CONTRIBUTING](../CONTRIBUTING.md), `./dev check`", [READ]),
    "Add appropriate type hints and docstrings": ("headers carry the prose", [READ]),
    "Test new features with the demo script": ("`./dev test`", [C + "test_demo_standalone"]),
    "Update documentation for new APIs or configuration options": ("tests hold the documents to the program", ["test_openapi.py::test_the_document_is_valid_openapi", "VariablesTest.TheExampleFileIsCompleteAndLoads"]),
}


def proof(row):
    if row.kind != "variable":
        return PROOFS[row.text]
    production = row.default in ("prod_tenant_001", "/var/lib/tenant_node/data") or (row.text, row.default) == ("MAX_CONCURRENT_SEARCHES", "50")
    return (f"`{row.text}`", [PRODUCTION if production else DEFAULTS, *EFFECTS[row.text]])


def page():
    out = ["# What was asked for, and what proves it", "",
           "Every point of [the requirements](requirements/text.md) that can be named: what it is here, and the tests that fail when it is not. Written by",
           "`.venv/bin/python tests/e2e/requirements_proofs.py > docs/requirements.md`; `test_requirements.py` holds it against the text, and every test that it names against the tree.", ""]
    section = None
    for row in rows():
        if row.section != section:
            section = row.section
            out += ["", f"## {section}" if row.section != "Environment Variables" or f"## {section}" not in out else f"## {section} of production",
                    "", "| asked | here | proved by |", "|---|---|---|"]
        ours, tests = proof(row)
        asked = f"`{row.text}={row.default}`" if row.kind == "variable" else f"`{row.text}`" if row.kind in ("command", "file", "example") else row.text
        out.append(f"| {asked} | {ours} | {' '.join(test if test.startswith('(') else f'`{test}`' for test in tests)} |")
    return "\n".join(out).replace("\n\n\n", "\n\n") + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
