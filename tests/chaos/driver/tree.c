#include "tests/chaos/driver/tree.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OPEN_FOLDERS 8

/* nftw has no argument for its callback. */
static struct {
    size_t skip;
    bool (*found)(void *ctx, const char *relative);
    void *ctx;
    size_t folders;
    const char *prefix; /* of the folders that may count; NULL: none */
    bool (*counts)(const char *path);
} walk;

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *f)
{
    (void)s;
    (void)kind;
    (void)f;
    return remove(path);
}

bool tree_remove(const char *path)
{
    nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    return access(path, F_OK) != 0 && errno == ENOENT;
}

static int visit(const char *path, const struct stat *s, int kind, struct FTW *f)
{
    (void)s;
    walk.folders += kind == FTW_D && f->level > 0 && walk.prefix &&
                    strncmp(path + f->base, walk.prefix, strlen(walk.prefix)) == 0 &&
                    walk.counts(path);
    return walk.found && f->level > 0 && !walk.found(walk.ctx, path + walk.skip);
}

void tree_walk(const char *folder, bool (*found)(void *ctx, const char *relative), void *ctx)
{
    walk.skip = strlen(folder) + 1;
    walk.found = found;
    walk.prefix = NULL;
    walk.ctx = ctx;
    nftw(folder, visit, OPEN_FOLDERS, FTW_PHYS);
}

bool tree_line_with(const char *path, const char *word, char *line, size_t cap)
{
    FILE *from = fopen(path, "re");
    bool found = false;
    while (from && !found && fgets(line, (int)cap, from))
        found = strstr(line, word) != NULL;
    if (from)
        fclose(from);
    line[found ? strcspn(line, "\n") : 0] = 0;
    return found;
}

size_t tree_folders(const char *path, const char *prefix, bool (*counts)(const char *path))
{
    walk.counts = counts;
    walk.found = NULL;
    walk.prefix = prefix;
    walk.folders = 0;
    nftw(path, visit, OPEN_FOLDERS, FTW_PHYS);
    return walk.folders;
}
