#include "core/host/worker_host.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/host/bcrypt.h"
#include "core/host/worker_input.h"
#include "core/host/worker_pipe.h"
#include "core/kernel/kernel.h"

#define MEMORY_ALIGN ((size_t)64)
#define LOG_LINE_MAX 1024

static struct velum_host table;
static struct {
    uint8_t *data;
    size_t size, used;
} scratch;

uint64_t worker_host_cpu(void)
{
    uint64_t cpu = 0;
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    /* These ask the system as well whether it saves the registers. */
    if (__builtin_cpu_supports("avx2"))
        cpu |= VELUM_CPU_AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        cpu |= VELUM_CPU_AVX512;
#endif
    return cpu;
}

static void host_log(const struct velum_host *host, const char *text)
{
    char line[LOG_LINE_MAX + 1];
    (void)host;
    size_t len = text_sanitise(text, strnlen(text, LOG_LINE_MAX), true, line, LOG_LINE_MAX);
    line[len++] = '\n';
    (void)!write(2, line, len);
}

static void host_nap(const struct velum_host *host, uint64_t us)
{
    (void)host;
    pipe_nap(us);
}

static void *host_memory(const struct velum_host *host, size_t size)
{
    (void)host;
    if (size > scratch.size - scratch.used)
        return NULL;
    void *p = scratch.data + scratch.used;
    size_t step = (size + MEMORY_ALIGN - 1) / MEMORY_ALIGN * MEMORY_ALIGN;
    size_t left = scratch.size - scratch.used;
    scratch.used += step < left ? step : left;
    return p;
}

static uint32_t host_inputs(const struct velum_host *host)
{
    (void)host;
    return worker_input_count();
}

static const uint8_t *host_input(const struct velum_host *host, uint32_t index, uint64_t *size)
{
    (void)host;
    return worker_input_at(index, size);
}

static struct sha256 *listener;
static bool only_listens;

void worker_host_listen(struct sha256 *to, bool only)
{
    listener = to;
    only_listens = only;
}

static int host_emit(const struct velum_host *host, const void *bytes, size_t size)
{
    if (listener)
        sha256_add(listener, bytes, size);
    if (only_listens)
        return 0;
    return collect_emit(host->ctx, bytes, size);
}

static int host_bcrypt(const struct velum_host *host, const void *bytes, size_t size,
                       const char *setting, char text[61])
{
    (void)host;
    return bcrypt_text(bytes, size, setting, text);
}

int worker_host_init(const struct velum_kernel *k, struct collect *c)
{
    ensure(!table.size && k->memory <= VELUM_MEMORY_MAX);
    table = *kernel_host_plain();
    table.cpu = worker_host_cpu();
    table.log = host_log;
    table.nap = host_nap;
    table.memory = host_memory;
    table.inputs = host_inputs;
    table.input = host_input;
    table.bcrypt = host_bcrypt;
    if (k->reduce == VELUM_COLLECT) {
        table.ctx = c;
        table.emit = host_emit;
    }
    if (k->memory == 0)
        return 0;
    scratch.size = (k->memory + MEMORY_ALIGN - 1) / MEMORY_ALIGN * MEMORY_ALIGN;
    scratch.data = aligned_alloc(MEMORY_ALIGN, scratch.size);
    return scratch.data ? 0 : ERR_NO_MEMORY;
}

const struct velum_host *worker_host_fresh(void)
{
    scratch.used = 0;
    return &table;
}
