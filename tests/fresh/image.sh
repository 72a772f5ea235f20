#!/usr/bin/env bash
# Carries out the build steps of deploy/Dockerfile in a Debian that may be spoiled, and runs the resulting image's program
# the way a pod does: as its user, with nothing else in its root. There is no need for a container engine or a registry.
# usage: tests/fresh/debian.sh bookworm tests/fresh/image.sh
set -euo pipefail

[ "$PWD" = /srv/eksact ] || { echo "run this by tests/fresh/debian.sh: it writes to /src and /image" >&2; exit 1; }

# The RUN steps of the build stage, a line each; its COPY steps are the copy to /src.
run_steps() {
    sed -e :a -e '/\\$/N; s/\\\n *//; ta' deploy/Dockerfile | sed -n 's/^RUN //p'
}

in_image() {
    env -i PATH="$PATH" HOME=/var/lib/eksact chroot --userspec=65532:65532 /image /usr/bin/eksact "$@"
}

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

cp -a . /src
run_steps | while IFS= read -r step; do sh -ec "$step" </dev/null >/tmp/log 2>&1 || { tail -n 30 /tmp/log >&2; fail "$step"; }; done

in_image version
shells=$(find /image -type f \( -name sh -o -name bash -o -name busybox \))
[ -z "$shells" ] || fail "there is a shell in the image: $shells"
outward=$(find /image -type l \( -lname '/*' -o -xtype l \) | head -n 3)
[ -z "$outward" ] || fail "links that lead out of the image, or nowhere: $outward"
foreign=$(find /image -perm /6000 | head -n 3)
[ -z "$foreign" ] || fail "set-user-id programs in the image: $foreign"
[ -s /image/etc/ssl/certs/ca-certificates.crt ] || fail "no certificate authorities in the image"

# What a pod does with it: reads manifests, keeps its state and its temporary files.
mkdir -p /image/fleet
cp -r examples/production/. /image/fleet/
in_image validate /fleet
code=0
in_image plan /fleet --sandbox /var/lib/eksact/world.json >/tmp/plan || code=$?
[ "$code" -eq 2 ] || fail "plan ended with exit code $code instead of 2"
[ -s /image/var/lib/eksact/world.json ] || fail "the state was not kept"

# Names are resolved and the certificate authorities are believed, where there is a server to try: its answer, that it has
# no such repository, came through both. The engine gives a container this file.
if [ -n "${IMAGE_PROBE_URL:-}" ]; then
    cp /etc/resolv.conf /image/etc/
    code=0
    in_image plan "$IMAGE_PROBE_URL" --sandbox /var/lib/eksact/probe.json >/tmp/probe 2>&1 || code=$?
    head -n 5 /tmp/probe
    { [ "$code" -eq 1 ] && grep -qE '\b40[134]\b|not found|NOT_FOUND|refused' /tmp/probe; } || fail "no answer from $IMAGE_PROBE_URL"
fi
du -sh --apparent-size /image
