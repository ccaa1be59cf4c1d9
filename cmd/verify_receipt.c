#include "cmd/verify_receipt.h"

#include <stdio.h>

#include "cmd/duration.h"
#include "cmd/receipt_look.h"
#include "cmd/verify_revoked.h"
#include "core/base/err.h"
#include "core/host/foreign_file.h"

#define REVOKED_SIZE (NODE_NAME_SIZE + ACT_REASON_SIZE + 160)

bool verify_is_file(const char *word)
{
    uint8_t prefix[ID_SIZE];
    return id_parse_prefix(word, prefix) < 0;
}

/* The mesh that is believed. 0, or an exit code after saying why there is none. */
static int believed(const struct call *c, const char *path, struct digest *mesh)
{
    const char *root = opt_text(c->opts, "root", NULL);
    char message[HOME_MESSAGE_SIZE] = "";
    struct home h;
    if (root) {
        if (id_parse_prefix(root, mesh->bytes) == 64)
            return 0;
        talk_error("--root %.80s: a root is named by 64 hexadecimal digits", root);
        talk_try("velum verify %s --root DIGEST, as `velum ca status` prints it", path);
        return CODE_MISUSE;
    }
    if (home_locate(&h, message) == 0 && identity_home_mesh(&h, mesh, message) == 0)
        return 0;
    talk_error("%s: there is no mesh here whose receipt it could be, so it cannot be judged", path);
    talk_try("velum verify %s --root DIGEST, with the mesh you believe", path);
    return CODE_FAILED;
}

static int refuse(const char *path, const char *why)
{
    talk_error("%s is no receipt to be believed: %s", path, why);
    talk_try("velum receipt JOB -o FILE, at a node that holds the job, writes another");
    return CODE_FAILED;
}

static int refuse_form(const char *path, const struct receipt_look *k, int rc)
{
    char why[160];
    if (rc != ERR_FORMAT)
        return refuse(path, err_sentence(rc));
    snprintf(why, sizeof why, "line %u: %s", k->fault.line, k->fault.what);
    return refuse(path, why);
}

static int refuse_mesh(const char *path, const struct receipt_look *k, const struct digest *mesh)
{
    char its[ID_HEX_SIZE], ours[ID_HEX_SIZE];
    id_hex(k->witness.mesh.bytes, 64, its);
    id_hex(mesh->bytes, 64, ours);
    talk_error("%s is a receipt of mesh %s, and the mesh that is believed here is %s", path, its,
               ours);
    talk_try("velum verify %s --root %s, if you believe that mesh", path, its);
    return CODE_FAILED;
}

static void say_verified(const struct receipt_look *k)
{
    const struct receipt *r = k->receipt;
    printf("verified: %llu leaves", (unsigned long long)(r->leaves - r->nobody - r->missing));
    printf(" by %u node%s, on the word of %s, who signed it\n", r->nodes_count,
           r->nodes_count == 1 ? "" : "s", r->by_name);
}

/* "it was signed by NAME, whose key was revoked on DATE by ID (reason)", and what comes of it. */
static void say_revocation(const struct receipt_look *k, const char *rest, char to[REVOKED_SIZE])
{
    const struct revocation *r = &k->revocation;
    char by[9], when[DURATION_TEXT_SIZE];
    id_hex(r->by.bytes, 8, by);
    duration_iso(r->at_s, when);
    snprintf(to, REVOKED_SIZE, "it was signed by %s, whose key was revoked on %s by %s%s%s%s%s",
             k->receipt->by_name, when, by, r->reason[0] ? " (" : "", r->reason,
             r->reason[0] ? ")" : "", rest);
}

/* When it was written is the signer's own word. By that it may be older than the revocation, and
 * such a signature stays good; what is not older by its own word is not. */
static int judge_revoked(const struct call *c, const char *path, struct receipt_look *k)
{
    char why[REVOKED_SIZE];
    verify_revoked(c, k);
    if (k->revocation.is && k->receipt->written_s >= k->revocation.at_s) {
        k->why = "the key that signed it was revoked before it was written";
        say_revocation(k, "; by its own word it is no older", why);
        return refuse(path, why);
    }
    return CODE_DONE;
}

static void warn_of_revoked(const struct receipt_look *k)
{
    char warning[REVOKED_SIZE];
    if (!k->revocation.is)
        return;
    say_revocation(k, "; that it was written before is its word alone", warning);
    fflush(stdout);
    talk_line("warning: %s", warning);
}

static int judge(const struct call *c, const char *path, struct receipt_look *k)
{
    struct digest mesh;
    int code = receipt_look_judge(k) < 0 ? refuse(path, k->why) : CODE_DONE;
    if (code == CODE_DONE)
        code = believed(c, path, &mesh);
    if (code == CODE_DONE && !digest_equal(mesh, k->witness.mesh))
        code = refuse_mesh(path, k, &mesh);
    if (code == CODE_DONE)
        code = judge_revoked(c, path, k);
    if (opt_given(c->opts, "json")) {
        receipt_look_json(k, code == CODE_DONE,
                          code == CODE_DONE ? NULL
                          : k->why          ? k->why
                                            : "it is not of the mesh that is believed here");
        return code;
    }
    if (code != CODE_DONE)
        return code;
    receipt_look_print(k, stdout);
    say_verified(k);
    warn_of_revoked(k);
    return CODE_DONE;
}

int verify_receipt(const struct call *c, const char *path)
{
    char reason[REASON_SIZE] = "";
    struct bytes text;
    struct receipt_look k;
    int rc = foreign_file_read(path, RECEIPT_SIZE_MAX, &text, reason);
    if (rc < 0) {
        if (rc == ERR_NOT_FOUND)
            talk_error("%s is no file, and here a job is named by its id or the beginning of it",
                       path);
        else
            talk_error("%s: %s", path, reason[0] ? reason : err_sentence(rc));
        talk_try("velum verify JOB, with the id that velum run -d printed, or with a receipt");
        return rc == ERR_NOT_FOUND ? CODE_MISUSE : CODE_FAILED;
    }
    rc = receipt_look_open(&k, text);
    int code = rc < 0 ? refuse_form(path, &k, rc) : judge(c, path, &k);
    receipt_look_close(&k);
    foreign_file_forget(text);
    return code;
}
