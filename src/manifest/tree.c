/* SPDX-License-Identifier: MIT */
#include "manifest/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* "manifests" and "streams" to "manifests/streams"; either may be empty. */
static const char *join(struct buf *out, const char *folder, const char *name)
{
    buf_clear(out);
    buf_printf(out, "%s%s%s", folder, *folder && *name ? "/" : "", name);
    return buf_cstr(out);
}

/* --- reading -------------------------------------------------------------------------------- */

struct reading {
    struct gitrepo *repo;
    const char *folder; /* of the manifests, in the repository */
    const char *name;   /* of the one that is read: "streams" */
    struct manifest_files *files;
};

static struct err read_text(const struct reading *r, const struct gitrepo_entry *entry,
                            const char *path)
{
    uint64_t size;
    size_t len;
    char *text;
    TRY(gitrepo_size(r->repo, entry->id, &size));
    struct err e = manifest_files_check(r->files, path, size);
    if (err_is(&e))
        return err_make(e.cls, "git repository %s: %s: %s", r->repo->name, path, e.text);
    TRY(gitrepo_read(r->repo, entry->id, &text, &len));
    manifest_files_add(r->files, path, text, len);
    return ERR_OK;
}

static struct err read_entry(void *context, const struct gitrepo_entry *entry)
{
    const struct reading *r = context;
    struct buf path = {0};
    struct err e;
    if (!manifest_name_matches(r->name, entry->name))
        return ERR_OK;
    (void)join(&path, r->name, entry->name);
    if (entry->kind == GITREPO_FILE)
        e = read_text(r, entry, buf_cstr(&path));
    else
        e = err_make(ERR_CONFIG, "git repository %s: %s is %s, not a file; commit the file itself",
                     r->repo->name, buf_cstr(&path), gitrepo_kind_name(entry->kind));
    buf_free(&path);
    return e;
}

/* A manifest beside the folders would be passed over without a word. */
static struct err refuse_stray(void *context, const struct gitrepo_entry *entry)
{
    const struct reading *r = context;
    if (!manifest_name_matches("", entry->name))
        return ERR_OK;
    return err_make(
        ERR_CONFIG,
        "git repository %s: %s%s%s is in none of streams/, gates/, sinks/ and embedders/; move it "
        "there, or give the manifests a folder of their own",
        r->repo->name, r->folder, *r->folder ? "/" : "", entry->name);
}

static struct err read_folder(struct reading *r, const char *commit, bool *found)
{
    struct gitrepo_entry entry;
    struct buf path = {0};
    struct err e = gitrepo_find(r->repo, commit, join(&path, r->folder, r->name), &entry, found);
    if (!err_is(&e) && *found && entry.kind != GITREPO_FOLDER)
        e = err_make(ERR_CONFIG, "git repository %s: %s is %s, not a folder", r->repo->name,
                     buf_cstr(&path), gitrepo_kind_name(entry.kind));
    buf_free(&path);
    if (err_is(&e) || !*found)
        return e;
    return gitrepo_list(r->repo, entry.id, *r->name ? read_entry : refuse_stray, r);
}

/* *first: one of the folders of manifests that is there; NULL: none is. */
static struct err find_any(struct gitrepo *repo, const char *commit, const char *folder,
                           const char **first)
{
    struct buf path = {0};
    struct err e = ERR_OK;
    *first = NULL;
    for (size_t i = 0; manifest_folders[i] && !*first && !err_is(&e); i++) {
        struct gitrepo_entry entry;
        bool found = false;
        if (manifest_folder_has_templates(manifest_folders[i]))
            continue;
        e = gitrepo_find(repo, commit, join(&path, folder, manifest_folders[i]), &entry, &found);
        if (found)
            *first = manifest_folders[i];
    }
    buf_free(&path);
    return e;
}

static struct err no_manifests(struct gitrepo *repo, const char *commit, const char *folder)
{
    const char *at_top;
    TRY(find_any(repo, commit, "", &at_top));
    if (at_top)
        return err_make(
            ERR_CONFIG,
            "git repository %s: there are no manifests in %s/ at %.10s, but its top has "
            "%s/: set `manifests.path` to `.`",
            repo->name, folder, commit, at_top);
    return err_make(
        ERR_CONFIG,
        "git repository %s: %s%s at %.10s has none of streams/, gates/, sinks/ and embedders/; set "
        "`manifests.path` to the folder that has them",
        repo->name, *folder ? folder : "its top", *folder ? "/" : "", commit);
}

struct err manifest_tree_read(struct gitrepo *repo, const char *commit, const char *folder,
                              struct manifest_files *files)
{
    struct reading r = {repo, folder, "", files};
    const char *any;
    bool found;
    TRY(find_any(repo, commit, folder, &any));
    if (!any)
        return no_manifests(repo, commit, folder);
    TRY(read_folder(&r, commit, &found));
    for (size_t i = 0; manifest_folders[i]; i++) {
        r.name = manifest_folders[i];
        TRY(read_folder(&r, commit, &found));
    }
    return ERR_OK;
}

/* --- comparing ------------------------------------------------------------------------------ */

struct comparison {
    const struct manifest_files *files;
    const char *name; /* of the folder: "streams" */
    size_t equal;     /* files that the commit has, too */
    bool differs;
};

static const struct manifest_file *find_file(const struct manifest_files *files, const char *path)
{
    size_t from = 0;
    size_t to = files->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = strcmp(path, files->items[middle].path);
        if (order == 0)
            return &files->items[middle];
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

/* By hash, so the commit's text needn't be read. It is of the raw bytes: a work tree whose files
 * git converts (line ends, for one) differs from its commit. */
static struct err compare_entry(void *context, const struct gitrepo_entry *entry)
{
    struct comparison *c = context;
    struct buf path = {0};
    char id[GITREPO_ID];
    if (c->differs || !manifest_name_matches(c->name, entry->name))
        return ERR_OK;
    const struct manifest_file *file = find_file(c->files, join(&path, c->name, entry->name));
    buf_free(&path);
    c->differs = true;
    if (!file || entry->kind != GITREPO_FILE)
        return ERR_OK;
    TRY(gitrepo_hash(file->text, file->len, id));
    c->differs = strcmp(id, entry->id) != 0;
    c->equal += !c->differs;
    return ERR_OK;
}

struct err manifest_tree_compare(struct gitrepo *repo, const char *commit, const char *folder,
                                 const struct manifest_files *files, enum manifest_match *match)
{
    struct comparison c = {.files = files};
    struct gitrepo_entry entry;
    bool found;
    *match = MANIFEST_UNKNOWN;
    TRY(gitrepo_find(repo, commit, folder, &entry, &found));
    if (!found || entry.kind != GITREPO_FOLDER)
        return ERR_OK;
    for (size_t i = 0; manifest_folders[i]; i++) {
        struct buf path = {0};
        c.name = manifest_folders[i];
        struct err e = gitrepo_find(repo, commit, join(&path, folder, c.name), &entry, &found);
        buf_free(&path);
        if (!err_is(&e) && found && entry.kind == GITREPO_FOLDER)
            e = gitrepo_list(repo, entry.id, compare_entry, &c);
        if (err_is(&e))
            return e;
    }
    *match = c.differs || c.equal != files->count ? MANIFEST_DIFFERS : MANIFEST_EQUAL;
    return ERR_OK;
}
