#include "core/host/worker_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"

#define PAGE 4096u

static struct {
    const uint8_t *bytes;
    uint64_t size;
    bool given;       /* by the node, else a file */
    uint8_t *to_fill; /* what is still to be given goes here */
} inputs[STAGE_INPUTS_MAX];
static uint32_t inputs_count, inputs_missing;

/* What an empty input points to: nothing of it is ever read. */
static const _Alignas(PAGE) uint8_t nothing[PAGE];

/* What is mapped from files is not memory of ours, but counts as addresses. */
static int seal_addresses(uint64_t mapped)
{
    struct rlimit now;
    if (getrlimit(RLIMIT_AS, &now) != 0)
        return ERR_SYSTEM;
    if (now.rlim_cur == RLIM_INFINITY)
        return 0;
    now.rlim_cur += mapped;
    if (now.rlim_cur > now.rlim_max)
        now.rlim_cur = now.rlim_max;
    now.rlim_max = now.rlim_cur;
    return setrlimit(RLIMIT_AS, &now) == 0 ? 0 : ERR_SYSTEM;
}

static int refuse(const struct stage_input *in, const char *what, char reason[REASON_SIZE])
{
    char digits[9];
    id_hex(in->name.bytes, 8, digits);
    snprintf(reason, REASON_SIZE, "the input %s %s", digits, what);
    return ERR_NOT_FOUND;
}

static int map_file(const struct stage_input *in, int fd, char reason[REASON_SIZE])
{
    struct stat s;
    void *bytes = (void *)(uintptr_t)nothing;
    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode))
        return refuse(in, "is not a file that can be read", reason);
#if VELUM_PLANT != 433 /* unit/test_worker_output: a file that is cut short is mapped */
    if ((uint64_t)s.st_size < in->size)
#else
    if (s.st_size == 0 && in->size > 0)
#endif
        return refuse(in, "is shorter on this node than its reference says", reason);
    if (in->size > 0)
        bytes = mmap(NULL, (size_t)in->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return refuse(in, "does not fit into a worker's addresses", reason);
    inputs[inputs_count].bytes = bytes;
    inputs[inputs_count++].size = in->size;
    return 0;
}

/* The node gives it later. */
static int map_given(const struct stage_input *in, char reason[REASON_SIZE])
{
    void *bytes = (void *)(uintptr_t)nothing;
    if (in->size > ACCUMULATOR_SIZE_MAX)
        return refuse(in, "is too large to be given by the node", reason);
    if (in->size > 0)
        bytes = mmap(NULL, (size_t)in->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0);
    if (bytes == MAP_FAILED)
        return refuse(in, "does not fit into a worker's addresses", reason);
    inputs[inputs_count].bytes = bytes;
    inputs[inputs_count].to_fill = bytes;
    inputs[inputs_count].given = true;
    inputs[inputs_count++].size = in->size;
    inputs_missing++;
    return 0;
}

static int map_input(const char *folder, const struct stage_input *in, char reason[REASON_SIZE])
{
    char path[PATH_SIZE_MAX + 66], name[65];
    id_hex(in->name.bytes, 64, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return refuse(in, errno == ENOENT ? "is not on this node" : "cannot be opened", reason);
    int rc = map_file(in, fd, reason);
    close(fd);
    return rc;
}

int worker_input_open(const struct order_load *m, char reason[REASON_SIZE])
{
    uint64_t mapped = 0;
    int rc = 0;
    for (uint16_t i = 0; i < m->inputs_count; i++)
        mapped += (stage_input_at(m->inputs, i).size + PAGE - 1) / PAGE * PAGE;
    if (seal_addresses(mapped) < 0) {
        text_copy(reason, REASON_SIZE, "the worker's limits cannot be set");
        return ERR_SYSTEM;
    }
    for (uint16_t i = 0; i < m->inputs_count && rc == 0; i++) {
        const struct stage_input in = stage_input_at(m->inputs, i);
        rc = stage_input_is_given(m->inputs, i) ? map_given(&in, reason)
                                                : map_input(m->folder, &in, reason);
    }
    return rc;
}

int worker_input_again(const struct order_load *m, char reason[REASON_SIZE])
{
    int rc = 0;
    for (uint32_t i = 0; i < inputs_count; i++)
        if (!inputs[i].given)
            return ERR_ARGUMENT;
    for (uint16_t i = 0; i < m->inputs_count; i++)
        if (!stage_input_is_given(m->inputs, i))
            return ERR_ARGUMENT;
    for (uint32_t i = 0; i < inputs_count; i++)
        if (inputs[i].size > 0)
            munmap((void *)(uintptr_t)inputs[i].bytes, (size_t)inputs[i].size);
    inputs_count = inputs_missing = 0;
    for (uint16_t i = 0; i < m->inputs_count && rc == 0; i++) {
        const struct stage_input in = stage_input_at(m->inputs, i);
        rc = map_given(&in, reason);
    }
    return rc;
}

int worker_input_given(const struct order_input *in)
{
    if (in->index >= inputs_count || inputs[in->index].to_fill == NULL ||
        inputs[in->index].size != in->bytes.len)
        return ERR_FORMAT;
    uint8_t *to = inputs[in->index].to_fill;
    inputs[in->index].to_fill = NULL;
    inputs_missing--;
    if (in->bytes.len == 0)
        return 0;
    memcpy(to, in->bytes.data, in->bytes.len);
    return mprotect(to, in->bytes.len, PROT_READ) == 0 ? 0 : ERR_SYSTEM;
}

bool worker_input_complete(void)
{
    return inputs_missing == 0;
}

void worker_input_none(void)
{
    (void)seal_addresses(0);
}

uint32_t worker_input_count(void)
{
    return inputs_count;
}

const uint8_t *worker_input_at(uint32_t index, uint64_t *size)
{
    *size = index < inputs_count ? inputs[index].size : 0;
    return index < inputs_count ? inputs[index].bytes : NULL;
}
