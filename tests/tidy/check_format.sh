#!/usr/bin/env bash
# Fails when a C++ file is not as clang-format 14 with the project's .clang-format would write it.
# --fix writes them so. Other versions of clang-format differ in details and are refused.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

how=(--dry-run --Werror)
if [ "${1:-}" = --fix ]; then
  how=(-i)
elif [ $# -gt 0 ]; then
  echo "usage: tests/tidy/check_format.sh [--fix]" >&2
  exit 2
fi

program=
for candidate in clang-format-14 clang-format; do
  if command -v "$candidate" >/dev/null && "$candidate" --version | grep -q 'version 14\.'; then
    program=$candidate
    break
  fi
done
if [ -z "$program" ]; then
  echo "clang-format 14 is missing: ./run setup installs it on Debian 12" >&2
  exit 2
fi

git ls-files -z --cached --others --exclude-standard -- '*.cpp' '*.hpp' '*.cu' |
  while IFS= read -r -d '' file; do
    [ ! -f "$file" ] || printf '%s\0' "$file"
  done |
  xargs -0 --no-run-if-empty "$program" "${how[@]}"
