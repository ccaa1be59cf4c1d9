#include "cmd/ca_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/duration.h"
#include "cmd/issuer_end.h"
#include "cmd/talk.h"
#include "cmd/view_json.h"
#include "cmd/view_text.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/identity.h"
#include "core/host/root_key.h"
#include "core/host/rotation.h"

#define NOTICE_S ((int64_t)30 * 24 * 3600)
/* A node looks at least every ten minutes, and tries again every minute. */
#define RENEWAL_LATE_S 3600
#define ROWS_MAX (3 + 1024) /* root, issuer, user, and as many nodes as a home has */
#define TEXT_SIZE 512

struct row {
    char what[16]; /* "root", "node 8001" */
    struct identity_card card;
    char warning[TEXT_SIZE]; /* empty, or a sentence and what to try */
};

struct status {
    const struct home *home;
    int64_t now_s;
    char mesh[ID_HEX_SIZE];
    bool made_here, has_root_key;
    struct rotation rotation;
    uint32_t count;
    struct row rows[ROWS_MAX];
};

/* --- what is to be warned of --- */

static bool warn(struct row *r, const char *what, const char *hint)
{
    snprintf(r->warning, sizeof r->warning, "%s; try: %s", what, hint);
    return true;
}

static void warn_of_root(struct row *r, int64_t now_s)
{
    char end[DURATION_TEXT_SIZE], text[TEXT_SIZE / 2];
    duration_iso(r->card.ends_s, end);
    snprintf(text, sizeof text, "ends on %s, and the mesh with it", end);
    if (r->card.ends_s - now_s <= NOTICE_S)
        warn(r, text, "velum ca rotate, where the mesh was made");
}

static void warn_of_issuer(struct row *r, const struct status *s)
{
    char text[ISSUER_END_SIZE];
    if (s->made_here &&
        issuer_end(r->card.ends_s, s->has_root_key, s->now_s, text) != ISSUER_GOES_ON)
        warn(r, text, ISSUER_END_TRY);
}

/* Whoever runs renews its own at half life, so that only what is late needs a word. */
static void warn_of_leaf(struct row *r, const struct status *s, const char *renewed_by)
{
    char end[DURATION_TEXT_SIZE], text[TEXT_SIZE / 2];
    duration_iso(r->card.ends_s, end);
    const bool late = s->now_s - r->card.renew_at_s > RENEWAL_LATE_S;
    snprintf(text, sizeof text, "%s on %s, and was not renewed",
             s->now_s >= r->card.ends_s ? "ended" : "ends", end);
    if (late && r->card.ends_s - s->now_s <= NOTICE_S)
        warn(r, text, renewed_by);
    else if (!r->card.fits && s->now_s >= r->card.begins_s)
        warn(r, "does not belong to this mesh and key", "velum doctor");
}

/* --- what is there --- */

