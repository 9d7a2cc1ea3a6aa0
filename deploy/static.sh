#!/usr/bin/env bash
# Builds the static binary of the container image; Dockerfile calls this, too.
#   deploy/static.sh [build|check]     build: print where it is; check (default): build, then run it in a folder that holds nothing else
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

triple=x86_64-unknown-linux-gnu
folder=${CARGO_TARGET_DIR:-$PWD/target}
binary=$folder/$triple/dist/toolgate

# With a named target the flags do not reach build scripts and procedural macros, which cannot be static. The crate getrandom looks for the system
# call with dlsym, does not find it in a static binary and opens /dev/random instead, which need not be there: it is told to make the call.
RUSTFLAGS='-C target-feature=+crt-static --cfg getrandom_backend="linux_getrandom"' cargo build --locked --profile dist --target "$triple" --bin toolgate >&2

case ${1:-check} in
  build) echo "$binary" ;;
  check)
    if ldd "$binary" >/dev/null 2>&1 && ! ldd "$binary" | grep -q 'statically linked'; then
      echo "static: $binary needs shared libraries:" >&2
      ldd "$binary" >&2
      exit 1
    fi
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
    cp "$binary" "$root/toolgate"
    alone() { timeout 20 unshare --map-root-user --root="$root" /toolgate "$@"; }
    alone --version
    alone permission keygen --person maria@example.org --role override --out /key.pem >/dev/null # randomness without /dev
    echo "static: $(stat -c %s "$binary") bytes, runs in an empty root"
    ;;
  *)
    echo "static: no command \`$1\`; there are: build check" >&2
    exit 2
    ;;
esac
