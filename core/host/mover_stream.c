#include "core/host/mover_stream.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/host/file.h"
#include "core/host/loop.h"
#include "core/host/mover_hash.h"
#include "core/host/mover_left.h"
#include "core/host/mover_one.h"
#include "core/object/name.h"

#define JOBS 16 /* pieces that may be hashed behind the bytes */
#define LOOK_US (100 * MS_US)
#define AHEAD ((uint64_t)2 << 20)
#define ROOMS 8 /* pieces in memory, of all streams together */

/* Pieces behind the first are hashed from memory, where there is room for the two that come next;
 * or else they are read back from the file. */
static struct {
    uint8_t *bytes; /* PIECE_SIZE of them, once they were wanted */
    bool taken;
} rooms[ROOMS];

struct stream {
    uint64_t number;
    bool named; /* all of it has come, and its name is known */
    struct digest name;
    struct digest key;           /* zero: it has none */
    uint64_t announced;          /* size of one that has */
    int rc;                      /* after an error: nothing of the stream is left but this */
    int data, list;              /* -1: not open */
    bool data_there, list_there; /* files of the stream, which are no object's yet */
    bool same;                   /* the object is here already, byte for byte */
    uint8_t *held;               /* all that came, while there is no file */
    uint64_t size;
    struct sha256 first; /* of the first piece, as it comes in */
    struct digest only;  /* the same when it is complete */
    uint8_t *next[2];    /* rooms of the two pieces that come in; NULL: they have none */
    uint64_t on_its_way; /* bytes the disk was asked to take */
    uint64_t added;      /* pieces given to the hashing threads */
    uint64_t taken;      /* pieces whose digest was taken back */
    uint64_t looked;     /* the first pieces that are right; those behind were left by another */
    uint64_t found;      /* pieces that were left: the same when all were looked at */
    struct hash_job jobs[JOBS];
};

static struct stream *streams[MOVE_STREAMS_MAX];

static struct stream **find(uint64_t number)
{
    for (size_t i = 0; i < MOVE_STREAMS_MAX; i++)
        if (streams[i] && streams[i]->number == number)
            return &streams[i];
    return NULL;
}

/* NULL: there is none. */
static struct stream **find_empty(void)
{
    for (size_t i = 0; i < MOVE_STREAMS_MAX; i++)
        if (!streams[i])
            return &streams[i];
    return NULL;
}

bool stream_finds_no_room(uint64_t number)
{
    return !find(number) && !find_empty();
}

static uint8_t *take_room(void)
{
    size_t i = 0;
    while (i < ROOMS && rooms[i].taken)
        i++;
    if (i < ROOMS && !rooms[i].bytes)
        rooms[i].bytes = malloc(PIECE_SIZE);
    if (i == ROOMS || !rooms[i].bytes)
        return NULL;
    rooms[i].taken = true;
    return rooms[i].bytes;
}

static void give_room_back(const uint8_t *bytes)
{
    for (size_t i = 0; bytes && i < ROOMS; i++)
        if (rooms[i].bytes == bytes)
            rooms[i].taken = false;
}

bool stream_may_rest(void)
{
    bool any = false;
    for (size_t i = 0; i < MOVE_STREAMS_MAX; i++)
        if (streams[i])
            return false;
    for (size_t i = 0; i < ROOMS; i++)
        any |= rooms[i].bytes != NULL;
    return any;
}

void stream_rest(void)
{
    for (size_t i = 0; i < ROOMS; i++) {
        free(rooms[i].bytes);
        rooms[i].bytes = NULL;
    }
}

static bool is_keyed(const struct stream *s)
{
    return !digest_is_zero(s->key);
}

static void file_name(const struct stream *s, const char *ending, char to[FOLDER_NAME_SIZE])
{
    if (is_keyed(s))
        left_name(s->key, s->announced, ending, to);
    else
        snprintf(to, FOLDER_NAME_SIZE, "stream-%llu%s", (unsigned long long)s->number, ending);
}

/* Whether another mover may have left pieces of it. */
static bool may_be_left(const struct stream *s)
{
    return is_keyed(s) && s->announced >= PIECE_SIZE;
}

