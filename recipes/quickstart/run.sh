#!/usr/bin/env bash
# A first model in minutes, from nothing: ./run.sh, or ./run.sh mandarin, or ./run.sh streaming.
# Run again, it goes on.
# Further arguments override the yaml: ./run.sh english trainer.epochs=20
set -euo pipefail
cd "$(dirname "$0")"
config=${1:-english}
shift || true
. ../environment.sh

language=$config unit=word
case $config in streaming) language=english ;; mandarin) unit=character ;; esac
exp=work/$config-model text=work/$language.txt lm=work/$language.arpa.gz
lexicon=work/$config.lexicon

ds2kit prepare prepare.py "work/$language" "language=$language"
ds2kit train "$config.yaml" "$exp" "$@"

# The language model is of more sentences by the same grammar, without those of dev and test. Its
# weights were chosen on dev, by `ds2kit tune`.
with_lm=(decoder.name=beam decoder.language_model.name=ngram "decoder.language_model.path=$lm")
"$python" text.py "$language" 20000 > "$text"
ds2kit lm "$text" --unit "$unit" --order 3 --output "$lm" \
    --without "work/$language/dev" "work/$language/test"
if [ "$unit" = word ]; then
    ds2kit lexicon "$exp" "$lm" --output "$lexicon"
    with_lm+=("decoder.lexicon=$lexicon" decoder.lm_weight=0.5 decoder.word_score=0.5 decoder.beam=25)
else
    with_lm+=(decoder.lm_weight=0.2 decoder.word_score=2.5 decoder.beam=12)
fi
ds2kit decode "$exp" test decoder.name=greedy
ds2kit decode "$exp" test "${with_lm[@]}"
for decoder in greedy beam; do
    ds2kit score "$exp" test --decoder "$decoder"
done
ds2kit plot "$exp"

"$python" ../table.py "$PWD/$exp" test
