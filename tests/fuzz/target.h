/* A fuzz target: one parser of foreign bytes, and what must hold of whatever it accepts. One file
 * a target in tests/fuzz/targets; and each tests/fuzz/test_NAME.c is the target NAME as well, whose
 * inputs are one byte that chooses a codec, and a message (fuzz.h). No two have one name.
 *
 * A target is linked twice. With clang's libFuzzer, which looks for new ways through the code:
 * `make fuzz`. And with driver.c, which replays what was found before (tests/fuzz/corpus) and
 * damages the seeds for a moment, with any compiler: a part of the suite `fuzz`.
 *
 * A finding is what a sanitizer or a failed CHECK says, and, here for both (target.c), an input
 * that takes more than TARGET_MS of processor time or TARGET_BYTES of memory, or leaves memory
 * behind. */
#ifndef VELUM_TESTS_FUZZ_TARGET_H
#define VELUM_TESTS_FUZZ_TARGET_H

#include "core/base/bytes.h"

#define TARGET_MS 100
#define TARGET_BYTES ((size_t)16 << 20)
#define TARGET_INPUT_MAX ((size_t)70000)

/* Each target has these two. One input, in a block of exactly its size; CHECK and REQUIRE say what
 * is wrong. */
void target_one(struct bytes in);
/* Writes the i-th seed. False: there is none. */
bool target_seed(size_t i, struct buf *out);

/* target.c: runs one input and returns only when nothing was found. By this name libFuzzer calls
 * it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
