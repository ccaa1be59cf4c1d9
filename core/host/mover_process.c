#include "core/host/mover_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/mover_answer.h"
#include "core/host/mover_cage.h"
#include "core/host/mover_check.h"
#include "core/host/mover_fetch.h"
#include "core/host/mover_hash.h"
#include "core/host/mover_memory.h"
#include "core/host/mover_part.h"
#include "core/host/mover_place.h"
#include "core/host/mover_read.h"
#include "core/host/mover_scan.h"
#include "core/host/mover_stream.h"
#include "core/wire/frame.h"
#include "core/wire/message.h"

#define INPUT 0
#define FOLDER_FD 3
#define MEMORY_FD 4
#define INPUT_SIZE (512u << 10)
#define WAITING_MAX 512u
#define REST_MS 1000 /* so long nothing comes before memory is given back */

static struct folder folder;
static uint8_t *memory;       /* that the node shares with us; NULL: none */
static uint8_t *place;        /* in it, of the order that is obeyed; NULL: it has none */
static uint32_t place_number; /* of that place */

static place_done placed;

static void say(const char *what, const char *why)
{
    const char *const parts[] = {"mover: ", what, why ? ": " : "", why ? why : "", "\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        (void)!write(2, parts[i], strlen(parts[i]));
}

/* Answers that wait for a piece to be hashed, and those behind them: answers come in the order of
 * the orders. Only APPEND and WRITE are obeyed while something waits. */
static struct {
    struct {
        uint32_t request;
        int rc; /* FETCH_LATE: not known yet */
    } list[WAITING_MAX];
    uint32_t first, count, late;
} waiting;

static void say_done(uint32_t request, int rc)
{
    put_moved_done(answer_begin(MESSAGE_MOVED_DONE, request), rc);
    answer_end();
}

static void settle_one(void)
{
    const uint32_t i = waiting.first++ % WAITING_MAX;
    int rc = waiting.list[i].rc;
    waiting.count--;
    if (rc == FETCH_LATE) {
        waiting.late--;
        rc = fetch_settle(&folder);
    }
    say_done(waiting.list[i].request, rc);
}

static void settle(void)
{
    while (waiting.count > 0)
        settle_one();
}

static void done(uint32_t request, int rc)
{
#if VELUM_PLANT == 311 /* unit/test_mover: answers overtake those that wait for a piece */
    if (rc != FETCH_LATE) {
#else
    if (rc != FETCH_LATE && waiting.count == 0) {
#endif
        say_done(request, rc);
        return;
    }
    if (waiting.count == WAITING_MAX)
        settle_one();
    const uint32_t i = (waiting.first + waiting.count++) % WAITING_MAX;
    waiting.list[i].request = request;
    waiting.list[i].rc = rc;
    waiting.late += rc == FETCH_LATE;
}

static void tell_found(void *ctx, const struct moved_found *m)
{
    const uint32_t *request = ctx;
    put_moved_found(answer_begin(MESSAGE_MOVED_FOUND, *request), m);
    answer_end();
}

static void tell_left(void *ctx, const struct moved_left *m)
{
    const uint32_t *request = ctx;
    put_moved_left(answer_begin(MESSAGE_MOVED_LEFT, *request), m);
    answer_end();
}

static bool on_scan(struct frame *f)
{
    const struct scan_ears ears = {&f->request, tell_found, tell_left};
    if (f->payload.len > 0)
        return false;
    done(f->request, scan_folder(&folder, &ears));
    return true;
}

/* What was done before is answered before. */
static void wait_placed(void)
{
    settle();
    answer_flush();
    place_wait(placed);
}

/* The node counts those no more that it has said are finished and lets go of. */
static void make_room(uint64_t stream)
{
#if VELUM_PLANT != 1189 /* unit/test_mover_together: a stream is refused while others are placed */
    if (place_any() && stream_finds_no_room(stream))
        wait_placed();
#endif
}

static bool on_append(struct frame *f)
{
    struct move_stream m;
    if (read_move_append(f->payload, &m) < 0)
        return false;
    make_room(m.stream);
    done(f->request, stream_append(&folder, &m));
    return true;
}

static bool on_keyed(struct frame *f)
{
    struct move_keyed m;
    struct moved_keyed keyed;
    if (read_move_keyed(f->payload, &m) < 0)
        return false;
    make_room(m.stream);
    stream_keyed(&folder, &m, &keyed);
    put_moved_keyed(answer_begin(MESSAGE_MOVED_KEYED, f->request), &keyed);
    answer_end();
    return true;
}

/* It is whole, or nothing is left of it: what was coming of it before is not any more. */
static void come_no_more(struct digest name)
{
    struct part *p = part_find(name);
    if (!p)
        return;
    fetch_forget(name);
    part_forget(p);
    (void)folder_remove(&folder, name, FOLDER_PART);
}

static void say_made(uint32_t request, const struct moved_made *made)
{
    put_moved_made(answer_begin(MESSAGE_MOVED_MADE, request), made);
    answer_end();
}

/* An object is in its place, or will not come there. */
static void placed(struct place *p)
{
    if (p->order == MESSAGE_MOVE_SEAL) {
        say_done(p->request, fetch_sealed(&folder, p));
        return;
    }
    stream_placed(&folder, p);
    if (p->made.rc == 0 || (p->data_move.done && !p->made.there))
        come_no_more(p->made.name);
    say_made(p->request, &p->made);
}

static struct place *begin_place(const struct frame *f)
{
    struct place *p = place_add();
    if (!p)
        wait_placed();
    p = p ? p : place_add();
    p->order = f->type;
    p->request = f->request;
    return p;
}

static bool on_finish(struct frame *f)
{
    uint64_t stream;
    enum move_finish way;
    struct moved_made made;
    if (read_move_finish(f->payload, &stream, &way) < 0)
        return false;
    stream_name(&folder, stream, &made);
    if (way == MOVE_FINISH_NAME) {
        say_made(f->request, &made);
        return true;
    }
#if VELUM_PLANT != 1188 /* unit/test_mover_together: one that fails takes the same with it */
    if (made.rc == 0 && place_has_name(made.name)) {
        wait_placed();
        stream_name(&folder, stream, &made);
    }
#endif
    stream_place(stream, &made, begin_place(f));
    return true;
}

static bool on_abort(struct frame *f)
{
    uint64_t stream;
    if (read_move_stream(f->payload, &stream) < 0)
        return false;
    done(f->request, stream_abort(&folder, stream));
    return true;
}

/* They are read to where they are answered. */
static void put_bytes(struct buf *to, const struct move_part *m,
                      int (*get)(struct folder *from, const struct move_part *m, uint8_t *bytes))
{
    const size_t before = to->len;
    uint8_t *room = put_moved_room(to, m->length);
    const struct moved_bytes refusal = {.rc = room ? get(&folder, m, room) : ERR_TOO_LARGE};
    if (refusal.rc == 0)
        return;
    to->len = before;
    put_moved_bytes(to, &refusal);
}

static bool answer_bytes(struct frame *f,
                         int (*get)(struct folder *to, const struct move_part *m, uint8_t *bytes))
{
    struct move_part m;
    if (read_move_read(f->payload, &m) < 0)
        return false;
    if (!place) {
        put_bytes(answer_begin(MESSAGE_MOVED_BYTES, f->request), &m, get);
    } else {
        struct buf there;
        buf_init_fixed(&there, place, MOVE_PLACE_SIZE);
        put_bytes(&there, &m, get);
        const struct move_at at = {MESSAGE_MOVED_BYTES, place_number, (uint32_t)there.len};
        put_move_at(answer_begin(MESSAGE_MOVED_AT, f->request), &at);
    }
    answer_end();
    return true;
}

static bool on_read(struct frame *f)
{
    return answer_bytes(f, read_object);
}

static bool on_list(struct frame *f)
{
    return answer_bytes(f, read_list);
}

static bool on_learn(struct frame *f)
{
    struct move_part m;
    if (read_move_learn(f->payload, &m) < 0)
        return false;
    done(f->request, fetch_learn(&folder, &m));
    return true;
}

static bool on_write(struct frame *f)
{
    struct move_part m;
    if (read_move_write(f->payload, &m) < 0)
        return false;
    while (waiting.late == FETCH_LATE_MAX || fetch_is_late(&m))
        settle_one();
    done(f->request, fetch_write(&folder, &m));
    return true;
}

static bool on_seal(struct frame *f)
{
    struct digest name;
    if (read_move_name(f->payload, &name) < 0)
        return false;
    fetch_seal(&folder, name, begin_place(f));
    return true;
}

static bool on_check(struct frame *f)
{
    struct move_part m;
    struct moved_checked checked;
    if (read_move_check(f->payload, &m) < 0)
        return false;
    check_object(&folder, &m, &checked);
    put_moved_checked(answer_begin(MESSAGE_MOVED_CHECKED, f->request), &checked);
    answer_end();
    return true;
}

static bool on_drop(struct frame *f)
{
    struct digest name;
    if (read_move_name(f->payload, &name) < 0)
        return false;
    fetch_forget(name);
    part_forget(part_find(name));
    done(f->request, folder_remove_all(&folder, name));
    return true;
}

/* False: the node broke the protocol, which is a fault of ours and not worth surviving. */
static bool obey(struct frame *f)
{
    static const struct {
        uint8_t type;
        bool beside; /* does nothing to what waits */
        bool (*handle)(struct frame *f);
    } handlers[] = {
        {MESSAGE_MOVE_APPEND, true, on_append}, {MESSAGE_MOVE_WRITE, true, on_write},
        {MESSAGE_MOVE_READ, false, on_read},    {MESSAGE_MOVE_LIST, false, on_list},
        {MESSAGE_MOVE_LEARN, false, on_learn},  {MESSAGE_MOVE_FINISH, false, on_finish},
        {MESSAGE_MOVE_SEAL, false, on_seal},    {MESSAGE_MOVE_ABORT, false, on_abort},
        {MESSAGE_MOVE_CHECK, false, on_check},  {MESSAGE_MOVE_DROP, false, on_drop},
        {MESSAGE_MOVE_SCAN, false, on_scan},    {MESSAGE_MOVE_KEYED, false, on_keyed},
    };
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        if (handlers[i].type != f->type)
            continue;
        if (!handlers[i].beside)
            settle();
#if VELUM_PLANT != 1185 /* unit/test_mover_together: an object goes before it is in its place */
        if (place_concerns(f->type, f->payload))
            wait_placed();
#endif
        return handlers[i].handle(f);
    }
    return false;
}

/* What it names lies in the shared memory. */
static bool obey_at(const struct frame *f)
{
    struct move_at at;
    if (f->type != MESSAGE_MOVE_AT || !memory || read_move_at(f->payload, &at) < 0)
        return false;
    place_number = at.place;
    place = mover_memory_place(memory, at.place);
    struct frame inner = {.type = at.type, .request = f->request, .payload = {place, at.length}};
    const bool obeyed = obey(&inner);
    place = NULL;
    return obeyed;
}

static bool comes_within(int ms)
{
    struct pollfd p = {.fd = INPUT, .events = POLLIN};
    return poll(&p, 1, ms) > 0;
}

/* Until orders come, what is in its place meanwhile is answered. */
static void wait_for_orders(void)
{
    struct pollfd p[2] = {{.fd = INPUT, .events = POLLIN}, {.fd = place_fd(), .events = POLLIN}};
    while (place_any()) {
        if (poll(p, 2, -1) < 0)
            continue;
        place_take(placed);
        answer_flush();
        if (p[0].revents)
            return;
    }
    if (stream_may_rest() && !comes_within(REST_MS))
        stream_rest();
}

/* Bytes, or 0 when the orders have ended. */
static size_t receive(uint8_t *to, size_t room)
{
    ssize_t n;
    wait_for_orders();
    do
        n = read(INPUT, to, room);
    while (n < 0 && errno == EINTR);
    return n > 0 ? (size_t)n : 0;
}

static int serve(void)
{
    static uint8_t input[INPUT_SIZE];
    size_t have = 0, got;
    while ((got = receive(input + have, sizeof input - have)) > 0) {
        size_t at = 0;
        have += got;
        for (;;) {
            struct frame f;
            int size = frame_take((struct bytes){input + at, have - at}, &f);
            if (size < 0 || (size > 0 && !obey(&f) && !obey_at(&f))) {
                say("the node sent what is no order", NULL);
                return 2;
            }
            if (size == 0)
                break;
            at += (size_t)size;
        }
        memmove(input, input + at, have - at);
        have -= at;
        if (waiting.count > 0 && !comes_within(0))
            settle();
        place_go();
        place_take(placed);
        answer_flush();
    }
    return 0;
}

/* What a terminal or a service manager says to all of Velum is for the node, which ends us. */
static void settle_signals(void)
{
    static const int others[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXFSZ};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        signal(others[i], SIG_IGN);
}

int mover_main(bool syncs)
{
    settle_signals();
    int rc = mover_memory_of(MEMORY_FD, &memory);
    /* Before another descriptor takes its number. */
    close(MEMORY_FD);
#if VELUM_PLANT != 674 /* unit/test_mover_crew: one without the memory dies at each order */
    if (rc < 0)
        return MOVER_UNMAPPED;
#endif
    rc = folder_open(&folder, FOLDER_FD);
    if (rc < 0) {
        say("the folder of the objects cannot be used", err_sentence(rc));
        return 1;
    }
    if (!syncs)
        folder_never_syncs();
    cage_enter(folder.fd);
    rc = hash_open();
    if (rc < 0) {
        say("no thread to hash with", err_sentence(rc));
        return 1;
    }
    rc = place_open(&folder, syncs);
    if (rc < 0) {
        say("no thread to sync with", err_sentence(rc));
        return 1;
    }
    return serve();
}
