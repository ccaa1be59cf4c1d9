#include <stdio.h>

#include "cmd/invitation.h"
#include "core/base/err.h"
#include "core/host/address.h"
#include "core/host/peers_file.h"

static const struct opt opts[] = {
    {.name = "bind",
     .kind = OPT_TEXT,
     .value = "ADDR",
     .effect = "nodes of this machine listen on ADDR (0.0.0.0)"},
    INVITATION_OPTS,
    {0},
};

static int refuse(const char *message)
{
    talk_error("%s", message);
    talk_try("velum help init");
    return CODE_FAILED;
}

/* A node that listens on loopback goes on with that until it is started again. */
static void say_next(const struct home *h)
{
    uint16_t port;
    uint32_t shut = invite_shut(h, &port);
    if (shut > 0)
        talk_line("%u node%s of this machine (port %u) still listen%s on loopback only: start %s "
                  "again",
                  shut, shut == 1 ? "" : "s", port, shut == 1 ? "s" : "",
                  shut == 1 ? "it" : "them");
    talk_line("here: velum node    on the other machine: velum join, with the string");
}

static int run(const struct call *c)
{
    struct home h;
    struct address bound;
    char message[HOME_MESSAGE_SIZE] = "", text[512] = "";
    const char *bind = opt_text(c->opts, "bind", "0.0.0.0");
    if (address_of(bind, 1, &bound, text) < 0 || address_is_loopback(&bound)) {
        talk_error("--bind %s: %s", bind, text[0] ? text : "that is reached from here only");
        talk_try("--bind 0.0.0.0, or an address of this machine");
        return CODE_MISUSE;
    }
    int rc = invite_open(&h, message);
    if (rc == 0)
        rc = home_open_write(&h, bind, message);
    if (rc < 0)
        return refuse(message[0] ? message : err_sentence(rc));
    int code = invitation_give(c, &h);
    if (code == CODE_DONE)
        say_next(&h);
    return code;
}

const struct cmd cmd_init = {
    .name = "init",
    .args = "",
    .summary = "open this mesh to the network, and print a string to join it by",
    .more = "Nodes of this machine that start from now on listen on all its addresses. They speak\n"
            "mutual TLS with certificates of this mesh only. The string is good for one machine\n"
            "and one hour (velum help token), and is a secret until then.",
    .group = GROUP_MESH,
    .opts = opts,
    .run = run,
};
