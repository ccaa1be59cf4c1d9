#include "cmd/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/interrupt.h"
#include "cmd/view_object.h"
#include "cmd/view_text.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/loop.h"
#include "core/host/mover_hash.h"
#include "core/object/name.h"
#include "core/wire/message.h"

#define INPUT_WAIT_MS 100
#define LOST_MAX_US (30 * S_US)
#define LOST_NAP_US (100 * MS_US)
#define KEY_BYTES_MIN ((uint64_t)16 << 20) /* less is soon sent again */
#define KEY_AGE_MIN_S 2                    /* a clock may stand still for so long, and less */
#define SILENCE_MAX_US (300 * S_US)        /* of a node whose disk is slow, or that copies a lot */

/* What one step comes to when it is not an exit code. */
#define GO_ON (-1)

struct put {
    struct source *from;
    const struct source_way *way;
    struct put_flow flow;
    struct object_view made;
    bool keyless;  /* the node may be older than keys */
    bool is_there; /* what is to be put: `made` says so, and nothing was sent */
};

static int refuse_file(const char *file, const char *why, const char *hint)
{
    talk_error("%s: %s", file, why);
    talk_try("%s", hint);
    return CODE_FAILED;
}

static struct digest key_of(const struct stat *st)
{
    uint8_t room[64];
    struct buf b;
    if ((uint64_t)st->st_size < KEY_BYTES_MIN || st->st_mtim.tv_sec > time(NULL) - KEY_AGE_MIN_S)
        return (struct digest){{0}};
    buf_init_fixed(&b, room, sizeof room);
    put_u64(&b, (uint64_t)st->st_dev);
    put_u64(&b, (uint64_t)st->st_ino);
    put_u64(&b, (uint64_t)st->st_size);
    put_u64(&b, (uint64_t)st->st_mtim.tv_sec);
    put_u64(&b, (uint64_t)st->st_mtim.tv_nsec);
    put_u64(&b, (uint64_t)st->st_ctim.tv_sec);
    put_u64(&b, (uint64_t)st->st_ctim.tv_nsec);
    return sha256_of(b.data, b.len);
}

int source_open(struct source *s, const char *file)
{
    struct stat st;
    bool from_stdin = strcmp(file, "-") == 0;
    s->what = from_stdin ? "standard input" : file;
    s->fd = from_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0 || fstat(s->fd, &st) < 0)
        return refuse_file(s->what, strerror(errno),
                           errno == ENOENT ? "the name of a file, or - for standard input"
                                           : "a file that you may read");
    if (S_ISDIR(st.st_mode))
        return refuse_file(s->what, "this is a folder, and an object is one run of bytes",
                           "tar c FOLDER | velum put -");
    /* Files of /proc say 0 and have bytes, and so have pipes. */
    off_t at = lseek(s->fd, 0, SEEK_CUR);
    bool known = S_ISREG(st.st_mode) && at >= 0 && st.st_size > at;
    s->whole = known && at == 0;
    char byte;
    s->is_empty = !known && S_ISREG(st.st_mode) && at >= 0 && pread(s->fd, &byte, 1, at) == 0;
    s->size = known ? (uint64_t)(st.st_size - at) : SOURCE_UNKNOWN;
    s->sent = 0;
    s->key = s->whole ? key_of(&st) : (struct digest){{0}};
    return 0;
}

void source_close(struct source *s)
{
    if (s->fd > STDIN_FILENO)
        close(s->fd);
    s->fd = -1;
}

static int begin(struct put *p)
{
    struct request_put ask = {.size = p->from->size, .copies = p->way->copies};
    uint8_t room[64];
    struct buf payload;
    if (!p->keyless)
        ask.key = p->from->key;
    buf_init_fixed(&payload, room, sizeof room);
    put_flow_begin(&p->flow, &ask, &payload);
    return line_send(p->way->line, MESSAGE_REQUEST_PUT, buf_bytes(&payload));
}

/* A pipe may be silent for long, and the node may have something to say meanwhile. */
static bool input_is_ready(const struct put *p)
{
    struct pollfd input = {.fd = p->from->fd, .events = POLLIN};
    return p->from->whole || poll(&input, 1, INPUT_WAIT_MS) > 0;
}

