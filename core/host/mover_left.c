#include "core/host/mover_left.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/host/mover_stream.h"
#include "core/object/name.h"

#define HEAD "put-"
#define HEAD_LENGTH (sizeof HEAD - 1)
#define KEY_DIGITS (ID_HEX_SIZE - 1)
#define LIST ".list"

void left_name(struct digest key, uint64_t size, const char *ending, char to[FOLDER_NAME_SIZE])
{
    char digits[ID_HEX_SIZE];
    id_hex(key.bytes, KEY_DIGITS, digits);
    snprintf(to, FOLDER_NAME_SIZE, HEAD "%s-%llu%s", digits, (unsigned long long)size, ending);
}

/* By writing the name again, so that there is one way to write it. */
static bool parse(const char *text, struct moved_left *m, bool *is_list)
{
    char digits[ID_HEX_SIZE], again[FOLDER_NAME_SIZE];
    if (strncmp(text, HEAD, HEAD_LENGTH) != 0 ||
        strspn(text + HEAD_LENGTH, "0123456789abcdef") != KEY_DIGITS)
        return false;
    memcpy(digits, text + HEAD_LENGTH, KEY_DIGITS);
    digits[KEY_DIGITS] = '\0';
    id_parse_prefix(digits, m->key.bytes);
    const char *size = text + HEAD_LENGTH + KEY_DIGITS;
    m->size = *size == '-' ? strtoull(size + 1, NULL, 10) : 0;
    for (int i = 0; i < 2; i++) {
        *is_list = i == 1;
        left_name(m->key, m->size, *is_list ? LIST : "", again);
        if (strcmp(text, again) == 0)
            return true;
    }
    return false;
}

uint64_t left_pieces(int data, int list, uint64_t size)
{
    struct stat bytes, digests;
    if (fstat(data, &bytes) != 0 || fstat(list, &digests) != 0)
        return 0;
    uint64_t pieces = (uint64_t)bytes.st_size / PIECE_SIZE;
    const uint64_t known = (uint64_t)digests.st_size / ID_SIZE, most = size / PIECE_SIZE;
    pieces = pieces < known ? pieces : known;
    return pieces < most ? pieces : most;
}

static int open_one(const struct folder *f, const struct moved_left *m, const char *ending)
{
    char text[FOLDER_NAME_SIZE];
    left_name(m->key, m->size, ending, text);
    return openat(f->fd, text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* A clock that was set back makes it no older. */
static uint64_t age_of(int fd)
{
    struct stat st;
    const time_t now = time(NULL);
    if (fstat(fd, &st) != 0)
        return UINT64_MAX;
    return st.st_mtime < now ? (uint64_t)(now - st.st_mtime) : 0;
}

static bool is_of_use(const struct folder *f, struct moved_left *m)
{
    const int data = open_one(f, m, ""), list = open_one(f, m, LIST);
    if (data >= 0 && list >= 0) {
        m->there = left_pieces(data, list, m->size) * PIECE_SIZE;
        m->age_s = age_of(data);
    }
    if (data >= 0)
        close(data);
    if (list >= 0)
        close(list);
    return m->there > 0 && m->age_s < MOVE_LEFT_MAX_S;
}

bool left_see(struct left_scan *s, const struct folder *f, const char *text)
{
    struct moved_left m = {.there = 0};
    bool is_list;
    if (!parse(text, &m, &is_list))
        return false;
    if (stream_is_of(m.key, m.size))
        return true;
    const bool is_good = is_of_use(f, &m);
    if (!is_good || (!is_list && s->count == MOVE_LEFTS_MAX))
        unlinkat(f->fd, text, 0); /* the other file goes when it is seen, or at the next scan */
    else if (!is_list)
        s->puts[s->count++] = m;
    return true;
}
