/* What a TLS connection over loopback carries, with nothing else done to the bytes.
 *
 *   tls MIB   seconds from the handshake's end until the last of so many MiB has arrived; TLS 1.3
 *             with AES-128-GCM, written in slices of 64 KiB, a process at each end */
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/client.h"

#define SLICE 65536u

static uint8_t slice[SLICE];

static SSL_CTX *server_context(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    if (!ctx || !key || !certificate || !X509_set_pubkey(certificate, key) ||
        !X509_gmtime_adj(X509_getm_notBefore(certificate), 0) ||
        !X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) ||
        X509_sign(certificate, key, EVP_sha256()) <= 0 ||
        SSL_CTX_use_certificate(ctx, certificate) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1)
        die("no certificate could be made");
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ctx;
}

static SSL *connection(SSL_CTX *ctx, int fd)
{
    SSL *ssl;
    if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") != 1)
        die("no TLS 1.3 with AES-128-GCM");
    ssl = SSL_new(ctx);
    if (!ssl || SSL_set_fd(ssl, fd) != 1)
        die("no memory for a connection");
    return ssl;
}

static void send_all(int fd, uint64_t bytes)
{
    SSL_CTX *ctx = server_context();
    SSL *ssl = connection(ctx, fd);
    if (SSL_accept(ssl) != 1)
        die("the handshake failed");
    for (uint64_t at = 0; at < bytes; at += SLICE)
        if (SSL_write(ssl, slice, SLICE) != (int)SLICE)
            die("the connection takes no more");
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

static void receive_all(int fd, uint64_t bytes)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = connection(ctx, fd);
    int64_t start;
    if (SSL_connect(ssl) != 1)
        die("the handshake failed");
    start = clock_us();
    for (uint64_t at = 0; at < bytes;) {
        int got = SSL_read(ssl, slice, (int)SLICE);
        if (got <= 0)
            die("the connection ended");
        at += (uint64_t)got;
    }
    printf("%.6f\n", (double)(clock_us() - start) / 1e6);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    uint64_t mib = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd, status;
    if (mib < 1 || mib > 65536)
        die("usage: tls MIB");
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, len) < 0 ||
        listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&at, &len) < 0)
        die("nothing listens");
    if (fork() == 0) {
        fd = accept(listener, NULL, NULL);
        send_all(fd, mib << 20);
        _exit(0);
    }
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, len) < 0)
        die("nothing answers");
    receive_all(fd, mib << 20);
    if (wait(&status) < 0 || status != 0)
        die("the sender failed");
    return 0;
}
