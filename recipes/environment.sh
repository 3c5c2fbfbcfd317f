# Sourced by each recipe's run.sh, in the recipe's folder: afterwards `ds2kit` is on the PATH
# and $python is its Python. Where it was not there, it is installed, once, in a virtual environment
# at the root of the repository.

if ! command -v ds2kit > /dev/null; then
    root=$(cd ../.. && pwd)
    if [ ! -e "$root/.venv/ready" ]; then
        echo "installing ds2kit in $root/.venv" >&2
        "$(command -v python3.11 || command -v python3)" -m venv "$root/.venv"
        # PyTorch first and alone: another version, brought in by a dependency, is gigabytes more.
        "$root/.venv/bin/pip" install --quiet -c "$root/constraints.txt" torch
        "$root/.venv/bin/pip" install --quiet -c "$root/constraints.txt" -e "$root"
        touch "$root/.venv/ready"
    fi
    PATH=$root/.venv/bin:$PATH
fi
python=$(dirname "$(command -v ds2kit)")/python
if [ -e requirements.txt ] && ! "$python" ../requirements.py requirements.txt; then
    "$python" -m pip install --quiet -r requirements.txt
fi
