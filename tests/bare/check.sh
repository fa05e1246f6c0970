#!/usr/bin/env bash
# From a Debian 12 with nothing in it to an installed gecc: what the README promises to a first reader.
#
#     sudo [MIRROR=<mirror>] [CARRY="<file> ..."] tests/bare/check.sh <folder for the bare system>
#
# MIRROR is the Debian mirror, this machine's own where not given. CARRY names files of this machine without
# which apt and pip do not reach their registries (a certificate, a setting); they keep their place. Needs root
# and debootstrap. The bare system is made once and kept; nothing is mounted.
set -euo pipefail

root=${1:?name the folder for the bare system}
tree=$(cd "$(dirname "$0")/../.." && pwd)
mirror=${MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | sed -n 1p)}

inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        chroot "$root" "$@"
}

carry() {
    for file in ${CARRY:-}; do
        mkdir -p "$root$(dirname "$file")"
        cp -L "$file" "$root$file"
    done
}

[ -x "$root/bin/sh" ] || debootstrap --variant=minbase bookworm "$root" "$mirror"
carry
inside apt-get update -q
inside apt-get install -q -y --no-install-recommends make python3-venv
carry # a package may have written over it

rm -rf "$root/srv/gecc"
mkdir "$root/srv/gecc"
tar -C "$tree" --exclude=./.venv --exclude=./.git --exclude='.*_cache' --exclude=__pycache__ --exclude='*.egg-info' -cf - . |
    tar -C "$root/srv/gecc" -xf -

inside make -C /srv/gecc
inside make -C /srv/gecc install
inside make -C /srv/gecc install # the second time there is nothing to do
inside /srv/gecc/.venv/bin/python -c "import telemetry, collectors, kpis, dashboards"
inside /srv/gecc/.venv/bin/gecc --help
echo "bare check passed"