static int interrupted(const struct put *p)
{
    if (p->flow.ended) {
        talk_error("interrupted: the node has all of %s and goes on without this command",
                   p->from->what);
        talk_try("velum objects");
    } else if (p->flow.sent > 0 && !p->keyless && !digest_is_zero(p->from->key)) {
        talk_error("interrupted: the node keeps what it has of %s for ten minutes", p->from->what);
        talk_try("%s", p->way->again);
    } else {
        talk_error("interrupted: nothing of %s was put", p->from->what);
        talk_try("%s", p->way->again);
    }
    return CODE_INTERRUPTED;
}

static int node_has_ended(const struct put *p)
{
    talk_error("the node ended before %s was put", p->from->what);
    talk_try("velum nodes, then %s", p->way->again);
    return CODE_NO_NODE;
}

static int begin_again(struct put *p)
{
    transfer_unskip(p->way->progress, p->flow.there);
    p->flow.there = 0;
    return lseek(p->from->fd, 0, SEEK_SET) == 0 ? begin(p) : ERR_IO;
}

/* Another node gets it from its first byte. */
static int find_another(struct put *p)
{
    const struct instant since = loop_clock();
    const struct timespec nap = {.tv_nsec = LOST_NAP_US * 1000};
    talk_line("the node is gone; asking another");
    while (instant_since_us(loop_clock(), since) < LOST_MAX_US && !interrupt_came()) {
        if (line_reopen(p->way->line) == 0 && begin_again(p) == 0)
            return GO_ON;
        nanosleep(&nap, NULL);
    }
    return interrupt_came() ? interrupted(p) : node_has_ended(p);
}

/* It may be older than keys: asked without one, it says what is wrong if that is something else. */
static bool ask_keyless(struct put *p, int rc)
{
    if (rc != LINE_REFUSED || line_refusal(p->way->line) != CODE_FAILED || !p->flow.may_be_there)
        return false;
    p->keyless = true;
    return begin(p) == 0;
}

static void see(void *ctx, const struct object_view *v)
{
    const uint8_t wanted = OBJECT_KEPT | OBJECT_WHOLE | OBJECT_OF_USER;
    struct put *p = ctx;
    if ((v->flags & wanted) == wanted && v->size == p->from->size) {
        p->made = *v;
        p->is_there = true;
    }
}

/* A node that has no room for the bytes once more may keep them already. */
static bool is_there(struct put *p, int rc)
{
    char ref[ID_HEX_SIZE];
    struct digest name;
    if (rc != LINE_REFUSED || line_refusal(p->way->line) != CODE_FAILED || !p->from->whole ||
        source_name(p->from, &name) < 0)
        return false;
    const struct reply_error why = line_refused(p->way->line);
    id_hex(name.bytes, 2 * ID_SIZE, ref);
    (void)objects_each(p->way->line, false, ref, see, p);
    line_refused_again(p->way->line, &why);
    if (p->is_there)
        talk_line("%s was there already", p->from->what);
    return p->is_there;
}

/* What a code of the line, or an answer that makes no sense, comes to. */
static int give_up(struct put *p, int rc)
{
    transfer_pause(p->way->progress);
    if (ask_keyless(p, rc))
        return GO_ON;
    if (is_there(p, rc))
        return CODE_DONE;
    if (rc == ERR_CANCELLED)
        return interrupt_came() ? interrupted(p) : GO_ON;
    if (rc == ERR_CLOSED)
        return p->way->patient && p->from->whole ? find_another(p) : node_has_ended(p);
    if (rc == ERR_TIMEOUT) {
        talk_error("%s: the node gave no answer for %d s", p->from->what,
                   (int)(SILENCE_MAX_US / S_US));
        talk_try(LINE_SILENT_HINT);
        return CODE_NO_NODE;
    }
    return line_report_about(p->way->line, p->from->what, rc);
}

/* Somebody writes to the file while it is read: what the node would make of it is no file that
 * ever was. */
static int changed(struct put *p)
{
    transfer_pause(p->way->progress);
    return refuse_file(p->from->what, "its size changed while it was read; nothing was put",
                       "again when nobody writes to it, or with a copy of it");
}

