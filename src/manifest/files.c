/* SPDX-License-Identifier: MIT */
#include "manifest/files.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

const char *const manifest_folders[] = {"streams", "gates", "sinks", NULL};

static bool ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name);
    size_t m = strlen(suffix);
    return n > m && strcmp(name + n - m, suffix) == 0;
}

/* Backups are hidden (.x.yaml.swp, .#x.yaml) or end otherwise (x.yaml~, #x.yaml#). */
bool manifest_name_matches(const char *name)
{
    return *name != '.' && (ends_with(name, ".yaml") || ends_with(name, ".yml"));
}

/* Paths stand in messages and in the database. */
static bool is_plain(const char *path)
{
    size_t len = strlen(path);
    if (utf8_check((const uint8_t *)path, len) != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
            return false;
    return true;
}

struct err manifest_files_check(const struct manifest_files *files, const char *path, uint64_t len)
{
    if (!is_plain(path))
        return err_make(ERR_CONFIG, "%s: the file's name is not plain text; rename it", path);
    if (len > MANIFEST_FILE_BYTES)
        return err_make(ERR_CONFIG, "%s is larger than 1 MiB: not a manifest", path);
    if (files->count >= MANIFEST_FILES_MAX)
        return err_make(ERR_CONFIG, "%s: there are more than %d manifests", path,
                        MANIFEST_FILES_MAX);
    if (files->bytes + len > MANIFEST_TOTAL_BYTES)
        return err_make(ERR_CONFIG, "%s: the manifests are larger than 16 MiB in all", path);
    return ERR_OK;
}

void manifest_files_add(struct manifest_files *files, const char *path, char *text, size_t len)
{
    struct manifest_file *file = MEM_PUSH(files->items, files->count, files->cap);
    *file = (struct manifest_file){mem_strdup(path), text, len};
    files->bytes += len;
}

static int by_path(const void *a, const void *b)
{
    const struct manifest_file *x = a;
    const struct manifest_file *y = b;
    return strcmp(x->path, y->path);
}

void manifest_files_sort(struct manifest_files *files)
{
    if (files->count > 0)
        qsort(files->items, files->count, sizeof *files->items, by_path);
}

void manifest_files_free(struct manifest_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].path);
        free(files->items[i].text);
    }
    free(files->items);
    *files = (struct manifest_files){0};
}

/* Lengths and terminators go in, so that no two sets come to the same bytes. */
void manifest_files_hash(const struct manifest_files *files, char hex[HASH_HEX])
{
    struct hash h;
    uint8_t digest[HASH_BYTES];
    hash_start(&h);
    for (size_t i = 0; i < files->count; i++) {
        const struct manifest_file *file = &files->items[i];
        uint64_t len = htobe64(file->len);
        hash_update(&h, file->path, strlen(file->path) + 1);
        hash_update(&h, &len, sizeof len);
        hash_update(&h, file->text, file->len);
    }
    hash_finish(&h, digest);
    hash_hex(digest, hex);
}
