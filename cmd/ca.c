#include <stdio.h>
#include <string.h>

#include "cmd/ca_rotate.h"
#include "cmd/ca_status.h"
#include "cmd/cmd.h"
#include "cmd/passphrase.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/identity.h"
#include "core/host/root_key.h"

static const struct opt opts[] = {
    {.name = "json", .kind = OPT_SWITCH, .effect = "status as JSON"},
    {.name = "out",
     .letter = 'o',
     .kind = OPT_TEXT,
     .value = "FILE",
     .effect = "export-root: write it there (velum-root-MESH.pem; mode 0600)"},
    {.name = "remove",
     .kind = OPT_SWITCH,
     .effect = "export-root: take it off this machine, once the file was read back"},
    {.name = "passphrase-file",
     .kind = OPT_TEXT,
     .value = "FILE",
     .effect = "read the passphrase there (-: standard input)"},
    {.name = "without",
     .kind = OPT_TEXT,
     .repeats = true,
     .value = "NAME",
     .effect = "rotate: do not wait for this node"},
    {.name = "emergency",
     .kind = OPT_SWITCH,
     .effect = "rotate: at once; every other machine must join again"},
    {.name = "yes", .kind = OPT_SWITCH, .effect = "rotate --emergency: do not ask"},
    {0},
};

static int misuse(const char *text)
{
    talk_error("%s", text);
    talk_try("velum help ca");
    return CODE_MISUSE;
}

static int failed(int rc, const char *message, const char *hint)
{
    talk_error("%s", message[0] ? message : err_sentence(rc));
    talk_try("%s", hint);
    switch (rc) {
    case ERR_NOT_FOUND:
        return CODE_NOT_FOUND;
    case ERR_PERMISSION:
    case ERR_IDENTITY:
        return CODE_NOT_ALLOWED;
    default:
        return CODE_FAILED;
    }
}

static int check_length(const struct passphrase *p)
{
    if (p->len >= ROOT_KEY_PASSPHRASE_MIN && p->len <= ROOT_KEY_PASSPHRASE_MAX)
        return CODE_DONE;
    talk_error("a passphrase of %zu bytes; allowed are %d to %d", p->len, ROOT_KEY_PASSPHRASE_MIN,
               ROOT_KEY_PASSPHRASE_MAX);
    talk_try("some words that belong together for you only");
    return CODE_MISUSE;
}

/* Where it goes when nobody says. */
static int name_file(const struct home *h, char to[64], char *message)
{
    struct digest mesh;
    char hex[9];
    int rc = identity_home_mesh(h, &mesh, message);
    if (rc < 0)
        return rc;
    id_hex(mesh.bytes, 8, hex);
    snprintf(to, 64, "velum-root-%s.pem", hex);
    return 0;
}

static const char *hint_of_export(int rc)
{
    switch (rc) {
    case ERR_NOT_FOUND:
        return "velum ca status, which says where the mesh was made";
    case ERR_EXISTS:
        return "-o FILE, with another name";
    case ERR_BUSY:
        return "velum ca rotate, which ends it, and then this again";
    default:
        return "-o FILE, in a folder of yours";
    }
}

static int export_root(const struct call *c, const struct home *h)
{
    char message[HOME_MESSAGE_SIZE] = "", name[64] = "";
    struct passphrase p;
    const bool removes = opt_given(c->opts, "remove");
    int rc = name_file(h, name, message);
    const char *file = opt_text(c->opts, "out", name);
    if (rc == 0 && !root_key_is_here(h)) {
        snprintf(message, sizeof message, "the root's key is not in %s", h->path);
        rc = ERR_NOT_FOUND;
    }
    if (rc < 0)
        return failed(rc, message, hint_of_export(rc));
    int code = passphrase_take(&p, opt_text(c->opts, "passphrase-file", NULL), true);
    code = code == CODE_DONE ? check_length(&p) : code;
    if (code == CODE_DONE) {
        rc = root_key_export(h, file, passphrase_bytes(&p), removes, message);
        code = rc < 0 ? failed(rc, message, hint_of_export(rc)) : CODE_DONE;
    }
    passphrase_clear(&p);
    if (code != CODE_DONE)
        return code;
    talk_line("the root's key is in %s, under the passphrase; keep both, apart from each other",
              file);
    talk_line("it is of use only beside the issuer's key, which is in %s: keep a copy of that "
              "folder too, or the mesh ends with the disk of this machine",
              h->path);
    talk_line(removes ? "it is no longer on this machine; once a year: velum ca import-root %s"
                      : "it is still on this machine too: velum ca export-root --remove takes it "
                        "away, with another file than %s",
              file);
    return CODE_DONE;
}

