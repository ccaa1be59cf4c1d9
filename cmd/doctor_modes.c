#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/doctor.h"
#include "core/base/text.h"
#include "core/host/shell_word.h"

#define DEPTH_MAX 6
#define TOLD_MAX 8
#define ENTRIES_MAX 1000000u

struct walk {
    struct findings *f;
    unsigned entries, wrong, cut_keys;
    bool cut;
};

static bool is_folder(const struct stat *s)
{
    return S_ISDIR(s->st_mode);
}

static void look_at(struct walk *w, const char *path, const struct stat *s)
{
    char fix[FINDING_SIZE];
    const char *mode = is_folder(s) ? "700" : "600";
    const bool loose = (s->st_mode & 077) != 0, foreign = s->st_uid != geteuid();
    w->entries++;
    if (!S_ISLNK(s->st_mode) && !loose && !foreign)
        return;
    if (++w->wrong > TOLD_MAX)
        return;
    if (S_ISLNK(s->st_mode)) {
        findings_add(w->f, FINDING_BAD, "modes", "put there what it points to",
                     "%s is a symbolic link, which a node does not follow", path);
    } else if (foreign) {
        snprintf(fix, sizeof fix, "chown %u ", (unsigned)geteuid());
        shell_word(fix, sizeof fix, path);
        findings_add(w->f, FINDING_BAD, "modes", fix, "%s belongs to user %u, and you are user %u",
                     path, (unsigned)s->st_uid, (unsigned)geteuid());
    } else {
        snprintf(fix, sizeof fix, "chmod %s ", mode);
        shell_word(fix, sizeof fix, path);
        findings_add(w->f, FINDING_BAD, "modes", fix, "%s is open to others (mode %03o)", path,
                     (unsigned)(s->st_mode & 0777));
    }
}

/* Of a writer that was killed; there for a moment, too, while a key is written. */
static void look_for_cut_key(struct walk *w, const char *path, const char *name)
{
    static const char ending[] = ".key.tmp";
    char fix[FINDING_SIZE] = "rm ";
    const size_t len = strlen(name), tail = sizeof ending - 1;
    if (len <= tail || strcmp(name + len - tail, ending) != 0 || ++w->cut_keys > TOLD_MAX)
        return;
    shell_word(fix, sizeof fix, path);
    findings_add(w->f, FINDING_NOTE, "keys", fix,
                 "%s may hold a key: writing it was cut short, and nothing reads it", path);
}

/* Below a folder that is open. The path is for people only. */
static void look_below(struct walk *w, int folder, const char *path, unsigned depth)
{
    const struct dirent *e;
    DIR *dir = fdopendir(folder);
    if (!dir) {
        close(folder);
        return;
    }
    while ((e = readdir(dir)) != NULL && !w->cut) {
        char inner[HOME_PATH_SIZE];
        struct stat s;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            fstatat(dirfd(dir), e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0)
            continue; /* or it went while we looked */
        if (snprintf(inner, sizeof inner, "%s/%s", path, e->d_name) >= (int)sizeof inner)
            continue;
        look_at(w, inner, &s);
        look_for_cut_key(w, inner, e->d_name);
        w->cut = w->entries >= ENTRIES_MAX;
        const int next =
            is_folder(&s) && depth > 0
                ? openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                : -1;
        if (next >= 0)
            look_below(w, next, inner, depth - 1);
    }
    closedir(dir);
}

void doctor_modes(struct findings *f, const struct home *h)
{
    struct walk w = {.f = f};
    struct stat s;
    if (lstat(h->path, &s) != 0) {
        if (errno == ENOENT)
            findings_add(f, FINDING_OK, "folder", NULL, "%s: the first node makes it", h->path);
        else
            findings_add(f, FINDING_BAD, "folder", "VELUM_HOME=DIR, a folder of yours", "%s: %s",
                         h->path, strerror(errno));
        return;
    }
    findings_add(f, FINDING_OK, "folder", NULL, "%s", h->path);
    look_at(&w, h->path, &s);
    const int folder = open(h->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0)
        look_below(&w, folder, h->path, DEPTH_MAX);
    if (w.wrong > TOLD_MAX) {
        char fix[FINDING_SIZE] = "chmod -R go= ";
        shell_word(fix, sizeof fix, h->path);
        findings_add(f, FINDING_BAD, "modes", fix, "%u more below %s are wrong", w.wrong - TOLD_MAX,
                     h->path);
    }
    if (w.wrong == 0)
        findings_add(f, FINDING_OK, "modes", NULL, "%u files and folders, all of them only yours%s",
                     w.entries, w.cut ? "; there are more" : "");
}
