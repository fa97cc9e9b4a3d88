#!/bin/sh
# Runs statically linked programs and prints one line for each result; the same files run on the host
# and in the machine.
#
#   DIRECTORY/busybox sh checks.sh DIRECTORY     where the programs lie
set -eu
export LC_ALL=C TZ=UTC
here=$1
busybox=$here/busybox
work=$($busybox mktemp -d /tmp/static.XXXXXX)
cd "$work"

for program in digests packers database mathematics; do
    "$here/$program"
done
"$here/interpreter" "$here/program.lua"
"$here/compiler" "$here/compiled.c" object

# Debian's own static program has digests, packers, an interpreter and a calculator of its own.
check() { echo "CHECK static busybox $1 $($busybox sha256sum | $busybox cut -c1-64)"; }
$busybox awk 'BEGIN { for (i = 1; i < 20000; i++) printf "%d %.17g %.12e %x\n", i, i * i / 7, 1 / (i * 0.37), i * 7919 }' > text
$busybox cat text "$here/digests" > data
for digest in md5sum sha1sum sha256sum sha512sum sha3sum crc32; do
    $busybox $digest data | check $digest
done
for packer in gzip bzip2; do
    $busybox $packer -c data > packed
    $busybox $packer -dc packed | $busybox cmp - data
    check $packer < packed
done
$busybox sort -k2 -n text | check sort
$busybox sed 's/\([0-9]*\) \(.*\)/\2 \1/; y/0123/zyxw/' text | check sed
echo "scale=60; 4*a(1); e(1.5); sqrt(2)" | $busybox bc -l | check bc
$busybox od -A x -t x4 data | check od
$busybox base64 data | check base64
cd /
$busybox rm -r "$work"
