#!/usr/bin/env bash
# A first model in minutes, from nothing: ./run.sh, or ./run.sh mandarin. Run again, it goes on.
# Further arguments override the yaml: ./run.sh english trainer.epochs=20
set -euo pipefail
cd "$(dirname "$0")"
language=${1:-english}
shift || true
. ../environment.sh

ds2kit prepare prepare.py "work/$language" "language=$language"
ds2kit train "$language.yaml" "work/$language-model" "$@"
ds2kit decode "work/$language-model" test
ds2kit plot "work/$language-model"
ds2kit score "work/$language-model" test

"$python" ../table.py "$PWD/work/$language-model" test
