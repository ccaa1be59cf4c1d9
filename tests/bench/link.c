/* What a link between two nodes costs, and beside it what TLS alone does with the same
 * certificates, cipher and bytes, over the loopback.
 *
 *   link handshakes N PAIRS   handshakes of both sides per second of processor time
 *   link bulk MIB PAIRS       MiB a second in frames of 64 KiB from one process to another
 *   link trips N PAIRS        microseconds of the median round trip of 64 bytes between two
 *
 * Each prints so many lines: links, TLS alone. The two take turns, and in beginning, so that what
 * else the machine does comes to both. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/host/certificate.h"
#include "core/host/linkset.h"
#include "core/wire/message.h"
#include "tests/bench/client.h"

#define SMALL 64

static struct identity *node;
static uint8_t load[FRAME_PAYLOAD_MAX];

/* --- one end that is a link --- */

struct end {
    struct loop *loop;
    struct linkset *links;
    struct linkset *others; /* that live in the same loop, or NULL */
    uint64_t link;
    uint32_t ups, downs;
    uint64_t frames, bytes;
    bool echoes;
};

static void on_up(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer)
{
    struct end *e = ctx;
    (void)dial;
    (void)peer;
    e->link = link;
    e->ups++;
}

static void on_frame(void *ctx, uint64_t link, const struct frame *frame)
{
    struct end *e = ctx;
    e->frames++;
    e->bytes += frame->payload.len;
    if (e->echoes)
        linkset_send(e->links, link, frame->type, 0, frame->payload);
}

static void on_down(void *ctx, uint64_t link, enum party party, enum link_end how, int fault,
                    uint8_t version)
{
    struct end *e = ctx;
    (void)link, (void)party, (void)how, (void)fault, (void)version;
    e->downs++;
}

static void on_dial_failed(void *ctx, uint32_t dial, enum dial_end how, int fault)
{
    (void)ctx, (void)dial, (void)how;
    die("a link could not be made: %d", fault);
}

static void end_open(struct end *e, struct loop *loop)
{
    const struct linkset_events events = {e, on_up, on_frame, on_down, on_dial_failed, NULL};
    *e = (struct end){.loop = loop};
    if ((!loop && loop_new(&e->loop) < 0) ||
        linkset_new(&e->links, e->loop, node, node, &events) < 0)
        die("no links");
}

static void one_round(struct end *e, bool waits)
{
    linkset_flush(e->links);
    if (e->others)
        linkset_flush(e->others);
    loop_once(e->loop, instant_plus_us(loop_clock(), waits ? S_US : 0));
    linkset_flush(e->links);
    if (e->others)
        linkset_flush(e->others);
}

/* --- sockets --- */

static int listener(struct sockaddr_in *at)
{
    socklen_t len = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (struct sockaddr *)at, len) < 0 || listen(fd, 16) < 0 ||
        getsockname(fd, (struct sockaddr *)at, &len) < 0)
        die("nothing listens");
    return fd;
}

static int accepted(int listening, int flags)
{
    int on = 1, fd = accept4(listening, NULL, NULL, flags);
    if (fd < 0)
        die("nobody came");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static int connected(const struct sockaddr_in *at)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)at, sizeof *at) < 0)
        die("nobody answers");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void dial(struct end *e, const struct sockaddr_in *at)
{
    char addr[64];
    snprintf(addr, sizeof addr, "127.0.0.1:%u", ntohs(at->sin_port));
    if (linkset_dial(e->links, 1, addr, NULL, false) < 0)
        die("nothing is dialled");
}

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- one end that is TLS alone --- */

static SSL_CTX *context(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") != 1 ||
        SSL_CTX_set1_groups_list(ctx, "X25519") != 1 || SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
        SSL_CTX_use_certificate(ctx, identity_leaf(node)) != 1 ||
        SSL_CTX_use_PrivateKey(ctx, identity_key(node)) != 1 ||
        SSL_CTX_add1_chain_cert(ctx, identity_issuer(node)) != 1 ||
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), identity_root(node)) != 1)
        die("no TLS");
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return ctx;
}

