/* SPDX-License-Identifier: MIT */
/* Plain files. Links are never followed, below the folder that is named. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "index/job.h"
#include "io/beneath.h"
#include "spool/scan.h"

struct walk {
    struct job *job;
    int top;
    char **files; /* paths below the top */
    size_t file_count, file_cap;
    char **folders; /* still to be listed */
    size_t folder_count, folder_cap;
    const char *folder; /* that is being listed; "" is the top */
};

static int open_below(int top, const char *path, uint64_t flags)
{
    return beneath_open(top, *path ? path : ".", flags, RESOLVE_NO_SYMLINKS);
}

static void skip_system(struct job *job, const char *path, int number)
{
    struct err e = err_system(ERR_CONFIG, number, "can't be read");
    job_skip(job, path, e.text);
}

/* ---- which files there are ---- */

static struct err visit(void *context, int folder, const char *name)
{
    struct walk *w = context;
    struct buf path = {0};
    struct stat st;
    buf_printf(&path, "%s%s%s", w->folder, *w->folder ? "/" : "", name);
    char *below = buf_take(&path);
    const struct selection *s = &w->job->request->selection;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0) { /* gone meanwhile */
        free(below);
    } else if (S_ISDIR(st.st_mode) && selection_enters(s, below)) {
        *MEM_PUSH(w->folders, w->folder_count, w->folder_cap) = below;
    } else if (S_ISREG(st.st_mode) && selection_takes(s, below)) {
        *MEM_PUSH(w->files, w->file_count, w->file_cap) = below;
    } else {
        if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) && selection_takes(s, below))
            job_skip(w->job, below, S_ISLNK(st.st_mode) ? "a symbolic link" : "not a regular file");
        free(below);
    }
    return ERR_OK;
}

static struct err list_folder(struct walk *w, const char *folder)
{
    int fd = open_below(w->top, folder, O_DIRECTORY);
    if (fd < 0) {
        skip_system(w->job, folder, errno);
        return ERR_OK;
    }
    w->folder = folder;
    struct err e = scan_folder(fd, visit, w);
    (void)close(fd);
    return e;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct err list_all(struct walk *w)
{
    struct err e = list_folder(w, "");
    while (!err_is(&e) && w->folder_count > 0) {
        char *folder = w->folders[--w->folder_count];
        e = list_folder(w, folder);
        free(folder);
    }
    if (w->file_count > 0)
        qsort(w->files, w->file_count, sizeof *w->files, by_text);
    return e;
}

/* ---- what they say ---- */

/* False: errno says why. A file that grows meanwhile is read as long as it was. */
static bool read_all(int fd, struct buf *text, size_t len)
{
    buf_clear(text);
    (void)buf_reserve(text, len + 1);
    while (text->len < len) {
        ssize_t n = read(fd, text->data + text->len, len - text->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        text->len += (size_t)n;
    }
    return true;
}

static struct err send_text(struct job *job, const char *path, const struct buf *text)
{
    bool sent;
    const char *problem = document_check(text->data, text->len);
    struct document d = {.path = path, .text = text->data, .len = text->len};
    if (!problem)
        return job_send(job, INDEX_ADD, &d, NULL, &sent);
    job_skip(job, path, problem);
    return ERR_OK;
}

static struct err send_file(struct walk *w, const char *path, struct buf *text)
{
    struct stat st;
    struct err e = ERR_OK;
    int fd = open_below(w->top, path, 0);
    bool is_open = fd >= 0 && fstat(fd, &st) == 0;
    const char *problem = job_judge_path(w->job, path);
    if (!problem && is_open)
        problem = !S_ISREG(st.st_mode)
                      ? "not a regular file"
                      : job_judge_length(&w->job->request->selection, (uint64_t)st.st_size);
    if (problem)
        job_skip(w->job, path, problem);
    else if (!is_open || !read_all(fd, text, (size_t)st.st_size))
        skip_system(w->job, path, errno);
    else
        e = send_text(w->job, path, text);
    if (fd >= 0)
        (void)close(fd);
    return e;
}

static struct err send_all(struct walk *w)
{
    struct buf text = {0};
    struct err e = ERR_OK;
    for (size_t i = 0; i < w->file_count && !err_is(&e); i++) {
        e = send_file(w, w->files[i], &text);
        job_tick(w->job, i + 1, w->file_count, text.len);
    }
    buf_free(&text);
    return err_is(&e) ? e : writer_end(&w->job->writer);
}

/* ---- the top ---- */

/* A file that is named is taken, whatever it is called. */
static struct err index_below(struct job *job, char *real, bool is_folder)
{
    struct walk w = {.job = job};
    struct buf source = {0};
    char *slash = strrchr(real, '/');
    if (!is_folder) {
        *MEM_PUSH(w.files, w.file_count, w.file_cap) = mem_strdup(slash + 1);
        *slash = '\0';
    } else if (slash == real && !real[1]) {
        *real = '\0'; /* the root: its files' uris begin with one slash, too */
    }
    buf_str(&source, "file://");
    document_put_path(&source, real);
    struct err e = job_begin(job, buf_cstr(&source));
    buf_free(&source);
    w.top = open(*real ? real : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!err_is(&e) && w.top < 0)
        e = err_system(ERR_CONFIG, errno, "can't open %s", job->request->path);
    if (!err_is(&e) && is_folder)
        e = list_all(&w);
    if (!err_is(&e))
        e = send_all(&w);
    for (size_t i = 0; i < w.file_count; i++)
        free(w.files[i]);
    for (size_t i = 0; i < w.folder_count; i++)
        free(w.folders[i]);
    free(w.files);
    free(w.folders);
    if (w.top >= 0)
        (void)close(w.top);
    return e;
}

struct err index_folder(struct job *job)
{
    struct stat st;
    char *real = realpath(job->request->path, NULL);
    if (!real || stat(real, &st) != 0) {
        free(real);
        return err_system(ERR_CONFIG, errno, "can't open %s", job->request->path);
    }
    struct err e =
        S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)
            ? index_below(job, real, S_ISDIR(st.st_mode))
            : err_make(ERR_CONFIG, "%s is neither a file nor a folder", job->request->path);
    free(real);
    return e;
}
