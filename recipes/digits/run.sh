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

# The language model knows the transcripts of training, and no more. Its weights were chosen on dev.
lm=work/$config.arpa.gz lexicon=work/$config.lexicon
"$python" ../transcripts.py "$data/train" "$data/train_connected" > "work/$config.txt"
ds2kit lm "work/$config.txt" --order 3 --output "$lm"
ds2kit lexicon "work/$config" "$lm" --output "$lexicon"
for split in test test_connected; do
    ds2kit decode "work/$config" "$split" decoder.name=greedy
    ds2kit decode "work/$config" "$split" decoder.name=beam "decoder.lexicon=$lexicon" \
        decoder.language_model.name=ngram "decoder.language_model.path=$lm" \
        decoder.lm_weight=0.5 decoder.word_score=0.5
    for decoder in greedy beam; do
        ds2kit score "work/$config" "$split" --decoder "$decoder"
    done
done
ds2kit plot "work/$config"

"$python" ../table.py "$PWD/work/$config" test test_connected
