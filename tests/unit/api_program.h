/* The program that test_api and test_api_node are: its kernels, and its ways of being started. */
#ifndef VELUM_TESTS_API_PROGRAM_H
#define VELUM_TESTS_API_PROGRAM_H

#include <errno.h>
#include <fcntl.h>

#include "core/host/role.h"
#include "plugins/velum_kernel.h"
#include "tests/unit/api_node.h"

#define PI_ONE_BILLION "3.14159265358979"

/* --- kernels of this program's own --- */

struct total {
    uint64_t sum;
};

static const struct velum_field fields[] = {VELUM_FIELD(struct total, sum, VELUM_U64, 1)};

static inline int squares_plan(const struct velum_host *host, int argc, const char *const *argv,
                               struct velum_plan *out)
{
    if (argc != 1 || host->parse_u64(argv[0], 1000000, &out->units) < 0 || out->units == 0)
        return velum_refuse(out, "N must be a whole number from 1 to 1000000");
    out->leaf_units = 4096;
    return 0;
}

static inline int squares_leaf(const struct velum_host *host, struct velum_call *call,
                               void *accumulator)
{
    struct total *t = accumulator;
    (void)host;
    for (uint64_t i = call->first; i < call->first + call->count; i++)
        t->sum += i * i;
    return 0;
}

static inline void squares_merge(const struct velum_host *host, const struct velum_call *call,
                                 void *left, const void *right)
{
    (void)host;
    (void)call;
    ((struct total *)left)->sum += ((const struct total *)right)->sum;
}

static inline int squares_show(const struct velum_host *host, const struct velum_call *call,
                               const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_u64(text, cap, ((const struct total *)accumulator)->sum);
}

static inline int grumpy_leaf(const struct velum_host *host, struct velum_call *call,
                              void *accumulator)
{
    (void)host;
    (void)accumulator;
    return velum_fail(call, "not on a Monday");
}

static inline int crash_leaf(const struct velum_host *host, struct velum_call *call,
                             void *accumulator)
{
    (void)host;
    (void)call;
    (void)accumulator;
    abort();
}

/* A leaf is a unit and takes 20 ms, on whatever machine. */
static inline int naps_plan(const struct velum_host *host, int argc, const char *const *argv,
                            struct velum_plan *out)
{
    int rc = squares_plan(host, argc, argv, out);
    out->leaf_units = 1;
    return rc;
}

static inline int naps_leaf(const struct velum_host *host, struct velum_call *call,
                            void *accumulator)
{
    host->nap(host, call->count * 20000);
    ((struct total *)accumulator)->sum = call->count;
    return 0;
}

/* N, and what it reads: three times the first input and once the others. */
static inline int adds_plan(const struct velum_host *host, int argc, const char *const *argv,
                            struct velum_plan *out)
{
    uint64_t n = 0;
    if (argc != 1 || host->parse_u64(argv[0], UINT64_MAX, &n) < 0)
        return velum_refuse(out, "N must be a whole number");
    memcpy(out->params, &n, sizeof n);
    out->params_size = sizeof n;
    out->units = out->leaf_units = 1;
    return 0;
}

static inline int adds_leaf(const struct velum_host *host, struct velum_call *call,
                            void *accumulator)
{
    struct total *t = accumulator;
    memcpy(&t->sum, call->params, sizeof t->sum);
    for (uint32_t i = 0; i < host->inputs(host); i++) {
        uint64_t size, value = 0;
        const uint8_t *bytes = host->input(host, i, &size);
        if (!bytes || size != sizeof value)
            return velum_fail(call, "an input is no number");
        memcpy(&value, bytes, sizeof value);
        t->sum += i == 0 ? 3 * value : value;
    }
    return 0;
}

#define OWN(kernel_name, kernel_plan, kernel_leaf)                                                 \
    {                                                                                              \
        VELUM_KERNEL_HEAD, .name = (kernel_name), .usage = "N", .summary = "of this test",         \
                           .limits = "N to 1000000", .accumulator_size = sizeof(struct total),     \
                           .fields_count = 1, .fields = fields, .plan = (kernel_plan),             \
                           .leaf = (kernel_leaf), .merge = squares_merge, .show = squares_show     \
    }

static const struct velum_kernel squares = OWN("squares", squares_plan, squares_leaf);
static const struct velum_kernel grumpy = OWN("grumpy", squares_plan, grumpy_leaf);
static const struct velum_kernel crash = OWN("crash", squares_plan, crash_leaf);
static const struct velum_kernel adds = OWN("adds", adds_plan, adds_leaf);
static const struct velum_kernel naps = OWN("naps", naps_plan, naps_leaf);

static inline int register_all(void)
{
    int rc = velum_register(&squares);
    if (rc == 0)
        rc = velum_register(&grumpy);
    if (rc == 0)
        rc = velum_register(&crash);
    if (rc == 0)
        rc = velum_register(&adds);
    return rc == 0 ? velum_register(&naps) : rc;
}

/* --- helpers --- */

static inline struct velum *open_at(enum velum_where where, const char *addr)
{
    struct velum *v;
    struct velum_options o = {.where = where, .addr = addr, .slots = 2};
    int rc = velum_init(&v, &o);
    if (rc != VELUM_DONE)
        printf("# velum_init: %s\n", velum_sentence(v, rc));
    REQUIRE(rc == VELUM_DONE);
    return v;
}

static inline bool says(struct velum *v, int code, const char *part)
{
    const char *sentence = velum_sentence(v, code);
    bool held = strstr(sentence, part) != NULL;
    if (!held)
        printf("# it says: %s\n", sentence);
    return held;
}

static inline int code_of(struct velum *v, int operation)
{
    struct velum_state s;
    return velum_look(v, operation, &s) == VELUM_DONE ? s.code : 1;
}

static inline int open_files(void)
{
    int count = 0;
    for (int fd = 0; fd < 512; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static inline bool has_children(void)
{
    return waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD;
}

static struct velum *to_wake;

static inline void wake_it(int number)
{
    (void)number;
    velum_wake(to_wake);
}

/* In a child: this program as a node that serves until it is told to end. */
static inline int serve_main(const char *port)
{
    struct velum_options o = {
        .where = VELUM_AS_NODE, .port = (uint16_t)atoi(port), .slots = 1, .name = "serving"};
    struct sigaction action = {.sa_handler = wake_it};
    if (velum_init(&to_wake, &o) < 0)
        return 1;
    sigaction(SIGTERM, &action, NULL);
    int rc = velum_serve(to_wake, -1);
    velum_shutdown(to_wake);
    return rc == VELUM_INTERRUPTED ? 0 : 1;
}

/* Is a node or a process of the library's own, or runs the tests. */
static inline int api_main(const struct check_test *tests, size_t count, int argc, char **argv)
{
    struct velum *v;
    struct velum_options inside = {.where = VELUM_INSIDE, .slots = 1};
    const enum role role = role_of_arguments(argc, argv);
    api_program = argv[0];
    if (argc == 3 && strcmp(argv[1], "__node") == 0)
        return api_node_main(argv[2]);
    /* A worker of such a node has no variable; one of the library has, and ends in velum_init. */
    if (register_all() < 0)
        return 1;
    if (role != ROLE_NONE && !getenv("VELUM_PROCESS"))
        return role_serve(role);
    if (argc == 3 && strcmp(argv[1], "__serve") == 0)
        return serve_main(argv[2]);
    if (velum_init(&v, &inside) < 0)
        return 1;
    velum_shutdown(v);
    return check_main(tests, count, argc, argv);
}

#endif
