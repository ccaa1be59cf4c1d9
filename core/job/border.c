#include "core/job/border.h"

#include "core/base/ensure.h"

uint64_t border_length(uint64_t first, uint64_t end, uint64_t wanted)
{
    ensure(first < end && wanted >= 1);
    if (end - first <= wanted)
        return end - first;
    uint64_t length = 1;
    while (length <= wanted / 2)
        length *= 2;
    uint64_t divides = first & (~first + 1); /* the greatest power of two that does; 0 for 0 */
    return first > 0 && divides < length ? divides : length;
}

uint64_t border_cut(uint64_t next, uint64_t end)
{
    ensure(next < end && end - next >= 2);
    uint64_t quarter = (end - next + 3) / 4;
    uint64_t least = next + quarter;
    uint64_t most = end - quarter;
    unsigned shift = 0;
    while (shift < 62 && most >> (shift + 1) << (shift + 1) >= least)
        shift++;
    return most >> shift << shift;
}