/* False where it is not there, or after saying that it cannot be read. */
static bool read_row(struct status *s, const char *folder, const char *name, struct row *r, int *rc)
{
    char message[HOME_MESSAGE_SIZE] = "";
    char path[HOME_PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/%s.pem", folder, name);
    if (access(path, F_OK) != 0)
        return false;
    *rc = identity_look(&r->card, s->home, folder, name, message);
    if (*rc < 0)
        talk_error("%s", message);
    return *rc == 0;
}

static int add_mesh(struct status *s)
{
    struct row *root = &s->rows[s->count];
    int rc = 0;
    text_copy(root->what, sizeof root->what, "root");
    if (read_row(s, s->home->path, "root", root, &rc)) {
        warn_of_root(root, s->now_s);
        s->count++;
    }
    struct row *issuer = &s->rows[s->count];
    text_copy(issuer->what, sizeof issuer->what, "issuer");
    if (rc == 0 && read_row(s, s->home->path, "issuer", issuer, &rc)) {
        warn_of_issuer(issuer, s);
        s->count++;
    }
    struct row *user = &s->rows[s->count];
    text_copy(user->what, sizeof user->what, "user");
    if (rc == 0 && read_row(s, s->home->path, "user", user, &rc)) {
        warn_of_leaf(user, s, s->made_here ? "velum nodes, which renews it" : "velum join --renew");
        s->count++;
    }
    return rc;
}

struct walk {
    struct status *status;
    int rc;
};

static bool add_node(void *ctx, uint16_t port, const char *path)
{
    struct walk *w = ctx;
    struct status *s = w->status;
    struct row *r = &s->rows[s->count];
    char by[64];
    snprintf(r->what, sizeof r->what, "node %u", (unsigned)port);
    snprintf(by, sizeof by, "velum %s --port %u", s->made_here ? "node" : "join --renew",
             (unsigned)port);
    if (read_row(s, path, "node", r, &w->rc)) {
        warn_of_leaf(r, s, by);
        s->count++;
    }
    return w->rc < 0 || s->count == ROWS_MAX;
}

static int look(struct status *s)
{
    char message[HOME_MESSAGE_SIZE] = "";
    struct digest mesh;
    struct walk w = {s, 0};
    int rc = identity_home_mesh(s->home, &mesh, message);
    if (rc < 0) {
        talk_error("%s", message);
        return rc;
    }
    id_hex(mesh.bytes, 64, s->mesh);
    s->made_here = root_key_is_of(s->home);
    s->has_root_key = root_key_is_here(s->home);
    rc = rotation_look(s->home, &s->rotation, NULL, message);
    if (rc < 0)
        talk_error("%s", message);
    else
        rc = add_mesh(s);
    if (rc == 0)
        home_states(s->home, add_node, &w);
    return rc < 0 ? rc : w.rc;
}

/* --- how it is told --- */

static const char *step_name(enum rotation_step step)
{
    static const char *const names[] = {NULL, "begun", "used", "finished"};
    return names[step];
}

static void print_json(const struct status *s)
{
    struct json j;
    json_begin(&j, stdout);
    json_open(&j, NULL, '{');
    json_number(&j, "v", 1);
    json_text(&j, "mesh", s->mesh);
    json_truth(&j, "made_here", s->made_here);
    json_truth(&j, "root_key", s->has_root_key);
    json_truth(&j, "issuer_key", s->made_here);
    json_number(&j, "roots", s->rotation.generation + 1u);
    json_text(&j, "rotation", step_name(s->rotation.step));
    json_open(&j, "certificates", '[');
    for (uint32_t i = 0; i < s->count; i++) {
        const struct row *r = &s->rows[i];
        char begin[DURATION_TEXT_SIZE], end[DURATION_TEXT_SIZE], renewal[DURATION_TEXT_SIZE];
        duration_iso(r->card.begins_s, begin);
        duration_iso(r->card.ends_s, end);
        duration_iso(r->card.renew_at_s, renewal);
        json_open(&j, NULL, '{');
        json_text(&j, "what", r->what);
        json_text(&j, "role", r->card.role);
        json_text(&j, "from", begin);
        json_text(&j, "until", end);
        json_text(&j, "renews", i == 0 ? NULL : renewal);
        json_truth(&j, "key", r->card.has_key);
        json_text(&j, "warning", r->warning[0] ? r->warning : NULL);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    fputc('\n', stdout);
}

static const char *where_root_key(const struct status *s)
{
    if (s->has_root_key)
        return "on this machine (velum ca export-root takes it away)";
    if (root_key_was_cut(s->home))
        return "in a file that was cut short (velum doctor names it)";
    return s->made_here ? "not on this machine (velum ca import-root puts it back)"
                        : "not on this machine, which joined";
}

static void print_roots(const struct status *s)
{
    static const char *const what[] = {
        [ROTATION_BEGUN] = "every node is told of it",
        [ROTATION_USED] = "every node gets a certificate under it",
        [ROTATION_FINISHED] = "the root before counts no longer, and every node is told",
    };
    printf("roots       %u\n", s->rotation.generation + 1u);
    if (s->rotation.step != ROTATION_NONE)
        printf("going over  to the last of them, step %u of 3: %s\n            %s\n",
               (unsigned)s->rotation.step, what[s->rotation.step],
               s->made_here ? "velum ca rotate goes on with it"
                            : "velum ca rotate goes on with it where the mesh was made");
    printf("\n");
}

static void print_text(const struct status *s)
{
    static const char *const head[] = {"CERTIFICATE", "ROLE", "KEY", "FROM", "UNTIL", "RENEWS"};
    struct grid g;
    grid_init(&g, 6);
    for (size_t i = 0; i < 6; i++)
        grid_add(&g, "%s", head[i]);
    for (uint32_t i = 0; i < s->count; i++) {
        const struct row *r = &s->rows[i];
        char text[DURATION_TEXT_SIZE];
        grid_add(&g, "%s", r->what);
        grid_add(&g, "%s", r->card.role ? r->card.role : "-");
        grid_add(&g, "%s", r->card.has_key ? "here" : "-");
        duration_iso(r->card.begins_s, text);
        grid_add(&g, "%s", text);
        duration_iso(r->card.ends_s, text);
        grid_add(&g, "%s", text);
        duration_iso(r->card.renew_at_s, text);
        grid_add(&g, "%s", i == 0 ? "-" : text);
    }
    printf("mesh        %s\n", s->mesh);
    printf("made        %s\n", s->made_here ? "on this machine, which lets others in"
                                            : "on another machine, which this one joined");
    printf("root key    %s\n", where_root_key(s));
    print_roots(s);
    grid_print(&g, stdout);
    grid_clear(&g);
    for (uint32_t i = 0; i < s->count; i++)
        if (s->rows[i].warning[0])
            printf("\n%s %s\n", s->rows[i].what, s->rows[i].warning);
}

int ca_status(const struct home *h, bool as_json)
{
    struct status *s = calloc(1, sizeof *s);
    if (!s) {
        talk_error("%s", err_sentence(ERR_NO_MEMORY));
        talk_try("velum ca status, later");
        return CODE_FAILED;
    }
    s->home = h;
    s->now_s = (int64_t)time(NULL);
    int rc = look(s);
    if (rc == 0 && as_json)
        print_json(s);
    else if (rc == 0)
        print_text(s);
    else
        talk_try("%s", rc == ERR_NOT_FOUND ? "velum node, which makes a mesh, or velum join"
                                           : "velum doctor");
    free(s);
    return rc == ERR_NOT_FOUND ? CODE_NOT_FOUND : rc < 0 ? CODE_FAILED : CODE_DONE;
}
