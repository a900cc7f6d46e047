#!/usr/bin/env bash
# Gradescope runs this once, as root, when it makes the image of the autograder.
set -euo pipefail
root=${AUTOGRADER:-/autograder}
source=$root/source

# the answer key is root's alone
chown -R root: "$source"
chmod -R go= "$source"

find_python() {
    local candidate
    for candidate in python3.11 python3.12 python3.13 python3; do
        if "$candidate" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

install_python() {
    local version
    apt-get update -qq
    for version in python3.12 python3.11 python3; do
        if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$version" "$version-venv"; then
            return
        fi
    done
}

python=$(find_python) || { install_python && python=$(find_python); } || {
    echo "The autograder needs Python 3.11 or newer, and this image has none:" \
        "choose a newer base image, such as Ubuntu 24.04." >&2
    exit 1
}
"$python" -m venv --clear "$root/venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
"$root/venv/bin/python" -m pip install --quiet --requirement "$source/requirements.txt"
"$root/venv/bin/python" -m pip install --quiet --no-deps "$source"/wheels/*.whl
# Matplotlib's list of fonts, or else each submission would have to make it
if "$root/venv/bin/python" -c "import matplotlib" 2>/dev/null; then
    MPLCONFIGDIR="$root/matplotlib" "$root/venv/bin/python" -c "import matplotlib.font_manager"
fi
# students' code may run as another user, who has to reach Python
chmod a+x "$root"
chmod -R a+rX "$root/venv"