static int make_file(const struct folder *f, const struct stream *s, const char *ending)
{
    const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_CREAT | (may_be_left(s) ? 0 : O_TRUNC);
    char text[FOLDER_NAME_SIZE];
    file_name(s, ending, text);
    return file_result(openat(f->fd, text, flags, 0600));
}

static int make_data(const struct folder *f, struct stream *s)
{
    s->data = make_file(f, s, "");
    s->data_there |= s->data >= 0;
    return s->data < 0 ? s->data : 0;
}

static int make_list(const struct folder *f, struct stream *s)
{
    s->list = make_file(f, s, ".list");
    s->list_there |= s->list >= 0;
    return s->list < 0 ? s->list : 0;
}

/* What was held goes to a file, whose disk it waits for like the rest. */
static int write_held(const struct folder *f, struct stream *s)
{
    int rc = s->data < 0 ? make_data(f, s) : 0;
    if (rc == 0 && s->held)
        rc = file_put(s->data, 0, s->held, (size_t)s->size);
    free(s->held);
    s->held = NULL;
    return rc;
}

/* So many pieces are there, and nothing behind them. */
static int cut(struct stream *s, uint64_t pieces)
{
    s->added = s->taken = pieces;
    s->size = s->on_its_way = pieces * PIECE_SIZE;
    s->found = pieces;
    return ftruncate(s->data, (off_t)s->size) == 0 &&
                   ftruncate(s->list, (off_t)(pieces * ID_SIZE)) == 0
               ? 0
               : ERR_IO;
}

/* What another mover left. It is as old as it was: only bytes that come make it younger. */
static int go_behind(struct stream *s)
{
    struct stat st;
    if (fstat(s->data, &st) != 0)
        return ERR_IO;
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st.st_mtim};
    int rc = cut(s, left_pieces(s->data, s->list, s->announced));
    if (s->found > 0)
        (void)futimens(s->data, times);
    return rc;
}

static int open_files(const struct folder *f, struct stream *s)
{
    int rc = make_data(f, s);
    if (rc == 0)
        rc = make_list(f, s);
    return rc < 0 ? rc : go_behind(s);
}

/* Nothing reads from its files any more, and nothing is left of them. */
static void drop_files(const struct folder *f, struct stream *s)
{
    char text[FOLDER_NAME_SIZE];
    for (; s->taken < s->added; s->taken++) {
        hash_wait(&s->jobs[s->taken % JOBS]);
        give_room_back(s->jobs[s->taken % JOBS].to);
    }
    for (int i = 0; i < 2; i++) {
        give_room_back(s->next[i]);
        s->next[i] = NULL;
    }
    if (s->data >= 0)
        close(s->data);
    if (s->list >= 0)
        close(s->list);
    s->data = s->list = -1;
    free(s->held);
    s->held = NULL;
    file_name(s, "", text);
    if (s->data_there)
        unlinkat(f->fd, text, 0);
    file_name(s, ".list", text);
    if (s->list_there)
        unlinkat(f->fd, text, 0);
    s->data_there = s->list_there = false;
}

static int fail(const struct folder *f, struct stream *s, int rc)
{
    if (rc < 0 && s->rc == 0) {
        s->rc = rc;
        drop_files(f, s);
    }
    return s->rc;
}

/* Written at once: a piece counts for the next mover when its digest does. */
static int take_digest(struct stream *s)
{
    struct hash_job *j = &s->jobs[s->taken % JOBS];
    hash_wait(j);
    give_room_back(j->to);
    const uint64_t at = s->taken++ * ID_SIZE;
    return j->rc < 0 ? j->rc : file_put(s->list, at, &j->digest, sizeof j->digest);
}

static struct hash_job *next_job(struct stream *s)
{
    struct hash_job *j = &s->jobs[s->added % JOBS];
    const uint64_t left = s->size - s->added * PIECE_SIZE;
    uint8_t **room = &s->next[s->added % 2];
    *j = (struct hash_job){.fd = *room ? -1 : s->data,
                           .at = s->added * PIECE_SIZE,
                           .length = left < PIECE_SIZE ? (uint32_t)left : PIECE_SIZE,
                           .to = *room};
    *room = NULL;
    s->added++;
    return j;
}

/* What is hashed is taken back before there is need, because it may lie in a room. */
static bool may_take(struct stream *s)
{
    return s->taken < s->added && hash_is_done(&s->jobs[s->taken % JOBS]);
}

