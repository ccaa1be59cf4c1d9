/* Where this user listens, in the words of the system and on this machine. */
#include "core/host/listening.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/check.h"

#define NOBODY6 " 00000000000000000000000000000000:0000"
#define REST                                                                                       \
    " 00000000:00000000 00:00000000 00000000  1000        0 53975488 1 0000000097a72f0b 100"

static void check_line(const char *line, const char *address, unsigned user)
{
    struct address at;
    char text[ADDR_SIZE];
    unsigned found = 0;
    if (!CHECK(listening_read(line, &at, &found)))
        return;
    address_text(&at, text);
    CHECK_STR(text, address);
    CHECK_INT(found, user);
}

TEST(test_lines_of_the_system_are_read)
{
    check_line("   0: 0100007F:1F41 00000000:0000 0A" REST, "127.0.0.1:8001", 1000);
    check_line("  12: 00000000:0016 00000000:0000 0A" REST, "0.0.0.0:22", 1000);
    check_line("   1: 00000000000000000000000001000000:1F41" NOBODY6 " 0A" REST, "[::1]:8001",
               1000);
    check_line("   2: 00000000000000000000000000000000:1F41" NOBODY6 " 0A" REST, "[::]:8001", 1000);
}

TEST(test_what_does_not_listen_is_passed_over)
{
    struct address at;
    unsigned user;
    CHECK(!listening_read("   0: 0100007F:1F41 0100007F:9C40 01" REST, &at, &user));
    CHECK(!listening_read("  sl  local_address rem_address   st tx_queue rx_queue tr", &at, &user));
    CHECK(!listening_read("", &at, &user));
    CHECK(!listening_read("   0: 0100007F:1F41 00000000:0000 0A", &at, &user));
    CHECK(!listening_read("   0: 0100007F00:1F41 00000000:0000 0A" REST, &at, &user));
    CHECK(!listening_read("   0: 010000:1F41 00000000:0000 0A" REST, &at, &user));
}

struct heard {
    unsigned count;
    bool loopback;
};

static void hear(void *ctx, const struct address *at)
{
    struct heard *h = ctx;
    h->count++;
    h->loopback = address_is_loopback(at);
}

TEST(test_an_own_socket_is_found_while_it_listens)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct heard heard = {0};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    CHECK_INT(listening_on(ntohs(at.sin_port), hear, &heard), 0);
    REQUIRE(listen(fd, 1) == 0);
    CHECK_INT(listening_on(ntohs(at.sin_port), hear, &heard), 1);
    CHECK_INT(heard.count, 1);
    CHECK(heard.loopback);
    close(fd);
    CHECK_INT(listening_on(ntohs(at.sin_port), hear, &heard), 0);
}

TEST_MAIN(test_lines_of_the_system_are_read, test_what_does_not_listen_is_passed_over,
          test_an_own_socket_is_found_while_it_listens)
