/* emit BYTES_PER_UNIT UNITS [FAILS_AT [NAP_MS]]: a unit a leaf, which naps for so long and yields
 * so many bytes in pieces of many sizes; unit FAILS_AT says no in the middle of them. Byte i of
 * unit u is EMIT_BYTE(u, i). */
#include "tests/plugins/emit.h"
#include "plugins/velum_kernel.h"

#define BYTES_MAX 1099511627776ull
#define PIECE_MAX 70000u

static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    uint64_t bytes, fails_at = UINT64_MAX, nap_ms = 0;
    if (argc < 2 || argc > 4 || host->parse_u64(argv[0], BYTES_MAX, &bytes) < 0 ||
        host->parse_u64(argv[1], 16384, &out->units) < 0 || !out->units ||
        (argc >= 3 && host->parse_u64(argv[2], 16383, &fails_at) < 0) ||
        (argc == 4 && host->parse_u64(argv[3], 60000, &nap_ms) < 0))
        return velum_refuse(out, "emit takes BYTES_PER_UNIT up to 2^40, UNITS from 1 to 16384, and "
                                 "perhaps a unit that fails and milliseconds up to 60000");
    out->leaf_units = 1;
    velum_put_u64(out, bytes);
    velum_put_u64(out, fails_at);
    velum_put_u64(out, nap_ms);
    return 0;
}

/* In runs of 512, within which each byte is 7 more than the one before: who measures how fast bytes
 * travel does not want to wait for this. */
static void fill(uint8_t *to, uint64_t unit, uint64_t at, uint32_t size)
{
    for (uint32_t done = 0, run; done < size; done += run) {
        const uint32_t left = 512 - (uint32_t)((at + done) % 512);
        uint8_t byte = EMIT_BYTE(unit, at + done);
        run = left < size - done ? left : size - done;
        for (uint32_t i = 0; i < run; i++, byte += 7)
            to[done + i] = byte;
    }
}

static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    const uint64_t bytes = velum_param_u64(call, 0);
    const bool fails = call->first == velum_param_u64(call, 1);
    uint8_t *piece = host->memory(host, PIECE_MAX);
    uint64_t at = 0;
    if (accumulator || !piece || call->count != 1)
        return velum_fail(call, "a collect has no accumulator, and a leaf of emit one unit");
    host->nap(host, 1000 * velum_param_u64(call, 2));
    for (uint32_t size = 1; at < bytes; size = size * 3 % PIECE_MAX + 1) {
        const uint64_t left = fails ? bytes / 2 - at : bytes - at;
        const uint32_t now = left < size ? (uint32_t)left : size;
        if (now == 0)
            break;
        fill(piece, call->first, at, now);
        if (host->emit(host, piece, now) < 0)
            return velum_fail(call, "there is no room for the output");
        at += now;
    }
    return fails ? velum_fail(call, "this unit is one that emit was told to refuse") : 0;
}

VELUM_KERNEL(emit) = {
    VELUM_KERNEL_HEAD,
    .name = "emit",
    .usage = "BYTES_PER_UNIT UNITS [FAILS_AT [NAP_MS]]",
    .summary = "many bytes of each unit",
    .limits = "at most 2^40 bytes and 16384 units",
    .memory = PIECE_MAX,
    .reduce = VELUM_COLLECT,
    .plan = plan,
    .leaf = leaf,
};
