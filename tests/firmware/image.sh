#!/bin/sh
# The board image builds, and its check for foreign symbols can fail.
set -u
root=$VELUM_ROOT
command -v arm-none-eabi-gcc >/dev/null || {
    echo "SKIP image arm-none-eabi-gcc is not installed (package gcc-arm-none-eabi)"
    exit 0
}

if make -C "$root" O="${VELUM_OBJECTS#"$root"/}" firmware >build.log 2>&1; then
    echo "ok image_builds_for_cortex_m3"
else
    tail -n 30 build.log
    echo "FAIL image_builds_for_cortex_m3 make firmware failed"
    exit 1
fi

image=$VELUM_OBJECTS/firmware/board_m3.elf
if arm-none-eabi-nm "$image" | grep -q ' T firmware_main$' &&
    arm-none-eabi-nm "$image" | grep -q ' [TR] velum_kernel_pi$'; then
    echo "ok image_holds_the_kernel"
else
    echo "FAIL image_holds_the_kernel firmware_main or velum_kernel_pi is not in the image"
fi

# A program that allocates must be refused by the same check.
cat >bad.c <<'END'
void *malloc(unsigned n);
void *malloc(unsigned n) { return (void *)(unsigned long)n; }
int main(void) { return malloc(3) != 0; }
END
arm-none-eabi-gcc -mcpu=cortex-m3 -mthumb -ffreestanding -nostdlib -Wl,-e,main bad.c -o bad.elf
if "$root/firmware/symbols.sh" arm-none-eabi-nm bad.elf 2>/dev/null; then
    echo "FAIL image_check_finds_an_allocator a program with malloc passed"
else
    echo "ok image_check_finds_an_allocator"
fi
