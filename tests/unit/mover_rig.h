/* A mover with its node's end, for tests: orders are given one after the other or many at once, and
 * their answers are kept. The test's own program is the mover. Header only. */
#ifndef VELUM_TESTS_MOVER_RIG_H
#define VELUM_TESTS_MOVER_RIG_H

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/memory.h"
#include "core/host/mover_crew.h"
#include "core/host/mover_process.h"
#include "core/object/name.h"
#include "core/wire/message.h"
#include "core/wire/move.h"
#include "tests/lib/check.h"

#define RIG_ANSWERS_MAX 8192

struct rig_answer {
    uint8_t type;
    uint32_t request;
    struct buf payload;
};

static struct {
    struct loop *loop;
    struct mover_crew *mover;
    int executable;
    char folder[256];
    uint32_t request; /* of the last order */
    struct rig_answer answers[RIG_ANSWERS_MAX];
    uint32_t count, taken;
    uint32_t renewed;
    uint32_t found; /* of the last scan */
    struct moved_left left[4];
    uint32_t left_count; /* of the last scan, too */
    char last_log[256];
    int64_t patience_us;                             /* 0: as a node's */
    void (*hears)(void *ctx, const struct frame *f); /* instead of being kept */
} rig;

static inline void rig_on_answer(void *ctx, const struct frame *f)
{
    if (rig.hears) {
        rig.hears(ctx, f);
        return;
    }
    struct rig_answer *a = &rig.answers[rig.count++ % RIG_ANSWERS_MAX];
    buf_clear(&a->payload);
    buf_init(&a->payload, &host_memory, FRAME_PAYLOAD_MAX);
    put_raw(&a->payload, f->payload.data, f->payload.len);
    a->type = f->type;
    a->request = f->request;
}

static inline void rig_on_renewed(void *ctx)
{
    (void)ctx;
    rig.renewed++;
}

static inline void rig_on_log(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    (void)level;
    snprintf(rig.last_log, sizeof rig.last_log, "%s", text);
}

static const struct log_sink rig_log = {rig_on_log, NULL, LOG_INFO};

static inline int64_t rig_patience_us(void)
{
    return rig.patience_us > 0 ? rig.patience_us : MOVER_PATIENCE_US;
}

static inline void rig_close(void)
{
    mover_crew_close(rig.mover);
    loop_free(rig.loop);
    close(rig.executable);
    rig.mover = NULL;
}

static inline void rig_open_in(const char *folder)
{
    const struct mover_crew_events events = {NULL, rig_on_answer, rig_on_renewed};
    if (rig.mover)
        rig_close(); /* of a test that ended in its middle; its mover would be taken for ours */
    if (folder != rig.folder)
        snprintf(rig.folder, sizeof rig.folder, "%s", folder);
    rig.count = rig.taken = rig.renewed = 0;
    rig.executable = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    REQUIRE(rig.executable >= 0);
    REQUIRE(loop_new(&rig.loop) == 0);
    REQUIRE(mover_crew_open(&rig.mover, rig.loop, rig.executable, folder, false, rig_patience_us(),
                            &rig_log, &events) == 0);
}

/* Each test has a folder of its own. */
static inline void rig_open(void)
{
    static int number;
    char folder[64];
    snprintf(folder, sizeof folder, "objects-%d", ++number);
    rig_open_in(folder);
}

static inline void rig_again(void)
{
    rig_close();
    rig_open_in(rig.folder);
}

/* As the node's loop does. */
static inline void rig_round(struct instant until)
{
    mover_crew_flush(rig.mover);
    loop_once(rig.loop, until);
}

/* Runs the loop until the expression holds, at most 20 s. */
#define RIG_AWAIT(x)                                                                               \
    do {                                                                                           \
        struct instant await_end = instant_plus_us(loop_clock(), 20 * S_US);                       \
        while (!(x) && instant_before(loop_clock(), await_end))                                    \
            rig_round(instant_plus_us(loop_clock(), 100 * MS_US));                                 \
        REQUIRE(x);                                                                                \
    } while (0)

static inline void rig_give(uint8_t type, struct buf *payload)
{
    REQUIRE(buf_result(payload) == 0);
    REQUIRE(mover_crew_order(rig.mover, type, ++rig.request, buf_bytes(payload)) == 0);
    buf_clear(payload);
}

/* The next answer, whoever asked. */
static inline struct rig_answer *rig_take(void)
{
    RIG_AWAIT(rig.taken < rig.count);
    return &rig.answers[rig.taken++ % RIG_ANSWERS_MAX];
}

static inline struct rig_answer *rig_ask(uint8_t type, struct buf *payload)
{
    rig_give(type, payload);
    struct rig_answer *a = rig_take();
    CHECK_INT(a->request, rig.request);
    return a;
}

static inline struct buf rig_payload(void)
{
    struct buf b;
    buf_init(&b, &host_memory, FRAME_PAYLOAD_MAX);
    return b;
}

static inline int rig_rc(const struct rig_answer *a)
{
    int rc = 99;
    CHECK_INT(a->type, MESSAGE_MOVED_DONE);
    REQUIRE(read_moved_done(buf_bytes(&a->payload), &rc) == 0);
    return rc;
}

static inline uint8_t *rig_bytes(size_t n, uint32_t seed)
{
    uint8_t *data = malloc(n + 1);
    uint32_t x = seed * 2654435761u + 1;
    for (size_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        data[i] = (uint8_t)(x >> 24);
    }
    return data;
}

static inline void rig_path(struct digest name, const char *ending, char to[512])
{
    char hex[ID_HEX_SIZE];
    id_hex(name.bytes, 64, hex);
    snprintf(to, 512, "%s/%s%s", rig.folder, hex, ending);
}

/* Changes one byte of a file of the folder. */
static inline void rig_spoil(struct digest name, const char *ending, uint64_t at)
{
    char path[512];
    uint8_t byte = 0;
    rig_path(name, ending, path);
    int fd = open(path, O_RDWR);
    REQUIRE(fd >= 0 && pread(fd, &byte, 1, (off_t)at) == 1);
    byte ^= 0x40;
    CHECK(pwrite(fd, &byte, 1, (off_t)at) == 1 && fsync(fd) == 0);
    close(fd);
}

static inline bool rig_has(struct digest name, const char *ending)
{
    char path[512];
    struct stat st;
    rig_path(name, ending, path);
    return stat(path, &st) == 0;
}

static inline int rig_files(void)
{
    int count = 0;
    DIR *dir = opendir(rig.folder);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        count += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return count;
}

#endif
