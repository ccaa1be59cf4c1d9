#include "core/host/near_object.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/file.h"
#include "core/host/home.h"
#include "core/host/mover_folder.h"
#include "core/host/mover_hash.h"
#include "core/host/mover_one.h"
#include "core/object/name.h"

struct near_object {
    int data;
    int list; /* -1: of one piece, and there is none */
    struct digest name;
    uint64_t size, from;
    uint64_t handed, taken; /* pieces that were given to be hashed, and taken back */
    bool lent;              /* the last one that was taken back is the caller's */
    struct hash_job jobs[NEAR_PIECES];
    uint8_t *room[NEAR_PIECES];
};

/* The mover's folder lies beside the socket. */
static bool path_of(const char *control, const char *file, char *to, size_t cap)
{
    const char *end = strrchr(control, '/');
    if (!end || (size_t)(end - control) >= cap)
        return false;
    memcpy(to, control, (size_t)(end - control));
    to[end - control] = 0;
    return text_append(to, cap, "/objects/") && text_append(to, cap, file);
}

static int open_file(const char *control, struct digest name, enum folder_kind kind, uint64_t size)
{
    char path[HOME_PATH_SIZE + FOLDER_NAME_SIZE + 16], file[FOLDER_NAME_SIZE];
    struct stat st;
    folder_name(name, kind, file);
    if (!path_of(control, file, path, sizeof path))
        return ERR_NOT_FOUND;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return ERR_NOT_FOUND;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size)
        return fd;
    close(fd);
    return ERR_NOT_FOUND;
}

static int open_both(struct near_object *o, const char *control, struct digest name)
{
    struct digest listed;
    o->data = open_file(control, name, FOLDER_DATA, o->size);
    if (o->data < 0)
        return o->data;
    if (one_is(o->size)) /* of nothing there is no piece to compare */
        return o->size > 0 || one_makes(name, 0, name) ? hash_open() : ERR_DAMAGED;
    o->list = open_file(control, name, FOLDER_LIST, object_list_size(o->size));
    if (o->list < 0)
        return o->list;
    int rc = folder_list_name(o->list, o->size, &listed);
#if VELUM_PLANT != 596 /* unit/test_put_get: any list is believed */
    if (rc == 0 && !digest_equal(listed, name))
        rc = ERR_DAMAGED;
#endif
    return rc < 0 ? rc : hash_open();
}

int near_object_open(struct near_object **out, const char *control, struct digest name,
                     uint64_t size, uint64_t from)
{
    struct near_object *o = calloc(1, sizeof *o);
    if (!o)
        return ERR_NO_MEMORY;
    o->data = o->list = -1;
    o->name = name;
    o->size = size;
    o->from = from;
    o->handed = o->taken = from / PIECE_SIZE;
    int rc = open_both(o, control, name);
    if (rc < 0) {
        near_object_close(o);
        return rc;
    }
    (void)futimens(o->data, NULL); /* it was used: see mover_read.c */
    *out = o;
    return 0;
}

/* NULL: memory is out. */
static struct hash_job *hand_out(struct near_object *o)
{
    const uint64_t i = o->handed % NEAR_PIECES;
    if (!o->room[i])
        o->room[i] = malloc(PIECE_SIZE);
    if (!o->room[i])
        return NULL;
    o->jobs[i] = (struct hash_job){.fd = o->data,
                                   .at = o->handed * PIECE_SIZE,
                                   .length = object_piece_length(o->size, o->handed),
                                   .to = o->room[i]};
    o->handed++;
    return &o->jobs[i];
}

/* Two by two, and the place of the one that the caller has is not free yet. */
static int hand_out_more(struct near_object *o)
{
    const uint64_t pieces = object_pieces(o->size);
    while (o->handed < pieces && o->handed - o->taken + o->lent <= NEAR_PIECES - 2) {
        struct hash_job *first = hand_out(o);
        if (!first)
            return ERR_NO_MEMORY;
        hash_add(first, o->handed < pieces ? hand_out(o) : NULL);
    }
    return 0;
}

static int check(const struct near_object *o, uint64_t piece, const struct hash_job *j)
{
    struct digest listed;
    if (j->rc < 0)
        return j->rc;
    if (one_is(o->size))
        return one_makes(o->name, o->size, j->digest) ? 0 : ERR_DAMAGED;
    if (file_get(o->list, piece * ID_SIZE, &listed, sizeof listed) != (int)sizeof listed)
        return ERR_DAMAGED;
#if VELUM_PLANT == 597 /* unit/test_put_get: damaged bytes of the node's file are passed on */
    return 0;
#endif
    return digest_equal(listed, j->digest) ? 0 : ERR_DAMAGED;
}

int near_object_next(struct near_object *o, struct near_bytes *out)
{
    o->lent = false;
    if (o->taken >= object_pieces(o->size))
        return 0;
    int rc = hand_out_more(o);
    if (o->handed == o->taken)
        return rc;
    const uint64_t piece = o->taken++;
    const struct hash_job *j = &o->jobs[piece % NEAR_PIECES];
    hash_wait(&o->jobs[piece % NEAR_PIECES]);
    rc = check(o, piece, j);
    if (rc < 0)
        return rc;
    /* While the caller is at it the next ones are read. */
    o->lent = true;
    (void)hand_out_more(o);
    const uint32_t skip = j->at < o->from ? (uint32_t)(o->from - j->at) : 0;
    *out = (struct near_bytes){
        .bytes = {j->to + skip, j->length - skip}, .is_piece = skip == 0, .digest = j->digest};
    return 1;
}

void near_object_close(struct near_object *o)
{
    if (!o)
        return;
    for (; o->taken < o->handed; o->taken++)
        hash_wait(&o->jobs[o->taken % NEAR_PIECES]);
    for (int i = 0; i < NEAR_PIECES; i++)
        free(o->room[i]);
    if (o->data >= 0)
        close(o->data);
    if (o->list >= 0)
        close(o->list);
    free(o);
}
