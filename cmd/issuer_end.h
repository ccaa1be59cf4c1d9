/* What is said of the issuer's end. It is renewed once a year, and only by the root's key; where
 * that lies elsewhere, people are told in time. Called by doctor_keys.c and ca_status.c. */
#ifndef VELUM_CMD_ISSUER_END_H
#define VELUM_CMD_ISSUER_END_H

#include <stdbool.h>
#include <stdint.h>

#define ISSUER_END_SIZE 256
#define ISSUER_END_NOTICE_S ((int64_t)60 * 24 * 3600)
#define ISSUER_END_TRY "velum ca import-root FILE, with the file that velum ca export-root wrote"

enum issuer_end { ISSUER_GOES_ON, ISSUER_WILL_END, ISSUER_HAS_ENDED };

/* Of a machine that has the issuer's key; `text` says what comes of it, also while it goes on
 * without the root's key. */
enum issuer_end issuer_end(int64_t ends_s, bool has_root_key, int64_t now_s,
                           char text[ISSUER_END_SIZE]);

#endif
