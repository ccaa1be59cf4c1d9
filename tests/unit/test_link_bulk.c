/* A link over which large frames go: how they are cut into records, and how much of them the system
 * takes ahead. */
#include "core/host/linkset.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/host/connection.h"
#include "core/host/listen.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"

#define RECORD_MAX 16384
#define RECORD_OVERHEAD 22 /* header, type and seal of one (RFC 8446, section 5.2) */

struct side {
    struct linkset *links;
    uint64_t link;
    uint32_t frames, downs;
};

static struct identity *node;
static struct loop *loop;
static struct side here, there; /* who dials, and who is called */
static uint8_t load[FRAME_PAYLOAD_MAX];

static void on_up(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer)
{
    struct side *s = ctx;
    (void)dial, (void)peer;
    s->link = link;
}

static void on_frame(void *ctx, uint64_t link, const struct frame *frame)
{
    struct side *s = ctx;
    (void)link;
    s->frames += frame->payload.len == sizeof load;
}

static void on_down(void *ctx, uint64_t link, enum party party, enum link_end how, int fault,
                    uint8_t version)
{
    struct side *s = ctx;
    (void)link, (void)party, (void)how, (void)fault, (void)version;
    s->downs++;
}

static void on_dial_failed(void *ctx, uint32_t dial, enum dial_end how, int fault)
{
    (void)ctx, (void)dial, (void)how, (void)fault;
}

static void flush(void)
{
    linkset_flush(here.links);
    linkset_flush(there.links);
}

/* Until it is so, 20 s at most. */
#define RUN_UNTIL(condition)                                                                       \
    do {                                                                                           \
        const struct instant run_end = instant_plus_us(loop_clock(), 20 * S_US);                   \
        while (!(condition) && !instant_reached(loop_clock(), run_end)) {                          \
            flush();                                                                               \
            loop_once(loop, instant_plus_us(loop_clock(), 100 * MS_US));                           \
        }                                                                                          \
        REQUIRE(condition);                                                                        \
    } while (0)

static void side_open(struct side *s)
{
    const struct linkset_events events = {
        .ctx = s, .up = on_up, .frame = on_frame, .down = on_down, .dial_failed = on_dial_failed};
    *s = (struct side){.link = 0};
    REQUIRE(linkset_new(&s->links, loop, node, node, &events) == 0);
}

static void connect_both(void)
{
    struct address at = {.len = sizeof(struct sockaddr_in)};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&at.storage;
    char message[512] = "", addr[ADDR_SIZE];
    socklen_t len = sizeof at.storage;
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listening = listen_tcp(&at, message), fd;
    REQUIRE(listening >= 0 && getsockname(listening, (struct sockaddr *)&at.storage, &len) == 0);
    address_text(&at, addr);
    REQUIRE(linkset_dial(here.links, 1, addr, NULL, true) == 0);
    fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    REQUIRE(fd >= 0 && linkset_accept(there.links, fd, true) == 0);
    close(listening);
    RUN_UNTIL(here.link != 0 && there.link != 0);
}

static void begin(void)
{
    signal(SIGPIPE, SIG_IGN);
    REQUIRE(identity_fleeting(&node) == 0 && loop_new(&loop) == 0);
    side_open(&here);
    side_open(&there);
    connect_both();
}

static void end(void)
{
    CHECK_INT(here.downs + there.downs, 0);
    linkset_free(here.links);
    linkset_free(there.links);
    loop_free(loop);
    identity_free(node);
}

static int fd_of(const struct side *s)
{
    return s->links->slots[s->link & (SLOTS - 1)]->stream.fd;
}

static void send_frames(struct side *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        linkset_send(from->links, from->link, MESSAGE_BULK_BYTES, 0,
                     (struct bytes){load, sizeof load});
}

static uint64_t sent_by(const struct side *s)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    REQUIRE(getsockopt(fd_of(s), IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
    return info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
}

/* Each record costs a call and a seal, and so does one that carries a few bytes. */
TEST(test_large_frames_go_in_full_records)
{
    enum { ROUNDS = 8, OF_ROUND = 8, FRAMES = ROUNDS * OF_ROUND };
    const uint64_t bytes = FRAMES * ((uint64_t)FRAME_HEADER_SIZE + sizeof load);
    begin();
    const uint64_t before = sent_by(&there);
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        send_frames(&there, OF_ROUND);
        RUN_UNTIL(here.frames == i * OF_ROUND);
    }
    const uint64_t records = (sent_by(&there) - before - bytes) / RECORD_OVERHEAD;
    CHECK(records >= bytes / RECORD_MAX);
    CHECK(records <= bytes / RECORD_MAX + ROUNDS);
    end();
}

static void check_unsent(struct side *from, struct side *to)
{
    enum { FRAMES = 48 };
    int unsent = 0;
    send_frames(from, FRAMES); /* and nobody reads */
    CHECK(ioctl(fd_of(from), SIOCOUTQNSD, &unsent) == 0);
    CHECK(unsent <= LINK_UNSENT_MAX + RECORD_MAX + RECORD_OVERHEAD);
    CHECK(linkset_have_unsent(from->links));
    RUN_UNTIL(to->frames == FRAMES);
}

/* The rest waits in the queue of the link, whose length is known and bounded. */
TEST(test_the_system_takes_little_of_what_nobody_reads)
{
    begin();
    check_unsent(&here, &there);
    check_unsent(&there, &here);
    end();
}

TEST_MAIN(test_large_frames_go_in_full_records, test_the_system_takes_little_of_what_nobody_reads)