/* And as many more as there must be before others. */
static int take_hashed(struct stream *s, uint64_t most)
{
    int rc = 0;
    while (rc == 0 && (s->added - s->taken > most || may_take(s)))
        rc = take_digest(s);
    return rc;
}

static int take_all(struct stream *s)
{
    int rc = 0;
    while (rc == 0 && s->taken < s->added)
        rc = take_digest(s);
    return rc;
}

/* So many pieces more, one or two. */
static int hash_more(struct stream *s, uint64_t count)
{
    int rc = take_hashed(s, JOBS - count);
    if (rc < 0)
        return rc;
    struct hash_job *first = next_job(s);
    hash_add(first, count > 1 ? next_job(s) : NULL);
    return 0;
}

static void send_ahead(struct stream *s, uint64_t least)
{
    if (s->data < 0 || s->size - s->on_its_way < least)
        return;
    folder_send_ahead(s->data, s->on_its_way, s->size - s->on_its_way);
    s->on_its_way = s->size;
}

/* Both or none: two are hashed together. */
static void take_rooms(struct stream *s)
{
    s->next[0] = take_room();
    s->next[1] = s->next[0] ? take_room() : NULL;
    if (s->next[1])
        return;
    give_room_back(s->next[0]);
    s->next[0] = NULL;
}

/* It goes to the list when that is open already, or when a second piece comes. */
static int end_first(struct stream *s)
{
    s->only = sha256_end(&s->first);
    s->added = s->taken = 1;
    return s->list < 0 ? 0 : file_put(s->list, 0, &s->only, sizeof s->only);
}

static int begin_second(const struct folder *f, struct stream *s)
{
    int rc = s->list < 0 ? make_list(f, s) : 0;
    return rc < 0 ? rc : file_put(s->list, 0, &s->only, sizeof s->only);
}

/* Most objects have no other piece: its bytes are copied nowhere, and no thread is woken. */
static int add_first(struct stream *s, struct bytes part)
{
    sha256_add(&s->first, part.data, part.len);
    s->size += part.len;
    return s->size == PIECE_SIZE ? end_first(s) : 0;
}

/* To the end of a piece at most. */
static int add_part(const struct folder *f, struct stream *s, struct bytes part)
{
    if (s->added == 0)
        return add_first(s, part);
    if (s->size == PIECE_SIZE && s->list < 0) {
        int rc = begin_second(f, s);
        if (rc < 0)
            return rc;
    }
    if (s->size == s->added * PIECE_SIZE)
        take_rooms(s);
    uint8_t *room = s->next[s->size / PIECE_SIZE % 2];
    if (room)
        memcpy(room + s->size % PIECE_SIZE, part.data, part.len);
    s->size += part.len;
    return s->size == (s->added + 2) * PIECE_SIZE ? hash_more(s, 2) : 0;
}

/* False: they go to the file. */
static bool hold(struct stream *s, struct bytes bytes)
{
    if (s->data >= 0 || s->size + bytes.len > STREAM_HELD_MAX)
        return false;
    if (!s->held)
        s->held = malloc(STREAM_HELD_MAX);
    if (!s->held)
        return false;
    if (bytes.len > 0)
        memcpy(s->held + s->size, bytes.data, bytes.len);
    return true;
}

static int put_bytes(const struct folder *f, struct stream *s, struct bytes bytes)
{
    if (hold(s, bytes))
        return 0;
    int rc = write_held(f, s);
    return rc < 0 ? rc : file_put(s->data, s->size, bytes.data, bytes.len);
}

static int add_bytes(const struct folder *f, struct stream *s, struct bytes bytes)
{
    if (s->size + bytes.len > OBJECT_SIZE_MAX)
        return ERR_TOO_LARGE;
    int rc = put_bytes(f, s, bytes);
    while (rc >= 0 && bytes.len > 0) {
        const size_t left = (size_t)(PIECE_SIZE - s->size % PIECE_SIZE);
        const size_t n = bytes.len < left ? bytes.len : left;
        rc = add_part(f, s, (struct bytes){bytes.data, n});
        bytes = (struct bytes){bytes.data + n, bytes.len - n};
    }
    if (rc >= 0)
        rc = take_hashed(s, JOBS);
    if (rc >= 0)
        send_ahead(s, AHEAD);
    return rc;
}