static int send_bytes(struct put *p)
{
    uint8_t bytes[OBJECT_DATA_MAX];
    ssize_t n = read(p->from->fd, bytes, put_flow_room(&p->flow));
    if (n < 0 && errno == EINTR)
        return GO_ON;
    if (n < 0) {
        transfer_pause(p->way->progress);
        return refuse_file(p->from->what, strerror(errno), "a file that can be read");
    }
    if (!put_flow_fits(&p->flow, (size_t)n))
        return changed(p);
    int rc = line_send_on(p->way->line, MESSAGE_REQUEST_DATA, (struct bytes){bytes, (size_t)n});
    if (rc < 0)
        return give_up(p, rc);
    put_flow_sent(&p->flow, (size_t)n);
    return GO_ON;
}

/* What came of the same file before, and was broken off, is not sent again. */
static int go_behind(struct put *p)
{
    const uint64_t there = p->flow.there;
    char has[VIEW_NUMBER_SIZE], size[VIEW_NUMBER_SIZE];
    if (lseek(p->from->fd, (off_t)there, SEEK_SET) < 0)
        return give_up(p, ERR_IO);
    transfer_pause(p->way->progress);
    transfer_skip(p->way->progress, there);
    view_bytes(there, has);
    view_bytes(p->from->size, size);
    talk_line("%s: %s of %s were there already", p->from->what, has, size);
    return GO_ON;
}

static int take_credit(struct put *p, struct bytes payload)
{
    const bool first = p->flow.may_be_there;
    int rc = put_flow_credit(&p->flow, payload);
    if (rc < 0)
        return give_up(p, rc);
    return first && p->flow.there > 0 ? go_behind(p) : GO_ON;
}

static int listen_until(struct put *p, struct instant until, bool *silent)
{
    struct frame frame;
    int rc = line_next(p->way->line, until, &frame);
    *silent = rc == 0;
    if (rc == 0)
        return GO_ON;
    if (rc == 1 && frame.type == MESSAGE_REPLY_CREDIT)
        return take_credit(p, frame.payload);
    else if (rc == 1 && frame.type == MESSAGE_REPLY_OBJECT && p->flow.ended)
        return read_object_view(frame.payload, &p->made) < 0 ? give_up(p, ERR_FORMAT) : CODE_DONE;
    else if (rc == 1)
        rc = ERR_FORMAT;
    return rc < 0 ? give_up(p, rc) : GO_ON;
}

static int wait_for_node(struct put *p)
{
    bool silent;
    int code = listen_until(p, instant_plus_us(loop_clock(), SILENCE_MAX_US), &silent);
    return silent ? give_up(p, ERR_TIMEOUT) : code;
}

static int step(struct put *p)
{
    bool silent;
    transfer_update(p->way->progress, p->way->before + p->flow.sent, loop_clock());
    if (interrupt_came())
        return give_up(p, ERR_CANCELLED);
    if (put_flow_room(&p->flow) == 0)
        return wait_for_node(p);
    if (input_is_ready(p))
        return send_bytes(p);
    return listen_until(p, instant_plus_us(loop_clock(), MS_US), &silent);
}

/* Ends the walk when the user does not want to wait. */
static int add_piece(void *ctx, uint64_t piece, int rc, struct digest digest)
{
    struct object_sum *sum = ctx;
    (void)piece;
    if (rc == 0)
        object_sum_piece(sum, digest);
    return rc == 0 && interrupt_came() ? ERR_CANCELLED : rc;
}

static uint64_t every_piece(void *ctx, uint64_t piece)
{
    (void)ctx;
    return piece;
}

int source_name(const struct source *s, struct digest *name)
{
    struct object_sum sum;
    const struct hash_walk walk = {
        .ctx = &sum, .fd = s->fd, .size = s->size, .next = every_piece, .each = add_piece};
    object_sum_begin(&sum, s->size);
    int rc = hash_open();
    if (rc == 0)
        rc = hash_pieces(&walk, 0);
    if (rc == 0 && !object_sum_end(&sum, name))
        rc = ERR_DAMAGED;
    return rc;
}

int source_put(struct source *s, const struct source_way *way, struct object_view *made)
{
    struct put p = {.from = s, .way = way};
    int rc = begin(&p);
    int code = rc < 0 ? give_up(&p, rc) : GO_ON;
    while (code == GO_ON)
        code = step(&p);
    s->sent = p.flow.sent;
    *made = p.made;
    return code;
}
