#include "core/host/mover_stream.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/file.h"
#include "core/host/mover_hash.h"
#include "core/object/name.h"

#define JOBS 16    /* pieces that may be hashed behind the bytes */
#define PENDING 64 /* digests that are written to the list at once */
#define AHEAD ((uint64_t)2 << 20)
#define ROOMS 8 /* pieces in memory, of all streams together */

/* Pieces are hashed from memory, where there is room for the two that come next; or else they are
 * read back from the file. */
static struct {
    uint8_t *bytes; /* PIECE_SIZE of them, once they were wanted */
    bool taken;
} rooms[ROOMS];

struct stream {
    uint64_t number;
    int rc; /* after an error: nothing of the stream is left but this */
    int data, list;
    uint64_t size;
    uint8_t *next[2];    /* rooms of the two pieces that come in; NULL: they have none */
    uint64_t on_its_way; /* bytes the disk was asked to take */
    uint64_t added;      /* pieces given to the hashing threads */
    uint64_t taken;      /* pieces whose digest was taken back */
    struct hash_job jobs[JOBS];
    struct digest pending[PENDING]; /* the last of those, not in the list yet */
    uint32_t pending_count;
};

static struct stream *streams[MOVE_STREAMS_MAX];

static struct stream **find(uint64_t number)
{
    for (size_t i = 0; i < MOVE_STREAMS_MAX; i++)
        if (streams[i] && streams[i]->number == number)
            return &streams[i];
    return NULL;
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

/* A mover that has nothing to do is small. */
static void free_rooms(void)
{
    for (size_t i = 0; i < MOVE_STREAMS_MAX; i++)
        if (streams[i])
            return;
    for (size_t i = 0; i < ROOMS; i++) {
        free(rooms[i].bytes);
        rooms[i].bytes = NULL;
    }
}

static void file_name(uint64_t number, const char *ending, char to[FOLDER_NAME_SIZE])
{
    snprintf(to, FOLDER_NAME_SIZE, "stream-%llu%s", (unsigned long long)number, ending);
}

static int make_file(const struct folder *f, uint64_t number, const char *ending)
{
    char text[FOLDER_NAME_SIZE];
    file_name(number, ending, text);
    return file_result(
        openat(f->fd, text, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_CREAT | O_TRUNC, 0600));
}

static int open_files(const struct folder *f, struct stream *s)
{
    s->data = make_file(f, s->number, "");
    if (s->data < 0)
        return s->data;
    s->list = make_file(f, s->number, ".list");
    return s->list < 0 ? s->list : 0;
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
    file_name(s->number, "", text);
    unlinkat(f->fd, text, 0);
    file_name(s->number, ".list", text);
    unlinkat(f->fd, text, 0);
}

static int fail(const struct folder *f, struct stream *s, int rc)
{
    if (rc < 0 && s->rc == 0) {
        s->rc = rc;
        drop_files(f, s);
    }
    return s->rc;
}

static int write_pending(struct stream *s)
{
    const uint64_t before = s->taken - s->pending_count;
    int rc = file_put(s->list, before * ID_SIZE, s->pending, s->pending_count * sizeof *s->pending);
    s->pending_count = 0;
    return rc;
}

static int take_digest(struct stream *s)
{
    struct hash_job *j = &s->jobs[s->taken % JOBS];
    hash_wait(j);
    give_room_back(j->to);
    s->taken++;
    if (j->rc < 0)
        return j->rc;
    s->pending[s->pending_count++] = j->digest;
    return s->pending_count == PENDING ? write_pending(s) : 0;
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

/* So many pieces more, one or two. */
static int hash_more(struct stream *s, uint64_t count)
{
    while (s->added - s->taken > JOBS - count || may_take(s)) {
        int rc = take_digest(s);
        if (rc < 0)
            return rc;
    }
    struct hash_job *first = next_job(s);
    hash_add(first, count > 1 ? next_job(s) : NULL);
    return 0;
}

static void send_ahead(struct stream *s)
{
    if (s->size - s->on_its_way < AHEAD)
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

/* To the end of a piece at most. */
static int add_part(struct stream *s, struct bytes part)
{
    if (s->size == s->added * PIECE_SIZE)
        take_rooms(s);
    uint8_t *room = s->next[s->size / PIECE_SIZE % 2];
    if (room)
        memcpy(room + s->size % PIECE_SIZE, part.data, part.len);
    s->size += part.len;
    return s->size == (s->added + 2) * PIECE_SIZE ? hash_more(s, 2) : 0;
}

static int add_bytes(struct stream *s, struct bytes bytes)
{
    if (s->size + bytes.len > OBJECT_SIZE_MAX)
        return ERR_TOO_LARGE;
    int rc = file_put(s->data, s->size, bytes.data, bytes.len);
    while (rc >= 0 && bytes.len > 0) {
        const size_t left = (size_t)(PIECE_SIZE - s->size % PIECE_SIZE);
        const size_t n = bytes.len < left ? bytes.len : left;
        rc = add_part(s, (struct bytes){bytes.data, n});
        bytes = (struct bytes){bytes.data + n, bytes.len - n};
    }
    if (rc >= 0)
        send_ahead(s);
    return rc;
}

static int begin(struct folder *f, uint64_t number, struct stream **out)
{
    size_t i = 0;
    while (i < MOVE_STREAMS_MAX && streams[i])
        i++;
    if (i == MOVE_STREAMS_MAX)
        return ERR_FULL;
    struct stream *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NO_MEMORY;
    s->number = number;
    s->data = s->list = -1;
    *out = streams[i] = s;
    return fail(f, s, open_files(f, s));
}

int stream_append(struct folder *f, const struct move_stream *m)
{
    struct stream **at = find(m->stream), *s = at ? *at : NULL;
    int rc = s ? s->rc : begin(f, m->stream, &s);
    return rc < 0 ? rc : fail(f, s, add_bytes(s, m->bytes));
}

static void end(const struct folder *f, struct stream **at)
{
    drop_files(f, *at);
    free(*at);
    *at = NULL;
    free_rooms();
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
    const uint64_t rest = object_pieces(s->size) - s->added;
    int rc = rest > 0 ? hash_more(s, rest) : 0;
    while (rc == 0 && s->taken < s->added)
        rc = take_digest(s);
    if (rc == 0)
        rc = write_pending(s);
    return rc < 0 ? rc : folder_list_name(s->list, s->size, name);
}

/* First everything is on the disk, then the list has its name, then the bytes. */
static int put_in_place(struct folder *f, struct stream *s, struct digest name)
{
    char text[FOLDER_NAME_SIZE];
    int rc = folder_sync_file(s->data);
    if (rc == 0)
        rc = folder_sync_file(s->list);
    file_name(s->number, ".list", text);
    if (rc == 0)
        rc = folder_adopt(f, text, name, FOLDER_LIST);
    file_name(s->number, "", text);
    if (rc == 0)
        rc = folder_adopt(f, text, name, FOLDER_DATA);
    if (rc == 0)
        rc = folder_sync(f);
    return rc;
}

void stream_finish(struct folder *f, uint64_t number, struct moved_made *answer)
{
    struct stream **at = find(number);
    *answer = (struct moved_made){.rc = at ? (*at)->rc : ERR_NOT_FOUND};
    if (answer->rc == 0)
        answer->rc = name_stream(*at, &answer->name);
    if (answer->rc == 0) {
        answer->size = (*at)->size;
        answer->there = folder_has(f, answer->name, FOLDER_DATA);
        answer->rc = put_in_place(f, *at, answer->name);
    }
    if (at)
        end(f, at);
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
