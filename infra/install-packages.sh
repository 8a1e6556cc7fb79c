#!/bin/sh
# Installs the packages that the file $2 locks by hash into the virtual environment $1: by uv, which is locked there
# too, or by pip where uv cannot (it reads no pip.conf). uv needs one minute where pip needs two.
set -eu
python=$1/bin/python
locked=$2

pip() {
    "$python" -m pip "$@" --disable-pip-version-check --no-input
}

only_uv=$(mktemp)
trap 'rm -f "$only_uv"' EXIT
awk '/^uv==/ { found = 1 } found { print; if (!/\\$/) exit }' "$locked" >"$only_uv"
pip install --quiet --require-hashes -r "$only_uv"

index=$(pip config get global.index-url 2>/dev/null || true)
index=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$index}}
if [ -n "$index" ]; then
    export UV_DEFAULT_INDEX="$index"
fi
# Without a cache: the wheel that is built of Spark's archive would stay there with all its copies, 3 GB of them. With byte
# code, as pip does: where Python must not write it (PYTHONDONTWRITEBYTECODE), every start would compile all it imports.
if ! "$1/bin/uv" pip install --no-cache --compile-bytecode --python "$python" --require-hashes -r "$locked"; then
    echo "setup: uv could not install them, so pip does (about two minutes)" >&2
    pip install --require-hashes -r "$locked"
fi
