/* Runs the first leaf of kernel pi through the same kernel table as a node does, and sends the
 * partial in its canonical form over the serial line, so that it can be compared with a node's. */
#include <stdint.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/kernel/kernel.h"
#include "firmware/port.h"

#define INTERVALS "100000"

static void send(const char *text)
{
    port_write(text, strlen(text));
}

static void send_hex(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char digits[2] = {"0123456789abcdef"[bytes[i] >> 4], "0123456789abcdef"[bytes[i] & 15]};
        port_write(digits, sizeof digits);
    }
}

void ensure_failed(const char *what, const char *file, int line)
{
    (void)line;
    send("ensure failed: ");
    send(what);
    send(" in ");
    send(file);
    send("\r\n");
    port_reset();
}

/* Kept out of the stack, which is small on a board. */
static struct kernel_plan plan;
static uint8_t partial[VELUM_ACCUMULATOR_MAX];

static void run_first_leaf(const struct velum_kernel *kernel)
{
    static const char *const arguments[] = {INTERVALS};
    char reason[REASON_SIZE];
    uint64_t first;
    uint64_t count;
    ensure(kernel_plan(kernel, 1, arguments, 0, NULL, &plan) == 0);
    kernel_leaf_range(plan.units, plan.leaf_units, 0, &first, &count);
    struct bytes params = {plan.params, plan.params_size};
    int rc = kernel_leaf(kernel, kernel_host_plain(), params, first, count, partial, reason);
    ensure(rc == 0);
}

void firmware_main(void)
{
    const struct velum_kernel *kernel = kernel_find("pi");
    ensure(kernel);
    run_first_leaf(kernel);
    send("pi " INTERVALS " leaf 0 ");
    send_hex(partial, kernel_accumulator_size(kernel));
    send("\r\n");
    for (;;)
        port_idle();
}
