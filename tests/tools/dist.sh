#!/bin/sh
# dist.sh BUILT...: build/dist/ringside-DATE-COMMIT.tar.gz with every tracked file and the built guests named.
# One time stamp for all files: the tarball is reproducible, and make finds the carried guests up to date.
set -eu
if commit=$(git rev-parse --short HEAD 2>/dev/null); then
    stamp=$(git log -1 --format=%ct)
    files() { git ls-files -z; }
else
    commit=local
    stamp=$(date +%s)
    files() { find Makefile *.md LICENSE .ci .clang-format .gitignore sim scenarios tui tests docs -type f -print0; }
fi
name=ringside-$(date -u -d "@$stamp" +%Y%m%d)-$commit
mkdir -p build/dist
out=build/dist/$name.tar
{ files; for f in "$@"; do printf '%s\0' "$f"; done; } | LC_ALL=C sort -zu |
    tar --create --file "$out.new" --no-recursion --transform "s,^,$name/," --mtime "@$stamp" --owner=0 --group=0 \
        --numeric-owner --format=ustar --null --files-from -
gzip -9n < "$out.new" > "$out.gz.new"
rm -f "$out.new"
mv -f "$out.gz.new" "$out.gz"
echo "$out.gz"
