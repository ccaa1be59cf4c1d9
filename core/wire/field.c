#include "core/wire/field.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"

void read_safe_text(struct reader *r, bool one_line, char *to, size_t cap)
{
    to[0] = '\0';
    size_t n = read_u16(r);
    if (n >= cap)
        r->failed = true;
    struct bytes v = read_view(r, n);
    if (v.len == 0)
        return;
    if (memchr(v.data, 0, v.len)) {
        r->failed = true;
        return;
    }
    text_sanitise((const char *)v.data, v.len, one_line, to, cap);
}

bool read_flag(struct reader *r)
{
    return read_choice(r, 0, 1) == 1;
}

void put_flag(struct buf *b, bool v)
{
    put_u8(b, v ? 1 : 0);
}

uint8_t read_choice(struct reader *r, uint8_t least, uint8_t most)
{
    uint8_t v = read_u8(r);
    if (v >= least && v <= most)
        return v;
    r->failed = true;
    return least;
}

int reader_result(const struct reader *r)
{
    return reader_done(r) ? 0 : ERR_FORMAT;
}
