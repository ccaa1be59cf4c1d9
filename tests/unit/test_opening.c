/* A node's listener that gets another beside it when the home is opened. */
#include "core/host/opening.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/base/err.h"
#include "core/host/peers_file.h"
#include "tests/lib/check.h"
#include "tests/lib/free_port.h"

static struct home home;
static struct loop *loop;
static struct listener *inside;
static struct opening *opening;
static uint16_t port;
static char message[HOME_MESSAGE_SIZE], opened_at[ADDR_SIZE];
static uint32_t came_in, opened_times;

static void came(void *ctx, int fd, const struct address *from)
{
    (void)ctx;
    (void)from;
    came_in++;
    close(fd);
}

static void opened(void *ctx, const struct address *bound)
{
    (void)ctx;
    address_text(bound, opened_at);
    opened_times++;
}

static int listen_here(const char *host)
{
    struct address at;
    char why[512];
    REQUIRE(address_of(host, port, &at, why) == 0);
    return listen_tcp(&at, why);
}

static void begin(void)
{
    char folder[HOME_PATH_SIZE + 8];
    snprintf(home.path, sizeof home.path, "/tmp/velum-opening-XXXXXX");
    REQUIRE(mkdtemp(home.path));
    snprintf(folder, sizeof folder, "%s/nodes", home.path);
    REQUIRE(mkdir(folder, 0700) == 0);
    port = free_port();
    came_in = opened_times = 0;
    opened_at[0] = '\0';
    REQUIRE(loop_new(&loop) == 0);
    REQUIRE(listener_new(&inside, loop, listen_here("127.0.0.1"), came, NULL) == 0);
}

static void begin_opening(bool told)
{
    const struct opening_parts parts = {.loop = loop,
                                        .home = &home,
                                        .port = port,
                                        .told = told,
                                        .inside = inside,
                                        .came = came,
                                        .opened = opened};
    REQUIRE(opening_new(&opening, &parts) == 0);
}

static void end(void)
{
    char command[HOME_PATH_SIZE + 16], why[HOME_MESSAGE_SIZE];
    opening_free(opening);
    CHECK(!home_shut_why(&home, port, why));
    listener_free(inside);
    loop_free(loop);
    snprintf(command, sizeof command, "rm -rf '%s'", home.path);
    CHECK_INT(system(command), 0);
}

static void rounds(void)
{
    while (loop_poll(loop))
        ;
}

static bool reached(const char *host)
{
    struct address at;
    char why[512];
    const uint32_t before = came_in;
    REQUIRE(address_of(host, port, &at, why) == 0);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const bool connected =
        fd >= 0 && connect(fd, (const struct sockaddr *)&at.storage, at.len) == 0;
    rounds();
    close(fd);
    return connected && came_in == before + 1;
}

TEST(the_file_opens_it_and_loopback_stays)
{
    begin();
    begin_opening(false);
    rounds();
    CHECK_INT(opened_times, 0);
    CHECK(reached("127.0.0.1") && !reached("127.0.0.2"));
    REQUIRE(home_open_write(&home, "0.0.0.0", message) == 0);
    rounds();
    CHECK_INT(opened_times, 1);
    CHECK(reached("127.0.0.1") && reached("127.0.0.2"));
    /* Both are this process's alone. */
    CHECK_INT(listen_here("127.0.0.1"), ERR_BUSY);
    CHECK_INT(listen_here("0.0.0.0"), ERR_BUSY);
    REQUIRE(home_open_write(&home, "127.0.0.3", message) == 0);
    rounds();
    CHECK_INT(opened_times, 1);
    end();
}

TEST(a_file_that_came_just_before_opens_it_too)
{
    begin();
    REQUIRE(home_open_write(&home, "127.0.0.2", message) == 0);
    begin_opening(false);
    CHECK_INT(opened_times, 1);
    CHECK(reached("127.0.0.2"));
    end();
}

TEST(other_files_do_not)
{
    char path[HOME_PATH_SIZE];
    begin();
    begin_opening(false);
    home_file(&home, "opened", path);
    REQUIRE(home_write_file(path, bytes_of_text("0.0.0.0\n"), message) == 0);
    rounds();
    CHECK_INT(opened_times, 0);
    end();
}

TEST(who_was_told_where_to_listen_says_so)
{
    char why[HOME_MESSAGE_SIZE];
    begin();
    begin_opening(true);
    REQUIRE(home_open_write(&home, "127.0.0.2", message) == 0);
    rounds();
    CHECK_INT(opened_times, 0);
    CHECK(home_shut_why(&home, port, why) && strstr(why, "told where"));
    end();
}

TEST(where_somebody_else_listens_it_stays_and_may_be_asked_again)
{
    char why[HOME_MESSAGE_SIZE];
    begin();
    begin_opening(false);
    const int other = listen_here("127.0.0.2");
    REQUIRE(other >= 0 && home_open_write(&home, "0.0.0.0", message) == 0);
    rounds();
    CHECK_INT(opened_times, 0);
    CHECK(home_shut_why(&home, port, why) && strstr(why, "in use"));
    CHECK(reached("127.0.0.1"));
    close(other);
    REQUIRE(home_open_write(&home, "0.0.0.0", message) == 0);
    rounds();
    CHECK_INT(opened_times, 1);
    CHECK(!home_shut_why(&home, port, why));
    end();
}

TEST_MAIN(the_file_opens_it_and_loopback_stays, a_file_that_came_just_before_opens_it_too,
          other_files_do_not, who_was_told_where_to_listen_says_so,
          where_somebody_else_listens_it_stays_and_may_be_asked_again)
