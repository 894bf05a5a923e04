#!/bin/sh
# Makes the virtual environment that the scenario "csv" compares with, once, and prints its interpreter.
set -eu
cd "$(dirname "$0")/.."
place="${PODIUM_BENCH_PYTHON:-target/bench-python}"
wanted="$(sha256sum bench/python/requirements.txt)"
if [ "$(cat "$place/installed" 2>/dev/null || true)" != "$wanted" ]; then
    python3 -m venv "$place" >&2
    "$place/bin/pip" install --quiet --disable-pip-version-check -r bench/python/requirements.txt >&2
    printf '%s\n' "$wanted" > "$place/installed"
fi
printf '%s\n' "$place/bin/python"
