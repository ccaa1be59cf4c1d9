/* Maths that kernels are given (struct velum_maths of plugins/velum_kernel.h): the same bits on
 * every machine, because it is made of nothing but IEEE additions, subtractions, multiplications,
 * divisions and comparisons in a written order, which all of them round alike, and of whole
 * numbers. No C library, no fused multiply-add, no table that differs. The one exception is the
 * square root, which IEEE has as well, where the processor has it.
 *
 * Errors measured by unit/test_maths against functions with more digits: of pow at most 0.62 ulp,
 * of the others 0.59; the test allows little more, and kernels are promised 0.7. Special cases are
 * those of C99, annex F. No exception flag and no errno means anything, rounding must be to
 * nearest, and every NaN that comes out is 0x7ff8000000000000. */
#ifndef VELUM_KERNEL_MATHS_H
#define VELUM_KERNEL_MATHS_H

#include "plugins/velum_kernel.h"

extern const struct velum_maths maths_table;

#endif