static const char *hint_of_import(int rc)
{
    switch (rc) {
    case ERR_PERMISSION:
    case ERR_IDENTITY:
        return "the file and the passphrase of velum ca export-root, where this mesh was made";
    case ERR_EXISTS:
        return "velum ca status";
    default:
        return "the file that velum ca export-root wrote, chmod 600";
    }
}

static int import_root(const struct call *c, const struct home *h)
{
    char message[HOME_MESSAGE_SIZE] = "";
    struct passphrase p;
    const char *file = c->argv[1];
    int code = passphrase_take(&p, opt_text(c->opts, "passphrase-file", NULL), false);
    if (code == CODE_DONE) {
        int rc = root_key_import(h, file, passphrase_bytes(&p), message);
        code = rc < 0 ? failed(rc, message, hint_of_import(rc)) : CODE_DONE;
    }
    passphrase_clear(&p);
    if (code == CODE_DONE)
        talk_line("the root's key is on this machine again; the issuer is renewed by it when that "
                  "is due");
    return code;
}

/* Options of the other words. */
static bool is_given(const struct call *c, const char *what)
{
    static const struct {
        const char *option, *word;
    } rows[] = {{"json", "status"},    {"out", "export-root"},  {"remove", "export-root"},
                {"without", "rotate"}, {"emergency", "rotate"}, {"yes", "rotate"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (opt_given(c->opts, rows[i].option) && strcmp(rows[i].word, what) != 0)
            return true;
    return opt_given(c->opts, "passphrase-file") && strcmp(what, "export-root") != 0 &&
           strcmp(what, "import-root") != 0;
}

static int refuse_word(const char *what)
{
    talk_error("allowed are status, rotate, export-root and import-root; \"%.40s\" is none of that",
               what);
    talk_try("velum help ca");
    return CODE_MISUSE;
}

static int run(const struct call *c)
{
    struct home h;
    char message[HOME_MESSAGE_SIZE] = "";
    const char *what = c->argv[0];
    const bool exports = strcmp(what, "export-root") == 0, looks = strcmp(what, "status") == 0;
    const bool rotates = strcmp(what, "rotate") == 0, imports = strcmp(what, "import-root") == 0;
    if (!exports && !looks && !rotates && !imports)
        return refuse_word(what);
    if (opt_given(c->opts, "addr") && !rotates)
        return misuse("--addr is for commands that talk to a node; this one looks at this machine");
    if (is_given(c, what))
        return misuse("an option of another word than the one that was given");
    if (c->argc != (imports ? 2 : 1))
        return misuse(imports ? "import-root takes one file"
                              : "only import-root takes a file as its argument");
    int rc = home_locate(&h, message);
    if (rc < 0)
        return failed(rc, message, "VELUM_HOME=DIR, a folder of yours");
    if (looks)
        return ca_status(&h, opt_given(c->opts, "json"));
    if (rotates)
        return ca_rotate(c, &h);
    return exports ? export_root(c, &h) : import_root(c, &h);
}

const struct cmd cmd_ca = {
    .name = "ca",
    .args = "status|rotate|export-root|import-root [FILE]",
    .summary = "the mesh's own keys: what is here, and the root's key to a safe place",
    .more =
        "status says which keys of the mesh this machine has, and when certificates end.\n"
        "export-root writes the root's key into a file under a passphrase; with --remove it is\n"
        "then on this machine no longer. All goes on without it, but once a year the issuer\n"
        "needs it: import-root puts it back. rotate gives the mesh another root while it works, "
        "and\n"
        "goes on where it was when it was stopped. Work where the mesh was made; status anywhere.",
    .group = GROUP_MESH,
    .takes = TAKES_WORD,
    .opts = opts,
    .args_min = 1,
    .args_max = 2,
    .run = run,
};
