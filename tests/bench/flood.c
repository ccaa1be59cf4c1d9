/* Who has no certificate and means harm: a process for each kind of it, all at one node.
 *
 *   flood PORT SECONDS KIND...
 *
 *   idle     10,000 connections that never speak, or as many as there may be descriptors
 *   again    a thousand connections a second, each left open
 *   half     64 halves of a ClientHello, begun again when they are closed
 *   drip     the same, a byte a second
 *   noise    bytes that are no TLS
 *   shake    five hundred handshakes a second without a certificate
 *   bomb     handshakes of who wants to join, then a header that announces 64 KiB
 *   guess    the same, with a request whose proof is wrong
 *
 * Says on the way out what each of them did: how many connections it opened. */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/wire/join.h"
#include "core/wire/message.h"
#include "tests/bench/client.h"

#define IDLE 10000
#define HELD 64

static const unsigned char hello[] = {22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3};

static struct sockaddr_in to = {.sin_family = AF_INET};
static int64_t end_us;
static SSL_CTX *ctx;
static int held[IDLE];
static uint32_t opened;

static bool goes_on(void)
{
    return clock_us() < end_us;
}

static void rest(int64_t us)
{
    usleep((useconds_t)us);
}

static int open_one(void)
{
    const struct timeval patience = {.tv_sec = 1};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
        opened++;
        return fd;
    }
    close(fd);
    return -1;
}

static void idle(void)
{
    uint32_t count = 0;
    while (count < IDLE && goes_on())
        count += (held[count] = open_one()) >= 0;
    while (goes_on())
        rest(10000);
}

static void again(void)
{
    for (uint32_t i = 0; goes_on(); i = (i + 1) % IDLE) {
        if (held[i] > 0)
            close(held[i]);
        held[i] = open_one();
        rest(1000);
    }
}

/* Keeps so many open, and sends `step` bytes more of the text to each every `pause`. */
static void keep_sending(const unsigned char *text, size_t len, size_t step, int64_t pause_us)
{
    size_t at[HELD] = {0};
    for (int i = 0; i < HELD; i++)
        held[i] = -1;
    while (goes_on()) {
        for (int i = 0; i < HELD; i++) {
            struct pollfd p = {held[i], POLLRDHUP, 0};
            if (held[i] < 0 || poll(&p, 1, 0) == 1) {
                close(held[i]);
                held[i] = open_one();
                at[i] = 0;
            }
            const size_t n = len - at[i] < step ? len - at[i] : step;
            if (n > 0 && held[i] >= 0 && send(held[i], text + at[i], n, MSG_NOSIGNAL) > 0)
                at[i] += n;
        }
        rest(pause_us);
    }
}

static void half(void)
{
    keep_sending(hello, sizeof hello, sizeof hello, 100000);
}

static void drip(void)
{
    keep_sending(hello, sizeof hello, 1, 1000000);
}

static void noise(void)
{
    static unsigned char bytes[512];
    memset(bytes, 'G', sizeof bytes);
    keep_sending(bytes, sizeof bytes, sizeof bytes, 100000);
}

/* One handshake, then these bytes, until the other side has closed. */
static void talk(const char *word, struct bytes text)
{
    char room[512];
    int fd = open_one();
    SSL *ssl = SSL_new(ctx);
    if (fd >= 0 && ssl != NULL && SSL_set_fd(ssl, fd) == 1) {
        SSL_set_alpn_protos(ssl, (const unsigned char *)word, (unsigned)strlen(word));
        if (SSL_connect(ssl) == 1 && text.len > 0)
            (void)SSL_write(ssl, text.data, (int)text.len);
        if (SSL_is_init_finished(ssl))
            (void)SSL_read(ssl, room, sizeof room);
    }
    SSL_free(ssl);
    if (fd >= 0)
        close(fd);
}

static void shake(void)
{
    while (goes_on()) {
        const int64_t next_us = clock_us() + 2000;
        talk("\7velum/1", (struct bytes){NULL, 0});
        if (clock_us() < next_us)
            rest(next_us - clock_us());
    }
}

static void join(size_t payload, size_t sent)
{
    static uint8_t load[FRAME_PAYLOAD_MAX], room[FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX];
    struct buf b;
    load[0] = 1;
    buf_init_fixed(&b, room, sizeof room);
    frame_put(&b, MESSAGE_JOIN, 0, (struct bytes){load, payload});
    while (goes_on()) {
        talk(JOIN_ALPN, (struct bytes){room, sent});
        rest(5000);
    }
}

static void bomb(void)
{
    join(FRAME_PAYLOAD_MAX, FRAME_HEADER_SIZE);
}

static void guess(void)
{
    join(300, FRAME_HEADER_SIZE + 300);
}

static const struct kind {
    const char *name;
    void (*run)(void);
} kinds[] = {{"idle", idle},   {"again", again}, {"half", half}, {"drip", drip},
             {"noise", noise}, {"shake", shake}, {"bomb", bomb}, {"guess", guess}};

static const struct kind *kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    die("there is no kind %s", name);
}

static void be(const struct kind *kind)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    kind->run();
    printf("%s %u\n", kind->name, opened);
    exit(0);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    if (argc < 4)
        die("usage: flood PORT SECONDS KIND...");
    for (int i = 3; i < argc; i++)
        kind_of(argv[i]);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    to.sin_port = htons((uint16_t)atoi(argv[1]));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    end_us = clock_us() + (int64_t)(atof(argv[2]) * 1e6);
    ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
        die("no TLS 1.3");
    for (int i = 3; i < argc; i++)
        if (fork() == 0)
            be(kind_of(argv[i]));
    while (wait(NULL) > 0)
        continue;
    return 0;
}
