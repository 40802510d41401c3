#!/usr/bin/env bash
# Compile requirements/*.in to hashed *.txt for every platform. Needs uv. Arguments go to uv: --upgrade, for instance.
# The widest set is solved first and constrains the others, so that all of them agree on every version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# No setting of this machine may leak into the output: neither an index nor a folder of wheels.
for name in $(compgen -e | grep -E '^(UV|PIP)_' || true); do unset "$name"; done

compile() {
    local name=$1
    shift
    uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-annotate \
        --custom-compile-command "make requirements" \
        "$@" --output-file "$name.txt" "$name.in"
}

compile check "$@"
for name in bench test demo; do compile "$name" --constraints check.txt; done
compile generate "$@"
