/* What nodes say to each other about objects, and one request for one. */
#include "core/base/err.h"
#include "core/node/object_peer.h"
#include "core/wire/message.h"
#include "core/wire/object_request.h"
#include "tests/golden/golden.h"

#define U(x) ((unsigned long long)(x))

static void say_id(FILE *to, const char *name, const uint8_t bytes[ID_SIZE])
{
    char hex[9];
    id_hex(bytes, 8, hex);
    fprintf(to, " %s=%s", name, hex);
}

static int tell_seek(struct bytes p, FILE *to)
{
    struct job_id owner;
    struct reader names;
    uint16_t count;
    int rc = read_object_seek(p, &owner, &count, &names);
    say_id(to, "owner", owner.bytes);
    for (uint16_t i = 0; rc == 0 && i < count; i++)
        say_id(to, "name", read_digest(&names).bytes);
    return rc;
}

static int tell_owner(struct bytes p, FILE *to)
{
    struct object_owner m;
    int rc = read_object_owner(p, &m);
    say_id(to, "job", m.job.bytes);
    fprintf(to, " word=%u", (unsigned)m.word);
    return rc;
}

static int tell_full(struct bytes p, FILE *to)
{
    uint64_t size = 0;
    int rc = read_object_full(p, &size);
    fprintf(to, " size=%llu", U(size));
    return rc;
}

static int tell_rm(struct bytes p, FILE *to)
{
    struct request_rm m;
    int rc = p.len > 0 ? read_request_rm(p, &m) : 0;
    if (rc < 0 || p.len == 0)
        return rc;
    fprintf(to, " ref=\"%s\" how=%u", m.ref, (unsigned)m.how);
    golden_tell_removal(m.removal, to);
    return 0;
}

static int tell_get(struct bytes p, FILE *to)
{
    struct request_get get;
    int rc = p.len > 0 ? read_request_get(p, &get) : 0;
    if (rc == 0 && p.len > 0)
        fprintf(to, " ref=\"%s\" offset=%llu as_is=%d", get.ref, U(get.offset), get.as_is);
    return rc;
}

bool golden_is_object(uint8_t type)
{
    return (type >= MESSAGE_OBJECT_KEEP && type < MESSAGE_REQUEST_SUBMIT) ||
           type == MESSAGE_REQUEST_GET || type == MESSAGE_REQUEST_RM;
}

int golden_tell_object(uint8_t type, struct bytes p, FILE *to)
{
    struct reader r = reader_of(p);
    struct object_keep keep;
    struct object_have have;
    switch (type) {
    case MESSAGE_OBJECT_KEEP:
        fprintf(to, " count=%u", (unsigned)read_u16(&r));
        keep = read_object_keep(&r);
        say_id(to, "name", keep.name.bytes);
        say_id(to, "owner", keep.owner.bytes);
        fprintf(to, " size=%llu generation=%llu kept=%d", U(keep.size), U(keep.generation),
                keep.kept);
        if (!node_id_is_zero(keep.by))
            say_id(to, "by", keep.by.bytes);
        golden_tell_removal(keep.removal, to);
        break;
    case MESSAGE_OBJECT_HAVE:
        fprintf(to, " count=%u", (unsigned)read_u16(&r));
        have = read_object_have(&r);
        say_id(to, "name", have.name.bytes);
        say_id(to, "owner", have.owner.bytes);
        fprintf(to, " size=%llu whole=%d", U(have.size), have.whole);
        break;
    case MESSAGE_OBJECT_SEEK:
        return tell_seek(p, to);
    case MESSAGE_OBJECT_FULL:
        return tell_full(p, to);
    case MESSAGE_OBJECT_OWNER:
        return tell_owner(p, to);
    case MESSAGE_REQUEST_GET:
        return tell_get(p, to);
    case MESSAGE_REQUEST_RM:
        return tell_rm(p, to);
    default:
        say_id(to, "job", read_job_id(&r).bytes);
        break;
    }
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

void golden_put_get(struct buf *b)
{
    const struct request_get get = {.ref = "0123456789abcdef", .offset = 1000, .as_is = true};
    put_request_get(b, &get);
}
