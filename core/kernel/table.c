#include "core/kernel/kernel.h"

extern const struct velum_kernel velum_kernel_pi;

const struct velum_kernel *const kernel_table[] = {
    &velum_kernel_pi,
    NULL,
};
