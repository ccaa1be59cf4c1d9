#include "core/kernel/maths.h"

#include "core/kernel/angle.h"
#include "core/kernel/power.h"
#include "core/kernel/root.h"

const struct velum_maths maths_table = {
    .size = sizeof maths_table,
    .sqrt = root_square,
    .cbrt = root_cube,
    .exp = power_exp,
    .log = power_log,
    .log2 = power_log2,
    .pow = power_pow,
    .sin = angle_sin,
    .cos = angle_cos,
    .tan = angle_tan,
    .atan2 = angle_atan2,
};
