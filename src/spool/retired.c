/* SPDX-License-Identifier: MIT */
#include "spool/retired.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "spool/name.h"
#include "spool/scan.h"

struct walk {
    struct retired *retired;
    unsigned level;          /* folders of years, months and days that are still to come */
    char path[RETIRED_PATH]; /* of the folder in hand */
};

static void add(struct walk *w, const struct uuid *id, const char *name)
{
    struct retired *r = w->retired;
    struct retired_batch *b = MEM_PUSH(r->items, r->count, r->cap);
    *b = (struct retired_batch){.id = *id};
    (void)snprintf(b->path, sizeof b->path, "%.50s/%.48s", w->path, name);
}

/* "2026", "11", "21" */
static bool is_date_part(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return digits > 0 && digits <= 4 && name[digits] == '\0';
}

/* A symbolic link, a file: not ours. Gone meanwhile: somebody else's pass was here. */
static struct err open_folder(int parent, const char *name, int *fd)
{
    *fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd >= 0 || errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
        return ERR_OK;
    return err_system(ERR_SPOOL, errno, "can't open a folder of retired batches");
}

static struct err visit(void *context, int folder, const char *name)
{
    struct walk *w = context;
    struct uuid id;
    int fd;
    bool is_batch = w->level == 0 && name_is_retired(name, &id);
    if (!is_batch && !(w->level > 0 && is_date_part(name)))
        return ERR_OK;
    TRY(open_folder(folder, name, &fd));
    if (fd < 0)
        return ERR_OK;
    struct err e = ERR_OK;
    if (is_batch) {
        add(w, &id, name);
    } else {
        struct walk deeper = {.retired = w->retired, .level = w->level - 1};
        (void)snprintf(deeper.path, sizeof deeper.path, "%.50s/%.8s", w->path, name);
        e = scan_folder(fd, visit, &deeper);
    }
    (void)close(fd);
    return e;
}

/* A second folder of the same batch comes behind the first. */
static int by_age(const void *a, const void *b)
{
    const struct retired_batch *x = a;
    const struct retired_batch *y = b;
    int order = memcmp(&x->id, &y->id, sizeof x->id);
    return order != 0 ? order : strcmp(x->path, y->path);
}

/* Opened anew: either may have been removed, for room, and made again since the spool was opened.
 */
struct err retired_list(const struct spool *s, const char *folder, struct retired *r)
{
    int fd;
    struct walk w = {.retired = r, .level = strcmp(folder, "archive") == 0 ? 3 : 0};
    *r = (struct retired){0};
    (void)snprintf(w.path, sizeof w.path, "%s", folder);
    TRY(open_folder(s->root, folder, &fd));
    if (fd < 0)
        return ERR_OK;
    struct err e = scan_folder(fd, visit, &w);
    (void)close(fd);
    if (err_is(&e))
        retired_free(r);
    if (r->count > 0)
        qsort(r->items, r->count, sizeof *r->items, by_age);
    return e;
}

void retired_free(struct retired *r)
{
    free(r->items);
    *r = (struct retired){0};
}
