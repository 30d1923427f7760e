#!/bin/bash
# deb.sh VERSION: unpacks the newest tarball of `make dist` into build/deb, lays docs/debian over it and has dpkg-buildpackage make the
# packages. DEB_OBJECTS: a folder with what a build left (build/release), so that a test need not compile everything again.
set -eu
version=$1
tarball=$(ls -t build/dist/ringside-*.tar.gz | head -n 1)
command -v dpkg-buildpackage >/dev/null || { echo "ringside: dpkg-buildpackage is missing; install dpkg-dev" >&2; exit 6; }
tree=build/deb/ringside-$version
rm -rf build/deb
mkdir -p "$tree"
tar -xzf "$tarball" -C "$tree" --strip-components=1
cp -r docs/debian "$tree/debian"
if [ -n "${DEB_OBJECTS:-}" ]; then
    mkdir -p "$tree/build/release"
    tar -C "$DEB_OBJECTS" --exclude=./tests -cf - . | tar -C "$tree/build/release" -xmf - # newer than the sources
    find "$tree/build/release" -name '*.o' -exec touch {} + # and than what they were made with
fi
# As if by whoever has nothing of this shell: a driver's MAKEFLAGS name its options, not dpkg's.
(cd "$tree" && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES dpkg-buildpackage --no-sign --build=binary "-j${JOBS:-$(nproc)}")
ls build/deb/*.deb
