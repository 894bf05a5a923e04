#!/bin/sh
# moto's S3: a store that somebody else wrote, as a second lane of tests. It takes wrong secrets and links that are over, so it
# proves nothing about refusal. Needs python3 with venv.
#
#   scripts/moto.sh install       puts it into the cache (once, 140 MB, some ten seconds)
#   scripts/moto.sh serve PORT    serves on 127.0.0.1 until it is ended; installs first if needed
#
# The cache is $PODIUM_CACHE, else target/cache in the repository.
set -eu
cd "$(dirname "$0")/.."
recipe=tests/moto/requirements.txt
place="${PODIUM_CACHE:-target/cache}/moto-$(sha256sum "$recipe" | cut -c1-12)"

install() {
    [ -e "$place/complete" ] && return
    mkdir -p "$(dirname "$place")"
    (
        flock 9 # two test binaries may want it at once
        [ -e "$place/complete" ] && exit 0
        rm -rf "$place"
        python3 -m venv "$place" >&2
        "$place/bin/pip" install --quiet --disable-pip-version-check -r "$recipe" >&2
        touch "$place/complete"
    ) 9>"$place.lock"
}

case "${1:-}" in
install) install ;;
serve)
    install
    exec "$place/bin/moto_server" -H 127.0.0.1 -p "$2"
    ;;
*)
    echo "moto.sh: install, or serve PORT" >&2
    exit 2
    ;;
esac
