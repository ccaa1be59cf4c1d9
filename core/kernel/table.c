#include "core/kernel/kernel.h"

extern const struct velum_kernel velum_kernel_cat;
extern const struct velum_kernel velum_kernel_factor;
extern const struct velum_kernel velum_kernel_grep;
extern const struct velum_kernel velum_kernel_hash;
extern const struct velum_kernel velum_kernel_hash_find;
extern const struct velum_kernel velum_kernel_mandelbrot;
extern const struct velum_kernel velum_kernel_matmul;
extern const struct velum_kernel velum_kernel_noop;
extern const struct velum_kernel velum_kernel_pi;
extern const struct velum_kernel velum_kernel_png;
extern const struct velum_kernel velum_kernel_primes;
extern const struct velum_kernel velum_kernel_sleep;
extern const struct velum_kernel velum_kernel_sum;
extern const struct velum_kernel velum_kernel_wordcount;
extern const struct velum_kernel velum_kernel_wordmerge;

/* Ascending names. */
const struct velum_kernel *const kernel_table[] = {
    &velum_kernel_cat,       &velum_kernel_factor,     &velum_kernel_grep,      &velum_kernel_hash,
    &velum_kernel_hash_find, &velum_kernel_mandelbrot, &velum_kernel_matmul,    &velum_kernel_noop,
    &velum_kernel_pi,        &velum_kernel_png,        &velum_kernel_primes,    &velum_kernel_sleep,
    &velum_kernel_sum,       &velum_kernel_wordcount,  &velum_kernel_wordmerge, NULL,
};
