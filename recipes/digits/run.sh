#!/usr/bin/env bash
# Spoken digits: ./run.sh, or with the name of another yaml here: ./run.sh held_out. Run again, it
# goes on.
# Further arguments override the yaml: ./run.sh digits trainer.epochs=20
set -euo pipefail
cd "$(dirname "$0")"
config=${1:-digits}
shift || true
. ../environment.sh

data=work/data options=
if [ "$config" = held_out ]; then data=work/data_without_theo options=held_out=theo; fi

ds2kit prepare prepare.py "$data" $options
ds2kit train "$config.yaml" "work/$config" "$@"
for split in test test_connected; do
    ds2kit decode "work/$config" "$split"
    ds2kit score "work/$config" "$split"
done
ds2kit plot "work/$config"

"$python" ../table.py "$PWD/work/$config" test test_connected
