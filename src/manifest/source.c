/* SPDX-License-Identifier: MIT */
#include "manifest/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "io/git.h"
#include "manifest/tree.h"

/* --- a folder ------------------------------------------------------------------------------- */

struct reading {
    const char *name; /* of the folder that is read: "streams"; "" for the one that holds it */
    struct manifest_files *files;
    struct yaml_diag *diag;
};

/* Of a file or folder as a whole. */
static void tell(const struct reading *r, bool is_warning, const char *path, const char *message)
{
    char *shown = manifest_path_shown(path);
    (is_warning ? yaml_diag_warning : yaml_diag_error)(r->diag, shown, (struct yaml_place){0}, "%s",
                                                       message);
    free(shown);
}

static struct err read_text(const struct reading *r, int fd, const char *path, struct buf *text)
{
    enum { STEP = 65536 };
    struct stat st;
    ssize_t n;
    if (fstat(fd, &st) != 0)
        return err_system(ERR_CONFIG, errno, "can't be looked at");
    if (!S_ISREG(st.st_mode))
        return err_make(ERR_CONFIG, "it is %s; only files are read here",
                        S_ISDIR(st.st_mode) ? "a folder" : "no regular file");
    do {
        n = read(fd, buf_reserve(text, STEP), STEP);
        if (n < 0)
            return err_system(ERR_CONFIG, errno, "can't be read");
        text->len += (size_t)n;
        TRY(manifest_files_check(r->files, path, text->len));
    } while (n > 0);
    return ERR_OK;
}

/* Links are followed: the folder is the operator's, and mounted configuration is made of links.
 * O_NONBLOCK: a FIFO mustn't keep us waiting for its writer. */
static void read_file(const struct reading *r, int folder, const char *path, const char *name)
{
    struct buf text = {0};
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct err e =
        fd < 0 ? err_system(ERR_CONFIG, errno, "can't be opened") : read_text(r, fd, path, &text);
    if (fd >= 0)
        (void)close(fd);
    if (err_is(&e)) {
        buf_free(&text);
        tell(r, false, path, e.text);
        return;
    }
    size_t len = text.len;
    manifest_files_add(r->files, path, buf_take(&text), len);
}

/* Is it a folder with manifests, or templates, in it? One that can't be listed isn't known to have
 * any. */
static bool holds_some(const struct reading *r, int folder, const char *name)
{
    bool found = false;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_DIRECTORY);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) {
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    for (const struct dirent *e = readdir(stream); e && !found; e = readdir(stream))
        found = manifest_name_matches(r->name, e->d_name);
    (void)closedir(stream);
    return found;
}

/* What isn't read, though somebody may think so. */
static void visit_other(const struct reading *r, int folder, const char *path, const char *name)
{
    if (manifest_name_is_near(r->name, name)) {
        struct buf message = {0};
        buf_printf(&message, "not read: %s", manifest_name_advice(r->name, name));
        tell(r, true, path, buf_cstr(&message));
        buf_free(&message);
    } else if (*name != '.' && holds_some(r, folder, name)) {
        tell(r, true, path, "not read: it is a folder in a folder; move its files up");
    }
}

static void visit_entry(const struct reading *r, int folder, const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "%s%s%s", r->name, *r->name ? "/" : "", name);
    if (*r->name && manifest_name_matches(r->name, name))
        read_file(r, folder, buf_cstr(&path), name);
    else if (*r->name)
        visit_other(r, folder, buf_cstr(&path), name);
    else if (manifest_name_matches("", name)) /* it would be passed over without a word */
        tell(r, false, name,
             "it is in none of streams/, gates/, sinks/ and embedders/; move it there, or give the "
             "manifests a "
             "folder of their own");
    buf_free(&path);
}

/* 0, or the errno of what failed. */
static int visit_folder(const struct reading *r, const char *path)
{
    DIR *stream = opendir(path);
    if (!stream)
        return errno;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry)
            break;
        visit_entry(r, dirfd(stream), entry->d_name);
    }
    int number = errno;
    (void)closedir(stream);
    return number;
}

/* The folder that holds the others. */
static struct err look_for_strays(const struct reading *r, const char *dir)
{
    int number = visit_folder(r, dir);
    if (number == ENOENT)
        return err_make(
            ERR_CONFIG,
            "there is no folder %s for manifests; make it, with streams/ in it, or leave "
            "`manifests` empty for the shipped streams alone",
            dir);
    return number == 0 ? ERR_OK : err_system(ERR_CONFIG, number, "can't list %s", dir);
}

/* One of them. False: it isn't there. */
static bool read_folder(const struct reading *r, const char *dir)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", dir, r->name);
    int number = visit_folder(r, buf_cstr(&path));
    if (number != 0 && number != ENOENT) {
        struct err e = err_system(ERR_CONFIG, number, "can't be listed");
        buf_clear(&path);
        buf_printf(&path, "%s/", r->name);
        tell(r, false, buf_cstr(&path), e.text);
    }
    buf_free(&path);
    return number != ENOENT;
}

