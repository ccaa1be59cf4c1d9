/* Where a home finds its mesh again, where it listens, and an address as people write it. */
#include "core/host/address.h"
#include "core/host/peers_file.h"
#include "tests/fuzz/targets/in_file.h"

static void take(void *ctx, const char *addr)
{
    struct address a, again;
    char text[ADDR_SIZE];
    (void)ctx;
    REQUIRE(strlen(addr) < JOIN_ADDR_SIZE);
    for (const char *at = addr; *at; at++)
        CHECK(*at > ' ' && *at <= '~');
    if (address_parse(addr, &a) < 0)
        return;
    address_text(&a, text);
    CHECK_INT(address_parse(text, &again), 0);
    CHECK(address_port(&again) == address_port(&a));
    CHECK(address_is_loopback(&again) == address_is_loopback(&a));
}

void target_one(struct bytes in)
{
    static const struct home here = {"."};
    char open[OPEN_ADDR_SIZE];
    in_file("peers", in);
    peers_file_read(&here, take, NULL);
    in_file("open", in);
    if (home_open_address(&here, open) == 0)
        CHECK(open[0] != '\0' && memchr(open, '\n', strlen(open)) == NULL);
}

bool target_seed(size_t i, struct buf *out)
{
    static const char *const texts[] = {
        "10.0.0.1:8001\n[2001:db8::1]:8002\nlocalhost:1\nname.example:65535\n",
        "0.0.0.0\n",
        "::\n",
        "[::1]:0\n1.2.3:4\n:8001\n[fe80::1%lo]:8001\n1.2.3.4:99999\n",
    };
    return in_texts(texts, sizeof texts / sizeof *texts, i, out);
}
