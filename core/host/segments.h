/* The segments of a state folder's journal as bytes, for looking only (core/verify). Takes no lock
 * and changes nothing, so a node may go on writing: what is not whole yet is whole at the next
 * look.
 *
 * Owns one descriptor of the folder and the bytes of one segment. */
#ifndef VELUM_HOST_SEGMENTS_H
#define VELUM_HOST_SEGMENTS_H

#include "core/verify/scan.h"

struct segments {
    int folder;
    uint64_t *numbers;
    size_t count, cap;
    uint8_t *bytes;
    size_t bytes_cap;
    struct scan_files files; /* give this to scan_journal; its context points back here */
};

/* Lists the folder. ERR_NOT_FOUND: there is none. ERR_PERMISSION, ERR_NO_MEMORY, ERR_IO. Release
 * with segments_close, also after an error. */
int segments_open(struct segments *s, const char *folder);
void segments_close(struct segments *s);

#endif