static int begin(struct folder *f, const struct move_keyed *m, struct stream **out)
{
    struct stream **at = find_empty();
    if (!at)
        return ERR_FULL;
    struct stream *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NO_MEMORY;
    s->number = m->stream;
    if (!stream_is_of(m->key, m->size)) {
        s->key = m->key;
        s->announced = m->size;
    }
    sha256_init(&s->first);
    s->data = s->list = -1;
    *out = *at = s;
    return fail(f, s, may_be_left(s) ? open_files(f, s) : 0);
}

int stream_append(struct folder *f, const struct move_stream *m)
{
    const struct move_keyed keyless = {.stream = m->stream};
    struct stream **at = find(m->stream), *s = at ? *at : NULL;
    int rc = s ? s->rc : begin(f, &keyless, &s);
    if (rc == 0 && (s->looked < s->found || s->named))
        return ERR_ARGUMENT;
    return rc < 0 ? rc : fail(f, s, add_bytes(f, s, m->bytes));
}

bool stream_is_of(struct digest key, uint64_t size)
{
    for (size_t i = 0; i < MOVE_STREAMS_MAX; i++)
        if (streams[i] && is_keyed(streams[i]) && streams[i]->announced == size &&
            digest_equal(streams[i]->key, key))
            return true;
    return false;
}

/* What was left is compared with its digests */

struct look {
    struct stream *stream;
    struct instant until;
    bool damaged;
};

static uint64_t every_piece(void *ctx, uint64_t piece)
{
    (void)ctx;
    return piece;
}

static int compare(void *ctx, uint64_t piece, int rc, struct digest digest)
{
    struct look *l = ctx;
    struct digest listed;
    const int got = file_get(l->stream->list, piece * ID_SIZE, &listed, sizeof listed);
    l->damaged = rc < 0 || got != (int)sizeof listed || !digest_equal(listed, digest);
#if VELUM_PLANT == 768 /* unit/test_mover_left: what a crash has left of a put counts as it is */
    l->damaged = false;
#endif
    if (l->damaged)
        return 1;
    l->stream->looked = piece + 1;
    return instant_reached(loop_clock(), l->until) ? 1 : 0;
}

static int look(struct stream *s)
{
    struct look l = {.stream = s, .until = instant_plus_us(loop_clock(), LOOK_US)};
    const struct hash_walk walk = {
        .ctx = &l, .fd = s->data, .size = s->size, .next = every_piece, .each = compare};
    if (s->looked == s->found)
        return 0;
    (void)hash_pieces(&walk, s->looked);
    return l.damaged ? cut(s, s->looked) : 0;
}

void stream_keyed(struct folder *f, const struct move_keyed *m, struct moved_keyed *answer)
{
    struct stream **at = find(m->stream), *s = at ? *at : NULL;
    int rc = s ? s->rc : begin(f, m, &s);
    if (rc == 0 && m->look)
        rc = fail(f, s, take_all(s));
    if (rc == 0 && m->look)
        rc = fail(f, s, look(s));
    *answer = (struct moved_keyed){.rc = rc};
    if (rc == 0) {
        answer->there = s->size;
        answer->more = s->looked < s->found;
    }
}

static void end(const struct folder *f, struct stream **at)
{
    drop_files(f, *at);
    free(*at);
    *at = NULL;
}

int stream_abort(struct folder *f, uint64_t number)
{
    struct stream **at = find(number);
    if (at)
        end(f, at);
    return 0;
}

static int name_stream(struct stream *s, struct digest *name)
{
    int rc = s->added == 0 && s->size > 0 ? end_first(s) : 0;
    const uint64_t rest = object_pieces(s->size) - s->added;
    if (rc == 0 && one_is(s->size)) {
        *name = one_name(s->size, s->only);
        one_remember(*name, s->only);
        return 0;
    }
    if (rc == 0 && rest > 0)
        rc = hash_more(s, rest);
    if (rc == 0)
        rc = take_all(s);
    return rc < 0 ? rc : folder_list_name(s->list, s->size, name);
}

