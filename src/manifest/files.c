/* SPDX-License-Identifier: MIT */
#include "manifest/files.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/utf8.h"

const char *const manifest_folders[] = {"streams",          "gates", "sinks", "embedders",
                                        MANIFEST_TEMPLATES, NULL};

bool manifest_folder_has_templates(const char *folder)
{
    return strcmp(folder, MANIFEST_TEMPLATES) == 0;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name);
    size_t m = strlen(suffix);
    return n > m && strcmp(name + n - m, suffix) == 0;
}

/* Backups are hidden (.x.yaml.swp, .#x.yaml) or end otherwise (x.yaml~, #x.yaml#). */
bool manifest_name_matches(const char *folder, const char *name)
{
    if (*name == '.')
        return false;
    return manifest_folder_has_templates(folder)
               ? ends_with(name, ".tmpl")
               : ends_with(name, ".yaml") || ends_with(name, ".yml");
}

bool manifest_name_is_near(const char *folder, const char *name)
{
    static const char *const endings[] = {".yaml", ".yml", ".json", ".tmpl", ".mustache", NULL};
    const char *dot = strrchr(name, '.');
    size_t i = 0;
    if (!dot || *name == '.' || manifest_name_matches(folder, name))
        return false;
    while (endings[i] && strcasecmp(dot, endings[i]) != 0)
        i++;
    return endings[i] != NULL;
}

const char *manifest_name_advice(const char *folder, const char *name)
{
    if (manifest_folder_has_templates(folder))
        return "a template's name ends in .tmpl; rename it";
    if (ends_with(name, ".tmpl"))
        return "templates are read from templates/; move it there";
    return "a manifest's name ends in .yaml or .yml; rename it";
}

/* Bytes of the character at the start; 0: it can't stand in messages and in the database. */
static size_t plain_length(const char *text)
{
    bool is_control = (unsigned char)*text < 0x20 || *text == 0x7f;
    return is_control ? 0 : utf8_length((const uint8_t *)text, strlen(text));
}

char *manifest_path_shown(const char *path)
{
    char *shown = mem_strdup(path);
    for (char *p = shown; *p;) {
        size_t n = plain_length(p);
        if (n == 0)
            *p = '?';
        p += n > 0 ? n : 1;
    }
    return shown;
}

static bool is_plain(const char *path)
{
    size_t n = 1;
    for (; *path && n > 0; path += n)
        n = plain_length(path);
    return n > 0;
}

struct err manifest_files_check(const struct manifest_files *files, const char *path, uint64_t len)
{
    if (!is_plain(path))
        return err_make(ERR_CONFIG, "the file's name is not plain text; rename it");
    if (len > MANIFEST_FILE_BYTES)
        return err_make(ERR_CONFIG, "larger than 1 MiB: not a manifest");
    if (files->count >= MANIFEST_FILES_MAX)
        return err_make(ERR_CONFIG, "there are more than %d manifests", MANIFEST_FILES_MAX);
    if (files->bytes + len > MANIFEST_TOTAL_BYTES)
        return err_make(ERR_CONFIG, "the manifests are larger than 16 MiB in all");
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
