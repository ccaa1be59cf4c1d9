/* source KERNEL FILE RUNS: how long C source that lies at a node takes to its first leaf done, by
 * libtcc in a worker's cage: the file with another last line in each run, so that nothing of it is
 * known. Each run prints milliseconds: from the word to the spawner on, and from LOAD on in a
 * worker that is there, as nodes keep them ready; then how much of this the loading takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/host/machine.h"
#include "core/host/role.h"
#include "core/kernel/kernel.h"
#include "core/object/name.h"
#include "core/wire/message.h"
#include "core/wire/order.h"
#include "tests/bench/caged.h"
#include "tests/bench/client.h"

#define AWAKE_US 3000 /* a worker that said READY goes on to wait for its orders */

struct source {
    const char *kernel;
    char text[SNIPPET_SOURCE_MAX], path[PATH_SIZE_MAX];
    size_t given, len;
};

static void read_file(struct source *s, const char *path)
{
    FILE *f = fopen(path, "r");
    s->given = f ? fread(s->text, 1, sizeof s->text - 64, f) : 0;
    if (s->given == 0 || fclose(f) != 0)
        die("cannot read %s", path);
    snprintf(s->path, sizeof s->path, "%s.new", path);
}

static void write_file(struct source *s, int run)
{
    const int added = snprintf(s->text + s->given, sizeof s->text - s->given, "/* %d %d */\n", run,
                               (int)getpid());
    s->len = s->given + (size_t)added;
    FILE *f = fopen(s->path, "w");
    if (!f || fwrite(s->text, 1, s->len, f) != s->len || fclose(f) != 0)
        die("cannot write %s", s->path);
}

static void order_load(struct caged *c, const struct source *s)
{
    static uint8_t raw[FRAME_PAYLOAD_MAX];
    static struct order_load m = {.origin = ORIGIN_SNIPPET};
    struct buf payload;
    m.source = object_name_of((struct bytes){(const uint8_t *)s->text, s->len});
    snprintf(m.kernel, sizeof m.kernel, "%s", s->kernel);
    snprintf(m.path, sizeof m.path, "%s", s->path);
    buf_init_fixed(&payload, raw, sizeof raw);
    put_order_load(&payload, &m);
    caged_order(c, MESSAGE_ORDER_LOAD, buf_bytes(&payload));
}

static void order_run(struct caged *c)
{
    static uint8_t raw[256];
    const struct order_run m = {
        .run = 1, .end = 1, .units = 1, .leaf_units = 1, .report_us = 20000};
    struct buf payload;
    buf_init_fixed(&payload, raw, sizeof raw);
    put_order_run(&payload, &m);
    caged_order(c, MESSAGE_ORDER_RUN, buf_bytes(&payload));
}

/* As a node does: RUN only when the kernel is there. */
static int64_t first_leaf(struct caged *c, const struct source *s, int64_t start, double *loaded)
{
    static struct worker_loaded answer;
    struct worker_progress p;
    order_load(c, s);
    if (read_worker_loaded(caged_await(c, MESSAGE_WORKER_LOADED), &answer) < 0 || !answer.ok)
        die("not loaded: %s", answer.reason);
    *loaded = (double)(clock_us() - start) / 1000;
    order_run(c);
    if (read_worker_progress(caged_await(c, MESSAGE_WORKER_PROGRESS), &p) < 0 || p.next != 1)
        die("no first leaf");
    return clock_us() - start;
}

static void measure(const struct spawner *s, struct source *source, int run, uint64_t memory)
{
    static struct caged c;
    double loaded;
    write_file(source, 2 * run);
    int64_t start = clock_us();
    caged_start(&c, s, (uint32_t)run * 2 + 1, memory);
    caged_await(&c, MESSAGE_WORKER_READY);
    const int64_t whole = first_leaf(&c, source, start, &loaded);
    caged_end(&c, s);
    write_file(source, 2 * run + 1);
    caged_start(&c, s, (uint32_t)run * 2 + 2, memory);
    caged_await(&c, MESSAGE_WORKER_READY);
    usleep(AWAKE_US);
    start = clock_us();
    const int64_t prepared = first_leaf(&c, source, start, &loaded);
    caged_end(&c, s);
    printf("%.3f %.3f %.3f\n", (double)whole / 1000, (double)prepared / 1000, loaded);
}

int main(int argc, char **argv)
{
    static struct source source;
    const enum role role = role_of_arguments(argc, argv);
    struct spawner s;
    if (role != ROLE_NONE)
        return role_serve(role);
    if (argc != 4 || spawner_new(&s) != 0)
        return 2;
    source.kernel = argv[1];
    read_file(&source, argv[2]);
    const uint64_t apart = machine_tier_lacks() & LACKS_NAMESPACES ? 0 : SPAWNER_APART;
    for (int i = 0; i < atoi(argv[3]); i++)
        measure(&s, &source, i, CAGED_MEMORY_BYTES | apart);
    spawner_close(&s);
    unlink(source.path);
    return 0;
}
