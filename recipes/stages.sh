# Sourced by a run.sh that has stages, once its own arguments are taken away: `--stage N` is taken
# too, and what is left, KEY=VALUE for the training, stays in "$@" with NODES and DEVICES.
#
# Then `if stage 2 "train"; then ...; fi` says so and does it, unless N is greater; and
# `decoders EXP SPLIT` lists those that have decoded a split.

first_stage=1 awaited=
for argument; do
    shift
    case $awaited$argument in
        --stage) awaited=number ;;
        number[1-9]) first_stage=$argument awaited= ;;
        [a-z]*=*) set -- "$@" "$argument" ;;
        *)
            echo "run.sh: '$argument' is not understood; see its first lines" >&2
            exit 1
            ;;
    esac
done
if [ -n "$awaited" ]; then echo "run.sh: --stage wants a number" >&2; exit 1; fi

stage() {
    if [ "$1" -lt "$first_stage" ]; then return 1; fi
    echo "stage $1: $2" >&2
}

decoders() {
    (cd "$1/decode/$2" && for found in */hypotheses.jsonl; do echo "${found%/*}"; done)
}

mkdir -p work
launch=
if [ -n "${DEVICES:-}" ]; then set -- "$@" "trainer.devices=$DEVICES"; fi
if [ "${NODES:-1}" -gt 1 ]; then
    set -- "$@" "trainer.num_nodes=$NODES"
    launch="srun --nodes=$NODES --ntasks-per-node=${DEVICES:-1}"  # Lightning finds SLURM's ranks
fi
