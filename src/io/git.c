/* SPDX-License-Identifier: MIT */
#include "io/git.h"

#include <git2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "io/git_private.h"

/* Folders that are larger hold no manifests; libgit2 would take any size into memory. */
#define TREE_BYTES  (UINT64_C(16) << 20)
#define NAMES_SHOWN 8 /* of branches and tags, in a message */

_Static_assert(GITREPO_ID == GIT_OID_HEXSZ + 1, "an id is 40 hex digits");

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int start_result;

/* Its defaults suit us: objects are checked against their ids, owners of repositories are looked
 * at. It is never shut down: its memory goes with the process. */
static void start(void)
{
    start_result = git_libgit2_init();
}

static const char *last_words(void)
{
    const git_error *error = git_error_last();
    return error && error->message ? error->message : "libgit2 gives no reason";
}

static struct err start_library(void)
{
    (void)pthread_once(&once, start);
    if (start_result < 0)
        return err_make(ERR_INTERNAL, "can't start libgit2: %s", last_words());
    return ERR_OK;
}

struct err gitrepo_failed(const struct gitrepo *repo, const char *what)
{
    return err_make(ERR_CONFIG, "git repository %s: can't %s: %s", repo->name, what, last_words());
}

/* --- opening -------------------------------------------------------------------------------- */

static bool has_dotgit(const char *folder)
{
    struct stat st;
    struct buf path = {0};
    buf_printf(&path, "%s/.git", folder);
    bool has = lstat(buf_cstr(&path), &st) == 0;
    buf_free(&path);
    return has;
}

/* The folder that git knows the repository by: a bare one itself, else the work tree's top, which
 * is at or above the path. */
static char *find_top(const char *path)
{
    git_buf found = {0};
    char *top = realpath(path, NULL);
    bool is_known = top && git_repository_discover(&found, path, 0, NULL) == 0;
    bool is_here = is_known && strncmp(found.ptr, top, strlen(top)) == 0;
    git_buf_dispose(&found);
    if (!is_known) {
        free(top);
        return mem_strdup(path);
    }
    while (!is_here && !has_dotgit(top) && strcmp(top, "/") != 0) {
        char *slash = strrchr(top, '/');
        slash[slash == top] = '\0';
    }
    return top;
}

static struct err foreign_owner(const char *path)
{
    char *top = find_top(path);
    struct err e = err_make(
        ERR_CONFIG,
        "the git repository %s belongs to another user than ours (uid %u), so it isn't trusted: "
        "run `git config --global --add safe.directory %s` as our user (or with --system as root), "
        "or give it to our user with chown -R",
        top, (unsigned)geteuid(), top);
    free(top);
    return e;
}

/*
 * libgit2 looks at the owners of the work tree and of .git. Root is no exception: it is refused
 * other users' repositories, and others are refused root's; under sudo, SUDO_UID's pass. A path
 * under safe.directory in the user's, the XDG or the system's git configuration is allowed. 1.5
 * doesn't know the entry `*`, and says "not found" instead of GIT_EOWNER where no configuration has
 * a safe.directory; so whether there is a repository is asked for first, which looks at no owner.
 */
static int open_handle(struct git_repository **handle, const char *path, unsigned flags)
{
    int code = git_repository_open_ext(NULL, path, flags, NULL);
    if (code < 0)
        return code;
    code = git_repository_open_ext(handle, path, flags, NULL);
    return code == GIT_ENOTFOUND ? GIT_EOWNER : code;
}

static void describe_repository(struct gitrepo *repo, const char *path)
{
    const char *worktree = git_repository_workdir(repo->handle);
    char *real = worktree ? realpath(worktree, NULL) : NULL;
    repo->name = mem_strdup(path);
    if (real) {
        struct buf top = {0};
        buf_printf(&top, "%s%s", real, strcmp(real, "/") == 0 ? "" : "/");
        repo->worktree = buf_take(&top);
    }
    free(real);
}

struct err gitrepo_open_if(struct gitrepo *repo, const char *path, bool *found)
{
    *repo = (struct gitrepo){0};
    *found = false;
    TRY(start_library());
    int code = open_handle(&repo->handle, path, GIT_REPOSITORY_OPEN_NO_SEARCH);
    if (code == GIT_ENOTFOUND)
        return ERR_OK;
    if (code == GIT_EOWNER)
        return foreign_owner(path);
    if (code < 0)
        return err_make(ERR_CONFIG, "can't open the git repository %s: %s", path, last_words());
    describe_repository(repo, path);
    *found = true;
    return ERR_OK;
}

struct err gitrepo_open(struct gitrepo *repo, const char *path)
{
    bool found;
    TRY(gitrepo_open_if(repo, path, &found));
    if (found)
        return ERR_OK;
    return err_make(ERR_CONFIG,
                    "there is no git repository at %s that we can read; name a bare "
                    "repository, or the folder that holds .git",
                    path);
}