static SSL *bare(SSL_CTX *ctx, int fd, bool server)
{
    SSL *ssl = SSL_new(ctx);
    if (!ssl || SSL_set_fd(ssl, fd) != 1)
        die("no memory for a connection");
    if (server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return ssl;
}

static void read_all(SSL *ssl, size_t len)
{
    static uint8_t room[FRAME_PAYLOAD_MAX];
    for (size_t at = 0; at < len;) {
        int n = SSL_read(ssl, room, (int)(len - at));
        if (n <= 0)
            die("the connection ended");
        at += (size_t)n;
    }
}

static void write_all(SSL *ssl, size_t len)
{
    if (SSL_write(ssl, load, (int)len) != (int)len)
        die("the connection takes no more");
}

/* --- handshakes: both ends in one process, so that its time is that of both --- */

static double links_shake(int count)
{
    struct end server, client;
    struct sockaddr_in at;
    int listening = listener(&at);
    end_open(&server, NULL);
    end_open(&client, server.loop);
    server.others = client.links;
    const double began = cpu_s();
    for (uint32_t i = 1; i <= (uint32_t)count; i++) {
        dial(&client, &at);
        if (linkset_accept(server.links, accepted(listening, SOCK_NONBLOCK | SOCK_CLOEXEC), true) <
            0)
            die("nobody is accepted");
        while (server.ups < i || client.ups < i)
            one_round(&server, true);
        linkset_close(client.links, client.link);
        while (server.downs < i || linkset_count(client.links) > 0)
            one_round(&server, true);
    }
    const double took = cpu_s() - began;
    close(listening);
    linkset_free(client.links);
    linkset_free(server.links);
    loop_free(server.loop);
    return count / took;
}

static void shake_bare(SSL *client, SSL *server)
{
    int a = 0, b = 0;
    while (a != 1 || b != 1) {
        a = SSL_do_handshake(client);
        b = SSL_do_handshake(server);
    }
}

static double bare_shake(int count)
{
    struct sockaddr_in at;
    SSL_CTX *ctx = context();
    char byte;
    int listening = listener(&at);
    const double began = cpu_s();
    for (int i = 0; i < count; i++) {
        int from = connected(&at), to = accepted(listening, SOCK_CLOEXEC);
        fcntl(from, F_SETFL, O_NONBLOCK);
        fcntl(to, F_SETFL, O_NONBLOCK);
        SSL *client = bare(ctx, from, false), *server = bare(ctx, to, true);
        shake_bare(client, server);
        SSL_shutdown(client);
        (void)SSL_read(server, &byte, 1);
        SSL_shutdown(server);
        SSL_free(client);
        SSL_free(server);
        close(from);
        close(to);
    }
    const double took = cpu_s() - began;
    close(listening);
    SSL_CTX_free(ctx);
    return count / took;
}

/* --- bytes and round trips: a process at each end --- */

static pid_t begin_child(void)
{
    pid_t pid = fork();
    if (pid < 0)
        die("no process");
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

/* The other end: sends so many frames when the link is up, or sends back what comes. */
static void serve_links(int listening, uint64_t frames)
{
    struct end e;
    end_open(&e, NULL);
    e.echoes = frames == 0;
    if (linkset_accept(e.links, accepted(listening, SOCK_NONBLOCK | SOCK_CLOEXEC), true) < 0)
        die("nobody is accepted");
    while (e.ups == 0)
        one_round(&e, true);
    for (uint64_t sent = 0; e.downs == 0;) {
        const bool full = linkset_have_unsent(e.links);
        for (int i = 0; !full && i < 8 && sent < frames; i++, sent++)
            linkset_send(e.links, e.link, MESSAGE_BULK_BYTES, 0, (struct bytes){load, sizeof load});
        one_round(&e, full || sent == frames);
    }
    _exit(0);
}

static void dial_links(struct end *e, uint64_t frames)
{
    struct sockaddr_in at;
    int listening = listener(&at);
    if (begin_child() == 0)
        serve_links(listening, frames);
    close(listening);
    end_open(e, NULL);
    dial(e, &at);
    while (e->ups == 0)
        one_round(e, true);
}

static void wait_for(struct end *e)
{
    one_round(e, true);
    if (e->downs > 0)
        die("the link ended");
}

static double links_bulk(uint64_t mib)
{
    struct end e;
    dial_links(&e, mib * 16);
    const int64_t began = clock_us();
    while (e.bytes < mib << 20)
        wait_for(&e);
    const double took_s = (double)(clock_us() - began) / 1e6;
    linkset_free(e.links);
    loop_free(e.loop);
    return (double)mib / took_s;
}

static SSL *dial_bare(SSL_CTX *ctx, uint64_t slices)
{
    struct sockaddr_in at;
    int listening = listener(&at);
    if (begin_child() == 0) {
        SSL *server = bare(ctx, accepted(listening, SOCK_CLOEXEC), true);
        for (uint64_t i = 0; i < slices; i++)
            write_all(server, sizeof load);
        while (slices == 0 && SSL_read(server, load, SMALL) == SMALL)
            write_all(server, SMALL);
        _exit(0);
    }
    close(listening);
    SSL *ssl = bare(ctx, connected(&at), false);
    if (SSL_do_handshake(ssl) != 1)
        die("the handshake failed");
    return ssl;
}

static void hang_up(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);
    SSL_free(ssl);
    close(fd);
}

static double bare_bulk(uint64_t mib)
{
    SSL_CTX *ctx = context();
    SSL *ssl = dial_bare(ctx, mib * 16);
    const int64_t began = clock_us();
    for (uint64_t i = 0; i < mib * 16; i++)
        read_all(ssl, sizeof load);
    const double took_s = (double)(clock_us() - began) / 1e6;
    hang_up(ssl);
    SSL_CTX_free(ctx);
    return (double)mib / took_s;
}

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double median(int64_t *ns, int count)
{
    qsort(ns, (size_t)count, sizeof *ns, compare);
    return (double)ns[count / 2] / 1000;
}

static int64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double links_trips(int64_t *ns, int count)
{
    struct end e;
    dial_links(&e, 0);
    for (int i = 0; i < count; i++) {
        const int64_t began = clock_ns();
        linkset_send(e.links, e.link, MESSAGE_PING, 0,
                     (struct bytes){load, SMALL - FRAME_HEADER_SIZE});
        while (e.frames <= (uint64_t)i)
            wait_for(&e);
        ns[i] = clock_ns() - began;
    }
    linkset_free(e.links);
    loop_free(e.loop);
    return median(ns, count);
}

static double bare_trips(int64_t *ns, int count)
{
    SSL_CTX *ctx = context();
    SSL *ssl = dial_bare(ctx, 0);
    for (int i = 0; i < count; i++) {
        const int64_t began = clock_ns();
        write_all(ssl, SMALL);
        read_all(ssl, SMALL);
        ns[i] = clock_ns() - began;
    }
    hang_up(ssl);
    SSL_CTX_free(ctx);
    return median(ns, count);
}

static double links_one(const char *kind, int n, int64_t *ns)
{
    if (strcmp(kind, "handshakes") == 0)
        return links_shake(n);
    return strcmp(kind, "bulk") == 0 ? links_bulk((uint64_t)n) : links_trips(ns, n);
}

static double bare_one(const char *kind, int n, int64_t *ns)
{
    if (strcmp(kind, "handshakes") == 0)
        return bare_shake(n);
    return strcmp(kind, "bulk") == 0 ? bare_bulk((uint64_t)n) : bare_trips(ns, n);
}

static void pair(const char *kind, int n, int64_t *ns, bool links_first)
{
    double links = 0, bare;
    if (links_first)
        links = links_one(kind, n, ns);
    bare = bare_one(kind, n, ns);
    if (!links_first)
        links = links_one(kind, n, ns);
    printf("%.2f %.2f\n", links, bare);
}

int main(int argc, char **argv)
{
    const int n = argc == 4 ? atoi(argv[2]) : 0, pairs = argc == 4 ? atoi(argv[3]) : 0;
    if (n < 1 || pairs < 1)
        die("usage: link handshakes|bulk|trips N PAIRS");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    int64_t *ns = calloc((size_t)n, sizeof *ns);
    if (!ns || identity_fleeting(&node) < 0)
        die("no memory, or no identity");
    for (int i = 0; i < pairs; i++)
        pair(argv[1], n, ns, i % 2 == 0);
    free(ns);
    identity_free(node);
    return 0;
}
