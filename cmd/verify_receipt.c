#include "cmd/verify_receipt.h"

#include <stdio.h>

#include "cmd/receipt_look.h"
#include "core/base/err.h"
#include "core/host/foreign_file.h"

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

static int judge(const struct call *c, const char *path, struct receipt_look *k)
{
    struct digest mesh;
    int code = receipt_look_judge(k) < 0 ? refuse(path, k->why) : CODE_DONE;
    if (code == CODE_DONE)
        code = believed(c, path, &mesh);
    if (code == CODE_DONE && !digest_equal(mesh, k->witness.mesh))
        code = refuse_mesh(path, k, &mesh);
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