struct err gitrepo_open_around(struct gitrepo *repo, const char *folder, bool *found)
{
    *repo = (struct gitrepo){0};
    *found = false;
    TRY(start_library());
    int code = open_handle(&repo->handle, folder, 0);
    if (code == GIT_EOWNER)
        return foreign_owner(folder);
    if (code < 0)
        return ERR_OK;
    describe_repository(repo, folder);
    *found = repo->worktree != NULL;
    if (!*found)
        gitrepo_close(repo);
    return ERR_OK;
}

void gitrepo_close(struct gitrepo *repo)
{
    git_repository_free(repo->handle);
    free(repo->name);
    free(repo->worktree);
    *repo = (struct gitrepo){0};
}

/* --- commits -------------------------------------------------------------------------------- */

/* "main, v1.0, origin/main" */
static void list_names(struct gitrepo *repo, struct buf *out)
{
    static const char *const roots[] = {"refs/heads/", "refs/tags/", "refs/remotes/"};
    git_reference_iterator *names = NULL;
    const char *name;
    int count = 0;
    if (git_reference_iterator_new(&names, repo->handle) != 0)
        return;
    while (git_reference_next_name(&name, names) == 0)
        for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
            if (strncmp(name, roots[i], strlen(roots[i])) == 0 && count++ < NAMES_SHOWN)
                buf_printf(out, "%s%s", out->len > 0 ? ", " : "", name + strlen(roots[i]));
    if (count > NAMES_SHOWN)
        buf_printf(out, " and %d more", count - NAMES_SHOWN);
    git_reference_iterator_free(names);
}

/* Stops at the first commit. */
static int look_for_commit(const git_oid *id, void *objects)
{
    size_t len;
    git_object_t type;
    return git_odb_read_header(&len, &type, objects, id) == 0 && type == GIT_OBJECT_COMMIT
               ? GIT_EUSER
               : 0;
}

/* Its branches may all be deleted, and HEAD may name one of them: the objects tell. */
static bool has_commits(struct gitrepo *repo)
{
    git_odb *objects = NULL;
    bool found = git_repository_odb(&objects, repo->handle) == 0 &&
                 git_odb_foreach(objects, look_for_commit, objects) == GIT_EUSER;
    git_odb_free(objects);
    return found;
}

static struct err no_such_revision(struct gitrepo *repo, const char *rev)
{
    struct buf names = {0};
    list_names(repo, &names);
    struct err e =
        names.len == 0 && !has_commits(repo)
            ? err_make(ERR_CONFIG, "git repository %s: nothing was committed to it yet", repo->name)
            : err_make(ERR_CONFIG,
                       "git repository %s: `%s` is no branch, tag or commit there; it has %s",
                       repo->name, rev, names.len > 0 ? buf_cstr(&names) : "no branch and no tag");
    buf_free(&names);
    return e;
}

struct err gitrepo_find_commit(struct gitrepo *repo, const char *rev, char commit[GITREPO_ID])
{
    git_object *named = NULL;
    git_object *peeled = NULL;
    int code = git_revparse_single(&named, repo->handle, rev);
    bool is_short = strlen(rev) < GIT_OID_MINPREFIXLEN; /* libgit2 takes `c` for an id's start */
    if (code == GIT_ENOTFOUND || (code == GIT_EAMBIGUOUS && is_short))
        return no_such_revision(repo, rev);
    if (code == GIT_EAMBIGUOUS)
        return err_make(ERR_CONFIG,
                        "git repository %s: `%s` fits several commits; write more of its digits",
                        repo->name, rev);
    if (code < 0)
        return gitrepo_failed(repo, "understand the revision");
    code = git_object_peel(&peeled, named, GIT_OBJECT_COMMIT);
    struct err e = code < 0
                       ? err_make(ERR_CONFIG, "git repository %s: `%s` is a %s, not a commit",
                                  repo->name, rev, git_object_type2string(git_object_type(named)))
                       : ERR_OK;
    if (!err_is(&e))
        (void)git_oid_tostr(commit, GITREPO_ID, git_object_id(peeled));
    git_object_free(peeled);
    git_object_free(named);
    return e;
}

struct err gitrepo_find_head(struct gitrepo *repo, char commit[GITREPO_ID], bool *found)
{
    git_oid id;
    int code = git_reference_name_to_id(&id, repo->handle, "HEAD");
    *found = code == 0;
    if (code < 0 && code != GIT_ENOTFOUND)
        return gitrepo_failed(repo, "find HEAD");
    if (*found)
        (void)git_oid_tostr(commit, GITREPO_ID, &id);
    return ERR_OK;
}

/* --- folders and files ---------------------------------------------------------------------- */

const char *gitrepo_kind_name(enum gitrepo_kind kind)
{
    static const char *const names[] = {
        [GITREPO_FILE] = "a file",
        [GITREPO_FOLDER] = "a folder",
        [GITREPO_LINK] = "a symbolic link",
        [GITREPO_MODULE] = "a submodule",
    };
    return names[kind];
}

static enum gitrepo_kind kind_of(const git_tree_entry *entry)
{
    switch (git_tree_entry_filemode(entry)) {
    case GIT_FILEMODE_TREE:
        return GITREPO_FOLDER;
    case GIT_FILEMODE_LINK:
        return GITREPO_LINK;
    case GIT_FILEMODE_COMMIT:
        return GITREPO_MODULE;
    default:
        return GITREPO_FILE;
    }
}