/* What is here by this name is what is held; what is damaged there is not. */
static bool is_same(struct folder *f, const struct stream *s)
{
    static uint8_t there[STREAM_HELD_MAX + 1];
    int fd = s->held || s->size == 0 ? folder_get(f, s->name, FOLDER_DATA) : ERR_NOT_FOUND;
    return fd >= 0 && file_get(fd, 0, there, sizeof there) == (int)s->size &&
           (s->size == 0 || memcmp(there, s->held, (size_t)s->size) == 0);
}

static int name_once(struct folder *f, struct stream *s, struct moved_made *answer)
{
    int rc = s->looked < s->found ? ERR_ARGUMENT : 0;
    if (rc == 0 && !s->named)
        rc = name_stream(s, &s->name);
    if (rc < 0)
        return rc;
    s->named = true;
    answer->name = s->name;
    answer->size = s->size;
    answer->there = folder_has(f, s->name, FOLDER_DATA);
#if VELUM_PLANT == 1148 /* unit/test_mover_one: what was here when it got its name is not written */
    if (s->data >= 0 || s->same)
#else
    if (s->data >= 0 || (s->same && answer->there))
#endif
        return 0;
#if VELUM_PLANT == 1149 /* unit/test_mover_one: what is here by this name is taken for the same */
    s->same = answer->there;
#else
    s->same = answer->there && is_same(f, s);
#endif
    return s->same ? 0 : write_held(f, s);
}

void stream_name(struct folder *f, uint64_t number, struct moved_made *answer)
{
    struct stream **at = find(number);
    *answer = (struct moved_made){.rc = at ? (*at)->rc : ERR_NOT_FOUND};
    if (answer->rc == 0)
        answer->rc = name_once(f, *at, answer);
    if (answer->rc < 0)
        (void)stream_abort(f, number);
    else
        send_ahead(*at, STREAM_HELD_MAX);
}

/* It is used, as by whoever reads it (mover_read.c). */
static int leave_in_place(struct folder *f, const struct stream *s)
{
    int fd = folder_get(f, s->name, FOLDER_DATA);
    return fd < 0 ? fd : file_result(futimens(fd, NULL));
}

/* Where its files are and belong, for who puts them there. */
static void fill(struct stream *s, struct place *p)
{
    if (s->same)
        return;
    p->data = s->data;
    file_name(s, "", p->data_move.from);
    folder_name(s->name, FOLDER_DATA, p->data_move.to);
    if (one_is(s->size))
        return;
    p->list = folder_syncs_list(s->size) ? s->list : -1;
    file_name(s, ".list", p->list_move.from);
    folder_name(s->name, FOLDER_LIST, p->list_move.to);
}

void stream_place(uint64_t number, const struct moved_made *made, struct place *p)
{
    p->stream = number;
    p->made = *made;
    p->rc = made->rc;
    if (p->rc == 0) {
        struct stream *s = *find(number);
        send_ahead(s, 1);
        fill(s, p);
    }
}

/* Whoever reads it next finds its file open. */
static int is_placed(struct folder *f, struct stream *s, const struct place *p)
{
    s->list_there &= !p->list_move.done;
    if (p->list_move.done)
        folder_let_go(f, s->name, FOLDER_LIST);
    if (p->data_move.done) {
        s->data_there = false;
        folder_keep(f, s->name, FOLDER_DATA, s->data);
        s->data = -1;
    }
    if (p->rc < 0 && p->data_move.done && !p->made.there)
        (void)folder_remove_all(f, s->name);
    return p->rc == 0 && s->same ? leave_in_place(f, s) : p->rc;
}

void stream_placed(struct folder *f, struct place *p)
{
    struct stream **at = find(p->stream);
    if (at && p->made.rc == 0)
        p->made.rc = is_placed(f, *at, p);
    (void)stream_abort(f, p->stream);
}

bool stream_owns(const char *text, bool *is_open)
{
    static const char head[] = "stream-";
    const size_t n = sizeof head - 1;
    const size_t digits = strncmp(text, head, n) == 0 ? strspn(text + n, "0123456789") : 0;
    const char *rest = text + n + digits;
    if (digits == 0 || digits > 20 || (*rest && strcmp(rest, ".list") != 0))
        return false;
    *is_open = find(strtoull(text + n, NULL, 10)) != NULL;
    return true;
}
