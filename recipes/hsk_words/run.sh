#!/usr/bin/env bash
# Mandarin words, from audio to a tuned, decoded and scored model:
#
#     ./run.sh [--stage N] [KEY=VALUE...]
#
# Run again, it goes on where it stopped; --stage N goes on from a stage. KEY=VALUE overrides the
# yaml. From the environment: NODES and DEVICES of the training.
set -euo pipefail
cd "$(dirname "$0")"
. ../stages.sh
. ../environment.sh

corpora=${DS2KIT_CORPORA:-../../../shared/corpora}
data=work/data exp=work/hsk_words lm=work/characters.arpa.gz

if stage 1 "prepare the corpus"; then
    ds2kit prepare prepare.py "$data"
fi
if stage 2 "train"; then
    $launch ds2kit train hsk_words.yaml "$exp" "$@"
fi
if stage 3 "make the language model, $lm" && [ ! -e "$lm" ]; then
    "$python" ../transcripts.py "$data/train" > work/words.txt
    ds2kit lm "$corpora"/mandarin_text/*.txt.xz "$corpora/text/mandarin.txt.xz" work/words.txt \
        --unit character --order 3 --output "$lm" --without "$data/dev" "$data/test"
fi
if stage 4 "decode dev, and tune the decoder on it"; then
    ds2kit decode "$exp" dev decoder.name=greedy --save-log-probs
    ds2kit tune "$exp" dev decoder.name=flashlight \
        decoder.language_model.name=kenlm "decoder.language_model.path=$lm"
fi
if stage 5 "decode the others, greedily and as tuned"; then
    ds2kit decode "$exp" dev
    ds2kit decode "$exp" test decoder.name=greedy
    ds2kit decode "$exp" test
fi
if stage 6 "score, syllables too"; then
    for split in dev test; do
        names=$(decoders "$exp" "$split")
        for decoder in $names; do
            ds2kit score "$exp" "$split" --decoder "$decoder" --pinyin
        done
    done
fi
if stage 7 "plot, and the table"; then
    ds2kit plot "$exp"
    "$python" ../table.py "$PWD/$exp" dev test
fi
