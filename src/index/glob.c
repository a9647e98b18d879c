/* SPDX-License-Identifier: MIT */
#include "index/glob.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

/* A part of a path or pattern between two slashes. */
struct name {
    const char *at;
    size_t len;
};

static struct name name_at(const char *path)
{
    return (struct name){path, strcspn(path, "/")};
}

/* What follows it: the next name, or the end. */
static const char *after(struct name n)
{
    return n.at[n.len] == '/' ? n.at + n.len + 1 : n.at + n.len;
}

/* `[...]` at p. Its length, 0 where it isn't closed: then the bracket is itself. */
static size_t match_class(const char *p, size_t len, char c, bool *matches)
{
    size_t i = 1;
    bool is_negated = i < len && (p[i] == '!' || p[i] == '^');
    bool found = false;
    i += is_negated;
    for (size_t first = i; i < len && (p[i] != ']' || i == first); i++) {
        uint8_t from = (uint8_t)p[i];
        uint8_t to = from;
        if (i + 2 < len && p[i + 1] == '-' && p[i + 2] != ']') {
            to = (uint8_t)p[i + 2];
            i += 2;
        }
        found = found || ((uint8_t)c >= from && (uint8_t)c <= to);
    }
    *matches = found != is_negated;
    return i < len ? i + 1 : 0;
}

/* One step of the pattern against the text's next byte or character: how far both move. */
static bool step(struct name p, struct name s, size_t *in_pattern, size_t *in_text)
{
    bool matches;
    size_t n;
    *in_pattern = *in_text = 1;
    switch (*p.at) {
    case '?':
        n = utf8_length((const uint8_t *)s.at, s.len);
        *in_text = n > 0 ? n : 1;
        return true;
    case '[':
        n = match_class(p.at, p.len, *s.at, &matches);
        *in_pattern = n > 0 ? n : 1;
        return n > 0 ? matches : *s.at == '[';
    case '\\':
        *in_pattern = p.len > 1 ? 2 : 1;
        return p.at[*in_pattern - 1] == *s.at;
    default:
        return *p.at == *s.at;
    }
}

/* Only the last star is gone back to: what an earlier one could give, it can take. */
static bool match_name(struct name p, struct name s)
{
    struct name star_p = {0};
    struct name star_s = {0};
    while (s.len > 0) {
        size_t in_pattern;
        size_t in_text;
        if (p.len > 0 && *p.at == '*') {
            p.at++, p.len--;
            star_p = p;
            star_s = s;
        } else if (p.len > 0 && step(p, s, &in_pattern, &in_text)) {
            p.at += in_pattern, p.len -= in_pattern;
            s.at += in_text, s.len -= in_text;
        } else if (star_p.at) {
            star_s.at++, star_s.len--;
            p = star_p;
            s = star_s;
        } else {
            return false;
        }
    }
    while (p.len > 0 && *p.at == '*')
        p.at++, p.len--;
    return p.len == 0;
}

static bool is_any_folders(struct name p)
{
    return p.len == 2 && memcmp(p.at, "**", 2) == 0;
}

/* Name by name; only the last `**` is gone back to. The pattern's end fits the whole path or a
 * folder above it. */
static bool match_path(const char *pattern, const char *path, bool is_folder)
{
    const char *star_p = NULL;
    const char *star_s = NULL;
    bool wants_folder = *pattern && pattern[strlen(pattern) - 1] == '/';
    for (;;) {
        struct name p = name_at(pattern);
        struct name s = name_at(path);
        if (p.len == 0 && (*path || !wants_folder || is_folder))
            return true;
        if (p.len > 0 && is_any_folders(p)) {
            pattern = after(p);
            if (!*pattern)
                return *path != '\0';
            star_p = pattern;
            star_s = path;
        } else if (p.len > 0 && s.len > 0 && match_name(p, s)) {
            pattern = after(p);
            path = after(s);
        } else if (star_p && *star_s) {
            star_s = after(name_at(star_s));
            pattern = star_p;
            path = star_s;
        } else {
            return false;
        }
    }
}

bool glob_matches(const char *pattern, const char *path, bool is_folder)
{
    const char *slash = strchr(pattern, '/');
    if (slash && slash[1]) /* one inside, or at the front */
        return match_path(pattern + (*pattern == '/'), path, is_folder);
    for (; *path; path = after(name_at(path))) {
        struct name s = name_at(path);
        struct name p = name_at(pattern);
        if (match_name(p, s) && (!slash || s.at[s.len] == '/' || is_folder))
            return true;
    }
    return false;
}
