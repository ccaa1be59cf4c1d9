#include "core/host/mover_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"

/* Before a place, so that the bytes of a BYTES, which come behind its rc and length, begin at a
 * multiple of 64: where they begin a few bytes behind a page's beginning, as the pages of a file
 * that they are read from do, some processors take more than twice as long to read them. */
#define HEAD 56u
#define APART (MOVE_PLACE_SIZE + 64u)
#define SIZE ((size_t)MOVE_PLACES * APART)
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define ALL_FREE UINT64_MAX

_Static_assert(MOVE_PLACES == 64, "a bit of `free` for each place");

static uint8_t *map(int fd)
{
    void *bytes = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return bytes == MAP_FAILED ? NULL : bytes;
}

void mover_memory_make(struct mover_memory *m)
{
    *m = (struct mover_memory){.fd = memfd_create("velum-mover", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (m->fd < 0)
        return;
    if (ftruncate(m->fd, (off_t)SIZE) == 0 && fcntl(m->fd, F_ADD_SEALS, SEALS) == 0)
        m->bytes = map(m->fd);
    if (m->bytes)
        m->free = ALL_FREE;
    else
        mover_memory_clear(m);
}

void mover_memory_clear(struct mover_memory *m)
{
    if (m->bytes)
        munmap(m->bytes, SIZE);
    if (m->fd >= 0)
        close(m->fd);
    *m = (struct mover_memory){.fd = -1};
}

int mover_memory_lend(struct mover_memory *m)
{
    if (m->free == 0)
        return -1;
    const int place = __builtin_ctzll(m->free);
    m->free &= ~(UINT64_C(1) << place);
    m->touched = true;
    return place;
}

void mover_memory_return(struct mover_memory *m, int place)
{
    if (place >= 0 && m->bytes)
        m->free |= UINT64_C(1) << place;
}

bool mover_memory_is_lent(const struct mover_memory *m)
{
    return m->bytes && m->free != ALL_FREE;
}

uint8_t *mover_memory_place(uint8_t *bytes, uint32_t place)
{
    return bytes + (size_t)place * APART + HEAD;
}

uint8_t *mover_memory_at(const struct mover_memory *m, int place)
{
    return mover_memory_place(m->bytes, (uint32_t)place);
}

void mover_memory_rest(struct mover_memory *m)
{
    if (!m->touched || m->free != ALL_FREE)
        return;
    (void)fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)SIZE);
    m->touched = false;
}

int mover_memory_of(int fd, uint8_t **out)
{
    struct stat st;
    const int seals = fcntl(fd, F_GET_SEALS);
    *out = NULL;
    if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) != 0 || (size_t)st.st_size != SIZE)
        return 0;
    *out = map(fd);
    return *out ? 0 : ERR_NO_MEMORY;
}
