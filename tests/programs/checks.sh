#!/bin/sh
# Runs Debian's programs on made-up data and prints one line for each result. The same script and
# the same programs run on the host and in the machine, and must print the same lines.
#
#   dash checks.sh DIRECTORY     where mathematics, program.c and program.pl lie
set -eu
export LC_ALL=C TZ=UTC PATH=/usr/bin:/bin
# glibc has variants of some functions for processors with FMA, whose last bits differ: the first
# run takes those for every processor, the last one what the processor has.
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX,-FMA,-FMA4
here=$1
work=$(mktemp -d /tmp/checks.XXXXXX)
cd "$work"

check() { echo "CHECK $1 $(openssl dgst -sha256 -r | cut -d' ' -f1)"; }

# Half a megabyte that compresses somewhat: a stream cipher's output, and text.
openssl enc -aes-128-ctr -K 000102030405060708090a0b0c0d0e0f -iv 0f0e0d0c0b0a09080706050403020100 \
    -in "$here/mathematics" -out noise
perl -e 'for (1 .. 9000) { print "$_ squared is ", $_ * $_, ", its root ", sqrt($_), "\n" }' > text
cat noise text > data

for digest in md5 sha1 sha224 sha256 sha384 sha512 sha3-256 blake2b512 blake2s256 ripemd160; do
    openssl dgst -provider default -provider legacy -"$digest" -r data 2>&1 | check "digest $digest"
done
for cipher in aes-256-cbc aes-192-ctr camellia-128-cbc chacha20 des-ede3-cbc; do
    openssl enc -"$cipher" -pbkdf2 -iter 100 -S 0102030405060708 -pass pass:word -in data -out sealed
    openssl enc -d -"$cipher" -pbkdf2 -iter 100 -S 0102030405060708 -pass pass:word -in sealed -out opened
    cmp data opened
    check "cipher $cipher" < sealed
done

for packer in "gzip -n -9" "gzip -n -1" "xz -T1 -6 --check=crc64" "zstd -q -3 --single-thread" "zstd -q -15 --single-thread"; do
    $packer -c data > packed
    ${packer%% *} -d -c packed | cmp data -
    check "pack $packer" < packed
done

sqlite3 base > rows <<'SQL'
CREATE TABLE number (n INTEGER PRIMARY KEY, half REAL, word TEXT);
WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < 20000)
INSERT INTO number SELECT n, n / 2.0, printf('%x-%08.3f', n * 2654435761, n / 7.0) FROM count;
CREATE INDEX by_word ON number (word);
UPDATE number SET half = half * 1.1 WHERE n % 3 = 0;
DELETE FROM number WHERE n % 7 = 0;
SELECT count(*), sum(half), avg(n), min(word), max(word) FROM number;
SELECT substr(word, 1, 2) AS prefix, count(*), round(sum(half), 6) FROM number GROUP BY prefix ORDER BY 2, 1;
SELECT a.n, b.word FROM number a JOIN number b ON b.n = a.n * 2 WHERE a.word > 'f' ORDER BY a.word LIMIT 50;
VACUUM;
PRAGMA integrity_check;
SQL
check "sqlite rows" < rows

perl "$here/program.pl" | check "interpreter"
for level in -O0 -O2 -O3; do
    gcc $level -S -o program.s "$here/program.c"
    grep -v '^	\.ident' program.s | check "compiler $level"
done
as -o program.o program.s
check "assembler" < program.o
"$here/mathematics"
if grep -qw fma /proc/cpuinfo; then
    unset GLIBC_TUNABLES
    "$here/mathematics" | while read -r line; do echo "$line with fma"; done
fi
cd /
rm -r "$work"
