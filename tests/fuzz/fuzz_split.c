/* SPDX-License-Identifier: MIT */
/*
 * Texts that become sections and chunks. The first byte says the format, the two behind it how
 * large a chunk and its overlap are; the rest is the text, in which what isn't UTF-8 becomes an x.
 */
#include "base/utf8.c"
#include "kb/split.c"
#include "kb/split_char.c"
#include "kb/split_chunks.c"
#include "kb/split_markdown.c"
#include "kb/split_work.c"

#include <stdio.h>
#include <stdlib.h>

#include "../split_check.h"

static const char *split_twice(const uint8_t *bytes, size_t len, enum text_format format,
                               const struct split_settings *settings)
{
    struct split s = {0};
    struct split again = {0};
    const char *broken = NULL;
    if (!split_document(&s, format, bytes, len, settings))
        broken = split_check(&s, format, bytes, len, settings);
    (void)split_document(&again, format, bytes, len, settings);
    if (!broken && !split_same(&s, &again))
        broken = "the same text is split the same way";
    split_free(&s);
    split_free(&again);
    return broken;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 3)
        return 0;
    struct split_settings settings = {.tokens = 16 + bytes[1]};
    settings.overlap = bytes[2] % (settings.tokens / 2 + 1);
    uint8_t *text = mem_alloc(len);
    len -= 3;
    memcpy(text, bytes + 3, len);
    for (size_t at = 0; (at += utf8_check(text + at, len - at)) < len;)
        text[at] = 'x';
    for (size_t at = 0; at < len; at++)
        if (text[at] == '\0')
            text[at] = ' ';
    const char *broken = split_twice(text, len, (enum text_format)(bytes[0] % 3), &settings);
    if (broken) {
        (void)fprintf(stderr, "doesn't hold: %s\n", broken);
        abort();
    }
    free(text);
    return 0;
}
