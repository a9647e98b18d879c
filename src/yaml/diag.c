/* SPDX-License-Identifier: MIT */
#include "yaml/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Quoted texts come from the file: a line of output stays a line, whatever they hold. */
static char *one_line(char *message)
{
    for (char *p = message; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    return message;
}

static void add(struct yaml_diag *diag, const char *file, struct yaml_place place, bool is_warning,
                const char *format, va_list args)
{
    char *message;
    diag->errors += !is_warning;
    if (diag->count == YAML_FINDINGS_MAX)
        return;
    if (vasprintf(&message, format, args) < 0)
        message = mem_strdup("out of memory");
    *MEM_PUSH(diag->items, diag->count, diag->cap) =
        (struct yaml_finding){mem_strdup(file), place, is_warning, one_line(message)};
}

void yaml_diag_error(struct yaml_diag *diag, const char *file, struct yaml_place place,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(diag, file, place, false, format, args);
    va_end(args);
}

void yaml_diag_warning(struct yaml_diag *diag, const char *file, struct yaml_place place,
                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(diag, file, place, true, format, args);
    va_end(args);
}

static int compare(const struct yaml_finding *a, const struct yaml_finding *b)
{
    int files = strcmp(a->file, b->file);
    if (files != 0)
        return files;
    if (a->place.line != b->place.line)
        return a->place.line < b->place.line ? -1 : 1;
    return (a->place.column > b->place.column) - (a->place.column < b->place.column);
}

static void merge(struct yaml_finding *items, size_t middle, size_t count,
                  struct yaml_finding *spare)
{
    size_t left = 0;
    size_t right = middle;
    memcpy(spare, items, count * sizeof *spare);
    for (size_t i = 0; i < count; i++) {
        bool from_right =
            left == middle || (right < count && compare(&spare[right], &spare[left]) < 0);
        items[i] = spare[from_right ? right++ : left++];
    }
}

/* A merge sort, since qsort() may swap findings of one place. */
static void sort(struct yaml_finding *items, size_t count, struct yaml_finding *spare)
{
    if (count < 2)
        return;
    size_t middle = count / 2;
    sort(items, middle, spare);
    sort(items + middle, count - middle, spare);
    merge(items, middle, count, spare);
}

void yaml_diag_sort(struct yaml_diag *diag)
{
    struct yaml_finding *spare = mem_calloc(diag->count + 1, sizeof *spare);
    sort(diag->items, diag->count, spare);
    free(spare);
}

void yaml_diag_free(struct yaml_diag *diag)
{
    for (size_t i = 0; i < diag->count; i++) {
        free(diag->items[i].file);
        free(diag->items[i].message);
    }
    free(diag->items);
    *diag = (struct yaml_diag){0};
}

void yaml_diag_text(const struct yaml_finding *finding, struct buf *out)
{
    buf_str(out, finding->file);
    if (finding->place.line > 0)
        buf_printf(out, ":%d:%d", finding->place.line, finding->place.column);
    buf_printf(out, ": %s%s", finding->is_warning ? "warning: " : "", finding->message);
}

void yaml_diag_print(const struct yaml_diag *diag, struct buf *out)
{
    for (size_t i = 0; i < diag->count; i++) {
        yaml_diag_text(&diag->items[i], out);
        buf_byte(out, '\n');
    }
}
