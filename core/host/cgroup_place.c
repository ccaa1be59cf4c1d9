#include "core/host/cgroup_place.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

#define FIELDS_MAX 6 /* of a mount, up to its options */
#define WORD_SIZE 256

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end && end[1] ? end + 1 : NULL;
}

bool cgroup_list_has(const char *list, const char *separators, const char *word)
{
    const size_t len = strlen(word), end = strcspn(list, "\n");
    char ends[16];
    snprintf(ends, sizeof ends, "%s\n", separators);
    for (size_t at = 0; at < end; at += strcspn(list + at, ends) + 1)
        if (strcspn(list + at, ends) == len && strncmp(list + at, word, len) == 0)
            return true;
    return false;
}

/* A path that leads up again is that of a group outside what this process may see. */
static bool leads_up(const char *path)
{
    for (const char *at = path; (at = strstr(at, "/..")); at += 3)
        if (at[3] == '/' || at[3] == '\0')
            return true;
    return false;
}

static bool find_group(const char *groups, const char *controller, char group[CGROUP_PATH_SIZE])
{
    for (const char *line = groups; line && *line; line = next_line(line)) {
        const size_t number = strcspn(line, ":\n");
        if (line[number] != ':')
            continue;
        const char *list = line + number + 1;
        const size_t words = strcspn(list, ":\n"), at = words + 1;
        char controllers[WORD_SIZE];
        if (list[words] != ':' || words >= sizeof controllers)
            continue;
        memcpy(controllers, list, words);
        controllers[words] = '\0';
        const size_t len = strcspn(list + at, "\n");
        const bool matches = *controller ? cgroup_list_has(controllers, ",", controller)
                                         : words == 0 && number == 1 && line[0] == '0';
        if (!matches || len == 0 || len >= CGROUP_PATH_SIZE || list[at] != '/')
            continue;
        memcpy(group, list + at, len);
        group[len] = '\0';
        return !leads_up(group);
    }
    return false;
}

/* One field, with its octal numbers read. False when it is too long. */
static bool read_field(const char *from, size_t len, char to[CGROUP_PATH_SIZE])
{
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char c = from[i];
        if (c == '\\' && len - i > 3 && strspn(from + i + 1, "01234567") >= 3) {
            c = (char)((from[i + 1] - '0') << 6 | (from[i + 2] - '0') << 3 | (from[i + 3] - '0'));
            i += 3;
        }
        if (used + 1 >= CGROUP_PATH_SIZE || c == '\0')
            return false;
        to[used++] = c;
    }
    to[used] = '\0';
    return true;
}

struct mount {
    char root[CGROUP_PATH_SIZE];
    char folder[CGROUP_PATH_SIZE];
    char kind[WORD_SIZE];
    char options[CGROUP_PATH_SIZE];
};

static bool read_word(const char *from, size_t len, char *to, size_t cap)
{
    if (len >= cap)
        return false;
    memcpy(to, from, len);
    to[len] = '\0';
    return true;
}

/* Behind the mark: KIND SOURCE OPTIONS. */
static bool read_kind(const char *at, struct mount *m)
{
    const size_t kind = strcspn(at, " \n");
    if (at[kind] != ' ' || !read_word(at, kind, m->kind, sizeof m->kind))
        return false;
    at += kind + 1;
    at += strcspn(at, " \n");
    at += *at == ' ';
    return read_word(at, strcspn(at, "\n"), m->options, sizeof m->options);
}

static bool read_mount(const char *line, struct mount *m)
{
    const char *at = line;
    const size_t end = strcspn(line, "\n");
    for (int field = 0; field < FIELDS_MAX; field++) {
        const size_t len = strcspn(at, " \n");
        if (at[len] != ' ' || (field == 3 && !read_field(at, len, m->root)) ||
            (field == 4 && !read_field(at, len, m->folder)))
            return false;
        at += len + 1;
    }
    at = strncmp(at, "- ", 2) == 0 ? at - 1 : strstr(at, " - ");
    return at && at < line + end && read_kind(at + 3, m);
}

/* What of the group's path lies below the mount's root; NULL: nothing does. */
static const char *below(const char *group, const char *root)
{
    const size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(group, root, len) != 0 || (group[len] != '/' && group[len] != '\0'))
        return NULL;
    return strcmp(group + len, "/") == 0 ? "" : group + len;
}

bool cgroup_place_find(const char *groups, const char *mounts, const char *controller,
                       struct cgroup_place *out)
{
    static struct mount m;
    const char *kind = *controller ? "cgroup" : "cgroup2", *rest;
    if (!find_group(groups, controller, out->group))
        return false;
    for (const char *line = mounts; line && *line; line = next_line(line)) {
        if (!read_mount(line, &m) || strcmp(m.kind, kind) != 0 ||
            (*controller && !cgroup_list_has(m.options, ",", controller)) ||
            !(rest = below(out->group, m.root)))
            continue;
        if (text_copy(out->folder, sizeof out->folder, m.folder) &&
            text_append(out->folder, sizeof out->folder, rest))
            return true;
    }
    return false;
}
