#!/usr/bin/env bash
# A first model in minutes, from nothing: ./run.sh, or ./run.sh mandarin, or ./run.sh streaming.
# Run again, it goes on.
# Further arguments override the yaml: ./run.sh english trainer.epochs=20
set -euo pipefail
cd "$(dirname "$0")"
config=${1:-english}
shift || true
. ../environment.sh

language=$config
if [ "$config" = streaming ]; then language=english; fi

ds2kit prepare prepare.py "work/$language" "language=$language"
ds2kit train "$config.yaml" "work/$config-model" "$@"
ds2kit decode "work/$config-model" test
ds2kit plot "work/$config-model"
ds2kit score "work/$config-model" test

"$python" ../table.py "$PWD/work/$config-model" test
