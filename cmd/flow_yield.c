#include "cmd/flow_yield.h"

#include <sys/mman.h>
#include <unistd.h>

#include "cmd/source.h"
#include "core/base/err.h"
#include "core/host/loop.h"
#include "core/wire/output.h"

int flow_yield_bytes(struct line *l, struct bytes bytes, struct stage_input *out)
{
    struct source from = {.what = "what a stage yields", .whole = true, .size = bytes.len};
    struct source_way way = {.line = l, .again = "velum flow --resume again"};
    struct transfer progress;
    struct object_view made;
    transfer_begin(&progress, PROGRESS_NONE, stderr, talk_columns(), bytes.len, 0, loop_clock());
    way.progress = &progress;
    from.fd = memfd_create("velum", MFD_CLOEXEC);
    if (from.fd < 0 || write(from.fd, bytes.data, bytes.len) != (ssize_t)bytes.len ||
        lseek(from.fd, 0, SEEK_SET) != 0) {
        source_close(&from);
        return line_report(l, ERR_SYSTEM);
    }
    if (bytes.len == 0) { /* that it is nothing is said at its end */
        from.size = SOURCE_UNKNOWN;
        from.whole = false;
    }
    int code = source_put(&from, &way, &made);
    source_close(&from);
    *out = (struct stage_input){.name = made.name, .size = made.size};
    return code;
}

static int take_output(struct line *l, const struct output *o, struct stage_input *out)
{
    *out = (struct stage_input){.name = o->name, .size = o->size};
    return o->kind == OUTPUT_OBJECT ? 0 : flow_yield_bytes(l, o->bytes, out);
}

int flow_yield_list(struct line *l, struct bytes list, uint32_t from, uint32_t count,
                    struct stage_input *out)
{
    struct reader in = reader_of(list);
    struct output o;
    int code = 0;
    for (uint32_t i = 0; i < from + count && code == 0; i++) {
        if (read_output(read_block(&in, OUTPUT_VALUE_MAX), &o) < 0)
            return line_report(l, ERR_FORMAT);
        code = i < from ? 0 : take_output(l, &o, &out[i - from]);
    }
    return code;
}
