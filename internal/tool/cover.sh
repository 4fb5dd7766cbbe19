#!/usr/bin/env bash
# The share of statements that tests execute: of each package by its own tests, and of
# all packages by the tests of all of them together.
#
#   cover.sh [PACKAGE...]          ./... by default; go test's GOFLAGS are obeyed
#   cover.sh --of DIR              the shares of the profiles that an earlier run left in DIR
#
# Not counted: internal/tool and train/dataset/mini, programs that no release contains, and
# internal/onnxpb, whose code protoc-gen-go writes. Assembly has no statements.
# What a test runs as a process counts where it is the test's own binary.
set -euo pipefail
cd "$(dirname "$0")/../.."

shares() { # of the profiles in a folder, each named after its package, with _ for /
  awk '
    FNR == 1 { own = FILENAME; sub(/.*\//, "", own); sub(/\.out$/, "", own); next }
    {
      split($1, place, ":"); path = place[1]; sub(/\/[^\/]*$/, "", path)
      if (path ~ /\/internal\/(tool\/|onnxpb$)|\/dataset\/mini$/) next
      statements[$1] = $2; of[$1] = path; name = path; gsub("/", "_", name)
      if ($3 > 0) { covered[$1] = 1; if (name == own) alone[$1] = 1 }
    }
    END {
      for (block in statements) {
        n = statements[block]; p = of[block]; all += n; sum[p] += n
        if (block in covered) { hit += n; together[p] += n }
        if (block in alone) mine[p] += n
      }
      for (p in sum) printf "%5.1f %% alone  %5.1f %% together  %6d statements  %s\n",
        100 * mine[p] / sum[p], 100 * together[p] / sum[p], sum[p], p | "sort -k8"
      close("sort -k8")
      printf "%5.1f %% of %d statements together\n", 100 * hit / all, all
    }' "$1"/*.out
}

if [ "${1:-}" = --of ]; then
  shares "$2"
  exit
fi
profiles=$(mktemp -d)
failed=
for package in $(go list "${@:-./...}"); do
  go test -coverpkg=./... -coverprofile="$profiles/${package//\//_}.out" "$package" | grep -v '^ok\|no test files\|0.0% of' || true
  [ "${PIPESTATUS[0]}" = 0 ] || failed="$failed $package"
done
shares "$profiles"
echo "profiles: $profiles"
[ -z "$failed" ] || { echo "FAILED:$failed"; exit 1; }
