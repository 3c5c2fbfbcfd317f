#!/usr/bin/env bash
# LibriSpeech, from audio to a tuned, decoded and scored model:
#
#     ./run.sh small|100|460|960 [--stage N] [KEY=VALUE...]
#
# small: eight hours, on two cores; else so many of the corpus's hours. Run again, it goes on where
# it stopped; --stage N goes on from a stage. KEY=VALUE overrides the yaml. From the environment:
# NODES and DEVICES of the training, LIBRISPEECH (a folder, instead of a download), and LM, a
# language model of openslr.org/11, or `text` for one of ours from the corpus's text.
set -euo pipefail
cd "$(dirname "$0")"
what=small
case ${1:-} in small | 100 | 460 | 960) what=$1; shift ;; esac
. ../stages.sh
. ../environment.sh

data=work/data dev=dev-clean tests="dev-other test-clean test-other"
lm=work/${LM:=3-gram.pruned.1e-7.arpa.gz}
case $what in
    small) data=work/data_small dev=dev tests="test test_other" lm=work/small.arpa.gz ;;
    100) train="train-clean-100" ;;
    460) train="train-clean-100 train-clean-360" ;;
    960) train="train-clean-100 train-clean-360 train-other-500" ;;
esac
if [ "$lm" = work/text ]; then lm=work/text.arpa.gz; fi

if stage 1 "prepare the corpus"; then
    if [ "$what" = small ]; then
        ds2kit prepare small.py "$data"
    else
        for subset in $train $dev $tests; do
            ds2kit prepare prepare.py "$data" "subset=$subset"
        done
    fi
fi
if stage 2 "train"; then
    $launch ds2kit train "$what.yaml" "work/$what" "$@"
fi
if stage 3 "make the language model, $lm" && [ ! -e "$lm" ]; then
    if [ "$what" = small ]; then
        "$python" ../transcripts.py "$data/train" "$data/train_mp3" > work/small.txt
        ds2kit lm "${DS2KIT_CORPORA:-../../../shared/corpora}/text/english.txt.xz" work/small.txt \
            --order 3 --output "$lm" --without "$data/dev" "$data/test" "$data/test_other"
    elif [ "$LM" = text ]; then
        "$python" language_model.py librispeech-lm-norm.txt.gz work/text.txt.gz
        ds2kit lm work/text.txt.gz --lmplz --order 3 --output "$lm" --prune 0 0 1 \
            --without "$data"/{dev,test}-{clean,other}
    else
        "$python" language_model.py "$LM" "$lm"
    fi
fi
if stage 4 "decode $dev, and tune the decoder on it"; then
    ds2kit decode "work/$what" "$dev" decoder.name=greedy --save-log-probs
    ds2kit tune "work/$what" "$dev" decoder.name=flashlight \
        decoder.language_model.name=kenlm "decoder.language_model.path=$lm"
fi
if stage 5 "decode the others, greedily and as tuned"; then
    ds2kit decode "work/$what" "$dev"
    for split in $tests; do
        ds2kit decode "work/$what" "$split" decoder.name=greedy
        ds2kit decode "work/$what" "$split"
    done
fi
if stage 6 "score"; then
    for split in $dev $tests; do
        names=$(decoders "work/$what" "$split")
        for decoder in $names; do
            ds2kit score "work/$what" "$split" --decoder "$decoder"
        done
    done
fi
if stage 7 "plot, and the table"; then
    ds2kit plot "work/$what"
    "$python" ../table.py "$PWD/work/$what" $dev $tests
fi
