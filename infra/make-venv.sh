#!/bin/sh
# Makes the virtual environment $1 with Python $2, or with the newest Python 3.11 to 3.13 that is found.
set -eu
venv=$1
wanted=${2:-}

usable() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

if [ -x "$venv/bin/python" ] && usable "$venv/bin/python"; then
    exit 0
fi
for python in ${wanted:-python3.13 python3.12 python3.11 python3 python}; do
    if usable "$python"; then
        echo "setup: creating $venv with $("$python" --version)"
        exec "$python" -m venv --clear "$venv"
    fi
done
echo "setup: no usable Python 3.11, 3.12 or 3.13 was found${wanted:+ at $wanted}." >&2
echo "       Debian, Ubuntu:  sudo apt-get install python3 python3-venv" >&2
echo "       macOS:           brew install python@3.13" >&2
echo "       or name one:     make setup PYTHON=/path/to/python3.12" >&2
exit 1