struct err manifest_read_dir(const char *dir, struct manifest_files *files, struct yaml_diag *diag)
{
    struct reading r = {"", files, diag};
    bool any = false;
    TRY(look_for_strays(&r, dir));
    for (size_t i = 0; manifest_folders[i]; i++) {
        r.name = manifest_folders[i];
        any |= read_folder(&r, dir) && !manifest_folder_has_templates(r.name);
    }
    if (!any)
        return err_make(
            ERR_CONFIG,
            "%s has none of streams/, gates/, sinks/ and embedders/; make them, or name the folder "
            "that has them (or, for a git repository without a work tree, "
            "`manifests: {repo: %s}`)",
            dir, dir);
    manifest_files_sort(files);
    return ERR_OK;
}

/* --- where it is from ----------------------------------------------------------------------- */

static void set_hash(const struct manifest_files *files, struct manifest_origin *origin)
{
    char hex[HASH_HEX];
    manifest_files_hash(files, hex);
    (void)snprintf(origin->rev, sizeof origin->rev, "sha256:%s", hex);
}

/* The folder's path inside the work tree, "" for its top; NULL: it isn't in there. `real` has no
 * links and no slash at its end, the work tree has one. */
static const char *path_inside(const char *worktree, const char *real)
{
    size_t n = strlen(worktree);
    if (strncmp(real, worktree, n) == 0)
        return real + n;
    return strlen(real) == n - 1 && strncmp(real, worktree, n - 1) == 0 ? "" : NULL;
}

/* After the files were read: whatever happens to the work tree or HEAD meanwhile, a commit without
 * "+dirty" has these very bytes. */
static struct err find_commit(struct gitrepo *repo, const char *real,
                              const struct manifest_files *files, struct manifest_origin *origin)
{
    char commit[GITREPO_ID];
    enum manifest_match match = MANIFEST_UNKNOWN;
    const char *inside = path_inside(repo->worktree, real);
    bool found;
    TRY(gitrepo_find_head(repo, commit, &found));
    if (found && inside)
        TRY(manifest_tree_compare(repo, commit, inside, files, &match));
    if (match == MANIFEST_UNKNOWN)
        set_hash(files, origin);
    else
        (void)snprintf(origin->rev, sizeof origin->rev, "%s%s", commit,
                       match == MANIFEST_EQUAL ? "" : "+dirty");
    return ERR_OK;
}

static struct err find_rev(const char *real, const struct manifest_files *files,
                           struct manifest_origin *origin)
{
    struct gitrepo repo = {0};
    bool found;
    struct err e = gitrepo_open_around(&repo, real, &found);
    if (!err_is(&e) && found)
        e = find_commit(&repo, real, files, origin);
    else if (!err_is(&e))
        set_hash(files, origin);
    gitrepo_close(&repo);
    return e;
}

static struct err read_dir(const char *dir, struct manifest_files *files,
                           struct manifest_origin *origin, struct yaml_diag *diag)
{
    TRY(manifest_read_dir(dir, files, diag));
    char *real = realpath(dir, NULL);
    if (!real)
        return err_system(ERR_CONFIG, errno, "can't find %s", dir);
    origin->text = mem_strdup(*dir == '/' ? dir : real);
    struct err e = find_rev(real, files, origin);
    free(real);
    return e;
}

/* --- a repository --------------------------------------------------------------------------- */

/* "./manifests/" to "manifests", "." to "". */
static char *normal_folder(const char *path)
{
    while (strncmp(path, "./", 2) == 0 || strcmp(path, ".") == 0)
        path += path[1] ? 2 : 1;
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/')
        len--;
    return mem_strndup(path, len);
}

static struct err read_commit(struct gitrepo *repo, const struct config_manifests *place,
                              struct manifest_files *files, struct manifest_origin *origin)
{
    TRY(gitrepo_find_commit(repo, place->rev, origin->rev));
    char *folder = normal_folder(place->path);
    struct err e = manifest_tree_read(repo, origin->rev, folder, files);
    free(folder);
    manifest_files_sort(files);
    return e;
}

static struct err read_repo(const struct config_manifests *place, struct manifest_files *files,
                            struct manifest_origin *origin)
{
    struct gitrepo repo = {0};
    struct buf text = {0};
    struct err e = gitrepo_open(&repo, place->repo);
    if (!err_is(&e))
        e = read_commit(&repo, place, files, origin);
    gitrepo_close(&repo);
    char *real = realpath(place->repo, NULL);
    buf_printf(&text, "%s at %s", *place->repo == '/' || !real ? place->repo : real, place->rev);
    origin->text = buf_take(&text);
    free(real);
    return e;
}

/* --- both ----------------------------------------------------------------------------------- */

struct err manifest_read(const struct config *config, struct manifest_files *files,
                         struct manifest_origin *origin, struct yaml_diag *diag)
{
    const struct config_manifests *place = &config->manifests;
    *origin = (struct manifest_origin){0};
    if (*place->dir)
        return read_dir(place->dir, files, origin, diag);
    if (*place->repo)
        return read_repo(place, files, origin);
    if (strcmp(place->rev, CONFIG_MANIFESTS_REV) != 0 ||
        strcmp(place->path, CONFIG_MANIFESTS_PATH) != 0)
        return err_make(ERR_CONFIG,
                        "`manifests.rev` and `manifests.path` are of a repository; name "
                        "it with `manifests.repo`");
    origin->text = mem_strdup("shipped with spoolgate");
    return ERR_OK;
}

void manifest_origin_free(struct manifest_origin *origin)
{
    free(origin->text);
    *origin = (struct manifest_origin){0};
}
