/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static const struct {
    const char *name;
    int exit_code;
} classes[] = {
#define ERR_ROW_OF_TABLE(id, name, code) [id] = {name, code},
    ERR_CLASSES(ERR_ROW_OF_TABLE)
#undef ERR_ROW_OF_TABLE
};

/* Messages carry file names and server text: control characters would break one-line logs, and
 * bytes that aren't UTF-8 would make the server refuse the receipt that quotes them. `cut`:
 * vsnprintf had to cut the text, maybe through its last character, whose first bytes then go. */
static void make_one_line(char *text, bool cut)
{
    size_t len = strlen(text);
    size_t tail = cut ? 3 : 0;
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
        text[--len] = '\0';
    for (size_t at = 0, n; at < len; at += n) {
        n = utf8_length((const uint8_t *)text + at, len - at);
        if (n == 0 && len - at <= tail && (uint8_t)text[at] >= 0xc2) {
            text[at] = '\0';
            return;
        }
        if (n == 0)
            text[at] = '?';
        else if ((uint8_t)text[at] < 0x20 || text[at] == 0x7f)
            text[at] = ' ';
        n += n == 0;
    }
}

struct err err_make(enum err_class cls, const char *format, ...)
{
    struct err e = {.cls = cls};
    va_list args;
    va_start(args, format);
    int n = vsnprintf(e.text, sizeof e.text, format, args);
    va_end(args);
    make_one_line(e.text, n >= (int)sizeof e.text);
    return e;
}

struct err err_system(enum err_class cls, int number, const char *format, ...)
{
    struct err e = {.cls = cls};
    char reason[128];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(e.text, sizeof e.text, format, args);
    va_end(args);
    size_t used = n < 0 ? 0 : (size_t)n;
    if (used < sizeof e.text)
        used += (size_t)snprintf(e.text + used, sizeof e.text - used, ": %s",
                                 strerror_r(number, reason, sizeof reason));
    make_one_line(e.text, used >= sizeof e.text);
    return e;
}

const char *err_class_name(enum err_class cls)
{
    return classes[cls].name;
}

int err_exit_code(const struct err *e)
{
    return classes[e->cls].exit_code;
}