static struct gitrepo_entry describe(const git_tree_entry *found)
{
    struct gitrepo_entry entry = {.name = git_tree_entry_name(found), .kind = kind_of(found)};
    (void)git_oid_tostr(entry.id, sizeof entry.id, git_tree_entry_id(found));
    return entry;
}

/* What an object's header says of its length: nothing else of it is read. */
static struct err look_at_size(struct gitrepo *repo, const git_oid *id, size_t *len)
{
    git_odb *objects = NULL;
    git_object_t type;
    int code = git_repository_odb(&objects, repo->handle);
    if (code == 0)
        code = git_odb_read_header(len, &type, objects, id);
    git_odb_free(objects);
    return code < 0 ? gitrepo_failed(repo, "read an object") : ERR_OK;
}

static struct err open_tree(struct gitrepo *repo, const git_oid *id, git_tree **tree)
{
    size_t len = 0;
    TRY(look_at_size(repo, id, &len));
    if (len > TREE_BYTES)
        return err_make(ERR_CONFIG, "git repository %s: a folder has more than 16 MiB of names",
                        repo->name);
    return git_tree_lookup(tree, repo->handle, id) < 0 ? gitrepo_failed(repo, "read a folder")
                                                       : ERR_OK;
}

static struct err find_root(struct gitrepo *repo, const char *commit, struct gitrepo_entry *entry)
{
    git_oid id;
    git_commit *found = NULL;
    if (git_oid_fromstr(&id, commit) < 0 || git_commit_lookup(&found, repo->handle, &id) < 0)
        return gitrepo_failed(repo, "read the commit");
    *entry = (struct gitrepo_entry){.kind = GITREPO_FOLDER};
    (void)git_oid_tostr(entry->id, sizeof entry->id, git_commit_tree_id(found));
    git_commit_free(found);
    return ERR_OK;
}

/* One step down; *found stays false where the name isn't there. */
static struct err find_child(struct gitrepo *repo, const char *name, struct gitrepo_entry *entry,
                             bool *found)
{
    git_oid id;
    git_tree *tree = NULL;
    *found = false;
    if (entry->kind != GITREPO_FOLDER)
        return ERR_OK;
    if (git_oid_fromstr(&id, entry->id) < 0)
        return gitrepo_failed(repo, "read a folder");
    TRY(open_tree(repo, &id, &tree));
    const git_tree_entry *child = git_tree_entry_byname(tree, name);
    *found = child != NULL;
    if (child)
        *entry = describe(child);
    entry->name = NULL;
    git_tree_free(tree);
    return ERR_OK;
}

struct err gitrepo_find(struct gitrepo *repo, const char *commit, const char *path,
                        struct gitrepo_entry *entry, bool *found)
{
    *found = true;
    TRY(find_root(repo, commit, entry));
    while (*path && *found) {
        size_t n = strcspn(path, "/");
        char *name = mem_strndup(path, n);
        struct err e = find_child(repo, name, entry, found);
        free(name);
        if (err_is(&e))
            return e;
        path += n + (path[n] == '/');
    }
    return ERR_OK;
}

struct err gitrepo_list(struct gitrepo *repo, const char *folder_id, gitrepo_visit_fn *visit,
                        void *context)
{
    git_oid id;
    git_tree *tree = NULL;
    struct err e = ERR_OK;
    if (git_oid_fromstr(&id, folder_id) < 0)
        return gitrepo_failed(repo, "read a folder");
    TRY(open_tree(repo, &id, &tree));
    for (size_t i = 0; i < git_tree_entrycount(tree) && !err_is(&e); i++) {
        struct gitrepo_entry entry = describe(git_tree_entry_byindex(tree, i));
        e = visit(context, &entry);
    }
    git_tree_free(tree);
    return e;
}

struct err gitrepo_size(struct gitrepo *repo, const char *file_id, uint64_t *len)
{
    git_oid id;
    size_t size = 0;
    if (git_oid_fromstr(&id, file_id) < 0)
        return gitrepo_failed(repo, "read a file");
    TRY(look_at_size(repo, &id, &size));
    *len = size;
    return ERR_OK;
}

struct err gitrepo_read(struct gitrepo *repo, const char *file_id, char **text, size_t *len)
{
    git_oid id;
    git_blob *blob = NULL;
    if (git_oid_fromstr(&id, file_id) < 0 || git_blob_lookup(&blob, repo->handle, &id) < 0)
        return gitrepo_failed(repo, "read a file");
    struct buf copy = {0};
    buf_put(&copy, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
    *len = copy.len;
    *text = buf_take(&copy);
    git_blob_free(blob);
    return ERR_OK;
}

struct err gitrepo_hash(const void *bytes, size_t len, char id[GITREPO_ID])
{
    git_oid oid;
    TRY(start_library());
    if (git_odb_hash(&oid, bytes, len, GIT_OBJECT_BLOB) < 0)
        return err_make(ERR_INTERNAL, "can't hash a file: %s", last_words());
    (void)git_oid_tostr(id, GITREPO_ID, &oid);
    return ERR_OK;
}
