#!/usr/bin/env bash
# Prints which real servers, clients and checkers the tests ran, with versions: each writes a line to .tools/ran when it is up.
set -euo pipefail
ran=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/.tools/ran
if [ ! -s "$ran" ]; then
  echo 'No real server ran.'
  exit 1
fi
printf '\n%-42s %-24s %s\n' 'ran for real' version times
sort "$ran" | uniq -c | awk -F '\t' '{ split($1, head, " "); name = $1; sub(/^ *[0-9]+ /, "", name); printf "%-42s %-24s %s\n", name, $2, head[1] }'
