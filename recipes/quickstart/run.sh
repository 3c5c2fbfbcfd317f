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
exp=work/$config-model text=work/$language.txt lm=work/$language.arpa.gz lexicon=work/$language.lexicon

ds2kit prepare prepare.py "work/$language" "language=$language"
ds2kit train "$config.yaml" "$exp" "$@"

# The language model knows what the acoustic model was trained on, and no more. Its weights were
# chosen on dev, by `ds2kit tune`.
with_lm=(decoder.name=beam decoder.language_model.name=ngram "decoder.language_model.path=$lm")
"$python" ../transcripts.py "work/$language/train" > "$text"
if [ "$language" = english ]; then
    ds2kit lm "$text" --order 3 --output "$lm"
    ds2kit lexicon "$exp" "$lm" --output "$lexicon"
    with_lm+=("decoder.lexicon=$lexicon" decoder.lm_weight=0.5 decoder.word_score=0.5 decoder.beam=25)
else
    ds2kit lm "$text" --unit character --order 3 --output "$lm"
    with_lm+=(decoder.lm_weight=0.3 decoder.word_score=3.5 decoder.beam=6)
fi
ds2kit decode "$exp" test decoder.name=greedy
ds2kit decode "$exp" test "${with_lm[@]}"
for decoder in greedy beam; do
    ds2kit score "$exp" test --decoder "$decoder"
done
ds2kit plot "$exp"

"$python" ../table.py "$PWD/$exp" test
