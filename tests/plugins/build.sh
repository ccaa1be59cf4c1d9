#!/bin/sh
# Builds the test plugins into OUT, and the ones that must be refused into OUT/bad.
# Usage: [CC=gcc] tests/plugins/build.sh OUT   (from anywhere)
set -eu
out=${1:?usage: build.sh OUT}
root=$(cd "$(dirname "$0")/../.." && pwd)
cc=${CC:-cc}
flags="-std=c11 -O2 -fPIC -shared -nostdlib -ffreestanding -fvisibility=hidden"
flags="$flags -fno-stack-protector -ffp-contract=off -Wall -Wextra -I$root"
mkdir -p "$out/bad"

# plugin OUTPUT SOURCE [FLAG...]
plugin() {
    to=$1 from=$2
    shift 2
    # As the Makefile has it, what is called after a kernel is part of its source.
    digest=$(cat "$from" $(find "${from%/*}" -name "$(basename "$from" .c)_*.h" | LC_ALL=C sort) |
        sha256sum | cut -c 1-64)
    # Unquoted on purpose: a list of flags.
    # shellcheck disable=SC2086
    $cc $flags "-DVELUM_SOURCE_DIGEST=\"$digest\"" "$@" -o "$to" "$from" "$root/plugins/helper.c"
}

plugin "$out/emit.so" "$root/tests/plugins/emit.c" -O3
for name in skew chaos crash fat seek pair flip hostile; do
    plugin "$out/$name.so" "$root/tests/plugins/$name.c"
done
for name in pi sum sleep noop grep factor; do
    plugin "$out/$name.so" "$root/plugins/$name.c"
done

bad=$root/tests/plugins/bad/bad.c
plugin "$out/bad/good.so" "$bad"
# Where the linker does not know the option it warns, and makes one like good.so.
plugin "$out/bad/short-relocations.so" "$bad" -Wl,-z,pack-relative-relocs 2>/dev/null
plugin "$out/bad/hangs-in-plan.so" "$bad" -DHANGS_IN_PLAN
plugin "$out/bad/no-symbol.so" "$bad" -DBAD_SYMBOL
plugin "$out/bad/wrong-abi.so" "$bad" -DBAD_ABI
plugin "$out/bad/no-merge.so" "$bad" -DBAD_NO_MERGE
plugin "$out/bad/wrong-field.so" "$bad" -DBAD_FIELD
plugin "$out/bad/undefined.so" "$bad" -DBAD_LIBC
plugin "$out/bad/needs-libc.so" "$bad" -DBAD_LIBC -Wl,--no-as-needed -lc
plugin "$out/bad/constructor.so" "$bad" -DBAD_CONSTRUCTOR
plugin "$out/bad/ifunc.so" "$bad" -DBAD_IFUNC
plugin "$out/bad/no-digest.so" "$bad" -UVELUM_SOURCE_DIGEST
plugin "$out/bad/text-relocation.so" "$bad" -fno-pic -mcmodel=large -Wl,-z,notext 2>/dev/null ||
    rm -f "$out/bad/text-relocation.so"
printf 'int main(void) { return 0; }\n' >"$out/bad/program.c"
$cc -o "$out/bad/program.so" "$out/bad/program.c"
$cc -c -o "$out/bad/object.so" "$out/bad/program.c"
rm "$out/bad/program.c"
head -c 3000 "$out/bad/good.so" >"$out/bad/truncated.so"
: >"$out/bad/empty.so"
printf 'this is not a plugin\n' >"$out/bad/garbage.so"
# The machine's number is in bytes 18 and 19.
cp "$out/bad/good.so" "$out/bad/wrong-machine.so"
printf '\012\000' | dd of="$out/bad/wrong-machine.so" bs=1 seek=18 conv=notrunc 2>/dev/null
